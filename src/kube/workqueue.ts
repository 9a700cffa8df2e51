import { setImmediate } from "node:timers/promises";
import { type BackoffOptions, backoffDelay } from "./backoff.ts";
import { DelayingQueue } from "./delayingqueue.ts";
import { FairQueue, type Priority } from "./fairqueue.ts";

export type { Priority } from "./fairqueue.ts";

export interface WorkQueueOptions<K> {
  /** The namespace that pays for the work on a key. */
  readonly namespaceOf: (key: K) => string;
  /** Delay of each key's retries; default 5 ms to 5 minutes. */
  readonly backoff?: BackoffOptions;
  /** How long work may run before it yields to the event loop, in ms; default 10. */
  readonly sliceMs?: number;
  readonly observer?: WorkQueueObserver;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** Hooks for metrics. */
export interface WorkQueueObserver {
  /** A key was added that was not waiting yet. */
  added?(): void;
  /** A key was requeued with backoff. */
  retried?(): void;
  /** A worker took a key that had waited this long. */
  started?(queueSeconds: number): void;
  /** A worker finished with a key. */
  finished?(workSeconds: number): void;
  /** `process` rejected; the key is retried. */
  failed?(key: string, error: unknown): void;
}

export type Process<K> = (key: K, signal: AbortSignal) => Promise<void>;

/** The longest hold of a removal unless `hold` is given another one. */
const MAX_REMOVAL_HOLD_MS = 150;

/**
 * A work queue as in client-go (Add, AddAfter; `retry` is AddRateLimited, `attempts` NumRequeues, `forget` Forget; Get
 * and Done are in `run`), served round robin by namespace (see FairQueue). A key waits once however often it is added, is
 * never with two workers at a time, and one added while it is worked on is worked on again. No key is lost: not by a
 * failure, and not when `run` ends, after which the next `run` goes on with the keys left.
 */
export class WorkQueue<K extends string> {
  readonly #backoff: BackoffOptions;
  readonly #sliceMs: number;
  readonly #observer: WorkQueueObserver;
  readonly #now: () => number;
  readonly #waiting: FairQueue<K>;
  readonly #delayed: DelayingQueue<K>;
  readonly #working = new Map<K, { priority: Priority; since: number }>();
  /** Keys that were added while they were worked on. */
  readonly #again = new Map<K, Priority>();
  readonly #attempts = new Map<K, number>();
  #progressAt = 0;
  #sliceStarted = Number.NEGATIVE_INFINITY;
  /** Workers that wait for the next slice, in the order in which they came. */
  readonly #yielding = new Set<symbol>();
  #run: Run<K> | undefined;

  constructor(options: WorkQueueOptions<K>) {
    const { namespaceOf, backoff, sliceMs = 10, observer = {}, now = () => performance.now() } = options;
    this.#backoff = backoff ?? { initialMs: 5, maxMs: 300_000 };
    this.#sliceMs = sliceMs;
    this.#observer = observer;
    this.#now = now;
    this.#waiting = new FairQueue(namespaceOf);
    this.#delayed = new DelayingQueue({ now, onDue: (key, priority) => this.add(key, priority) });
  }

  /** How many keys wait to be taken; without those worked on and those to be added later. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** How many keys are being worked on. */
  get working(): number {
    return this.#working.size;
  }

