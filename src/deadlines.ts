/** Keys with a time each, the soonest first: a binary heap that knows where each key is. All operations cost O(log n). */
export class Deadlines<K> {
  readonly #heap: Deadline<K>[] = [];
  readonly #byKey = new Map<K, Deadline<K>>();

  /** The soonest time, or undefined when there is none. */
  get soonest(): number | undefined {
    return this.#heap[0]?.at;
  }

  /** The key whose time that is. */
  get first(): K | undefined {
    return this.#heap[0]?.key;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** The time of `key`. */
  at(key: K): number | undefined {
    return this.#byKey.get(key)?.at;
  }

  /** Sets or replaces the time of `key`. */
  set(key: K, at: number): void {
    let deadline = this.#byKey.get(key);
    if (deadline === undefined) {
      deadline = { key, at, index: this.#heap.length };
      this.#byKey.set(key, deadline);
      this.#heap.push(deadline);
    }
    deadline.at = at;
    this.#rise(deadline);
    this.#sink(deadline);
  }

  /** Removes `key`; returns whether it was there. */
  delete(key: K): boolean {
    const deadline = this.#byKey.get(key);
    if (deadline === undefined) return false;
    this.#byKey.delete(key);
    const last = this.#heap.pop();
    if (last !== undefined && last !== deadline) {
      this.#place(last, deadline.index);
      this.#rise(last);
      this.#sink(last);
    }
    return true;
  }

  /** Removes and returns the key with the soonest time if that is no later than `now`. */
  takeDue(now: number): { readonly key: K } | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.delete(first.key);
    return first;
  }

  #rise(deadline: Deadline<K>): void {
    for (;;) {
      const parent = this.#heap[(deadline.index - 1) >> 1];
      if (parent === undefined || parent.at <= deadline.at) return;
      this.#swap(parent, deadline);
    }
  }

  #sink(deadline: Deadline<K>): void {
    for (;;) {
      const left = this.#heap[2 * deadline.index + 1];
      const right = this.#heap[2 * deadline.index + 2];
      const sooner = left !== undefined && right !== undefined && right.at < left.at ? right : left;
      if (sooner === undefined || deadline.at <= sooner.at) return;
      this.#swap(deadline, sooner);
    }
  }

  #swap(upper: Deadline<K>, lower: Deadline<K>): void {
    const { index } = lower;
    this.#place(lower, upper.index);
    this.#place(upper, index);
  }

  #place(deadline: Deadline<K>, index: number): void {
    deadline.index = index;
    this.#heap[index] = deadline;
  }
}

interface Deadline<K> {
  readonly key: K;
  at: number;
  index: number;
}
