import { fingerprintSHA256 } from "./fingerprint.ts";
import { decodeKeyLine, skipOptions, splitKeyLine } from "./keyline.ts";
import type { KeyType } from "./keytype.ts";

export interface AuthorizedKey {
  /** As renderOptions gives it; empty for none. */
  readonly options: string;
  readonly type: KeyType;
  /** The canonical blob. */
  readonly base64: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  readonly comment: string;
}

/**
 * One line of an authorized_keys file, without its newline: `[options ]TYPE BASE64 COMMENT` (sshd(8)). Control
 * characters in the comment become spaces, so that it is one line whatever it is given. Throws a RangeError when
 * expiresAt is no number: a key must not outlive a limit that was misread.
 */
export function renderAuthorizedKey(key: AuthorizedKey): string {
  const comment = key.comment.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ");
  let options = key.options;
  if (key.expiresAt !== undefined) {
    options += `${options === "" ? "" : ","}expiry-time="${expiryTime(key.expiresAt)}"`;
  }
  return `${options}${options === "" ? "" : " "}${key.type} ${key.base64} ${comment}`;
}

/**
 * The SHA256 fingerprints of the keys in an authorized_keys file, in order and with repetitions. Lines are read as
 * sshd does (auth_check_authkey_line): options may precede the type. A line without a valid key gives nothing.
 */
export function readAuthorizedKeys(text: string): string[] {
  const fingerprints: string[] = [];
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    const fingerprint = readLine(text.slice(start, end));
    if (fingerprint !== undefined) fingerprints.push(fingerprint);
    start = end + 1;
  }
  return fingerprints;
}

function readLine(line: string): string | undefined {
  const entry = line.replace(/^[ \t]+/, "");
  if (entry === "" || entry.startsWith("#")) return undefined;
  const plain = decodeKeyLine(splitKeyLine(entry));
  if (plain.ok) return fingerprintSHA256(plain.value.blob);
  const behind = skipOptions(entry);
  if (behind === undefined) return undefined;
  const restricted = decodeKeyLine(splitKeyLine(behind));
  return restricted.ok ? fingerprintSHA256(restricted.value.blob) : undefined;
}

/**
 * YYYYMMDDHHMMSSZ, rounded down to the second. sshd reads years of four digits only, and takes the epoch itself
 * for no limit and earlier times for a far future (parse_absolute_time), so both ends are held.
 */
function expiryTime(milliseconds: number): string {
  const held = Math.min(Math.max(milliseconds, EARLIEST), LATEST);
  return `${new Date(held).toISOString().slice(0, 19).replace(/[-T:]/g, "")}Z`;
}

const EARLIEST = 1_000;
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59);
