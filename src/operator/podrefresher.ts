import { type Log, logEvent } from "../api/logevent.ts";
import { REFRESH_LABEL } from "../api/names.ts";
import { isKubeObject, type KubeObject, namespaceOf } from "../api/object.ts";
import { podsPath } from "../api/paths.ts";
import { ApiError } from "../kube/apierror.ts";
import { fetchPage, type Page } from "../kube/pagedlist.ts";
import { TokenBuckets } from "../kube/tokenbuckets.ts";
import type { Reads, Requests } from "../kube/transport.ts";
import { WorkQueue } from "../kube/workqueue.ts";
import type { FileChange } from "../projection/accesschanges.ts";
import type { Target } from "../projection/target.ts";
import { type Metrics, REFRESH_WORKERS } from "./metrics.ts";
import { isServers, PodAnnotator, type PodIdentity, RETRY, RETRY_FOR_MS } from "./podannotator.ts";

export interface PodRefresherOptions {
  /** Sends nothing when this instance may not write. */
  readonly requests: Requests & Reads;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "queueObserver" | "podRefreshed" | "removalRefreshed">;
}

/** A Secret that changed. */
export type ChangedSecret = Pick<Target, "namespace" | "secretName">;

/**
 * Makes kubelet look at once at changed Secrets: finds the running pods of the namespace that have the label and mount
 * one of them, and has them annotated. They are listed when a Secret has changed and not kept.
 *
 * A pass goes over the labelled pods of a namespace page by page, for all Secrets that have changed by its beginning. It
 * fetches no page before the pods of the one before are mostly done. A Secret that changes meanwhile is gone through once
 * more when the pass is over, so a namespace that changes faster than its pods can be annotated waits for itself. Passes
 * for removals and for additions know nothing of each other, so that no removal waits for an addition.
 */
export class PodRefresher {
  /** Namespace, name of a Secret and kind of change. A pass is worked on under the key of one of its Secrets. */
  readonly secrets: WorkQueue<string>;
  /** Pods to be annotated. */
  readonly pods: WorkQueue<string>;
  readonly #o: PodRefresherOptions;
  readonly #annotator: PodAnnotator;
  /** By namespace and kind of change. */
  readonly #lanes = new Map<string, Lane>();
  readonly #listing = new TokenBuckets({ ...LISTING_MS, now: monotonic });
  readonly #refusals = new TokenBuckets({ ...REFUSALS, now: monotonic });
  readonly #warnings = new TokenBuckets({ ...WARNINGS, now: monotonic });
  readonly #failures = new TokenBuckets({ ...FAILURES, now: monotonic });

