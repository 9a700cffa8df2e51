/**
 * The moment that a date and time of RFC 3339 names, in milliseconds since the epoch; undefined for any other text.
 * Takes all that section 5.6 takes in at most MAX_TIME_CHARACTERS: t and z in small letters, -00:00, any number of
 * fraction digits (what is finer than a millisecond is cut off), and the leap second.
 *
 * A leap second is taken where one can be: as the last second of a UTC month (section 5.7) from 1970 to 2099. Which
 * months have one is known half a year ahead only, so no table could hold what an expiry date needs. It is the same
 * moment as the first second of the next month, as POSIX counts.
 *
 * What an offset moves out of the years 0000 to 9999 counts as their first or last moment, so that the result can be
 * written in four digits again.
 */
export function parseRFC3339(text: string): number | undefined {
  if (text.length > MAX_TIME_CHARACTERS) return undefined;
  const parts = RFC3339.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const [, , , , , , , fraction = "", sign = "", offsetHours = "0", offsetMinutes = "0"] = parts;
  if (!isDate(year, month, day)) return undefined;
  const moment = new Date(0);
  moment.setUTCFullYear(year, month - 1, day);
  moment.setUTCHours(hour, minute, Math.min(second, 59), Number(fraction.padEnd(3, "0").slice(0, 3)));
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * MINUTE_MS;
  const time = moment.getTime() - (sign === "-" ? -offset : offset);
  if (second < 60) return Math.min(Math.max(time, EARLIEST), LATEST);
  return year >= 1970 && year <= 2099 && isLastOfMonth(time) ? time + 1000 : undefined;
}

function isDate(year: number, month: number, day: number): boolean {
  const isLeapYear = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 && isLeapYear ? 29 : DAYS[month - 1];
  return days !== undefined && day >= 1 && day <= days;
}

function isLastOfMonth(time: number): boolean {
  const next = new Date(Math.floor(time / 1000) * 1000 + 1000);
  return next.getUTCDate() === 1 && next.getTime() % DAY_MS === 0;
}

/** The CRD's maxLength of a time. */
export const MAX_TIME_CHARACTERS = 64;

const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const DAYS: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const EARLIEST = Date.parse("0000-01-01T00:00:00Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");

/** RFC 3339 in UTC, whole seconds, as Kubernetes writes times. `ms` since the epoch, rounded down. */
export function formatRFC3339(ms: number): string {
  const second = Math.floor(ms / 1000);
  // All conditions of a status mostly have changed in one second.
  if (second !== last.second)
    last = { second, text: `${new Date(second * 1000).toISOString().slice(0, 19)}Z` };
  return last.text;
}

let last = { second: Number.NaN, text: "" };

/** `milliseconds` since the epoch as metav1.MicroTime: RFC 3339 in UTC with exactly six decimals. */
export function formatMicroTime(milliseconds: number): string {
  const whole = Math.floor(milliseconds);
  const micros = Math.floor((milliseconds - whole) * 1000);
  return `${new Date(whole).toISOString().slice(0, -1)}${String(micros).padStart(3, "0")}Z`;
}
