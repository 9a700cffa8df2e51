/** How many there are of each. What there is none of has no entry. */
export class Tally<K> extends Map<K, number> {
  add(key: K, by: number): void {
    const count = (this.get(key) ?? 0) + by;
    if (count === 0) this.delete(key);
    else this.set(key, count);
  }
}