  constructor(options: PodRefresherOptions) {
    const { requests, metrics, log } = options;
    this.#o = options;
    const failed = (key: string, err: unknown) => logEvent(log, "UnexpectedError", { refresh: key, err });
    this.secrets = new WorkQueue({
      namespaceOf,
      backoff: RETRY,
      observer: { ...metrics.queueObserver("refresh"), failed },
    });
    this.#annotator = new PodAnnotator({
      requests,
      observer: { ...metrics.queueObserver("pod"), failed },
      workers: REFRESH_WORKERS.pod,
      onResult: (result) => metrics.podRefreshed(result),
      onRemoval: (seconds) => metrics.removalRefreshed(seconds),
      onFailure: ({ namespace, name }, err) => this.#logFailure(namespace, { pod: name, err }),
    });
    this.pods = this.#annotator.queue;
  }

  /** The API server has acknowledged that the Secret's files changed. Does not wait for the pods. */
  refresh({ namespace, secretName }: ChangedSecret, kind: FileChange): void {
    // What is told of a removal is told of everything.
    const isRemoval = kind === "removal" || this.#changedIn(namespace, "removal")?.has(secretName) === true;
    if (isRemoval) this.#changedIn(namespace, "addition")?.delete(secretName);
    const lane = this.#lane(namespace, isRemoval ? "removal" : "addition");
    const latest = monotonic();
    lane.changed.set(secretName, { since: lane.changed.get(secretName)?.since ?? latest, latest });
    this.#enqueue(lane, secretName);
  }

  /**
   * Works until the term ends; `signal` gives up what is under way. Begins with these Secrets as if lines had left them
   * just now: who wrote them may not have come to it. What is left at the end is for the next term, here or elsewhere, to
   * begin with.
   */
  async run(lately: Iterable<ChangedSecret>, term: AbortSignal, signal: AbortSignal): Promise<void> {
    this.#lanes.clear();
    for (const secret of lately) this.refresh(secret, "removal");
    await Promise.all([
      this.secrets.run((key) => this.#work(key, signal), REFRESH_WORKERS.refresh, term),
      this.#annotator.run(term, signal),
    ]);
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    const [namespace = "", secretName = "", kind] = key.split("/");
    const lane = this.#lane(namespace, kind as FileChange);
    const known = lane.passes.get(secretName);
    const isItsTurn = known === undefined ? this.#mayBegin(lane, secretName) : isReady(known, secretName);
    if (!isItsTurn) return this.#forgetIfIdle(lane);
    const rest = this.#listing.wait(namespace, 1);
    if (rest > 0) return this.secrets.addAfter(key, rest, PRIORITIES[lane.kind]);
    const pass = known ?? this.#begin(lane, secretName);
    if (this.#refusals.wait(namespace, 1) === 0) return await this.#goThroughPage(pass, signal);
    this.#o.metrics.podRefreshed("forbidden");
    this.#end(pass);
  }

  /** Of one that may not, the end of another pass begins it. */
  #mayBegin({ kind, changed, passCount }: Lane, secretName: string): boolean {
    return changed.has(secretName) && passCount < MAXIMUM_PASSES[kind];
  }

  /** A pass for the Secret and whatever else in its namespace has changed as it did. */
  #begin(lane: Lane, first: string): Pass {
    const pass: Pass = {
      lane,
      first,
      secrets: new Set(),
      since: Number.POSITIVE_INFINITY,
      latest: Number.NEGATIVE_INFINITY,
      next: "",
      restarts: 0,
      failingSince: undefined,
      isListed: false,
      isOver: false,
      unfinished: 0,
    };
    lane.passCount += 1;
    for (const [name, { since, latest }] of lane.changed) {
      if (lane.passes.has(name)) continue;
      lane.changed.delete(name);
      lane.passes.set(name, pass);
      pass.secrets.add(name);
      pass.since = Math.min(pass.since, since);
      pass.latest = Math.max(pass.latest, latest);
    }
    return pass;
  }

  async #goThroughPage(pass: Pass, signal: AbortSignal): Promise<void> {
    const pods: PodIdentity[] = [];
    const started = monotonic();
    try {
      const page = await this.#fetchPage(pass, signal, pods);
      this.#listing.spend(pass.lane.namespace, Math.min(MAXIMUM_PAGE_MS, monotonic() - started));
      this.secrets.forget(keyOf(pass.lane, pass.first));
      pass.failingSince = undefined;
      pass.next = page.next;
      pass.isListed = page.next === "";
      this.#annotate(pass, pods);
    } catch (error) {
      if (!(error instanceof ApiError)) {
        this.#end(pass);
        throw error;
      }
      if (!signal.aborted) this.#failed(pass, error);
    }
  }

  async #fetchPage(pass: Pass, signal: AbortSignal, pods: PodIdentity[]): Promise<Page> {
    const { secrets, next: from } = pass;
    const { namespace } = pass.lane;
    const query = { labelSelector: `${REFRESH_LABEL}=true`, fieldSelector: "status.phase=Running" };
    const collection = { transport: this.#o.requests, path: podsPath(namespace), query };
    return await fetchPage(collection, { from, limit: PAGE_SIZE }, signal, (item) => {
      if (!isKubeObject(item) || !isUpdated(item) || !mountsAnyOf(secrets, item)) return;
      pods.push({ namespace, name: item.metadata.name, uid: item.metadata.uid });
    });
  }

  #annotate(pass: Pass, pods: readonly PodIdentity[]): void {
    const { since, latest } = pass;
    const onEnd = () => {
      pass.unfinished -= 1;
      this.#goOn(pass);
    };
    const refresh = { isRemoval: pass.lane.kind === "removal", since, latest, onEnd };
    for (const pod of pods) if (this.#annotator.add(pod, refresh)) pass.unfinished += 1;
    this.#goOn(pass);
  }

  #goOn(pass: Pass): void {
    if (pass.isOver || pass.unfinished > LOW_WATER) return;
    if (pass.isListed) this.#end(pass);
    else this.#enqueue(pass.lane, pass.first);
  }

  #end(pass: Pass): void {
    const { lane, secrets } = pass;
    pass.isOver = true;
    this.secrets.forget(keyOf(lane, pass.first));
    lane.passCount -= 1;
    for (const name of secrets) lane.passes.delete(name);
    for (const name of lane.changed.keys()) this.#enqueue(lane, name);
    this.#forgetIfIdle(lane);
  }

  #failed(pass: Pass, error: ApiError): void {
    if (this.#triesAgain(pass, error)) return;
    const { namespace } = pass.lane;
    if (error.code === "Forbidden") {
      this.#o.metrics.podRefreshed("forbidden");
      this.#refusals.spend(namespace, 1);
      if (this.#warnings.take("")) logEvent(this.#o.log, "PodsForbidden", { namespace });
    } else if (error.code !== "NotFound" && error.code !== "Aborted") {
      // Neither has the namespace gone away, nor the Lease.
      this.#o.metrics.podRefreshed("unlisted");
      this.#logFailure(namespace, { err: error });
    }
    this.#end(pass);
  }

  #triesAgain(pass: Pass, error: ApiError): boolean {
    const { code, retryAfterMs = 0 } = error;
    if (code === "Expired") {
      if (pass.restarts >= MAXIMUM_RESTARTS) return false;
      pass.restarts += 1;
      pass.next = "";
      this.#enqueue(pass.lane, pass.first);
      return true;
    }
    const now = monotonic();
    pass.failingSince ??= now;
    const isLate = now + retryAfterMs - pass.failingSince >= RETRY_FOR_MS;
    if (code === "Aborted" || !isServers(error) || isLate) return false;
    this.secrets.retry(keyOf(pass.lane, pass.first), retryAfterMs);
    return true;
  }

  #enqueue(lane: Lane, secretName: string): void {
    this.secrets.add(keyOf(lane, secretName), PRIORITIES[lane.kind]);
  }

  #logFailure(namespace: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#failures.take(namespace)) logEvent(this.#o.log, "PodRefreshFailed", { namespace, ...fields });
  }

  #lane(namespace: string, kind: FileChange): Lane {
    const id = `${namespace}/${kind}`;
    let lane = this.#lanes.get(id);
    if (lane === undefined) {
      lane = { namespace, kind, changed: new Map(), passes: new Map(), passCount: 0 };
      this.#lanes.set(id, lane);
    }
    return lane;
  }

  #changedIn(namespace: string, kind: FileChange): Lane["changed"] | undefined {
    return this.#lanes.get(`${namespace}/${kind}`)?.changed;
  }

  #forgetIfIdle(lane: Lane): void {
    const id = `${lane.namespace}/${lane.kind}`;
    if (lane.changed.size + lane.passCount === 0 && this.#lanes.get(id) === lane) this.#lanes.delete(id);
  }
}

