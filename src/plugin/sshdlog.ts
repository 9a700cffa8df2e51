/** What a line of a log says of one key. */
export interface KeyMention {
  /** `SHA256:…` without padding, or sixteen hex pairs of MD5 with colons between. */
  readonly fingerprint: string;
  readonly outcome: Outcome;
  /** The login that was asked for, as sshd writes it: not that it exists. */
  readonly user?: string;
  /** As sshd writes it: an IP address, or `UNKNOWN`. */
  readonly address?: string;
  readonly port?: number;
  /** The time in front of the message, as the log has it; of journald in RFC 3339. */
  readonly time?: string;
}

/**
 * What became of the key. `accepted`: it logged in. `partial`: it was right, and sshd asks for more than a key. `failed`: it
 * was refused. `offered`: it stands in the file, and nobody has signed with it yet. `mentioned`: the line is none that sshd
 * writes of a login.
 */
export type Outcome = "accepted" | "partial" | "failed" | "offered" | "mentioned";

/** What is in one line of a log. */
export interface LogLine {
  /** Empty where the line speaks of no key. */
  readonly mentions: readonly KeyMention[];
  /** Has journalctl left out the message, because it is long? */
  readonly isCut: boolean;
}

/**
 * Reads one line, without its line feed, of what sshd writes to stderr, syslog or the journal, and of what kubectl, the
 * container runtime and journalctl put around it. What is not understood is no error. Linear in the length of the line.
 *
 * Names of users are chosen by whoever connects, so a message counts as sshd's only where it begins behind a prefix that is
 * known as a whole, and addresses are taken from the end of the line, which sshd writes itself.
 */
export function readLogLine(line: string): LogLine {
  const text = line.replace(/^\x1e/, "").replace(/^data: ?/, "");
  const { message, time } = withoutEnvelope(text);
  const entry = message.startsWith("{") ? parsedObject(message) : undefined;
  if (entry === undefined) return { mentions: mentionsIn(message, time), isCut: false };
  return readEntry(entry, message, time);
}

