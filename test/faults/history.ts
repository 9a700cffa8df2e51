import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { Credentials } from "../../src/kube/credentials.ts";
import { keysPath, secretsPath } from "../../src/operator/api.ts";

export type Resource = (typeof RESOURCES)[number];

const RESOURCES = ["secrets", "sshkeys"] as const;

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
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Revisions of which versions may be missing: later than the first, up to the second. */
export type Gap = readonly [after: number, upTo: number];

/**
 * Every version that Secrets and SSHKeys go through, watched past every fault: at the API server itself. A watch
 * leaves no version out; an API server that was started again has gaps.
 */
export class History {
  readonly versions: Version[] = [];
  readonly gaps: Gap[] = [];
  /** The last version of each object that there is, by resource and id. */
  readonly #live = new Map<string, Version>();
  readonly #credentials: Credentials;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];

  private constructor(kubeconfig: string) {
    this.#credentials = new Credentials({ kubeconfig });
  }

  static async start(kubeconfig: string): Promise<History> {
    const history = new History(kubeconfig);
    for (const resource of RESOURCES) {
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
    await this.#credentials.close();
  }

  /** Takes in what there is, and gives the revision that this is true of. */
  async #list(resource: Resource): Promise<number> {
    const answer = await this.#get(pathOf(resource));
    const list = (await answer.body.json()) as { items: Stored[]; metadata: { resourceVersion: string } };
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
        const query = `?watch=1&allowWatchBookmarks=true&resourceVersion=${last}`;
        const answer = await this.#get(`${pathOf(resource)}${query}`);
        for await (const line of createInterface({ input: answer.body })) {
          const { type, object } = JSON.parse(line) as { type: string; object: Stored };
          if (type === "ERROR") {
            const upTo = await this.#list(resource);
            this.gaps.push([last, upTo]);
            last = upTo;
            break;
          }
          last = Number(object.metadata.resourceVersion);
          if (type !== "BOOKMARK") this.#add(resource, type === "DELETED", object);
        }
      } catch {
        // The API server is being started again, or the definition of SSHKeys installed.
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

  async #get(path: string) {
    const { dispatcher, server, headers } = await this.#credentials.current();
    const answer = await dispatcher.request({
      origin: server.origin,
      path,
      method: "GET",
      headers,
      headersTimeout: 0,
      bodyTimeout: 0,
      signal: this.#stop.signal,
    });
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw new Error(`${path}: ${answer.statusCode}`);
    }
    return answer;
  }
}

function idOf(resource: Resource, { metadata }: Stored): string {
  return `${resource} ${metadata.namespace}/${metadata.name}`;
}

function pathOf(resource: Resource): string {
  return resource === "secrets" ? secretsPath() : keysPath();
}
