import { hostname } from "node:os";
import { type Command, Option } from "commander";
import type { Logger } from "pino";
import { logEvent } from "../api/logevent.ts";
import { ApiError } from "../kube/apierror.ts";
import type { LogInputs } from "../usage/usage.ts";
import { VERSION } from "../version.ts";
import { type Endpoint, serveProbed } from "./endpoint.ts";
import { EXIT, ExitError } from "./exitcodes.ts";
import { createLogger } from "./logger.ts";
import { collectNamespace } from "./namespaceoption.ts";
import { kubeconfigOption, logFormatOption, logLevelOption, type ProcessOptions } from "./processoptions.ts";
import { connect, transportFor } from "./setup.ts";

/** The options of `usage`, as commander returns them. */
export interface UsageCommandOptions extends ProcessOptions {
  readonly namespace: readonly string[];
  readonly from?: readonly string[];
  readonly follow?: boolean;
  readonly pods?: boolean;
  readonly selector?: string;
  readonly container?: string;
  readonly source?: string;
  readonly metricsBindAddress?: string;
  readonly healthProbeBindAddress?: string;
}

export function addUsageOptions(command: Command): Command {
  return command
    .argument("[files...]", "logs of sshd; without one, or as -, standard input")
    .addOption(
      new Option(
        "--namespace <name>",
        "where the Secrets are that this sshd reads; must be given; repeat for several, with --pods only",
      )
        .argParser(collectNamespace)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "--from <name>",
        "another namespace whose SSHKeys an AuthorizedKeys there may take; repeat for several; * is all",
      ).argParser(collectSource),
    )
    .option("--follow", "read on as the files grow, also when they are rotated, until SIGTERM or SIGINT")
    .option("--pods", "read the logs of the running pods of the namespace, until SIGTERM or SIGINT")
    .option(
      "--selector <labels>",
      "with --pods: of pods with these labels only, as in kubectl get --selector",
    )
    .option("--container <name>", "with --pods: of containers of this name only")
    .option(
      "--source <name>",
      "what the status calls the log; pods are called pod/NAMESPACE/NAME (default: the host's name)",
    )
    .addOption(kubeconfigOption())
    .option(
      "--metrics-bind-address <address>",
      'where /metrics is served; 0 turns it off (default: ":8080" with --pods or --follow)',
    )
    .option(
      "--health-probe-bind-address <address>",
      'where /healthz and /readyz are served; 0 turns them off (default: ":8081" with --pods or --follow)',
    )
    .addOption(logLevelOption())
    .addOption(logFormatOption());
}

/** `sshkey-operator usage`: reads logs and reports which keys were used, until they end or the signal aborts. */
export async function usage(
  files: readonly string[],
  options: UsageCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const inputs = inputsOf(files, options);
  // Loaded by this command alone.
  const { connectionsFor, Usage } = await import("../usage/usage.ts");
  const { UsageMetrics } = await import("../usage/metrics.ts");
  const credentials = connect(options.kubeconfig, connectionsFor(inputs));
  const log: Logger = await createLogger(options.logLevel, options.logFormat);
  const metrics = new UsageMetrics();
  const transport = transportFor(credentials, "sshkey-usage", metrics);
  const running = new Usage({
    transport,
    inputs,
    metrics,
    tell: (event, fields) => logEvent(log, event, fields),
  });
  const isLasting = options.pods === true || options.follow === true;
  const {
    metricsBindAddress = isLasting ? ":8080" : "0",
    healthProbeBindAddress = isLasting ? ":8081" : "0",
  } = options;
  let endpoints: readonly Endpoint[] = [];
  try {
    endpoints = await serveProbed({
      metricsBindAddress,
      healthProbeBindAddress,
      registry: metrics.registry,
      probes: { "/healthz": () => undefined, "/readyz": () => (running.isReady ? undefined : NOT_READY) },
      onError: (err) => logEvent(log, "EndpointFailed", { err }),
    });
    const addresses = endpoints.map(({ address }) => address);
    logEvent(log, "UsageStarted", { version: VERSION, server: credentials.server.host, addresses });
    await running.run(signal);
  } catch (error) {
    throw asUsageExit(error);
  } finally {
    await transport.close();
    credentials.close();
    await Promise.all(endpoints.map((endpoint) => endpoint.close()));
    logEvent(log, "UsageStopped", await metrics.totals());
    log.flush();
  }
}

const NOT_READY = "the SSHKeys are not listed yet: see LogUnreadable in the log";

function inputsOf(files: readonly string[], options: UsageCommandOptions): LogInputs {
  const { namespace: namespaces, from = [], follow = false, pods = false, selector, container } = options;
  const [namespace = "", ...others] = namespaces;
  const keys = from.includes("*") ? undefined : [...new Set([...namespaces, ...from])];
  if (pods) {
    if (files.length > 0 || follow)
      throw new ExitError(EXIT.usage, "--pods reads pods alone: give no files, and no --follow");
    return { keys, pods: { namespaces, selector, container } };
  }
  if (selector !== undefined || container !== undefined)
    throw new ExitError(EXIT.usage, "--selector and --container say which pods are read: give --pods, too");
  if (others.length > 0)
    throw new ExitError(
      EXIT.usage,
      "a file is the log of one namespace: give --namespace once, and run the command again for the others",
    );
  const given = files.length === 0 ? ["-"] : files;
  if (follow && given.includes("-"))
    throw new ExitError(EXIT.usage, "--follow is for files: standard input is read as it comes");
  const source = options.source ?? hostname();
  if (source === "") throw new ExitError(EXIT.usage, "--source is empty: give the log a name");
  return { keys, files: { namespace, files: given, follow, source } };
}

function collectSource(name: string, before: readonly string[] = []): readonly string[] {
  return name === "*" ? [...before, name] : collectNamespace(name, before);
}

function asUsageExit(error: unknown): unknown {
  if (error instanceof ApiError)
    return new ExitError(
      EXIT.configuration,
      `the SSHKeys cannot be read (${error.message}): give the account the rights that docs/usage.md has`,
    );
  if (error instanceof Error && "syscall" in error)
    return new ExitError(
      EXIT.configuration,
      `cannot read the log (${error.message}): give another file, or run as somebody who may`,
    );
  return error;
}
