/** Keys in the order they came, each once. Adding, taking and removing cost O(1). */
export class Fifo<K> {
  /** Key to the time it came. */
  readonly #waiting = new Map<K, number>();
  #keys = this.#waiting.entries();

  get size(): number {
    return this.#waiting.size;
  }

  has(key: K): boolean {
    return this.#waiting.has(key);
  }

  /** Adds a key that is not in it yet, with the time it came. */
  add(key: K, since: number): void {
    this.#waiting.set(key, since);
  }

  /** Removes `key` and gives the time it came, or undefined when it is not there. */
  remove(key: K): number | undefined {
    const since = this.#waiting.get(key);
    this.#waiting.delete(key);
    return since;
  }

  /** Removes and gives the oldest key. */
  take(): { key: K; since: number } | undefined {
    // The iterator is kept: a new one would walk again over the holes that taken keys leave at the front of the map.
    let entry = this.#keys.next();
    if (entry.done) {
      this.#keys = this.#waiting.entries();
      entry = this.#keys.next();
    }
    if (entry.done) {
      return undefined;
    }
    const [key, since] = entry.value;
    this.#waiting.delete(key);
    return { key, since };
  }
}
