import type { Priority } from "./workqueue.ts";

/** Until when a key must not come up. */
export interface Hold {
  /** On the clock of whoever holds. */
  readonly until: number;
  /** Of what comes up when it is over, at least. */
  readonly priority: Priority;
}

/** Keys that must not come up yet. Those that may again are forgotten when they are asked for. */
export class Holds<K> {
  readonly #holds = new Map<K, Hold>();

  /** Holds `key`, unless it is held for longer already. */
  setLatest(key: K, hold: Hold): void {
    if (hold.until > (this.#holds.get(key)?.until ?? Number.NEGATIVE_INFINITY)) this.#holds.set(key, hold);
  }

  /** What holds `key` at the time `now`, or undefined. */
  at(key: K, now: number): Hold | undefined {
    const hold = this.#holds.get(key);
    if (hold === undefined || hold.until > now) return hold;
    this.#holds.delete(key);
    return undefined;
  }
}
