/** A line is tried again after this long, in ms: whatever rejected it may be gone. */
const RETRY_AFTER_MS = 5 * 60_000;

/** So many lines rejected one after another, with none accepted in between, are not each at fault. */
const MAXIMUM_IN_A_ROW = 3;

/**
 * Finds the lines with which the API server rejects a Secret, by halving what is added, and leaves them out for a while, so
 * that one user's key never keeps out those of others. A refusal of everything (a quota, a policy) is not searched through.
 * Lines are told by their data key and text; times are ms since the epoch.
 */
export class RejectionSearch {
  readonly #rejected = new Map<string, number>();
  /** How many lines are added at most; undefined: all that are wanted. */
  #most: number | undefined;
  #inARow = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  get most(): number | undefined {
    return this.#most;
  }

  /** Is any line left out? */
  get hasRejected(): boolean {
    return this.#rejected.size > 0;
  }

  /** When the first of them is tried again. */
  get nextRetry(): number | undefined {
    return this.hasRejected ? Math.min(...this.#rejected.values()) + RETRY_AFTER_MS : undefined;
  }

  isRejected(line: string, now: number): boolean {
    const since = this.#rejected.get(line);
    if (since === undefined) return false;
    if (now < since + RETRY_AFTER_MS) return true;
    this.#rejected.delete(line);
    return false;
  }

  /**
   * The API server has rejected a write that adds these lines. Says whether it is worthwhile to write again at once: with less,
   * or without one of them.
   */
  rejected(added: readonly string[], now: number): boolean {
    const [first] = added;
    if (first === undefined || now < this.#pausedUntil) return false;
    if (added.length > 1) {
      this.#most = Math.ceil(added.length / 2);
      return true;
    }
    this.#most = undefined;
    this.#inARow += 1;
    if (this.#inARow <= MAXIMUM_IN_A_ROW) {
      this.#rejected.set(first, now);
      return true;
    }
    this.#rejected.clear();
    this.#inARow = 0;
    this.#pausedUntil = now + RETRY_AFTER_MS;
    return false;
  }

  /** Everything that only takes lines out is rejected as well: no line is at fault. */
  rejectedAll(now: number): void {
    this.#most = undefined;
    this.#inARow = 0;
    this.#pausedUntil = now + RETRY_AFTER_MS;
  }

  /** A write was accepted that adds some lines; `isWhole`: all that are wanted. */
  accepted(isWhole: boolean): void {
    this.#inARow = 0;
    this.#most = isWhole || this.#most === undefined ? undefined : 2 * this.#most;
  }
}
