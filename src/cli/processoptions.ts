import { Option } from "commander";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "./logger.ts";

/** What every process that goes on takes, as commander returns it. */
export interface ProcessOptions {
  readonly kubeconfig?: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export function kubeconfigOption(): Option {
  return new Option(
    "--kubeconfig <file>",
    "how to reach the cluster (default: $KUBECONFIG, the pod's service account, ~/.kube/config)",
  );
}

export function logLevelOption(): Option {
  return new Option("--log-level <level>", "lowest level to log").choices(LOG_LEVELS).default("info");
}

export function logFormatOption(): Option {
  return new Option("--log-format <format>", "JSON lines, or text for people")
    .choices(LOG_FORMATS)
    .default("json");
}
