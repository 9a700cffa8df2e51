import { API_VERSION } from "../../api/names.ts";
import type { KubeObject } from "../../api/object.ts";
import { ApiError, type ApiErrorCode } from "../../kube/apierror.ts";
import type { Credentials } from "../../kube/credentials.ts";
import type { Call, Transport } from "../../kube/transport.ts";
import { PluginError, type Session } from "../session/session.ts";
import { type ClusterFlags, deadlineOf } from "./clusterflags.ts";

/** Name of the plugin in managedFields: no prefix of kubectl's own, whose fields Flux takes over. */
const FIELD_MANAGER = "sshkey-plugin";

const PAGE_SIZE = 500;

/** How often a list is begun whose time the API server has forgotten before the last page; it remembers five minutes. */
const LIST_ATTEMPTS = 3;

/** Of a watch of one object nothing may come for long. */
const WATCH_IDLE_MS = 600_000;

export interface WriteOptions {
  /** The API server judges and stores nothing. */
  readonly dryRun?: boolean;
  /** Ends the request in place of the person's Ctrl-C. */
  readonly signal?: AbortSignal;
}

/** What may be deleted: the object of this UID, in this version of it. */
interface DeletePreconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** What a watch tells. */
export interface Watched<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
}

/** The API server with the person's own kubeconfig and rights. Whatever fails is a PluginError or, if named, undefined. */
export class Cluster {
  /** The one to work in. */
  readonly namespace: string;
  readonly #credentials: Credentials;
  readonly #transport: Transport;
  readonly #deadlineMs: number;
  readonly #session: Session;

  private constructor(o: {
    namespace: string;
    credentials: Credentials;
    transport: Transport;
    deadlineMs: number;
    session: Session;
  }) {
    this.namespace = o.namespace;
    this.#credentials = o.credentials;
    this.#transport = o.transport;
    this.#deadlineMs = o.deadlineMs;
    this.#session = o.session;
  }

  /** Reads the kubeconfig and signs in. `readsStdin`: what the command reads there, for whoever would ask there. */
  static async open(session: Session, flags: ClusterFlags, readsStdin?: string): Promise<Cluster> {
    const deadlineMs = deadlineOf(flags);
    // Loaded when it is needed: help and offline commands start without it.
    const { loadClientConfig } = await import("../../kube/clientconfig.ts");
    const { KubeConfigError } = await import("../../kube/kubeconfig.ts");
    const { Credentials } = await import("../../kube/credentials.ts");
    const { Transport } = await import("../../kube/transport.ts");
    const { signal } = session;
    try {
      const { source, namespace } = await loadClientConfig(flags, {
        isInteractive: session.stdin.isTTY === true && readsStdin === undefined,
        whyNot:
          readsStdin === undefined
            ? "there is none: run it in a terminal, or sign in before"
            : `${readsStdin} is read from standard input: give it as a file`,
        signal,
      });
      const credentials = new Credentials({ load: () => source, connections: 8 });
      const transport = new Transport({ credentials, userAgent: "kubectl-sshkey" });
      return new Cluster({ namespace, credentials, transport, deadlineMs, session });
    } catch (error) {
      if (error instanceof KubeConfigError) throw new PluginError(error.message);
      throw error;
    }
  }

