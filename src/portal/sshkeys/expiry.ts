import { formatRFC3339, parseRFC3339 } from "../../api/time.ts";
import type { Policy } from "../../claims/policy.ts";

/** How far zones are from UTC, in ms: from UTC-12 to UTC+14. */
const WEST_MS = 12 * 60 * 60 * 1000;
const EAST_MS = 14 * 60 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The last second of a day, YYYY-MM-DD, in RFC 3339: in the reader's zone where the browser says when that is, otherwise in
 * UTC. What is no day is given back as it is, and is no time either; undefined for no day.
 */
export function endOfDay(day: string, atReader: string): string | undefined {
  if (day === "") return undefined;
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(day)) return day;
  const inUTC = `${day}T23:59:59Z`;
  const [end, said] = [parseRFC3339(inUTC), parseRFC3339(atReader)];
  // What the browser said of another day counts for nothing.
  const isOfDay = end !== undefined && said !== undefined && said >= end - EAST_MS && said <= end + WEST_MS;
  return isOfDay ? formatRFC3339(said) : inUTC;
}

/** The last day that the policy lets a new key live in every zone, YYYY-MM-DD; undefined without a limit. `now` in ms since the epoch. */
export function latestDay({ maximumLifetime }: Policy, now: number): string | undefined {
  if (maximumLifetime === undefined) return undefined;
  return formatRFC3339(now + maximumLifetime - WEST_MS - DAY_MS + 1000).slice(0, 10);
}
