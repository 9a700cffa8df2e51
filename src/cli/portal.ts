import type { Command } from "commander";
import { logEvent } from "../api/logevent.ts";
import { isDNSLabel } from "../api/names.ts";
import { validateUser } from "../api/rules.ts";
import type { Person } from "../portal/people/person.ts";
import { VERSION } from "../version.ts";
import { collectAtRest } from "./collectatrest.ts";
import { durationOption } from "./durationoption.ts";
import { type Endpoint, parseAddress, serveMetrics } from "./endpoint.ts";
import { EXIT, ExitError } from "./exitcodes.ts";
import { createLogger } from "./logger.ts";
import { kubeconfigOption, logFormatOption, logLevelOption, type ProcessOptions } from "./processoptions.ts";
import { asExit, configure, connect, transportFor } from "./setup.ts";

/** The options of `portal`, as commander returns them. */
export interface PortalCommandOptions extends ProcessOptions {
  readonly namespace: string;
  readonly listen: string;
  readonly config?: string;
  readonly insecureUser?: string;
  readonly insecureAdmin?: boolean;
  readonly metricsBindAddress: string;
  /** In ms. */
  readonly shutdownDelayDuration: number;
}

export function addPortalOptions(command: Command): Command {
  return command
    .requiredOption("--namespace <name>", "the namespace whose SSHKeys people see and write; must be given")
    .option("--listen <address>", "HOST:PORT, or :PORT for every address", ":8080")
    .addOption(kubeconfigOption())
    .option("--config <file>", "policy and settings, YAML; the section portal is the portal's own")
    .option("--insecure-user <name>", "everybody is this user: for a try, on a loopback address only")
    .option("--insecure-admin", "that user may do everything")
    .option("--metrics-bind-address <address>", "where /metrics is served; 0 turns it off", ":8082")
    .addOption(
      durationOption(
        "--shutdown-delay-duration <time>",
        "how long requests are served after SIGTERM while /readyz says 503, so that nobody is sent here any more",
        "0s",
      ),
    )
    .addOption(logLevelOption())
    .addOption(logFormatOption());
}

/** Connections to the API server: a watch a namespace, reviews, writes. */
const CONNECTIONS = 32;

/** `sshkey-operator portal`: composes the portal and runs it until the signal aborts. */
export async function portal(options: PortalCommandOptions, signal: AbortSignal): Promise<void> {
  const { host, port } = parseAddress({ flag: "--listen", address: options.listen });
  const insecure = insecurePerson(options, host);
  const settings = configure(options.config);
  const { oidc, tokens, proxy } = settings.portal;
  if (insecure === undefined && [oidc, tokens, proxy].every((each) => each === undefined)) {
    const ways = "portal.oidc, portal.tokens or portal.proxy";
    throw new ExitError(
      EXIT.configuration,
      `nobody can sign in: give a configuration file with ${ways}, or for a try --insecure-user NAME`,
    );
  }
  const credentials = connect(options.kubeconfig, CONNECTIONS);
  const log = await createLogger(options.logLevel, options.logFormat);
  // Loaded by this command alone: the operator has no use for a web server.
  const { Portal } = await import("../portal/portal.ts");
  const { PortalMetrics } = await import("../portal/metrics.ts");
  const metrics = new PortalMetrics();
  const transport = transportFor(credentials, "sshkey-portal", metrics);
  let scrape: Endpoint | undefined;
  let stopCollecting = () => {};
  try {
    const others = settings.portal.namespaces.filter((name) => name !== options.namespace);
    const namespaces = [options.namespace, ...others] as const;
    const { shutdownDelayDuration: shutdownDelay } = options;
    const running = await Portal.create({
      transport,
      settings,
      namespaces,
      insecure,
      log,
      metrics,
      shutdownDelay,
    });
    scrape = await serveMetrics(options.metricsBindAddress, metrics.registry, (err) =>
      logEvent(log, "EndpointFailed", { err }),
    );
    const address = await running.listen(host, port).catch((error: NodeJS.ErrnoException) => {
      const problem = `cannot listen on ${options.listen} (${error.code}); choose another address with --listen`;
      throw new ExitError(EXIT.configuration, problem);
    });
    logEvent(log, "PortalStarted", {
      version: VERSION,
      address,
      namespace: options.namespace,
      metrics: scrape?.address,
    });
    stopCollecting = collectAtRest();
    await running.run(signal);
  } catch (error) {
    throw asExit(error);
  } finally {
    stopCollecting();
    await transport.close();
    credentials.close();
    await scrape?.close();
    logEvent(log, "PortalStopped");
    log.flush();
  }
}

function insecurePerson(o: PortalCommandOptions, host: string): Person | undefined {
  const { insecureUser: user, insecureAdmin = false, namespace } = o;
  if (!isDNSLabel(namespace)) throw new ExitError(EXIT.usage, "--namespace must be the name of a namespace");
  if (user === undefined) {
    if (insecureAdmin) throw new ExitError(EXIT.usage, "--insecure-admin needs --insecure-user NAME");
    return undefined;
  }
  const problem = user.startsWith("system:")
    ? "names that begin with system: are the API server's own"
    : validateUser(user)?.message;
  if (problem !== undefined)
    throw new ExitError(EXIT.usage, `--insecure-user is nobody who can have keys: ${problem}`);
  if (!LOOPBACK.includes(host))
    throw new ExitError(
      EXIT.usage,
      "--insecure-user wants --listen 127.0.0.1:PORT: everybody who reaches it is that user",
    );
  return { user, groups: [], namespace, signedInBy: insecureAdmin ? "insecure-admin" : "insecure" };
}

const LOOPBACK: readonly string[] = ["127.0.0.1", "::1", "localhost"];
