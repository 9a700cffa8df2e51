import { parseRFC3339 } from "../api/time.ts";

/**
 * The moment that a time in front of a line of a log names, in ms since the epoch; undefined for what names none. Takes
 * those that KeyMention.time has: RFC 3339 and what journalctl and rsyslog make of it, RFC 3164, and journalctl's short-full
 * and short-unix. A time without an offset is local. One without a year is the last such time that is not to come.
 */
export function readLogTime(text: string, now: number): number | undefined {
  const iso = ISO.exec(text);
  if (iso !== null) {
    const [, date, time, fraction = "", offset = ""] = iso;
    return parseRFC3339(
      `${date}T${time}${fraction.replace(",", ".")}${offset.replace(/(\d\d)(\d\d)$/, "$1:$2")}`,
    );
  }
  const unix = UNIX.exec(text);
  if (unix !== null) return Number(unix[1]) * 1000;
  const full = SHORT_FULL.exec(text);
  if (full !== null) return localTime(`${full[1]}T${full[2]}`);
  const syslog = SYSLOG.exec(text);
  return syslog === null ? undefined : syslogTime(syslog, now);
}

const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)([.,]\d{1,9})?(Z|[+-]\d\d:?\d\d)$/;
const UNIX = /^(\d{9,11})\.\d{6}$/;
const SHORT_FULL = /^[A-Z][a-z]{2} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,9})? \S{1,6}$/;
const SYSLOG =
  /^(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) ([ \d]\d) (?:(\d{4}) )?(\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?: (\d{4}))?$/;

function syslogTime(parts: RegExpExecArray, now: number): number | undefined {
  const [, name = "", day = "", before, time = "", behind] = parts;
  const month = MONTHS.indexOf(name) + 1;
  if (month === 0) return undefined;
  const inYear = (year: number) =>
    localTime(`${year}-${String(month).padStart(2, "0")}-${day.trim().padStart(2, "0")}T${time}`);
  const said = before ?? behind;
  if (said !== undefined) return inYear(Number(said));
  const year = new Date(now).getFullYear();
  // 29 February may be that of some years ago.
  for (let each = year; each > year - YEARS_BACK; each -= 1) {
    const moment = inYear(each);
    if (moment !== undefined && moment <= now + CLOCKS_DIFFER_MS) return moment;
  }
  return undefined;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const YEARS_BACK = 9;
const CLOCKS_DIFFER_MS = 86_400_000;

/** Undefined for a date that there is not. */
function localTime(text: string): number | undefined {
  const moment = new Date(text);
  const isThere = !Number.isNaN(moment.getTime()) && moment.getDate() === Number(text.slice(8, 10));
  return isThere ? moment.getTime() : undefined;
}
