import { setTimeout as delay } from "node:timers/promises";
import { authorizedKeysPath, NAMESPACES_PATH, secretsPath, sshKeysPath } from "../../src/api/paths.ts";
import { Credentials } from "../../src/kube/credentials.ts";
import { Transport } from "../../src/kube/transport.ts";

export type Resource = keyof typeof PATHS;

const PATHS = {
  secrets: secretsPath(),
  sshkeys: sshKeysPath(),
  authorizedkeys: authorizedKeysPath(),
  namespaces: NAMESPACES_PATH,
};

/** One version of an object, or its end. */
export interface Version {
  readonly resource: Resource;
  readonly isGone: boolean;
  /** Revision of the whole store: versions of all resources are ordered by it. */
  readonly revision: number;
  /** When it was seen here, ms since the epoch; never before it took effect. */
  readonly at: number;
  readonly object: Stored;
}

export interface Stored {
  readonly metadata: {
    /** Undefined of a Namespace. */
    readonly namespace?: string;
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly { readonly subresource?: string; readonly time: string }[];
  };
  readonly [field: string]: unknown;
}

interface StoredList {
  readonly items: Stored[];
  readonly metadata: { readonly resourceVersion: string };
}

/** How long a list may take on a busy machine, in ms. */
const LIST_MS = 180_000;
/** Longer than any test: a quiet watch is not a dead one here. */
const QUIET_MS = 3_600_000;

/** Revisions of which versions of the resource may be missing: later than `after`, up to `upTo`. */
export interface Gap {
  readonly resource: Resource;
  readonly after: number;
  readonly upTo: number;
}

/**
 * Every version that Secrets, SSHKeys, AuthorizedKeys and Namespaces go through, watched past every fault: at the API
 * server itself. A watch leaves no version out. An API server that was started again has gaps: long ones of what is quiet,
 * since its watch knows no version but an old one.
 */
export class History {
  readonly versions: Version[] = [];
  readonly gaps: Gap[] = [];
  /** The last version of each object that there is, by resource and id. */
  readonly #live = new Map<string, Version>();
  readonly #credentials: Credentials;
  readonly #transport: Transport;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];

  private constructor(kubeconfig: string) {
    this.#credentials = new Credentials({ kubeconfig });
    this.#transport = new Transport({ credentials: this.#credentials, userAgent: "history" });
  }

  static async start(kubeconfig: string): Promise<History> {
    const history = new History(kubeconfig);
    for (const resource of Object.keys(PATHS) as Resource[]) {
      history.#running.push(history.#follow(resource, await history.#list(resource)));
    }
    return history;
  }

  /** In the order in which they took effect. */
  ordered(): readonly Version[] {
    return this.versions.toSorted((a, b) => a.revision - b.revision);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
    this.#credentials.close();
  }

  /** Takes in what there is, and gives the revision that this is true of. */
  async #list(resource: Resource): Promise<number> {
    const list = await this.#transport.request<StoredList>({
      method: "GET",
      path: PATHS[resource],
      deadlineMs: LIST_MS,
    });
    const revision = Number(list.metadata.resourceVersion);
    const listed = new Set(list.items.map((object) => idOf(resource, object)));
    for (const [id, { object }] of this.#live) {
      if (id.startsWith(`${resource} `) && !listed.has(id)) this.#add(resource, true, object, revision);
    }
    for (const object of list.items) this.#add(resource, false, object);
    return revision;
  }

  async #follow(resource: Resource, from: number): Promise<void> {
    let last = from;
    while (!this.#stop.signal.aborted) {
      try {
        const query = { watch: "1", allowWatchBookmarks: "true", resourceVersion: String(last) };
        const call = { method: "GET", path: PATHS[resource], query, signal: this.#stop.signal } as const;
        for await (const line of this.#transport.stream(call, { idleMs: QUIET_MS })) {
          const { type, object } = JSON.parse(line) as { type: string; object: Stored };
          if (type === "ERROR") {
            const upTo = await this.#list(resource);
            this.gaps.push({ resource, after: last, upTo });
            last = upTo;
            break;
          }
          last = Number(object.metadata.resourceVersion);
          if (type !== "BOOKMARK") this.#add(resource, type === "DELETED", object);
        }
      } catch {
        // The API server is being started again, or a definition installed.
        await delay(50);
      }
    }
  }

  #add(
    resource: Resource,
    isGone: boolean,
    object: Stored,
    revision = Number(object.metadata.resourceVersion),
  ): void {
    const id = idOf(resource, object);
    if (this.#live.get(id)?.revision === revision) return;
    const version = { resource, isGone, revision, at: Date.now(), object };
    this.versions.push(version);
    if (isGone) this.#live.delete(id);
    else this.#live.set(id, version);
  }
}

function idOf(resource: Resource, { metadata }: Stored): string {
  return `${resource} ${metadata.namespace}/${metadata.name}`;
}