/** What is to be done in one namespace for removals, or for additions. */
interface Lane {
  readonly namespace: string;
  readonly kind: FileChange;
  /** By name the Secrets that have changed and are not gone through yet: when, first and last, in monotonic ms. */
  readonly changed: Map<string, { readonly since: number; readonly latest: number }>;
  /** The passes under way, by the name of each of their Secrets. */
  readonly passes: Map<string, Pass>;
  passCount: number;
}

interface Pass {
  readonly lane: Lane;
  /** Under whose key it is worked on. */
  readonly first: string;
  /** Names. */
  readonly secrets: Set<string>;
  /** When the first of them changed, and when one last did, in monotonic ms. */
  since: number;
  latest: number;
  /** Where the next page begins; "" for the first. */
  next: string;
  /** How often it had to begin anew. */
  restarts: number;
  /** Since when every list has failed, in monotonic ms. */
  failingSince: number | undefined;
  /** Has the last page been read? */
  isListed: boolean;
  isOver: boolean;
  /** Pods that it found and that are not done with. */
  unfinished: number;
}

/** Is the next page due, and is it this Secret under whose key the pass is worked on? */
function isReady({ first, isListed, unfinished }: Pass, secretName: string): boolean {
  return first === secretName && !isListed && unfinished <= LOW_WATER;
}

function keyOf({ namespace, kind }: Lane, secretName: string): string {
  return `${namespace}/${secretName}/${kind}`;
}

/** The parts of a core/v1 Pod that are read, as far as one can trust it to be one. */
interface PodObject extends KubeObject {
  readonly spec?: {
    readonly volumes?: readonly {
      readonly secret?: { readonly secretName?: string };
      readonly projected?: { readonly sources?: readonly { readonly secret?: { readonly name?: string } }[] };
    }[];
  };
}

function mountsAnyOf(secrets: ReadonlySet<string>, { spec }: PodObject): boolean {
  return (spec?.volumes ?? []).some(
    ({ secret, projected }) =>
      secrets.has(secret?.secretName ?? "") ||
      (projected?.sources ?? []).some((source) => secrets.has(source.secret?.name ?? "")),
  );
}

/** Of a pod that is being terminated kubelet updates no volume. */
function isUpdated({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp === undefined;
}

function monotonic(): number {
  return performance.now();
}

const PRIORITIES = { removal: "removal", addition: "normal" } as const;

/** Pods on a page. */
const PAGE_SIZE = 250;

/** The next page is fetched when no more pods than this are left of those before. */
const LOW_WATER = 50;

/** Passes of one namespace that go on at once: a Secret that everybody mounts must not hold up all others. */
const MAXIMUM_PASSES = { removal: 4, addition: 2 } as const;

/** A continue token lives for five minutes by default. */
const MAXIMUM_RESTARTS = 3;

/** In ms: so long may the lists of one namespace take at once, and then a quarter of the time. */
const LISTING_MS = { burst: 5000, refillMs: 4 };

/** No page costs more of that, however long it took: most of it may have been the server's. */
const MAXIMUM_PAGE_MS = 2000;

/** A namespace whose pods may not be listed is not asked about again for 10 s. */
const REFUSALS = { burst: 1, refillMs: 10_000 };

/** For all namespaces together: mostly the right is missing for all. */
const WARNINGS = { burst: 1, refillMs: 3_600_000 };
const FAILURES = { burst: 1, refillMs: 60_000 };
