import { unwrapLine } from "./logenvelope.ts";

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
 * Reads one line, without its line feed, of what sshd writes to stderr, syslog or the journal, and of what is put around it
 * on the way. What is not understood is no error. Linear in the length of the line.
 *
 * Names of users are chosen by whoever connects: addresses are taken from the end of the line, which sshd writes itself.
 */
export function readLogLine(line: string): LogLine {
  const { messages, isCut } = unwrapLine(line);
  return { mentions: messages.flatMap(({ text, time }) => mentionsIn(text, time)), isCut };
}

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
