import { compareResourceVersions, type KubeObject, type ObjectRef, refOf } from "../api/object.ts";
import { ApiError } from "./apierror.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";
import { type Collection, currentResourceVersion, PagedList } from "./pagedlist.ts";
import { isLossOfContact, type RestartReason, restartPoint, restartReason } from "./restart.ts";
import { sleep } from "./sleep.ts";
import type { Transport } from "./transport.ts";
import { parseWatchEvent } from "./watchevent.ts";

/**
 * Where a reflector puts what it sees (client-go: Store); called synchronously, in the server's order. An object that
 * is deleted and recreated comes as `remove` then `upsert` while the watch is connected; over a list it may come as a
 * `replace` where the name has another uid. What a reconnect repeats is not sent twice, but `replace` may repeat known
 * objects.
 */
export interface ReflectorSink<T> {
  /** All objects as of `resourceVersion`; what is older than that and not among them is gone. */
  replace(items: T[], resourceVersion: string): void;
  /**
   * History went back, as after etcd was restored from a backup: no resourceVersion or generation known so far can be
   * compared with those to come. Called once, before the objects of the next `replace` are decoded. Until that comes,
   * nothing is known to be gone.
   */
  reset(): void;
  upsert(item: T): void;
  remove(ref: ObjectRef): void;
}

export interface ReflectorOptions<T> {
  readonly transport: Transport;
  /** Path of the collection: `/api/v1/secrets`, `/api/v1/namespaces/a/secrets`. */
  readonly path: string;
  /** Selectors for list and watch. */
  readonly query?: Readonly<Record<string, string>>;
  /** Does `decode` read metadata.managedFields? By default objects of a list may come without. */
  readonly keepsManagedFields?: boolean;
  /** Keeps what is needed of an object, of a list or of the watch. Must take every object the server can store; if it throws, that is `undecodable`. */
  readonly decode: (object: KubeObject) => T;
  readonly sink: ReflectorSink<T>;
  /** Objects in one page of a list; default 250: with 500 a start takes a quarter more memory, with 100 5 % more time. */
  readonly pageSize?: number;
  /** Called after every failed list or watch, the first one included; not when a watch ends normally. */
  readonly onRestart?: (reason: RestartReason, restart: Restart) => void;
  /** Called when a watch has begun: the sink follows the collection again. */
  readonly onWatch?: () => void;
  /** Called when the state changes. */
  readonly onState?: (state: ReflectorState) => void;
  /** Default 0.8 s to 30 s, as in client-go. */
  readonly backoff?: BackoffOptions;
  /** After this long without a failure the backoff starts over; default 30 s: some load balancers end watches each minute. */
  readonly healthyAfterMs?: number;
  /** How long the server holds one watch, in seconds: a random time in this range; default 300 to 600, as in client-go. */
  readonly watchTimeoutSeconds?: readonly [number, number];
  /** A watch without a byte for this long is treated as dead; default 2 minutes. Bookmarks come about once a minute. */
  readonly idleMs?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  readonly random?: () => number;
}

/**
 * - `syncing`: no complete list has reached the sink yet.
 * - `synced`: it has. Stays so while the server is unreachable.
 * - `forbidden`, `notfound`: the server's last answer to list or watch was 403, or 404. What was seen before stays in the
 *   sink. A server that has just started may say either for a moment.
 */
export type ReflectorState = "syncing" | "synced" | "forbidden" | "notfound";

/** Did the server answer that the collection cannot be listed or watched? */
export function isInaccessible(state: ReflectorState): boolean {
  return state === "forbidden" || state === "notfound";
}

export interface Restart {
  readonly error: ApiError;
  /** Until the next attempt. */
  readonly delayMs: number;
  /** True when the next attempt lists everything again. */
  readonly relist: boolean;
}

/** A watch that ends sooner than this without an event is a failure: such a server would be asked in a tight loop. */
const SHORT_WATCH_MS = 1000;

/**
 * Keeps a sink equal to a collection on the server (client-go: Reflector): lists it, then watches from there. A list
 * reaches the sink only when it is complete, so no failure ever looks like a deletion.
 */