/** An object of `journalctl -o json`, of Docker's json-file, or another program's line. */
function readEntry(
  entry: Readonly<Record<string, unknown>>,
  text: string,
  time: string | undefined,
): LogLine {
  const { MESSAGE, log } = entry;
  const isJournal = "MESSAGE" in entry || "__CURSOR" in entry || "__REALTIME_TIMESTAMP" in entry;
  if (!isJournal && typeof log !== "string") return { mentions: mentionsIn(text, time), isCut: false };
  const at = isJournal ? journalTime(entry.__REALTIME_TIMESTAMP) : stringOf(entry.time);
  const messages = isJournal ? journalMessages(MESSAGE) : [stringOf(log) ?? ""];
  const mentions = messages.flatMap((each) =>
    each.split("\n").flatMap((part) => {
      const inner = withoutEnvelope(part);
      return mentionsIn(inner.message, at ?? inner.time);
    }),
  );
  return { mentions, isCut: isJournal && MESSAGE === null };
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

function parsedObject(text: string): Readonly<Record<string, unknown>> | undefined {
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

/** What sshd wrote, and the first time that stands in front of it. */
function withoutEnvelope(line: string): { readonly message: string; readonly time: string | undefined } {
  let rest = line.endsWith("\r") ? line.slice(0, -1) : line;
  const header = RFC5424.exec(rest);
  if (header !== null) return { message: rest.slice(header[0].length), time: header[1] };
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
  return { message: rest, time };
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

function mentionsIn(message: string, time: string | undefined): readonly KeyMention[] {
  const at = time === undefined ? {} : { time };
  const whole = message.endsWith(PREAUTH) ? message.slice(0, -PREAUTH.length) : message;
  const attempt = ATTEMPT.exec(whole);
  if (attempt !== null) {
    const [start, word = ""] = attempt;
    const found = attemptIn(whole.slice(start.length));
    if (found === "unclear") return otherMentions(whole).map((each) => ({ ...each, ...at }));
    return found === undefined ? [] : [{ ...found, outcome: OUTCOMES[word] ?? "offered", ...at }];
  }
  // Another way to log in: what looks like a fingerprint there is a name that somebody chose.
  if (OTHER_ATTEMPT.test(whole)) return [];
  for (const { pattern, outcome } of STATEMENTS) {
    const fingerprint = pattern.exec(whole)?.[1];
    if (fingerprint !== undefined) return [{ fingerprint: bare(fingerprint), outcome, ...at }];
  }
  return otherMentions(whole).map((each) => ({ ...each, ...at }));
}

const PREAUTH = " [preauth]";

/** auth_log in OpenSSH's auth.c. */
const ATTEMPT = /^(Accepted|Failed|Partial|Postponed) publickey for /;
const OTHER_ATTEMPT = /^(?:Accepted|Failed|Partial|Postponed) [^\s/]{1,64}(?:\/\S{1,64})? for /;
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  Accepted: "accepted",
  Failed: "failed",
  Partial: "partial",
  Postponed: "offered",
};

const FINGERPRINT = `SHA256:[A-Za-z0-9+/]{43}|(?:MD5:)?(?:[0-9a-f]{2}:){15}[0-9a-f]{2}`;
const TYPE = "[A-Z0-9-]{2,40}";

/** `USER from ADDRESS port PORT ssh2[: KEY]`; undefined without a key, `unclear` where one line can be read in two ways. */
function attemptIn(rest: string): Omit<KeyMention, "outcome"> | "unclear" | undefined {
  const from = rest.lastIndexOf(" from ");
  const plain = PLAIN_END.exec(rest.slice(Math.max(from, 0)));
  if (plain !== null) {
    const [, address = "", port = "", fingerprint] = plain;
    return fingerprint === undefined ? undefined : mention(rest.slice(0, from), address, port, fingerprint);
  }
  // The name in a certificate may hold anything, and so may the user's: which is which must be beyond doubt.
  const [only, ...others] = rest.matchAll(CERTIFICATE_START);
  const end = CERTIFICATE_END.exec(rest);
  if (only === undefined) return undefined;
  if (others.length > 0 || end === null) return "unclear";
  const [, address = "", port = "", own] = only;
  return mention(rest.slice(0, only.index), address, port, own ?? end[1] ?? "");
}

function mention(login: string, address: string, port: string, fingerprint: string) {
  const user = login.startsWith(INVALID_USER) ? login.slice(INVALID_USER.length) : login;
  return { fingerprint: bare(fingerprint), user, address, port: Number(port) };
}

const INVALID_USER = "invalid user ";
const PLAIN_END = new RegExp(
  `^ from (\\S{1,255}) port (\\d{1,5})(?: ssh2)?(?:: ${TYPE} (${FINGERPRINT})=?)?$`,
);
// Before OpenSSH 7.8 the fingerprint of the authority is the only one.
const CERTIFICATE_START = new RegExp(
  ` from (\\S{1,255}) port (\\d{1,5}) ssh2: ${TYPE}-CERT (?:(${FINGERPRINT}) )?ID `,
  "g",
);
const CERTIFICATE_END = new RegExp(` \\(serial \\d{1,20}\\) CA ${TYPE} (${FINGERPRINT})$`);

/** Other lines in which sshd names a key (auth2-pubkey.c, auth2-pubkeyfile.c and auth.c, since OpenSSH 6). */
const STATEMENTS: readonly { readonly pattern: RegExp; readonly outcome: Outcome }[] = [
  { pattern: new RegExp(`^Accepted key ${TYPE} (${FINGERPRINT}) found at `), outcome: "offered" },
  { pattern: new RegExp(`^Found matching ${TYPE} key: (${FINGERPRINT})$`), outcome: "offered" },
  {
    pattern: new RegExp(
      `^userauth_pubkey: (?:publickey )?test:? pkalg \\S{1,100} pkblob ${TYPE} (${FINGERPRINT})(?:$| )`,
    ),
    outcome: "offered",
  },
  {
    pattern: new RegExp(`^Authentication key ${TYPE} (${FINGERPRINT}) revoked by file `),
    outcome: "failed",
  },
];

/** Of a line of another kind every fingerprint, once. */
function otherMentions(message: string): readonly KeyMention[] {
  const found = new Set<string>();
  for (const [fingerprint] of message.matchAll(ANY_FINGERPRINT)) {
    found.add(bare(fingerprint));
    if (found.size === MOST_MENTIONS) break;
  }
  return [...found].map((fingerprint) => ({ fingerprint, outcome: "mentioned" }));
}

const ANY_FINGERPRINT = /SHA256:[A-Za-z0-9+/]{43}|MD5:(?:[0-9a-f]{2}:){15}[0-9a-f]{2}/g;
const MOST_MENTIONS = 16;

function bare(fingerprint: string): string {
  return fingerprint.startsWith("MD5:") ? fingerprint.slice("MD5:".length) : fingerprint;
}
