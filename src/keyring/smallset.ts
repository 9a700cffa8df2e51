/** A set that most often has one item or none, and then needs no Set: there are hundreds of thousands of them. */
export class SmallSet<T extends string> {
  #items: T | Set<T> | undefined;

  get size(): number {
    return this.#items === undefined ? 0 : typeof this.#items === "string" ? 1 : this.#items.size;
  }

  has(item: T): boolean {
    return this.#items instanceof Set ? this.#items.has(item) : this.#items === item;
  }

  add(item: T): void {
    if (this.has(item)) return;
    if (this.#items === undefined) this.#items = item;
    else if (this.#items instanceof Set) this.#items.add(item);
    else this.#items = new Set([this.#items, item]);
  }

  delete(item: T): void {
    if (this.#items instanceof Set) this.#items.delete(item);
    else if (this.#items === item) this.#items = undefined;
  }

  *[Symbol.iterator](): Iterator<T> {
    if (this.#items instanceof Set) yield* this.#items;
    else if (this.#items !== undefined) yield this.#items;
  }
}
