import { dayOf, latestUse } from "../api/lastused.ts";
import { Tally } from "../tally.ts";
import type { SSHKeyRecord } from "./record.ts";

/**
 * How many keys nobody has used since when. Kept by days, of which there are no more than the cluster is old: what is
 * counted does not grow with the SSHKeys.
 */
export class UnusedKeys {
  readonly #days = new Tally<number>();

  /** `day`: as unusedDay gives it. */
  add(day: number | undefined, by: number): void {
    if (day !== undefined) this.#days.add(day, by);
  }

  /** How many have not been used for `ms` milliseconds at `now`. */
  count(now: number, ms: number): number {
    let count = 0;
    for (const [day, keys] of this.#days) if (day <= now - ms) count += keys;
    return count;
  }
}

/**
 * The day since which nobody has used a key that works, as far as is reported: its first moment, in ms since the epoch.
 * Undefined for keys that do not work, as the status says it.
 */
export function unusedDay({ observed, createdAt }: SSHKeyRecord, now: number): number | undefined {
  const { state, claimedSince, lastUsed } = observed;
  if (state !== "Projected" && state !== "Accepted") return undefined;
  return dayOf(latestUse({ created: createdAt, claimed: claimedSince, used: lastUsed }, now));
}
