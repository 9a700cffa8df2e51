import { readForeign } from "../../ssh/foreign.ts";
import { decodeKeyLine, skipOptions, splitKeyLine, splitOptions } from "../../ssh/keyline.ts";
import { isCertificateType, lineType } from "../../ssh/keytype.ts";
import { parseOptions } from "../../ssh/options.ts";
import { MAX_KEY_CHARACTERS, type PublicKey, parsePublicKey } from "../../ssh/publickey.ts";
import { printable } from "../../ssh/unprintable.ts";

/** What a pasted text holds. */
export interface Pasted {
  /** Its first key, or why there is none. */
  readonly first: FirstKey | Unreadable;
  /** The texts of the further ones, as they are. */
  readonly others: readonly string[];
}

export interface FirstKey {
  /** The line of a .pub file. */
  readonly line: string;
  readonly blob: Buffer;
  /** What stood before the key, one an entry. */
  readonly options: readonly string[];
  /** What was done to the text, as a sentence; undefined where the line stood there as it is. */
  readonly change: string | undefined;
}

/** A stable code, and a sentence with the next step. */
export interface Unreadable {
  readonly code: string;
  readonly message: string;
}

/**
 * Reads what somebody pasted: the line of a .pub file as a rule; but also one that was broken on its way, several, one of
 * authorized_keys, or a key in another format. Blank lines and comments count for nothing. To be asked after
 * findPrivateKey. Linear in the length of the text.
 */
export function readPasted(text: string): Pasted {
  const lines = text
    .split(/\r\n|\r|\n|\u2028|\u2029/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const [first] = lines;
  if (first === undefined) return alone({ code: "Missing", message: "Paste the line of your .pub file." });
  if (text.length > MOST_CHARACTERS) return alone(TOO_LONG);
  const foreign = readForeign(text);
  if (foreign !== undefined) {
    const { what, key, advice, comment } = foreign;
    if (key === undefined) return alone({ code: "ForeignFormat", message: `${what}${advice}.` });
    const change = `${what}. Here is the same key as an OpenSSH line.`;
    return alone(firstKey({ ...key, comment: printable(comment) }, [], change));
  }
  const starts = lines.flatMap((line, index) => (isKeyStart(line) ? [index] : []));
  const [start] = starts;
  if (start === undefined) return alone(unreadable(lines));
  const groups = starts.map((from, nth) => lines.slice(from, starts[nth + 1]));
  const [group = [], ...others] = groups;
  const read = readGroup(group);
  const isSurrounded = start > 0 && !("code" in read);
  return {
    first: isSurrounded ? { ...read, change: read.change ?? SURROUNDED } : read,
    others: others.map((each) => each.join("\n")),
  };
}

/** The line of a .pub file. */
function lineOf({ type, blob, comment }: PublicKey): string {
  return [type, blob.toString("base64"), comment].join(" ").trim();
}

function firstKey(key: PublicKey, options: readonly string[], change: string | undefined): FirstKey {
  return { line: lineOf(key), blob: key.blob, options, change };
}

function alone(first: FirstKey | Unreadable): Pasted {
  return { first, others: [] };
}

/** One key: its line, and what a line break has torn off. */
function readGroup(lines: readonly string[]): FirstKey | Unreadable {
  const [line = "", ...torn] = lines;
  const behind = isKeyWord(line) ? undefined : skipOptions(line);
  const before = behind === undefined ? "" : line.slice(0, line.length - behind.length).trim();
  const options = before === "" ? [] : splitOptions(before);
  if (options.length > 0) {
    const read = parseOptions(options);
    if (!read.ok && read.refusal.code === "UnknownOption") return HOSTS_LINE;
  }
  const body = [(behind ?? line).trim(), ...torn];
  const parsed = parsePublicKey(body.join("\n"));
  if (parsed.ok) return firstKey(parsed.value, options, undefined);
  if (["Certificate", "SeveralKeys", "PrivateKey"].includes(parsed.refusal.code)) return parsed.refusal;
  const joined = join(body);
  if (joined !== undefined) return firstKey(joined, options, JOINED);
  const { code, message } = parsed.refusal;
  if (code === "TooLong") return TOO_LONG;
  return code === "SeveralLines" ? SEVERAL_LINES : { code, message };
}

/** The key whose base64 was torn apart by line breaks or spaces; a key says itself where it ends. */
function join(lines: readonly string[]): PublicKey | undefined {
  const [type = "", ...words] = lines.join(" ").split(/[ \t]+/, MOST_PIECES);
  let base64 = "";
  for (const [index, word] of words.entries()) {
    base64 += word;
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length > MAX_KEY_CHARACTERS) return undefined;
    // Far cheaper than what says why one is none.
    if (!decodeKeyLine({ type, base64, comment: "" }).ok) continue;
    const parsed = parsePublicKey([type, base64, ...words.slice(index + 1)].join(" "));
    if (parsed.ok) return parsed.value;
  }
  return undefined;
}

