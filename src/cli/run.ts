import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Logger } from "pino";
import { logEvent } from "../api/logevent.ts";
import { EventRecorder } from "../kube/eventrecorder.ts";
import { LeaderElector } from "../kube/leaderelection.ts";
import type { Transport } from "../kube/transport.ts";
import { Metrics } from "../operator/metrics.ts";
import { connectionsFor, Operator } from "../operator/operator.ts";
import { VERSION } from "../version.ts";
import { collectAtRest } from "./collectatrest.ts";
import { type Endpoint, serveProbed } from "./endpoint.ts";
import { EXIT, ExitError } from "./exitcodes.ts";
import { createLogger } from "./logger.ts";
import { leaseNamespace, type RunOptions } from "./runoptions.ts";
import { asExit, configure, connect, transportFor } from "./setup.ts";

/** How long Events may take to be sent after the last write, in ms. */
const EVENTS_GRACE_MS = 500;

const CHANGE_TIMES =
  "change --leader-elect-lease-duration, --leader-elect-renew-deadline or --leader-elect-retry-period";
const UNHEALTHY = "no reconcile finished for 5 minutes: restart the pod";
const NOT_READY = "caches not synced: see NamespaceInaccessible and WatchRestarted in the log";

/** `sshkey-operator run`: composes the operator and runs it until the signal aborts. */
export async function run(options: RunOptions, signal: AbortSignal): Promise<void> {
  const settings = configure(options.config, options.namespace);
  const credentials = connect(options.kubeconfig, connectionsFor(settings));
  const log = await createLogger(options.logLevel, options.logFormat);
  const metrics = new Metrics();
  const transport = transportFor(credentials, "sshkey-operator", metrics);
  const recorder = new EventRecorder({
    transport,
    reportingController: "sshkey-operator.dev/operator",
    reportingInstance: hostname(),
    observer: { dropped: (reason) => metrics.eventDropped(reason) },
  });
  const elector = options.leaderElect ? createElector(options, transport, log) : {};
  const operator = new Operator({ transport, settings, recorder, log, metrics, ...elector });
  const endpoints = await open(options, operator, metrics, log);
  const addresses = endpoints.map((endpoint) => endpoint.address);
  const { namespaces } = settings;
  logEvent(log, "Started", { version: VERSION, server: credentials.server.host, namespaces, addresses });
  const stopCollecting = collectAtRest();
  try {
    await operator.run(signal);
  } catch (error) {
    throw asExit(error);
  } finally {
    stopCollecting();
    await recorder.flush(EVENTS_GRACE_MS);
    await transport.close();
    credentials.close();
    await Promise.all(endpoints.map((endpoint) => endpoint.close()));
    logEvent(log, "Stopped");
    log.flush();
  }
}

function createElector(options: RunOptions, transport: Transport, log: Logger): { elector: LeaderElector } {
  const identity = `${hostname()}_${randomBytes(8).toString("hex")}`;
  try {
    const elector = new LeaderElector({
      transport,
      namespace: leaseNamespace(options.leaderElectionNamespace),
      name: "sshkey-operator",
      identity,
      leaseDurationMs: options.leaderElectLeaseDuration,
      renewDeadlineMs: options.leaderElectRenewDeadline,
      retryPeriodMs: options.leaderElectRetryPeriod,
      onNewLeader: (leader) => logEvent(log, "NewLeader", { leader, isSelf: leader === identity }),
      onError: (error) =>
        logEvent(log, "LeaseFailed", { error: error instanceof Error ? error.message : error }),
    });
    return { elector };
  } catch (error) {
    if (error instanceof RangeError) throw new ExitError(EXIT.usage, `${error.message}; ${CHANGE_TIMES}`);
    throw error;
  }
}

function open(
  options: RunOptions,
  operator: Operator,
  metrics: Metrics,
  log: Logger,
): Promise<readonly Endpoint[]> {
  return serveProbed({
    ...options,
    registry: metrics.registry,
    probes: {
      "/healthz": () => (operator.isHealthy ? undefined : UNHEALTHY),
      "/readyz": () => (operator.isReady ? undefined : NOT_READY),
    },
    onError: (err) => logEvent(log, "EndpointFailed", { err }),
  });
}