  /**
   * Every object of the collection as of one time, in the order of the API server. A list that lasts longer than the API
   * server remembers that time begins again.
   */
  async list<T extends KubeObject>(
    path: string,
    query: Readonly<Record<string, string>> = {},
    o: Pick<WriteOptions, "signal"> = {},
  ): Promise<T[]> {
    const { PagedList } = await import("../../kube/pagedlist.ts");
    let count = 0;
    const read = async (): Promise<T[]> => {
      count = 0;
      const list = new PagedList<T>({
        transport: this.#transport,
        path,
        query,
        pageSize: PAGE_SIZE,
        keepsManagedFields: true,
        deadlineMs: this.#deadlineMs,
        decode: (object) => {
          count += 1;
          return object as T;
        },
      });
      return (await list.fetchAll(o.signal ?? this.#session.signal)).items;
    };
    const told = () => `reading from the API server: ${count} ${path.slice(path.lastIndexOf("/") + 1)}`;
    return await this.#session.during(told, async () => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await read();
        } catch (error) {
          const isExpired = error instanceof ApiError && error.code === "Expired";
          if (!isExpired || attempt === LIST_ATTEMPTS) throw toPluginError(error);
        }
      }
    });
  }

  /** The object at the path; undefined where there is none. */
  async get<T extends KubeObject>(path: string): Promise<T | undefined> {
    try {
      return await this.#send<T>({ method: "GET", path });
    } catch (error) {
      if (error instanceof ApiError && error.code === "NotFound") return undefined;
      throw toPluginError(error);
    }
  }

  async create<T extends KubeObject>(path: string, body: object, o: WriteOptions = {}): Promise<T> {
    return await this.request({ method: "POST", path, query: writeQuery(o), body, ...signalOf(o) });
  }

  /** A merge patch of the object at the path. */
  async patch<T extends KubeObject>(path: string, body: object, o: WriteOptions = {}): Promise<T> {
    return await this.request({ method: "PATCH", path, query: writeQuery(o), body, ...signalOf(o) });
  }

  /** Deletes the object at the path, if it is the one that is meant; false where there was none. */
  async delete(path: string, o: WriteOptions & DeletePreconditions = {}): Promise<boolean> {
    const { uid, resourceVersion } = o;
    const body = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: {
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      ...(o.dryRun === true ? { dryRun: ["All"] } : {}),
    };
    try {
      await this.#send({ method: "DELETE", path, body, ...signalOf(o) });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.code === "NotFound") return false;
      throw toPluginError(error);
    }
  }

  /**
   * What happens in the collection at the path after this version of it, until the server ends it or `signal` is aborted.
   * Rejects like `request`.
   */
  async *watch<T extends KubeObject>(
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): AsyncGenerator<Watched<T>, void> {
    const { parseWatchEvent } = await import("../../kube/watchevent.ts");
    const call: Call = { method: "GET", path, query: { ...query, watch: "true" }, signal };
    try {
      for await (const line of this.#transport.stream(call, { idleMs: WATCH_IDLE_MS })) {
        const event = parseWatchEvent(line, path);
        if (event.type !== "BOOKMARK") yield { type: event.type, object: event.object as T };
      }
    } catch (error) {
      throw toPluginError(error);
    }
  }

  /** Who the person is to the cluster (authentication.k8s.io SelfSubjectReview). */
  async userName(): Promise<string> {
    const review = await this.request<{ status?: { userInfo?: { username?: string } } }>({
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
    });
    return review.status?.userInfo?.username ?? "";
  }

  /** Sends a request of any kind. Rejects with a PluginError whose `code` is that of the ApiError. */
  async request<T>(call: Call): Promise<T> {
    try {
      return await this.#send<T>(call);
    } catch (error) {
      throw toPluginError(error);
    }
  }

  close(): void {
    this.#credentials.close();
  }

  async #send<T>(call: Call): Promise<T> {
    const limits = { deadlineMs: this.#deadlineMs, signal: this.#session.signal };
    return await this.#session.during(
      () => "waiting for the API server",
      () => this.#transport.request<T>({ ...limits, ...call }),
    );
  }
}

/** A request that the API server refused, or that did not reach it. */
export class ClusterError extends PluginError {
  readonly code: ApiErrorCode;

  constructor(code: ApiErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The answer; undefined where the person may not ask. */
export async function orForbidden<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ClusterError && error.code === "Forbidden") return undefined;
    throw error;
  }
}

function writeQuery({ dryRun }: WriteOptions): Readonly<Record<string, string>> {
  return {
    fieldManager: FIELD_MANAGER,
    fieldValidation: "Strict",
    ...(dryRun === true ? { dryRun: "All" } : {}),
  };
}

function signalOf({ signal }: WriteOptions): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function toPluginError(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  return new ClusterError(error.code, sentence(error));
}

/** What went wrong, in the words of whoever knows best: the API server, if it answered. */
function sentence(error: ApiError): string {
  const said = error.said();
  switch (error.code) {
    case "Unauthorized":
      return "the API server does not know you: sign in again, or check the user of your kubeconfig's context";
    case "NotFound":
      return said === "" || said === "the server could not find the requested resource"
        ? `the cluster does not have ${API_VERSION}: install the operator's CRDs, or choose another cluster with --context`
        : said;
    case "Aborted":
      return "stopped";
    case "Timeout":
    case "Disconnected":
      return error.status === 0
        ? `${error.message}: try again, or give the API server longer with --request-timeout`
        : said || error.message;
    default:
      return said === "" ? error.message : said;
  }
}
