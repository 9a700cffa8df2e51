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
    insert(this.#items, item, this.#isBefore);
  }

  remove(item: T): void {
    withdraw(this.#items, item, this.#isBefore);
  }
}

/** Puts the item into its place of a sorted array. */
export function insert<T>(items: T[], item: T, isBefore: Order<T>): void {
  items.splice(position(items, item, isBefore), 0, item);
}

/** Takes the item out of a sorted array, if it is there. */
export function withdraw<T>(items: T[], item: T, isBefore: Order<T>): void {
  const at = position(items, item, isBefore);
  if (items[at] === item) items.splice(at, 1);
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
