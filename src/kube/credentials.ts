import { createHash } from "node:crypto";
import type { Agent } from "node:http";
import { createSecureContext } from "node:tls";
import { urlToHttpOptions } from "node:url";
import { definedMembers, openConnections, type Route, retire, routeIdentity } from "./connections.ts";
import { KubeConfigError, type KubeConfigSource, loadKubeConfig } from "./kubeconfig.ts";
import type { ServerAddress } from "./roundtrip.ts";

/** What one request needs: the connections to use and the headers that say who asks. Replaced, never changed. */
export interface RESTConfig {
  readonly agent: Agent;
  /** Absolute URL of the API server, with the path prefix of a gateway if there is one. */
  readonly server: URL;
  /** Of that server. */
  readonly address: ServerAddress;
  readonly headers: Readonly<Record<string, string | string[]>>;
}

export interface CredentialsOptions {
  /** The kubeconfig file; without it $KUBECONFIG, the pod's service account, ~/.kube/config, in this order. */
  readonly kubeconfig?: string;
  /** How many connections are open at most; each running watch holds one. Default 64. */
  readonly connections?: number;
  /** How long credentials are used before files are looked at again. Default 20 s; KubeConfig adds up to 60 s for tokens. */
  readonly maxAgeMs?: number;
  /** Folder that stands in for / when the pod's service account is read. */
  readonly serviceAccountRoot?: string;
  /** Gives the configuration in place of all that. */
  readonly load?: () => KubeConfigSource;
}

const REFRESH_INTERVAL_MS = 1000;
const OBTAIN_LIMIT_MS = 30_000;

/**
 * Who the process is to the API server: everything a kubeconfig can say, kept up to date while files, tokens and
 * client certificates rotate. All requests share one set of connections, renewed only when the TLS material changes.
 */
export class Credentials {
  readonly #options: CredentialsOptions;
  #source: KubeConfigSource;
  #access: RESTConfig | undefined;
  #routeHash = "";
  #obtainedAt = Number.NEGATIVE_INFINITY;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #stale = true;
  #pending: Promise<RESTConfig> | undefined;
  #failure: KubeConfigError | undefined;
  #closed = false;

  /** Throws a KubeConfigError when no usable configuration is found. */
  constructor(options: CredentialsOptions = {}) {
    this.#options = options;
    this.#source = this.#load();
  }

  /** The API server of the current context. */
  get server(): URL {
    return new URL(clusterOf(this.#source).server);
  }

  /** Why the last attempt to renew the credentials failed, while older ones are still in use. */
  get failure(): KubeConfigError | undefined {
    return this.#failure;
  }

  /**
   * The credentials to use for the next request, at most `maxAgeMs` old. When they cannot be renewed the last ones
   * that could be obtained are kept; rejects with a KubeConfigError when there are none.
   */
  current(): Promise<RESTConfig> {
    const fresh = !this.#stale && performance.now() - this.#obtainedAt < this.#maxAgeMs;
    if (fresh && this.#access !== undefined) {
      return Promise.resolve(this.#access);
    }
    if (this.#closed) {
      return Promise.reject(unusable(this.#source.name));
    }
    // One attempt at a time: a burst of requests must not start a credential plugin for each of them.
    this.#pending ??= this.#renew().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /**
   * Makes the next `current()` read everything anew: file, token, plugin. Called after a 401 with the access that was
   * refused; of many requests refused with the same access only the first has an effect, at most once a second.
   */
  refresh(refused?: RESTConfig): void {
    const now = performance.now();
    if (refused !== undefined && refused !== this.#access) {
      return;
    }
    if (now - this.#refreshedAt >= REFRESH_INTERVAL_MS) {
      this.#refreshedAt = now;
      this.#stale = true;
    }
  }

  /** Closes all connections at once. */
  close(): void {
    this.#closed = true;
    this.#access?.agent.destroy();
  }

  /** New credentials, or the last that could be obtained. */
  async #renew(): Promise<RESTConfig> {
    try {
      this.#access = await within(this.#obtain(), OBTAIN_LIMIT_MS, this.#source.name);
      this.#obtainedAt = performance.now();
      this.#failure = undefined;
      return this.#access;
    } catch (error) {
      this.#failure = error instanceof KubeConfigError ? error : unusable(this.#source.name);
      if (this.#access === undefined) {
        throw this.#failure;
      }
      // Half-written files are complete a moment later: look again soon.
      this.#obtainedAt = performance.now() - this.#maxAgeMs + REFRESH_INTERVAL_MS;
      return this.#access;
    } finally {
      this.#stale = false;
    }
  }

  async #obtain(): Promise<RESTConfig> {
    const source = this.#load();
    // A KubeConfig remembers what its credential plugin answered until that expires: keep it while it is good.
    if (this.#stale || source.text !== this.#source.text) {
      this.#source = source;
    }
    return await this.#read(this.#source);
  }

  async #read(source: KubeConfigSource): Promise<RESTConfig> {
    const options: Parameters<typeof source.config.applyToHTTPSOptions>[0] & { servername?: string } = {};
    await source.config.applyToHTTPSOptions(options);
    const cluster = clusterOf(source);
    const route: Route = {
      server: new URL(cluster.server),
      proxyUrl: cluster.proxyUrl,
      connections: this.#options.connections ?? 64,
      tls: {
        ca: options.ca,
        cert: options.cert,
        key: options.key,
        servername: options.servername,
        rejectUnauthorized: options.rejectUnauthorized,
      },
    };
    const headers = { ...authorization(options.headers, options.auth), ...source.headers };
    const { server } = route;
    return { agent: this.#agentFor(route), server, address: urlToHttpOptions(server), headers };
  }

  #agentFor(route: Route): Agent {
    const hash = createHash("sha256").update(routeIdentity(route)).digest("hex");
    const old = this.#access?.agent;
    if (old !== undefined && hash === this.#routeHash) {
      return old;
    }
    // Refuses a certificate whose key has not been written yet, half way through a rotation.
    createSecureContext(definedMembers(route.tls));
    const made = openConnections(route);
    this.#routeHash = hash;
    if (old !== undefined && !this.#closed) {
      // Requests that already hold the old connections finish on them.
      setImmediate(() => retire(old));
    }
    return made;
  }

  get #maxAgeMs(): number {
    return this.#options.maxAgeMs ?? 20_000;
  }

  #load(): KubeConfigSource {
    const {
      kubeconfig,
      serviceAccountRoot,
      load = () => loadKubeConfig(kubeconfig, serviceAccountRoot),
    } = this.#options;
    return load();
  }
}

function clusterOf(source: KubeConfigSource): { server: string; proxyUrl?: string } {
  const cluster = source.config.getCurrentCluster();
  if (cluster === null) {
    throw unusable(source.name);
  }
  return cluster;
}

function authorization(given: unknown, basic: string | null | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  if (typeof basic === "string" && basic !== "") {
    headers.Authorization = `Basic ${Buffer.from(basic).toString("base64")}`;
  }
  for (const [name, value] of Object.entries(given ?? {})) {
    // A token file often ends in a newline, which no header may hold.
    headers[name] = String(value).trim();
  }
  return headers;
}

function unusable(name: string): KubeConfigError {
  return new KubeConfigError(
    "CredentialsFailed",
    `the credentials in ${name} cannot be used: check its certificate, key and token files, or run its credential plugin by hand`,
  );
}

/** The promise's value, or a rejection when it takes longer than `limitMs`; the work itself goes on. */
function within<T>(work: Promise<T>, limitMs: number, name: string): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(unusable(name)), limitMs);
  work.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}
