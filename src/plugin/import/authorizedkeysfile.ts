import type { KeyBlob } from "../../ssh/blob.ts";
import { fingerprintSHA256 } from "../../ssh/fingerprint.ts";
import { describeForeign } from "../../ssh/foreign.ts";
import { decodeKeyLine, skipOptions, splitKeyLine, splitOptions } from "../../ssh/keyline.ts";
import { isCertificateType, lineType } from "../../ssh/keytype.ts";
import { AUTHORITY_OPTIONS, optionsText, parseOptions } from "../../ssh/options.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import { accept, type Result } from "../../ssh/refusal.ts";
import { printable } from "../../ssh/unprintable.ts";

/** What one line of an authorized_keys file says; one line may hold two keys, of which sshd sees the first. */
export type LineFinding =
  | ({ readonly kind: "key"; readonly line: number } & LineKey)
  /** Something that is no key of a user, and why, as a sentence without the name of the file. */
  | { readonly kind: "leftOut"; readonly line: number; readonly why: string }
  /** A key behind a `#`. */
  | { readonly kind: "disabled"; readonly line: number };

export interface LineKey extends KeyBlob {
  /** In order, with names in lower case and values in quotes, as spec.options has them; without expiry-time. */
  readonly options: readonly string[];
  /** RFC 3339, of the option expiry-time. */
  readonly expiresAt?: string;
  /** Without what cannot be seen, and without a key that hides in it. */
  readonly comment: string;
}

/**
 * Reads an authorized_keys file as sshd does (auth2-pubkeyfile.c): a line that sshd refuses is left out, with the reason.
 * Private keys are to be looked for before. Linear in the length of the text.
 */
export function* readAuthorizedKeys(text: string): Generator<LineFinding, void, undefined> {
  const foreign = /[ \t]AAAA/.test(text) ? undefined : describeForeign(text);
  if (foreign !== undefined) {
    yield { kind: "leftOut", line: 1, why: foreign };
    return;
  }
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    line += 1;
    yield* readLine(text.slice(start, text[end - 1] === "\r" ? end - 1 : end), line);
    start = end + 1;
  }
}

