import { KEYS_CHANGED_ANNOTATION } from "../api/names.ts";
import { namespaceOf } from "../api/object.ts";
import { METADATA_ONLY, podPath, WRITE_QUERY } from "../api/paths.ts";
import { formatMicroTime } from "../api/time.ts";
import { ApiError } from "../kube/apierror.ts";
import { sleep } from "../kube/sleep.ts";
import { TokenBuckets } from "../kube/tokenbuckets.ts";
import type { Requests } from "../kube/transport.ts";
import { WorkQueue, type WorkQueueObserver } from "../kube/workqueue.ts";
import type { RefreshResult } from "./metrics.ts";

/** One pod, and none that comes after it under the same name. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Why a pod is annotated. Times are monotonic ms. */
export interface Refresh {
  readonly isRemoval: boolean;
  /** When the first write that it is for was acknowledged. */
  readonly since: number;
  /** When the last one was: what the pod was annotated before that does not count. */
  readonly latest: number;
  /** Called once, later, when nothing is to be done about the pod any more, however that ended. */
  readonly onEnd: () => void;
}

export interface PodAnnotatorOptions {
  readonly requests: Requests;
  readonly observer: WorkQueueObserver;
  readonly workers: number;
  /** One patch has ended, or is given up. */
  readonly onResult: (result: RefreshResult) => void;
  /** The first patch of a removal has come through, so many seconds after its Secret's write was acknowledged. */
  readonly onRemoval: (seconds: number) => void;
  /** A pod is given up because of this error. */
  readonly onFailure: (pod: PodIdentity, error: ApiError) => void;
}

/**
 * Annotates pods so that kubelet synchronises them: round robin by namespace, removals first, at most 100 patches a second
 * together. A pod that waits is annotated once for all the Secrets that it waits for. For a removal it is annotated a
 * second time SECOND_PATCH_MS later, since kubelet may hear of the pod before it hears of the Secret; for additions once in
 * ADDITIONS_MS.
 */
export class PodAnnotator {
  readonly queue: WorkQueue<string>;
  readonly #o: PodAnnotatorOptions;
  readonly #pods = new Map<string, PodWork>();
  /** What was annotated in the last RECENT_MS, the oldest first. What the pod itself says could be anybody's. */
  readonly #recent = new Map<string, Annotated>();
  readonly #rate = new TokenBuckets({ ...PATCHES, now: () => performance.now() });

  constructor(options: PodAnnotatorOptions) {
    this.#o = options;
    this.queue = new WorkQueue({ namespaceOf, backoff: RETRY, observer: options.observer });
  }

  /** Annotates the pod as soon as may be. False if it has been annotated since; then `onEnd` is not called. */
  add(pod: PodIdentity, { isRemoval, since, latest, onEnd }: Refresh): boolean {
    const key = `${pod.namespace}/${pod.name}/${pod.uid}`;
    const annotatedAt = this.#recent.get(key)?.at ?? Number.NEGATIVE_INFINITY;
    if (annotatedAt > latest + (isRemoval ? SECOND_PATCH_MS : 0)) return false;
    let work = this.#pods.get(key);
    if (work === undefined) {
      const times = { removedAt: undefined, failingSince: undefined };
      work = { pod, patches: 0, isRemoval, dueAt: 0, onEnd: [], ...times };
      this.#pods.set(key, work);
    }
    work.onEnd.push(onEnd);
    if (isRemoval) {
      work.isRemoval = true;
      work.patches = 2;
      work.dueAt = 0;
      work.removedAt ??= since;
      this.queue.add(key, "removal");
    } else if (work.patches === 0) {
      work.isRemoval = false;
      work.patches = 1;
      this.queue.addAfter(key, this.#early(key, work));
    }
    return true;
  }

  /** Annotates until the term ends; `signal` gives up what is under way. What is left then is forgotten. */
  async run(term: AbortSignal, signal: AbortSignal): Promise<void> {
    this.#pods.clear();
    await this.queue.run((key) => this.#work(key, signal), this.#o.workers, term);
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    const work = this.#pods.get(key);
    if (work === undefined || work.patches === 0) return;
    const early = this.#early(key, work);
    if (early > 0) return this.queue.addAfter(key, early, work.isRemoval ? "removal" : "normal");
    await this.#untilAllowed(signal);
    if (signal.aborted) return;
    work.patches -= 1;
    const { isRemoval } = work;
    const sentAt = performance.now();
    try {
      await this.#patch(work.pod, signal);
      this.#note(key, isRemoval, sentAt);
      this.#succeeded(key, work, sentAt);
    } catch (error) {
      if (!(error instanceof ApiError)) {
        this.#end(key, work);
        throw error;
      }
      if (!signal.aborted) this.#failed(key, work, error);
    }
    if (work.patches === 0) this.#end(key, work);
  }

  /** By how many ms it is too early. */
  #early(key: string, { isRemoval, dueAt }: PodWork): number {
    const addedAt = this.#recent.get(key)?.addedAt ?? Number.NEGATIVE_INFINITY;
    return Math.max(dueAt, isRemoval ? 0 : addedAt + ADDITIONS_MS) - performance.now();
  }

  #note(key: string, isRemoval: boolean, at: number): void {
    const { addedAt = Number.NEGATIVE_INFINITY } = this.#recent.get(key) ?? {};
    this.#recent.delete(key);
    this.#recent.set(key, { at, addedAt: isRemoval ? addedAt : at });
    for (const [oldest, noted] of this.#recent) {
      if (noted.at > at - RECENT_MS) return;
      this.#recent.delete(oldest);
    }
  }

