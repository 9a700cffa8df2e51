/**
 * The order in which everybody gets an equal share of what is not enough for all: whoever has less before it comes first. Where
 * one's own stand in it depends on nothing that others have. What is equal stays in its order.
 */
export function inTurn<T>(
  items: readonly T[],
  whose: (item: T) => string,
  sizeOf: (item: T) => number,
): readonly T[] {
  const taken = new Map<string, number>();
  const placed = items.map((item) => {
    const before = taken.get(whose(item)) ?? 0;
    taken.set(whose(item), before + sizeOf(item));
    return { item, before };
  });
  return placed.sort((a, b) => a.before - b.before).map(({ item }) => item);
}