/** Text without a key that begins a line: what is it? */
function unreadable(lines: readonly string[]): Unreadable | FirstKey {
  const text = lines.join("\n");
  if (/^(?:[0-9]{2,5} )?(?:SHA256:[A-Za-z0-9+/]{43}|(?:MD5:)?(?:[0-9a-f]{2}:){15}[0-9a-f]{2})/m.test(text))
    return FINGERPRINT;
  if (/^@(?:cert-authority|revoked)\s/m.test(text)) return HOSTS_LINE;
  if (lines.some((line) => isCertificateType(splitKeyLine(line).type)) && lines.length > 1)
    return SEVERAL_LINES;
  const parsed = parsePublicKey(text);
  if (parsed.ok) return firstKey(parsed.value, [], undefined);
  const { code, message } = parsed.refusal;
  const unquoted = parsePublicKey(code === "QuotedKey" ? withoutQuotes(text) : "");
  if (unquoted.ok) return firstKey(unquoted.value, [], "The key stood in quotes. Here it is without them.");
  return code === "SeveralLines" ? SEVERAL_LINES : { code, message };
}

/** Without the quote before the key, and what stands behind it in JSON or a script. */
function withoutQuotes(text: string): string {
  let end = text.length;
  while (end > 1 && "\"'`\u201d\u2019\xbb,;".includes(text.charAt(end - 1))) end -= 1;
  return text.slice(1, end);
}

/** Does a key begin here, with or without options before it? */
function isKeyStart(line: string): boolean {
  if (isKeyWord(line)) return true;
  const behind = skipOptions(line);
  return behind !== undefined && isKeyWord(behind);
}

function isKeyWord(line: string): boolean {
  const { type } = splitKeyLine(line);
  return lineType(type) !== undefined || isCertificateType(type);
}

/** Of what is looked at: a dozen of the longest keys. */
const MOST_CHARACTERS = 65_536;
/** Of a key that was torn apart: the longest one, at 20 characters a line, has 140. */
const MOST_PIECES = 200;

const TOO_LONG: Unreadable = {
  code: "TooLong",
  message: "This is far longer than a key: paste the one line of your .pub file.",
};
const JOINED = "The key was broken over several lines or by spaces. Here it is on one line.";
const SURROUNDED = "There was other text before the key. Here is the key alone.";
const SEVERAL_LINES: Unreadable = {
  code: "SeveralLines",
  message: "This is more than one line, and no whole key: paste the one line of your .pub file.",
};
const HOSTS_LINE: Unreadable = {
  code: "OptionsInKey",
  message:
    "What stands before the key is no option of SSH. If this is a line of known_hosts, it is the key of a machine and not yours: paste the line of your .pub file.",
};
const FINGERPRINT: Unreadable = {
  code: "Fingerprint",
  message:
    "This is the fingerprint of a key, as ssh-keygen -l prints it, and not the key: paste the line of the .pub file.",
};
