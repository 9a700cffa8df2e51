import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { durationOption } from "./durationoption.ts";
import { collectNamespace } from "./namespaceoption.ts";
import { kubeconfigOption, logFormatOption, logLevelOption, type ProcessOptions } from "./processoptions.ts";

/** The options of `run`, as commander returns them. */
export interface RunOptions extends ProcessOptions {
  readonly namespace?: readonly string[];
  readonly config?: string;
  readonly leaderElect: boolean;
  readonly leaderElectionNamespace?: string;
  /** These three in ms. */
  readonly leaderElectLeaseDuration: number;
  readonly leaderElectRenewDeadline: number;
  readonly leaderElectRetryPeriod: number;
  readonly metricsBindAddress: string;
  readonly healthProbeBindAddress: string;
}

/** Flags have controller-runtime's names wherever it has one. */
export function addRunOptions(command: Command): Command {
  return command
    .addOption(kubeconfigOption())
    .option(
      "--namespace <name>",
      "watch this namespace only; repeat for several (default: all)",
      collectNamespace,
    )
    .option("--config <file>", "policy and settings, YAML (default: the built-in ones)")
    .addOption(
      new Option("--leader-elect [bool]", "write only while holding the Lease; further replicas are standbys")
        .argParser(parseBoolean)
        .default(true),
    )
    .option(
      "--leader-election-namespace <name>",
      "namespace of the Lease (default: the pod's own, else default)",
    )
    .addOption(
      durationOption(
        "--leader-elect-lease-duration <time>",
        "how long a standby waits after the last renewal before it takes over the Lease",
        "15s",
      ),
    )
    .addOption(
      durationOption(
        "--leader-elect-renew-deadline <time>",
        "how long the leader keeps writing when it cannot renew the Lease",
        "10s",
      ),
    )
    .addOption(
      durationOption(
        "--leader-elect-retry-period <time>",
        "time between two attempts to renew the Lease",
        "2s",
      ),
    )
    .option("--metrics-bind-address <address>", "where /metrics is served; 0 turns it off", ":8080")
    .option(
      "--health-probe-bind-address <address>",
      "where /healthz and /readyz are served; 0 turns them off",
      ":8081",
    )
    .addOption(logLevelOption())
    .addOption(logFormatOption());
}

const NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/** The namespace of the Lease: the given one, the pod's own, or `default` outside of a pod. */
export function leaseNamespace(given: string | undefined, file = NAMESPACE_FILE): string {
  if (given !== undefined) return given;
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "default";
  }
}

function parseBoolean(text: string): boolean {
  if (text !== "true" && text !== "false") throw new InvalidArgumentError("Give true or false.");
  return text === "true";
}
