/** A strict total order: which of two items comes first. */
export type Order<T> = (a: T, b: T) => boolean;

/**
 * A set in a fixed order. Lookup is binary; adding and removing move the items behind.
 */
export class SortedSet<T> {
  readonly #items: T[] = [];
  readonly #isBefore: Order<T>;

  constructor(isBefore: Order<T>) {
    this.#isBefore = isBefore;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#items.splice(position(this.#items, item, this.#isBefore), 0, item);
  }

  remove(item: T): void {
    const at = position(this.#items, item, this.#isBefore);
    if (this.#items[at] === item) this.#items.splice(at, 1);
  }
}

/** The sorted array with the item in its place. */
export function inserted<T>(items: readonly T[], item: T, isBefore: Order<T>): readonly T[] {
  return items.toSpliced(position(items, item, isBefore), 0, item);
}

/** The sorted array without the item. */
export function withdrawn<T>(items: readonly T[], item: T, isBefore: Order<T>): readonly T[] {
  const at = position(items, item, isBefore);
  return items[at] === item ? items.toSpliced(at, 1) : items;
}

function position<T>(items: readonly T[], item: T, isBefore: Order<T>): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(items[middle] as T, item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