  /** For how many seconds each of them has been worked on. */
  get workingSeconds(): readonly number[] {
    const now = this.#now();
    return Array.from(this.#working.values(), ({ since }) => (now - since) / 1000);
  }

  /**
   * Seconds since an item was last finished, while any is in progress; 0 when idle. For a liveness probe: one key that
   * takes long is no stall as long as others get finished.
   */
  get secondsSinceProgress(): number {
    return this.#working.size === 0 ? 0 : (this.#now() - this.#progressAt) / 1000;
  }

  /** Enqueues `key`. A removal raises the priority of a key that waits as normal; a normal add never lowers it. */
  add(key: K, priority: Priority = "normal"): void {
    if (!this.#working.has(key)) {
      this.#enqueue(key, priority);
      this.#dispatch();
    } else if (this.#again.get(key) !== "removal") {
      this.#again.set(key, priority);
    }
  }

  /**
   * Adds `key` in `ms` milliseconds of the monotonic clock, which stands still while a machine is suspended. Of several
   * times for one key and priority the earliest counts; after it the key is not added again, so work that depends on a
   * later time has to call this again.
   */
  addAfter(key: K, ms: number, priority: Priority = "normal"): void {
    if (ms <= 0) this.add(key, priority);
    else this.#delayed.addAt(key, this.#now() + ms, priority);
  }

  /**
   * Holds `key`: it is not dequeued for `ms` milliseconds, or `removalMs` as a removal, whoever adds it; adds meanwhile
   * become one add at the end of the hold. Of several holds the longest counts. Does not add the key.
   */
  hold(key: K, ms: number, removalMs = Math.min(ms, MAX_REMOVAL_HOLD_MS)): void {
    const now = this.#now();
    this.#delayed.hold(key, { normal: now + ms, removal: now + removalMs });
    const waitsAs = this.#waiting.priorityOf(key);
    if (waitsAs === undefined || this.#delayed.heldUntil(key, waitsAs) === undefined) return;
    this.#waiting.remove(key);
    this.#enqueue(key, waitsAs);
  }

  /**
   * Adds `key` after its next backoff, by default with the priority that it is worked on with. It is held for
   * `minDelayMs` (Retry-After), whoever adds it. Returns the delay in milliseconds.
   */
  retry(key: K, minDelayMs = 0, priority: Priority = this.#working.get(key)?.priority ?? "normal"): number {
    const attempts = this.attempts(key);
    this.#attempts.set(key, attempts + 1);
    this.#observer.retried?.();
    const now = this.#now();
    if (minDelayMs > 0) this.hold(key, minDelayMs, minDelayMs);
    const heldUntil = this.#delayed.heldUntil(key, priority) ?? now;
    const at = Math.max(now + backoffDelay(this.#backoff, attempts), heldUntil);
    this.#delayed.addAt(key, at, priority);
    return at - now;
  }

  /** Resets the backoff of `key` after a success: its next retry has the first delay again. */
  forget(key: K): void {
    this.#attempts.delete(key);
  }

  /** How often `key` was retried since it was last forgotten. */
  attempts(key: K): number {
    return this.#attempts.get(key) ?? 0;
  }

  /**
   * Works on keys until `signal` aborts, then waits for the work in progress. If `process` rejects, the key is retried;
   * for another delay `process` calls `retry` itself. Rejects with a TypeError while another run is in progress.
   */
  async run(process: Process<K>, concurrency: number, signal: AbortSignal): Promise<void> {
    if (this.#run !== undefined) {
      throw new TypeError("the work queue is running already: end that run first");
    }
    if (signal.aborted) return;
    const run: Run<K> = { process, concurrency, signal, drained: Promise.withResolvers() };
    this.#run = run;
    const stop = () => {
      this.#delayed.stop();
      this.#drain(run);
    };
    signal.addEventListener("abort", stop, { once: true });
    this.#delayed.start();
    this.#dispatch();
    await run.drained.promise;
    this.#run = undefined;
  }

  #enqueue(key: K, priority: Priority): void {
    const heldUntil = this.#delayed.heldUntil(key, priority);
    if (heldUntil === undefined) {
      if (this.#waiting.add(key, priority, this.#now())) this.#observer.added?.();
      return;
    }
    const isRemovalDelayed = this.#delayed.has(key, "removal");
    this.#delayed.addAt(key, heldUntil, isRemovalDelayed ? "removal" : priority);
  }

  #dispatch(): void {
    const run = this.#run;
    while (run !== undefined && !run.signal.aborted && this.#working.size < run.concurrency) {
      const next = this.#waiting.take(run.concurrency - this.#working.size);
      if (next === undefined) return;
      const now = this.#now();
      if (this.#working.size === 0) this.#progressAt = now;
      const work = { priority: next.priority, since: now };
      this.#working.set(next.key, work);
      this.#observer.started?.((now - next.since) / 1000);
      void this.#work(run, next.key, work);
    }
  }

  async #work(run: Run<K>, key: K, work: { since: number }): Promise<void> {
    await this.#yieldToEventLoop();
    work.since = this.#now();
    try {
      await run.process(key, run.signal);
    } catch (error) {
      this.#observer.failed?.(key, error);
      this.retry(key);
    }
    const now = this.#now();
    this.#observer.finished?.((now - work.since) / 1000);
    this.#progressAt = now;
    this.#working.delete(key);
    this.#waiting.release(key);
    const priority = this.#again.get(key);
    if (priority !== undefined) {
      this.#again.delete(key);
      this.#enqueue(key, priority);
    }
    this.#drain(run);
    this.#dispatch();
  }

  /**
   * Work that never waits, as on 100,000 keys that need no write, must not delay timers and sockets. All workers share a
   * slice: each that goes on after another one has used it up would make it longer.
   */
  async #yieldToEventLoop(): Promise<void> {
    if (!this.#isSliceOver) return;
    const self = Symbol();
    this.#yielding.add(self);
    const isFirst = () => this.#yielding.values().next().value === self;
    do {
      const over = this.#sliceStarted;
      await setImmediate();
      // Whoever has waited longest begins the next one: a worker with work as long as a slice would else keep others waiting.
      if (this.#sliceStarted === over && isFirst()) this.#sliceStarted = performance.now();
    } while (this.#isSliceOver || !isFirst());
    this.#yielding.delete(self);
  }

  get #isSliceOver(): boolean {
    return performance.now() - this.#sliceStarted > this.#sliceMs;
  }

  #drain(run: Run<K>): void {
    if (run.signal.aborted && this.#working.size === 0) run.drained.resolve();
  }
}

interface Run<K> {
  readonly process: Process<K>;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly drained: PromiseWithResolvers<void>;
}
