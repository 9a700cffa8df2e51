/** Calls `act` for 0 to count - 1, so many at a time. */
export async function inTurns(
  count: number,
  atOnce: number,
  act: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const workers = Array.from({ length: atOnce }, async () => {
    while (next < count) {
      next += 1;
      await act(next - 1);
    }
  });
  await Promise.all(workers);
}

/** Calls `act` for each item, a group of this size at a time. */
export async function inGroups<T>(
  items: readonly T[],
  size: number,
  act: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < items.length; start += size) {
    await Promise.all(items.slice(start, start + size).map(act));
  }
}