  #succeeded(key: string, work: PodWork, sentAt: number): void {
    this.#o.onResult("annotated");
    work.failingSince = undefined;
    this.queue.forget(key);
    // A removal that has come meanwhile waits for the next patch.
    if (work.removedAt !== undefined && work.removedAt <= sentAt) {
      this.#o.onRemoval((performance.now() - work.removedAt) / 1000);
      work.removedAt = undefined;
    }
    if (work.patches !== 1 || !work.isRemoval) return;
    work.dueAt = performance.now() + SECOND_PATCH_MS;
    this.queue.addAfter(key, SECOND_PATCH_MS, "removal");
  }

  #failed(key: string, work: PodWork, error: ApiError): void {
    const now = performance.now();
    const { code, retryAfterMs = 0 } = error;
    // It went away by itself, or the Lease did.
    if (code === "NotFound" || code === "Aborted" || isOfAnotherPod(error)) {
      if (code !== "Aborted") this.#o.onResult("gone");
      work.patches = 0;
      return;
    }
    work.failingSince ??= now;
    // A conflict is with somebody who writes the pod at the same time.
    const mayPass = isServers(error) || code === "Conflict";
    if (mayPass && now + retryAfterMs - work.failingSince < RETRY_FOR_MS) {
      work.patches = Math.min(2, work.patches + 1);
      this.queue.retry(key, retryAfterMs);
      return;
    }
    work.patches = 0;
    this.#o.onResult(mayPass ? "failed" : "refused");
    this.#o.onFailure(work.pod, error);
  }

  #end(key: string, work: PodWork): void {
    if (this.#pods.get(key) !== work) return;
    this.#pods.delete(key);
    this.queue.forget(key);
    for (const onEnd of work.onEnd) onEnd();
  }

  async #untilAllowed(signal: AbortSignal): Promise<void> {
    const wait = this.#rate.wait("", 1);
    this.#rate.spend("", 1);
    if (wait > 0) await sleep(wait, signal);
  }

  /** Of the pod the UID and the annotation are sent and nothing else; for another pod of that name that is refused. */
  async #patch({ namespace, name, uid }: PodIdentity, signal: AbortSignal): Promise<void> {
    // What changes within a millisecond is a change all the same.
    const now = Date.now() + (performance.now() % 1);
    const annotations = { [KEYS_CHANGED_ANNOTATION]: formatMicroTime(now) };
    await this.#o.requests.request({
      method: "PATCH",
      path: podPath(namespace, name),
      query: WRITE_QUERY,
      contentType: "application/merge-patch+json",
      accept: METADATA_ONLY,
      body: { metadata: { uid, annotations } },
      signal,
    });
  }
}

interface PodWork {
  readonly pod: PodIdentity;
  /** How often it is still to be annotated, without the patch that is under way. */
  patches: number;
  isRemoval: boolean;
  /** When the next of these is due, in monotonic ms. */
  dueAt: number;
  /** When the removal was acknowledged for which it has not been annotated yet. */
  removedAt: number | undefined;
  /** Since when every patch has failed. */
  failingSince: number | undefined;
  readonly onEnd: (() => void)[];
}

/** Is it the server's failure, which may pass, and no judgement on the patch? */
export function isServers({ status }: ApiError): boolean {
  return status < 400 || status >= 500 || status === 401 || status === 408 || status === 429;
}

/** Has the name another pod by now? It was made anew, with the new Secret. */
function isOfAnotherPod({ code, causes }: ApiError): boolean {
  return code === "Invalid" && causes.some(({ field }) => field === "metadata.uid");
}

/** When a pod was annotated, in monotonic ms: at all, and for an addition. */
interface Annotated {
  readonly at: number;
  readonly addedAt: number;
}

/** At most 100 in any second: a burst, and what is refilled meanwhile. */
const PATCHES = { burst: 9, refillMs: 11 };

const SECOND_PATCH_MS = 500;

const ADDITIONS_MS = 10_000;

/** At least ADDITIONS_MS; as long as a continue token lives. Memory is bounded: 100 pods a second are annotated at most. */
const RECENT_MS = 300_000;

export const RETRY = { initialMs: 50, maxMs: 5000 };

/** By then kubelet has mostly come by itself. */
export const RETRY_FOR_MS = 30_000;
