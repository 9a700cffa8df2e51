/** Keys with a time each, the soonest first. Setting, taking and looking cost O(log n) or less; nothing stale stays. */
export class Deadlines<K> {
  readonly #heap: Deadline<K>[] = [];
  readonly #byKey = new Map<K, Deadline<K>>();

  /** The soonest time, or undefined when there is none. */
  get soonest(): number | undefined {
    return this.#heap[0]?.at;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Gives `key` the time `at`, unless it has an earlier one. */
  setEarliest(key: K, at: number): void {
    const known = this.#byKey.get(key);
    if (known === undefined) {
      const deadline = { key, at, index: this.#heap.length };
      this.#byKey.set(key, deadline);
      this.#heap.push(deadline);
      this.#rise(deadline);
    } else if (at < known.at) {
      known.at = at;
      this.#rise(known);
    }
  }

  /** Removes and gives the key whose time is soonest if that is no later than `now`. */
  takeDue(now: number): K | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) {
      return undefined;
    }
    this.#byKey.delete(first.key);
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#place(last, 0);
      this.#sink(last);
    }
    return first.key;
  }

  #rise(deadline: Deadline<K>): void {
    for (;;) {
      const parent = this.#heap[(deadline.index - 1) >> 1];
      if (parent === undefined || parent.at <= deadline.at) {
        return;
      }
      this.#swap(parent, deadline);
    }
  }

  #sink(deadline: Deadline<K>): void {
    for (;;) {
      const left = this.#heap[2 * deadline.index + 1];
      const right = this.#heap[2 * deadline.index + 2];
      const sooner = left !== undefined && right !== undefined && right.at < left.at ? right : left;
      if (sooner === undefined || deadline.at <= sooner.at) {
        return;
      }
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
