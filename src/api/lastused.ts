import type { SSHKeyStatus } from "./sshkey.generated.ts";
import { parseRFC3339 } from "./time.ts";

const DAY_MS = 86_400_000;

/** What of a status says when its key was used. */
interface Used {
  readonly fingerprint?: string | undefined;
  readonly lastUsed?: SSHKeyStatus["lastUsed"] | null;
}

/**
 * The day on which the key that the status speaks of was last used, as its first moment in ms since the epoch. Undefined
 * where nothing is reported, and for what counts as nothing: a report of another key, or of a day that has not come yet
 * anywhere on earth.
 */
export function lastUse({ fingerprint, lastUsed }: Used, now: number): number | undefined {
  if (fingerprint === undefined || lastUsed?.fingerprint !== fingerprint) return undefined;
  const time = timeOf(lastUsed.time);
  return time === undefined || time > now + DAY_MS ? undefined : dayOf(time);
}

/**
 * Since when nobody has used the key, as far as is reported, in ms since the epoch: since the day of its last use, or else
 * since the SSHKey was created, at `created`, or its key became this one.
 */
export function unusedSince(status: SSHKeyStatus, created: number, now: number): number {
  return latestUse({ created, claimed: timeOf(status.claimedSince), used: lastUse(status, now) }, now);
}

/** The same, of times in ms since the epoch. A day of use that has not come yet counts as none. */
export function latestUse(
  times: {
    readonly created: number;
    readonly claimed: number | undefined;
    readonly used: number | undefined;
  },
  now: number,
): number {
  const { created, claimed = created, used = created } = times;
  return Math.max(created, claimed <= now ? claimed : created, used <= now + DAY_MS ? used : created);
}

/** The first moment of the day, in UTC, of a time in ms since the epoch. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY_MS) * DAY_MS;
}

/** Of whatever stands there: the CRD may have been changed. */
function timeOf(value: unknown): number | undefined {
  return typeof value === "string" ? parseRFC3339(value) : undefined;
}
