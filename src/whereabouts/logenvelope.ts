/** What a program wrote in one line of its log. */
export interface LogMessage {
  readonly text: string;
  /** The first time in front of it, as the log has it; of journald in RFC 3339. What stands behind it is the program's. */
  readonly time: string | undefined;
}

/** What is in one line of a log. */
export interface UnwrappedLine {
  /** Mostly one; several where a field of the journal was given twice. */
  readonly messages: readonly LogMessage[];
  /** Has journalctl left out the message, because it is long? */
  readonly isCut: boolean;
}

/**
 * Takes off what syslog, the journal, the container runtime, Docker and kubectl put around a line, given without its line
 * feed. What is not understood is the message. Linear in the length of the line.
 *
 * In a message may stand what an attacker chose, so a prefix is taken off only where it is known as a whole, from the
 * start of the line on.
 */
export function unwrapLine(line: string): UnwrappedLine {
  const outer = withoutEnvelope(line.replace(/^\x1e/, "").replace(/^data: ?/, ""));
  const entry = outer.text.startsWith("{") ? parsedObject(outer.text) : undefined;
  return (entry && readEntry(entry, outer.time)) ?? { messages: [outer], isCut: false };
}

/**
 * An object of `journalctl -o json` or of Docker's json-file; undefined for any other. Behind a time of somebody else's the
 * object is what a program wrote, and so is the time in it.
 */
function readEntry(
  entry: Readonly<Record<string, unknown>>,
  before: string | undefined,
): UnwrappedLine | undefined {
  const { MESSAGE, log, time } = entry;
  const isJournal = "MESSAGE" in entry || "__CURSOR" in entry || "__REALTIME_TIMESTAMP" in entry;
  if (!isJournal && typeof log !== "string") return undefined;
  const outerTime = before ?? (isJournal ? journalTime(entry.__REALTIME_TIMESTAMP) : stringOf(time));
  const texts = isJournal ? journalMessages(MESSAGE) : [stringOf(log) ?? ""];
  const messages = texts
    .flatMap((text) => text.split("\n"))
    .map((text) => {
      const inner = withoutEnvelope(text);
      return { text: inner.text, time: outerTime ?? inner.time };
    });
  return { messages, isCut: isJournal && MESSAGE === null };
}

/** A field of the journal: a string, the numbers of its bytes if they are no plain text, or a list if it was given twice. */
function journalMessages(field: unknown): readonly string[] {
  if (typeof field === "string") return [field];
  if (!Array.isArray(field)) return [];
  if (field.every(isByte)) return [Buffer.from(field).toString("utf8")];
  return field.flatMap((each: unknown) => {
    if (typeof each === "string") return [each];
    return Array.isArray(each) && each.every(isByte) ? [Buffer.from(each).toString("utf8")] : [];
  });
}

function isByte(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 256;
}

/** Microseconds since the epoch, as a string. */
function journalTime(field: unknown): string | undefined {
  const ms = typeof field === "string" && /^\d{1,17}$/.test(field) ? Math.floor(Number(field) / 1000) : NaN;
  return ms <= LATEST_MS ? new Date(ms).toISOString() : undefined;
}

const LATEST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/** The object of a JSON text; undefined where it is none. */
export function parsedObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    // A broken line is read as any other text.
    return undefined;
  }
}

function stringOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function withoutEnvelope(line: string): LogMessage {
  let rest = line.endsWith("\r") ? line.slice(0, -1) : line;
  const header = RFC5424.exec(rest);
  if (header !== null) return { text: rest.slice(header[0].length), time: header[1] };
  let time: string | undefined;
  for (let round = 0; round < MOST_ENVELOPES; round += 1) {
    const stamp = TIMES.map((pattern) => pattern.exec(rest)).find((found) => found !== null);
    if (stamp !== null && stamp !== undefined) time ??= stamp[0].trim();
    const envelope = stamp ?? ENVELOPES.map((pattern) => pattern.exec(rest)).find((found) => found !== null);
    if (envelope === null || envelope === undefined) break;
    rest = rest.slice(envelope[0].length);
  }
  // A host stands behind a time only: a word of the message must not be taken for it.
  const tag = (time === undefined ? TAG : HOST_AND_TAG).exec(rest);
  if (tag !== null) rest = rest.slice(tag[0].length);
  const level = LEVEL.exec(rest);
  if (level !== null) rest = rest.slice(level[0].length);
  return { text: rest, time };
}

/** Of a runtime's line with a line of syslog in it, with kubectl's prefix and time before both: enough. */
const MOST_ENVELOPES = 6;

const TIMES = [
  // RFC 3339, and what journalctl and rsyslog make of it.
  /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)? /,
  // RFC 3164, with a weekday or a year in some programs.
  /^(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,9})?(?: \d{4})? /,
  // journalctl -o short-full, short-unix and short-monotonic.
  /^[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})? [A-Z+\-\d]{1,6} /,
  /^\d{1,11}\.\d{6} /,
  /^\[ {0,12}\d{1,12}\.\d{1,9}\] /,
];

const ENVELOPES = [
  // kubectl logs --prefix.
  /^\[pod\/[^\]\s]{1,600}\] /,
  // A line in the files of a container runtime, behind its time.
  /^std(?:out|err) [FP] /,
  // docker compose logs.
  /^[^\s|]{1,200} {1,100}\| /,
  // The priority of syslog, and the field of journalctl -o export.
  /^<\d{1,3}>/,
  /^MESSAGE=/,
];

const TAG = /^[^\s:[\]]{1,64}(?:\[\d{1,10}\])?: /;
// The facility is BusyBox's.
const HOST_AND_TAG =
  /^(?:\S{0,254}[^\s:] )?(?:(?:auth|authpriv|daemon|local\d|user)\.[a-z]{1,8} )?[^\s:[\]]{1,64}(?:\[\d{1,10}\])?: /;
// Priority, version, time, host, program, process, message id and structured data.
const RFC5424 = /^<\d{1,3}>1 (\d{4}-\S{1,40}) \S{1,255} \S{1,48} \S{1,128} \S{1,32} (?:-|\[[^\]]{0,2000}\]) /;
const LEVEL = /^(?:debug[123]|verbose|info|error|fatal): /;
