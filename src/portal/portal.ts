import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { logEvent } from "../api/logevent.ts";
import type { Settings } from "../config/settings.ts";
import type { Transport } from "../kube/transport.ts";
import { Connections } from "./connections.ts";
import type { PortalMetrics } from "./metrics.ts";
import type { Person } from "./people/person.ts";
import { addProbes, type Readiness } from "./probes.ts";
import { addRoutes } from "./routes.ts";
import { createServer } from "./server.ts";
import { KeyKnowledge } from "./sshkeys/keyknowledge.ts";
import { KeyStore } from "./sshkeys/keystore.ts";
import { KeyWatch } from "./sshkeys/keywatch.ts";

export interface PortalOptions {
  readonly transport: Transport;
  readonly settings: Settings;
  /** The namespaces whose SSHKeys are shown; the first is everybody's own where nothing else says. */
  readonly namespaces: readonly string[];
  /** Everybody who comes is this person: for a try on loopback. */
  readonly insecure: Person | undefined;
  readonly log: Logger;
  readonly metrics: PortalMetrics;
  /** How long it goes on when it is to stop, not ready and keeping no connection after its answer; in ms. */
  readonly shutdownDelay: number;
}

/** How long requests that have begun may take after the stop signal, in ms. */
const STOP_GRACE_MS = 10_000;

/** The pages and the REST API over the SSHKeys of its namespaces. It keeps no state: all it knows, the API server does. */
export class Portal {
  readonly #shutdownDelay: number;
  readonly #server: FastifyInstance;
  readonly #connections: Connections;
  readonly #watch: KeyWatch;
  readonly #keyKnowledge: KeyKnowledge;
  #isStopping = false;

  private constructor(
    { transport, namespaces, log, metrics, ...o }: PortalOptions,
    server: FastifyInstance,
    store: KeyStore,
    keyKnowledge: KeyKnowledge,
  ) {
    this.#keyKnowledge = keyKnowledge;
    this.#shutdownDelay = o.shutdownDelay;
    this.#server = server;
    this.#connections = new Connections(server);
    this.#watch = new KeyWatch({
      transport,
      store,
      namespaces,
      onRestart: (namespace, reason, { error }) => {
        metrics.watchRestarted(reason);
        logEvent(log, "WatchRestarted", { namespace, reason, error: error.message });
      },
    });
    metrics.registerGauges({
      keys: () => store.size,
      isReady: () => this.#readiness === "ready",
      unwatchedNamespaces: () => this.#watch.unwatched,
    });
    addProbes(server, () => this.#readiness);
  }

  /** Rejects with a ConfigError when a file that the settings name cannot be read. */
  static async create(options: PortalOptions): Promise<Portal> {
    const { insecure, log, metrics } = options;
    const { publicURL, oidc, trustedProxies } = options.settings.portal;
    const server = await createServer({
      log,
      isSecure: publicURL?.protocol === "https:",
      isLoopbackOnly: insecure !== undefined,
      issuer: oidc?.issuer,
      proxies: trustedProxies,
      onUnreadable: (status) => metrics.unreadable(status),
    });
    metrics.observe(server);
    const store = new KeyStore();
    const keyKnowledge = await KeyKnowledge.open({
      settings: options.settings,
      log,
      metrics: metrics.knowledge,
    });
    const portal = new Portal(options, server, store, keyKnowledge);
    addRoutes(server, store, keyKnowledge, () => portal.#watch.isSynced, options);
    return portal;
  }

  /** Listens; gives `host:port` as it was bound. Rejects with the system's error. */
  async listen(host: string, port: number): Promise<string> {
    await this.#server.listen({ host: host === "" ? "::" : host, port });
    const { address, family, port: bound } = this.#server.server.address() as AddressInfo;
    return `${family === "IPv6" ? `[${address}]` : address}:${bound}`;
  }

  /** Runs until the signal aborts; requests that have begun are answered. */
  async run(signal: AbortSignal): Promise<void> {
    const watching = new AbortController();
    const watched = Promise.all([this.#watch.run(watching.signal), this.#keyKnowledge.run(watching.signal)]);
    await Promise.race([signal.aborted || once(signal, "abort"), watched]);
    this.#isStopping = true;
    this.#connections.endAfterAnswers();
    await delay(this.#shutdownDelay);
    await this.#connections.close(STOP_GRACE_MS);
    watching.abort();
    await watched;
  }

  get #readiness(): Readiness {
    if (this.#isStopping) return "stopping";
    return this.#watch.isSynced ? "ready" : "unlisted";
  }
}