export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #firstSync = Promise.withResolvers<void>();
  #state: ReflectorState = "syncing";
  #list: PagedList<T> | undefined;
  /** The sink has everything up to here; undefined when a list is needed. */
  #resourceVersion: string | undefined;
  /** The newest version seen of the history that the server has now; undefined before the first list of it. */
  #newest: string | undefined;
  /** Was the connection lost since that was seen? */
  #isNewestInDoubt = false;
  /** Where a restart was last answered by trying the same place again. */
  #retriedAt: string | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff(options.backoff ?? { initialMs: 800, maxMs: 30_000, random: this.#random });
    // Callers need not wait for the first sync.
    this.#firstSync.promise.catch(() => {});
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Resolves with the first complete list; rejects when `run` ends before. */
  whenSynced(): Promise<void> {
    return this.#firstSync.promise;
  }

  /** Runs until `signal` aborts, whatever the server answers. Rejects only with what the sink or a callback throws. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        await this.#listAndWatch(signal);
      }
    } finally {
      this.#firstSync.reject(
        new ApiError({
          code: "Aborted",
          message: `WATCH ${this.#options.path}: stopped before the first list`,
        }),
      );
    }
  }

  /** One list if needed and one watch; after a failure, waits for the backoff. */
  async #listAndWatch(signal: AbortSignal): Promise<void> {
    try {
      if (this.#resourceVersion !== undefined && this.#isNewestInDoubt) await this.#checkHistory(signal);
      this.#resourceVersion ??= await this.#listAll(signal);
      await this.#watch(this.#resourceVersion, signal);
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      if (!signal.aborted) {
        await sleep(this.#planRestart(error), signal);
      }
    }
  }

  /**
   * Checks that the resourceVersion did not go back. A server with an older history than the one seen sends nothing to
   * a watch from there until it has come that far, which may be never.
   */
  async #checkHistory(signal: AbortSignal): Promise<void> {
    const version = await currentResourceVersion(this.#collection, signal);
    if (this.#isOlder(version)) throw new Rewound(this.#options.path);
    this.#isNewestInDoubt = false;
  }

  async #listAll(signal: AbortSignal): Promise<string> {
    this.#list ??= new PagedList({
      ...this.#collection,
      pageSize: this.#options.pageSize ?? 250,
      decode: (object) => this.#decode(object),
    });
    const { items, resourceVersion } = await this.#list.fetchAll(signal);
    this.#list = undefined;
    if (this.#isOlder(resourceVersion)) throw new Rewound(this.#options.path);
    this.#options.sink.replace(items, resourceVersion);
    this.#newest = resourceVersion;
    this.#isNewestInDoubt = false;
    this.#enter("synced");
    this.#firstSync.resolve();
    return resourceVersion;
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const {
      transport,
      path,
      query = {},
      watchTimeoutSeconds: [least, most] = [300, 600],
      idleMs = 120_000,
    } = this.#options;
    const started = this.#now();
    const timeoutSeconds = String(Math.round(least + (most - least) * this.#random()));
    const lines = transport.stream(
      {
        method: "GET",
        path,
        query: { ...query, watch: "1", allowWatchBookmarks: "true", timeoutSeconds, resourceVersion },
        signal,
      },
      {
        idleMs,
        onOpen: () => {
          this.#enter("synced");
          this.#options.onWatch?.();
        },
      },
    );
    let silent = true;
    for await (const line of lines) {
      silent = false;
      this.#apply(line);
    }
    if (silent && this.#now() - started < SHORT_WATCH_MS) {
      throw new ApiError({
        code: "Disconnected",
        message: `WATCH ${path}: the server ended the watch at once`,
      });
    }
  }

  #apply(line: string): void {
    const { path, sink } = this.#options;
    const event = parseWatchEvent(line, path);
    if (
      this.#resourceVersion !== undefined &&
      compareResourceVersions(event.resourceVersion, this.#resourceVersion) < 0
    ) {
      throw new Rewound(path);
    }
    if (event.type === "DELETED") {
      sink.remove(refOf(event.object));
    } else if (event.type !== "BOOKMARK") {
      sink.upsert(this.#decode(event.object));
    }
    this.#resourceVersion = event.resourceVersion;
    this.#newest = event.resourceVersion;
  }

  /** Is this resourceVersion of a list from an older history? A list is never older than what was seen before it. */
  #isOlder(resourceVersion: string): boolean {
    return this.#newest !== undefined && compareResourceVersions(resourceVersion, this.#newest) < 0;
  }

  get #collection(): Collection {
    const { transport, path, query = {}, keepsManagedFields = false } = this.#options;
    return { transport, path, query, keepsManagedFields };
  }

  #decode(object: KubeObject): T {
    try {
      return this.#options.decode(object);
    } catch {
      // Its message may quote the object.
      throw new ApiError({
        code: "Undecodable",
        message: `${this.#options.path}: an object could not be decoded`,
      });
    }
  }

  /** Decides where to start again, and returns the milliseconds to wait before. */
  #planRestart(error: ApiError): number {
    const now = this.#now();
    if (now - this.#failedAt >= (this.#options.healthyAfterMs ?? 30_000)) {
      this.#backoff.reset();
    }
    this.#failedAt = now;
    const reason = error instanceof Rewound ? "rewound" : restartReason(error);
    if (isLossOfContact(reason)) this.#isNewestInDoubt = true;
    if (reason === "rewound") {
      this.#newest = undefined;
      this.#options.sink.reset();
    }
    if (reason === "forbidden") this.#enter("forbidden");
    if (reason === "notfound") this.#enter("notfound");
    const relist = this.#moveBack(reason, error);
    const delayMs = this.#backoff.next(error.retryAfterMs);
    this.#options.onRestart?.(reason, { error, delayMs, relist });
    return delayMs;
  }

  #enter(state: ReflectorState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState?.(state);
  }

  /** Discards what the next attempt must not build on; returns true when it has to list everything again. */
  #moveBack(reason: RestartReason, error: ApiError): boolean {
    const point = restartPoint(reason, error);
    const repeated = point === "resume-once" && this.#retriedAt === this.#resourceVersion;
    this.#retriedAt = point === "resume-once" ? this.#resourceVersion : undefined;
    if (point === "relist" || repeated) {
      this.#resourceVersion = undefined;
    }
    if (point !== "resume") {
      this.#list = undefined;
    }
    return this.#resourceVersion === undefined;
  }
}

class Rewound extends ApiError {
  constructor(path: string) {
    super({ code: "Expired", message: `WATCH ${path}: the resourceVersion went back` });
  }
}
