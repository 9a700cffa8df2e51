import { setImmediate } from "node:timers/promises";
import { type BackoffOptions, backoffDelay } from "./backoff.ts";
import { Deadlines } from "./deadlines.ts";
import { Fifo } from "./fifo.ts";
import { type Hold, Holds } from "./holds.ts";

export type Priority = "high" | "low";

export interface WorkQueueOptions {
  /** Delay of each key's retries; default 5 ms to 5 minutes. */
  readonly backoff?: BackoffOptions;
  readonly observer?: WorkQueueObserver;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** What a queue tells of itself, for metrics. */
export interface WorkQueueObserver {
  /** A key was added that was not waiting yet. */
  added?(): void;
  /** A key will be tried again. */
  retried?(): void;
  /** A worker took a key that had waited this long. */
  started?(queueSeconds: number): void;
  /** A worker finished with a key. */
  finished?(workSeconds: number): void;
  /** `process` rejected; the key is retried. */
  failed?(error: unknown): void;
}

export type Process<K> = (key: K, signal: AbortSignal) => Promise<void>;

/** Of the keys taken while both priorities wait, one in this many is a low one. */
const lowShare = 8;

/** The share of the workers that low keys may have at once, so that a high one finds a free worker. */
const lowWorkers = 0.125;

/** How long work goes on before the event loop has its turn. */
const longestTurnMs = 10;

/** Node fires a timer at once when its delay does not fit in 31 bits. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Keys that need work. A key waits once however often it is added, is never with two workers at a time, and one added
 * while it is worked on is worked on again. No key is lost: not by a failure, and not by `run` ending, after which
 * keys are kept and taken up by the next `run`.
 */
export class WorkQueue<K extends string> {
  readonly #backoff: BackoffOptions;
  readonly #observer: WorkQueueObserver;
  readonly #now: () => number;
  readonly #waiting: Record<Priority, Fifo<K>> = { high: new Fifo(), low: new Fifo() };
  /** Key to when its work began. */
  readonly #working = new Map<K, number>();
  /** Those of them that were taken with low priority. */
  readonly #workingLow = new Set<K>();
  /** Keys that came while they were worked on. */
  readonly #again = new Map<K, Priority>();
  readonly #later: Record<Priority, Deadlines<K>> = { high: new Deadlines(), low: new Deadlines() };
  /** Keys that must not come up yet. */
  readonly #held = new Holds<K>();
  readonly #attempts = new Map<K, number>();
  #taken = 0;
  #turnStarted = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #run: Run<K> | undefined;

  constructor(options: WorkQueueOptions = {}) {
    this.#backoff = options.backoff ?? { initialMs: 5, maxMs: 300_000 };
    this.#observer = options.observer ?? {};
    this.#now = options.now ?? (() => performance.now());
  }

  /** How many keys wait to be taken; without those worked on and those for later. */
  get depth(): number {
    return this.#waiting.high.size + this.#waiting.low.size;
  }

  /** How many keys are being worked on. */
  get working(): number {
    return this.#working.size;
  }

