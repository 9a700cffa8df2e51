import { Deadlines } from "../deadlines.ts";
import type { Priority } from "./fairqueue.ts";

/** Node fires a timer at once when its delay does not fit in 31 bits. */
const longestTimerMs = 2 ** 31 - 1;

const priorities = ["removal", "normal"] as const;

export interface DelayingQueueOptions<K> {
  /** Called for each key whose time has come, while the queue is started. */
  readonly onDue: (key: K, priority: Priority) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * Keys that are to come up later, and keys that are held: not to come up before some time. All operations cost
 * O(log n); one timer serves all keys.
 */
export class DelayingQueue<K> {
  readonly #options: DelayingQueueOptions<K>;
  readonly #due: Record<Priority, Deadlines<K>> = { removal: new Deadlines(), normal: new Deadlines() };
  readonly #held: Record<Priority, Deadlines<K>> = { removal: new Deadlines(), normal: new Deadlines() };
  #isStarted = false;
  #timer: NodeJS.Timeout | undefined;
  /** When it fires. */
  #timerAt = Infinity;

  constructor(options: DelayingQueueOptions<K>) {
    this.#options = options;
  }

  /** Lets keys come up; what became due while it was stopped does so at once. */
  start(): void {
    this.#isStarted = true;
    this.#setTimer();
  }

  /** Keeps all keys. */
  stop(): void {
    this.#isStarted = false;
    this.#clearTimer();
  }

  /** Has `key` come up at `at`. Of several times for one key and priority the earliest counts. */
  addAt(key: K, at: number, priority: Priority): void {
    const due = this.#due[priority];
    if (at >= (due.at(key) ?? Infinity)) return;
    due.set(key, at);
    if (at < this.#timerAt) this.#setTimer();
  }

  /** Is `key` to come up later with this priority? */
  has(key: K, priority: Priority): boolean {
    return this.#due[priority].at(key) !== undefined;
  }

  /** Holds `key` until these times; a longer hold stays as it is. */
  hold(key: K, until: Readonly<Record<Priority, number>>): void {
    this.#forgetHoldsThatAreOver();
    for (const priority of priorities) {
      const held = this.#held[priority];
      if (until[priority] > (held.at(key) ?? Number.NEGATIVE_INFINITY)) held.set(key, until[priority]);
    }
  }

  /** Until when `key` may not come up with this priority; undefined when it may now. */
  heldUntil(key: K, priority: Priority): number | undefined {
    this.#forgetHoldsThatAreOver();
    return this.#held[priority].at(key);
  }

  #forgetHoldsThatAreOver(): void {
    const now = this.#options.now();
    for (const priority of priorities) {
      while (this.#held[priority].takeDue(now) !== undefined);
    }
  }

  #setTimer(): void {
    this.#clearTimer();
    const soonest = Math.min(this.#due.removal.soonest ?? Infinity, this.#due.normal.soonest ?? Infinity);
    if (soonest === Infinity || !this.#isStarted) return;
    this.#timerAt = soonest;
    const delay = Math.min(Math.max(Math.ceil(soonest - this.#options.now()), 0), longestTimerMs);
    this.#timer = setTimeout(() => this.#comeUp(), delay);
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #comeUp(): void {
    const now = this.#options.now();
    for (const priority of priorities) {
      const due = this.#due[priority];
      for (let first = due.takeDue(now); first !== undefined; first = due.takeDue(now)) {
        this.#options.onDue(first.key, priority);
      }
    }
    this.#setTimer();
  }
}