function* readLine(text: string, line: number): Generator<LineFinding, void, undefined> {
  // Not trimStart, which takes a byte order mark for a space: sshd does not.
  const start = text.replace(/^[ \t]+/, "");
  if (start === "") return;
  if (start.startsWith("#")) {
    if (holdsKey(start.replace(/^[#\s]+/, ""))) yield { kind: "disabled", line };
    return;
  }
  const read = readKey(start);
  if (!read.ok) {
    yield { kind: "leftOut", line, why: read.refusal };
    return;
  }
  const { hidden, ...key } = read.value;
  yield { kind: "key", line, ...key };
  for (const fingerprint of hidden)
    yield {
      kind: "leftOut",
      line,
      why: `a second key${fingerprint} hides in the comment of the first, where sshd does not see it: give it a line of its own`,
    };
}

function holdsKey(text: string): boolean {
  const behind = skipOptions(text);
  return [text, behind ?? ""].some((each) => decodeKeyLine(splitKeyLine(each)).ok);
}

type Read = Result<LineKey & { readonly hidden: readonly string[] }, string>;

function readKey(text: string): Read {
  if (text.includes("\0"))
    return leftOut(
      "it holds a zero byte, at which sshd stops reading: remove that, and see what stands behind it",
    );
  if (text.startsWith("@"))
    return leftOut(
      "this is a line of known_hosts with a marker: the key is a host's or an authority's, and no user's",
    );
  const { word, rest } = splitLine(text);
  const parts = splitKeyLine(rest);
  if (isCertificateType(parts.type)) return leftOut(refusalOf(rest));
  if (word !== "" && lineType(parts.type) === undefined) return leftOut(brokenOptions(text, word));
  if (GLUED.test(parts.base64))
    return leftOut(
      "two keys stand here without a line break between them, so sshd takes neither: give each its own line",
    );
  const decoded = decodeKeyLine(parts);
  if (!decoded.ok) return leftOut(refusalOf(rest));
  const options = readOptions(word);
  if (!options.ok) return options;
  const { comment, hidden } = splitComment(parts.comment);
  return accept({ ...decoded.value, ...options.value, comment: printable(comment), hidden });
}

function leftOut(refusal: string): { readonly ok: false; readonly refusal: string } {
  return { ok: false, refusal };
}

function refusalOf(text: string): string {
  const parsed = parsePublicKey(text);
  return parsed.ok ? "sshd refuses it: copy the line again" : parsed.refusal.message;
}

/** The options in front, or host names, and the rest; no options where the line begins with a type. */
function splitLine(text: string): { readonly word: string; readonly rest: string } {
  const { type } = splitKeyLine(text);
  if (lineType(type) !== undefined || isCertificateType(type)) return { word: "", rest: text };
  const behind = skipOptions(text);
  // Without anything behind it, it is no word of options.
  if (behind === undefined) return { word: text.includes('"') ? text : "", rest: text };
  const rest = behind.trimStart();
  const { type: next } = splitKeyLine(rest);
  const isKey = lineType(next) !== undefined || isCertificateType(next);
  const word = text.slice(0, text.length - behind.length - 1);
  const isBroken = /[,"]$/.test(word) || text.includes('"');
  return isKey || isBroken ? { word, rest } : { word: "", rest: text };
}

function brokenOptions(text: string, word: string): string {
  if (word.endsWith(","))
    return "a space follows a comma of its options, so sshd refuses it: remove the space";
  if (skipOptions(text) === undefined)
    return "a quote in its options is not closed, so sshd refuses it: close the quote";
  return refusalOf(text);
}

function readOptions(word: string): Result<Pick<LineKey, "options" | "expiresAt">, string> {
  if (word === "") return accept({ options: [] });
  const texts = splitOptions(word);
  const authority = texts.find((text) => AUTHORITY_OPTIONS.has(nameOf(text)));
  if (authority !== undefined)
    return leftOut(
      `${nameOf(authority)} makes it the line of a certificate authority and of no user: import the users' own keys`,
    );
  const plain = texts.filter((text) => nameOf(text) !== EXPIRY);
  const times = texts.filter((text) => nameOf(text) === EXPIRY);
  const parsed = parseOptions(plain);
  if (!parsed.ok) {
    const first = parseOptions(plain.slice(0, 1));
    const isHost = !first.ok && first.refusal.code === "UnknownOption";
    return leftOut(
      isHost
        ? "what stands before the key is no option, so sshd refuses it: if this is a line of known_hosts, the key is a host's and no user's"
        : parsed.refusal.message,
    );
  }
  const expiresAt = earliestOf(times.map(expiryOf));
  if (times.length > 0 && expiresAt === undefined)
    return leftOut(
      'its expiry-time is in the time zone of that sshd, or none: write it in UTC, as expiry-time="20270131180000Z"',
    );
  return accept({
    options: parsed.value.map((option) => optionsText([option])),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
}

const EXPIRY = "expiry-time";

function nameOf(option: string): string {
  return (/^[A-Za-z0-9-]*/.exec(option)?.[0] ?? "").toLowerCase();
}

/** parse_absolute_time in OpenSSH's misc.c; undefined for a time in the zone of the machine that reads it. */
function expiryOf(option: string): string | undefined {
  const [, year, month, day, hour = "00", minute = "00", second = "00"] = EXPIRY_TIME.exec(option) ?? [];
  return year === undefined ? undefined : `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}

const EXPIRY_TIME = /^[A-Za-z-]{11}="(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z"$/;

/** Of several sshd takes the earliest; undefined if one of them is not known. */
function earliestOf(times: readonly (string | undefined)[]): string | undefined {
  if (times.includes(undefined)) return undefined;
  return times.toSorted()[0];
}

/** The comment up to a key that hides in it, and of each such key its fingerprint with a space in front, "" if it is damaged. */
function splitComment(comment: string): { readonly comment: string; readonly hidden: readonly string[] } {
  const starts = [...comment.matchAll(HIDDEN_KEY)].map(({ index }) => index);
  const hidden = starts.map((start, i) => {
    const decoded = decodeKeyLine(splitKeyLine(comment.slice(start, starts[i + 1])));
    return decoded.ok ? ` (${fingerprintSHA256(decoded.value.blob)})` : "";
  });
  return { comment: comment.slice(0, starts[0]), hidden };
}

// What every blob begins with: the length of its type.
const HIDDEN_KEY = /(?:sk-ssh|sk-ecdsa|ssh|ecdsa)-[A-Za-z0-9@.-]{1,60}[ \t]{1,20}AAAA/g;
const GLUED = /^AAAA[A-Za-z0-9+/]+={0,2}(?:ssh|ecdsa|sk)-/;