  /** For how many seconds each of them has been worked on. */
  get workingSeconds(): readonly number[] {
    const now = this.#now();
    return Array.from(this.#working.values(), (since) => (now - since) / 1000);
  }

  /** How many keys wait for their time. */
  get later(): number {
    return this.#later.high.size + this.#later.low.size;
  }

  /** Asks for work on `key`. A high add lifts a key that waits with low priority; a low add never lowers one. */
  add(key: K, priority: Priority = "high"): void {
    if (this.#working.has(key)) {
      if (this.#again.get(key) !== "high") {
        this.#again.set(key, priority);
      }
      return;
    }
    this.#enqueue(key, priority);
    this.#dispatch();
  }

  /**
   * Adds `key` in `ms` milliseconds of the monotonic clock, which stands still while a machine is suspended. Of several
   * times for one key and priority the earliest counts; it is used up when it comes, so work that depends on a time
   * has to ask again.
   */
  addAfter(key: K, ms: number, priority: Priority = "high"): void {
    if (ms <= 0) {
      this.add(key, priority);
      return;
    }
    this.#setAt(key, this.#now() + ms, priority);
  }

  /**
   * Adds `key` after its next backoff. Until `minDelayMs` have passed (Retry-After) it does not come up, whoever adds
   * it meanwhile; if anybody does, it comes up then, with the higher priority. Gives the delay in milliseconds.
   */
  retry(key: K, minDelayMs = 0, priority: Priority = "high"): number {
    const attempts = this.#attempts.get(key) ?? 0;
    this.#attempts.set(key, attempts + 1);
    this.#observer.retried?.();
    const now = this.#now();
    if (minDelayMs > 0) this.#hold(key, { until: now + minDelayMs, priority });
    const at = Math.max(now + backoffDelay(this.#backoff, attempts), this.#held.at(key, now)?.until ?? now);
    this.#setAt(key, at, priority);
    return at - now;
  }

  /** The work on `key` went well: its next retry has the first delay again. */
  forget(key: K): void {
    this.#attempts.delete(key);
  }

  /** How often `key` was retried since it was last forgotten. */
  attempts(key: K): number {
    return this.#attempts.get(key) ?? 0;
  }

  /**
   * Works on keys until `signal` aborts, then waits for the work that has begun. A rejection of `process` is a retry;
   * to have another delay, `process` calls `retry` itself. Rejects with a TypeError while another run goes on.
   */
  async run(process: Process<K>, concurrency: number, signal: AbortSignal): Promise<void> {
    if (this.#run !== undefined) {
      throw new TypeError("the work queue is running already: end that run first");
    }
    if (signal.aborted) {
      return;
    }
    const run: Run<K> = { process, concurrency, signal, drained: Promise.withResolvers() };
    this.#run = run;
    const stop = () => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#drain(run);
    };
    signal.addEventListener("abort", stop, { once: true });
    this.#setTimer();
    this.#dispatch();
    await run.drained.promise;
    this.#run = undefined;
  }

  #enqueue(key: K, priority: Priority): void {
    const now = this.#now();
    const hold = this.#held.at(key, now);
    if (hold !== undefined) {
      this.#setAt(key, hold.until, priority === "high" ? "high" : hold.priority);
      return;
    }
    const { high, low } = this.#waiting;
    if (high.has(key)) {
      return;
    }
    const lowSince = low.has(key) && priority === "high" ? low.remove(key) : undefined;
    if (lowSince !== undefined) {
      high.add(key, lowSince);
    } else if (!low.has(key)) {
      this.#waiting[priority].add(key, now);
      this.#observer.added?.();
    }
  }

  /** The next key for a worker; undefined when those that wait have to wait on. */
  #take(concurrency: number): { key: K; since: number } | undefined {
    const { high, low } = this.#waiting;
    const mayTakeLow = low.size > 0 && this.#workingLow.size < Math.max(1, concurrency * lowWorkers);
    this.#taken += 1;
    const isLowsTurn = high.size === 0 || this.#taken % lowShare === 0;
    if (!mayTakeLow || !isLowsTurn) return high.take();
    const next = low.take();
    if (next !== undefined) this.#workingLow.add(next.key);
    return next;
  }

  #dispatch(): void {
    const run = this.#run;
    while (run !== undefined && !run.signal.aborted && this.#working.size < run.concurrency) {
      const next = this.#take(run.concurrency);
      if (next === undefined) return;
      const now = this.#now();
      this.#working.set(next.key, now);
      this.#observer.started?.((now - next.since) / 1000);
      void this.#work(run, next.key);
    }
  }

  async #work(run: Run<K>, key: K): Promise<void> {
    await this.#letOthersRun();
    const started = this.#now();
    this.#working.set(key, started);
    try {
      await run.process(key, run.signal);
    } catch (error) {
      this.#observer.failed?.(error);
      this.retry(key);
    }
    this.#observer.finished?.((this.#now() - started) / 1000);
    this.#working.delete(key);
    this.#workingLow.delete(key);
    const priority = this.#again.get(key);
    if (priority !== undefined) {
      this.#again.delete(key);
      this.#enqueue(key, priority);
    }
    this.#drain(run);
    this.#dispatch();
  }

  /** Work that waits for nothing, as on 100,000 keys in order, must not hold up timers and sockets. */
  async #letOthersRun(): Promise<void> {
    if (performance.now() - this.#turnStarted > longestTurnMs) {
      await setImmediate();
      this.#turnStarted = performance.now();
    }
  }

  #drain(run: Run<K>): void {
    if (run.signal.aborted && this.#working.size === 0) {
      run.drained.resolve();
    }
  }

  #hold(key: K, hold: Hold): void {
    this.#held.setLatest(key, hold);
    for (const priority of ["high", "low"] as const) {
      if (this.#waiting[priority].remove(key) !== undefined) this.#enqueue(key, priority);
    }
  }

  #setAt(key: K, at: number, priority: Priority): void {
    this.#later[priority].setEarliest(key, at);
    this.#setTimer();
  }

  /** One timer for all keys, for the soonest. */
  #setTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const soonest = Math.min(this.#later.high.soonest ?? Infinity, this.#later.low.soonest ?? Infinity);
    if (soonest === Infinity || this.#run === undefined || this.#run.signal.aborted) {
      return;
    }
    const delay = Math.min(Math.max(Math.ceil(soonest - this.#now()), 0), longestTimerMs);
    this.#timer = setTimeout(() => this.#addDue(), delay);
  }

  #addDue(): void {
    const now = this.#now();
    for (const priority of ["high", "low"] as const) {
      const later = this.#later[priority];
      for (let key = later.takeDue(now); key !== undefined; key = later.takeDue(now)) {
        this.add(key, priority);
      }
    }
    this.#setTimer();
  }
}

interface Run<K> {
  readonly process: Process<K>;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  readonly drained: PromiseWithResolvers<void>;
}
