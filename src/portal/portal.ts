import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { sshKeysPath } from "../api/paths.ts";
import type { Settings } from "../config/settings.ts";
import { Reflector } from "../kube/reflector.ts";
import type { Transport } from "../kube/transport.ts";
import { Audit } from "./audit.ts";
import { Connections } from "./connections.ts";
import { Entrance } from "./entrance.ts";
import { addForeman } from "./foreman/routes.ts";
import { Limits } from "./limits.ts";
import type { PortalMetrics } from "./metrics.ts";
import { Access } from "./people/access.ts";
import { Identity } from "./people/identity.ts";
import { OpenID } from "./people/openid.ts";
import { ownOrigin } from "./people/ownpage.ts";
import { type Person, Refused } from "./people/person.ts";
import { Sessions } from "./people/sessions.ts";
import { Tokens } from "./people/tokens.ts";
import { addProblems } from "./problems.ts";
import { Sealer } from "./sealer.ts";
import { createServer } from "./server.ts";
import { KeyStore } from "./sshkeys/keystore.ts";
import { KeyWriter } from "./sshkeys/keywriter.ts";
import { type PortalKey, toPortalKey } from "./sshkeys/portalkey.ts";
import { RevokedKeys } from "./sshkeys/revokedkeys.ts";
import { UsedByLists } from "./sshkeys/usedby.ts";
import { assetPath } from "./web/assetpaths.ts";
import { PageProblem } from "./web/problem.ts";
import { RecentWrites } from "./web/recent.ts";
import { addPages } from "./web/routes.ts";
import { addSignIn } from "./web/signin.ts";

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
  readonly #o: PortalOptions;
  readonly #store = new KeyStore();
  readonly #reflectors: readonly Reflector<PortalKey>[];
  /** Namespaces whose SSHKeys are as they were: each until its watch begins. */
  readonly #unwatched = new Set<string>();
  readonly #sealer: Sealer;
  readonly #server: Promise<FastifyInstance>;
  #connections: Connections | undefined;
  #isReady = false;
  #isStopping = false;

  /** Throws a ConfigError when the session keys cannot be read. */
  constructor(options: PortalOptions) {
    this.#o = options;
    this.#sealer = new Sealer(options.settings.portal.session.keysFolder);
    options.metrics.registerGauges({
      keys: () => this.#store.size,
      isReady: () => this.isReady,
      unwatchedNamespaces: () => this.#unwatched.size,
    });
    this.#reflectors = options.namespaces.map((namespace) => this.#reflector(namespace));
    this.#server = this.#createServer();
  }

  get isReady(): boolean {
    return this.#isReady && !this.#isStopping;
  }

  /** Listens; gives `host:port` as it was bound. Rejects with the system's error. */
  async listen(host: string, port: number): Promise<string> {
    const server = await this.#server;
    await server.listen({ host: host === "" ? "::" : host, port });
    const { address, family, port: bound } = server.server.address() as AddressInfo;
    return `${family === "IPv6" ? `[${address}]` : address}:${bound}`;
  }

  /** Runs until the signal aborts; requests that have begun are answered. */
  async run(signal: AbortSignal): Promise<void> {
    const watching = new AbortController();
    const running = this.#reflectors.map((reflector) => reflector.run(watching.signal));
    const synced = Promise.all(this.#reflectors.map((reflector) => reflector.whenSynced())).then(
      () => {
        this.#isReady = true;
      },
      () => {},
    );
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([stopped, Promise.all(running)]);
    this.#isStopping = true;
    this.#connections?.endAfterAnswers();
    await delay(this.#o.shutdownDelay);
    await this.#connections?.close(STOP_GRACE_MS);
    watching.abort();
    await Promise.all([...running, synced]);
  }

  #reflector(namespace: string): Reflector<PortalKey> {
    this.#unwatched.add(namespace);
    return new Reflector<PortalKey>({
      transport: this.#o.transport,
      path: sshKeysPath(namespace),
      decode: (object) => toPortalKey(object, this.#store.get(namespace, object.metadata.name)),
      sink: this.#store.sink(namespace),
      onWatch: () => this.#unwatched.delete(namespace),
      onRestart: (reason, { error }) => {
        this.#unwatched.add(namespace);
        this.#o.metrics.watchRestarted(reason);
        this.#o.log.warn({ event: "WatchRestarted", namespace, reason, error: error.message });
      },
    });
  }

  async #createServer(): Promise<FastifyInstance> {
    const { settings, transport, log, metrics } = this.#o;
    const { publicURL } = settings.portal;
    const base = publicURL?.pathname ?? "/";
    const isSecure = publicURL?.protocol === "https:";
    const server = await createServer({
      log,
      isSecure,
      issuer: settings.portal.oidc?.issuer,
      proxies: settings.portal.trustedProxies,
      onUnreadable: (status) => metrics.unreadable(status),
    });
    this.#connections = new Connections(server);
    const audit = new Audit(log);
    metrics.observe(server);
    audit.observe(server);
    const writer = new KeyWriter({ requests: metrics.writing(audit.writing(transport)), store: this.#store });
    const requests = metrics.reviewing(transport);
    const access = new Access({ requests, settings: settings.portal });
    const sessions = new Sessions({
      sealer: this.#sealer,
      isSecure,
      lifetime: settings.portal.session.lifetime,
    });
    const recent = new RecentWrites({ sessions, store: this.#store, writer });
    const [namespace = ""] = this.#o.namespaces;
    const identity = new Identity({
      settings: settings.portal,
      namespace,
      sessions,
      tokens: settings.portal.tokens && new Tokens({ requests, ...settings.portal.tokens }),
      insecure: this.#o.insecure,
    });
    const limits = new Limits({
      server,
      onLimited: ({ request, limit, person, isFirst }) => {
        metrics.limited(limit);
        if (isFirst) audit.limited(request, limit, person);
      },
    });
    const entrance = new Entrance({ identity, limits, audit });
    server.get("/healthz", async (_request, reply) => reply.type("text/plain").send("ok\n"));
    server.get("/readyz", async (_request, reply) =>
      this.isReady
        ? reply.type("text/plain").send("ok\n")
        : reply
            .code(503)
            .type("text/plain")
            .send(
              this.#isStopping
                ? "stopping\n"
                : "the SSHKeys are not listed yet: see WatchRestarted in the log\n",
            ),
    );
    if (this.#o.insecure !== undefined) server.addHook("onRequest", refuseOtherHosts);
    const originOf = (request: FastifyRequest) => ownOrigin(request, publicURL);
    const identify = async (request: FastifyRequest) => {
      const person = await entrance.ofPage(request);
      if (person !== undefined) return person;
      const to = request.method === "GET" ? request.url : undefined;
      throw new PageProblem(settings.portal.oidc === undefined ? "forbidden" : "signIn", undefined, to);
    };
    if (settings.portal.oidc !== undefined && publicURL !== undefined) {
      const openID = new OpenID({
        settings: settings.portal.oidc,
        callback: new URL("callback", publicURL),
        afterSignOut: publicURL,
        onFault: (fault, detail) => {
          metrics.issuerFailed(fault);
          log.warn({ event: "IssuerFailed", fault, detail });
        },
      });
      server.addHook("onRequest", async (request) => {
        if (request.routeOptions.url === `${base}sign-in` || request.routeOptions.url === `${base}callback`)
          await limits.signIn(request);
      });
      addSignIn(server, {
        base,
        originOf,
        openID,
        sessions,
        sealer: this.#sealer,
        settings: settings.portal,
        namespace,
        onSignIn: (request, result) => {
          if ("user" in result) audit.signedIn(request, result);
          else audit.signInFailed(request, result.message);
          metrics.signedIn("user" in result ? "success" : result instanceof Refused ? "refused" : "failed");
        },
      });
    }
    addPages(server, {
      base,
      originOf,
      store: this.#store,
      writer,
      access,
      sealer: this.#sealer,
      recent,
      policy: settings.policy,
      revoked: new RevokedKeys(settings.revokedKeys),
      usedBy: settings.portal.usedBy ? new UsedByLists({ reads: transport }) : undefined,
      targetNamespaces: [...new Set([...this.#o.namespaces, ...settings.portal.usedByNamespaces])],
      identify,
    });
    addForeman(server, {
      generation: settings.portal.foreman.generation,
      policy: settings.policy,
      store: this.#store,
      writer,
      access,
      identify: (request) => entrance.ofProgram(request),
      styleSheet: base + assetPath("portal.css"),
    });
    addProblems(server, { base, identity, log });
    return server;
  }
}

/** A page of another site must not reach a portal on loopback by a name of its own. */
async function refuseOtherHosts({ headers }: FastifyRequest): Promise<void> {
  if (!/^(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]+)?$/.test(headers.host ?? ""))
    throw new PageProblem("forbidden");
}
