import { Deadlines } from "../deadlines.ts";
import type { Priority } from "./fairqueue.ts";

/** Node fires a timer at once when its delay does not fit in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const PRIORITIES = ["removal", "normal"] as const;

export interface DelayingQueueOptions<K> {
  /** Called for each key that is due, while the queue is started. */
  readonly onDue: (key: K, priority: Priority) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * Keys to be added later (client-go: AddAfter), and holds: a held key is not added before its hold ends. All operations
 * cost O(log n); one timer serves all keys.
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

  /** Starts adding keys that are due; those that became due while it was stopped are added at once. */
  start(): void {
    this.#isStarted = true;
    this.#setTimer();
  }

  /** Stops adding; all keys are kept. */
  stop(): void {
    this.#isStarted = false;
    this.#clearTimer();
  }

  /** Has `key` added at `at`. Of several times for one key and priority the earliest counts. */
  addAt(key: K, at: number, priority: Priority): void {
    const due = this.#due[priority];
    if (at >= (due.at(key) ?? Infinity)) return;
    due.set(key, at);
    if (at < this.#timerAt) this.#setTimer();
  }

  /** Is `key` to be added later with this priority? */
  has(key: K, priority: Priority): boolean {
    return this.#due[priority].at(key) !== undefined;
  }

  /** Holds `key` until these times; a longer hold stays as it is. */
  hold(key: K, until: Readonly<Record<Priority, number>>): void {
    this.#dropExpiredHolds();
    for (const priority of PRIORITIES) {
      const held = this.#held[priority];
      if (until[priority] > (held.at(key) ?? Number.NEGATIVE_INFINITY)) held.set(key, until[priority]);
    }
  }

  /** Until when `key` is held with this priority; undefined when it is not. */
  heldUntil(key: K, priority: Priority): number | undefined {
    this.#dropExpiredHolds();
    return this.#held[priority].at(key);
  }

  #dropExpiredHolds(): void {
    const now = this.#options.now();
    for (const priority of PRIORITIES) {
      while (this.#held[priority].takeDue(now) !== undefined);
    }
  }

  #setTimer(): void {
    this.#clearTimer();
    const soonest = Math.min(this.#due.removal.soonest ?? Infinity, this.#due.normal.soonest ?? Infinity);
    if (soonest === Infinity || !this.#isStarted) return;
    this.#timerAt = soonest;
    const delay = Math.min(Math.max(Math.ceil(soonest - this.#options.now()), 0), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => this.#addDue(), delay);
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #addDue(): void {
    const now = this.#options.now();
    for (const priority of PRIORITIES) {
      const due = this.#due[priority];
      for (let first = due.takeDue(now); first !== undefined; first = due.takeDue(now)) {
        this.#options.onDue(first.key, priority);
      }
    }
    this.#setTimer();
  }
}
