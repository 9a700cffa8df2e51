/** The wall clock may be set while a timer runs, and a timer longer than 2^31 - 1 ms (25 days) fires at once. */
const LONGEST_TIMER_MS = 60_000;

/** One point in wall-clock time to be told of; a later `set` moves it. */
export class Deadline {
  readonly #now: () => number;
  readonly #onReached: () => void;
  #at: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `now` in ms since the epoch. */
  constructor(now: () => number, onReached: () => void) {
    this.#now = now;
    this.#onReached = onReached;
  }

  /** ms since the epoch; undefined for never. */
  set(at: number | undefined): void {
    if (at === this.#at) return;
    this.#at = at;
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#at === undefined) return;
    const wait = Math.max(0, this.#at - this.#now());
    this.#timer = setTimeout(() => this.#check(), Math.min(wait, LONGEST_TIMER_MS));
  }

  #check(): void {
    if (this.#at !== undefined && this.#at <= this.#now()) {
      this.#at = undefined;
      this.#onReached();
    } else this.#arm();
  }
}
