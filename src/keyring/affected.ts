/**
 * Units whose plan may have changed, by id. `soon`: a Secret may have to change; `later`: at most what a status says
 * about another key.
 */
export type Affected = ReadonlyMap<string, "soon" | "later">;

/** Affected units while they are being collected. */
export type AffectedSoFar = Map<string, "soon" | "later">;

/** Adds the units of `from`; `soon` outweighs `later`. */
export function merge(into: AffectedSoFar, from: Affected): void {
  for (const [id, when] of from) if (into.get(id) !== "soon") into.set(id, when);
}
