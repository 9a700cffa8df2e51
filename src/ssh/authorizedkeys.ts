import type { KeyType } from "./keytype.ts";
import { printable } from "./unprintable.ts";

/**
 * How a line says until when its key is accepted. `WithZ`: in UTC, which sshd reads from 9.1 on. `WithoutZ`: the same
 * digits without the Z, which every sshd takes for a time of its own time zone.
 */
export type ExpiryTimeFormat = (typeof EXPIRY_TIME_FORMATS)[number];

export const EXPIRY_TIME_FORMATS = ["WithZ", "WithoutZ"] as const;

export interface AuthorizedKey {
  /** As renderOptions returns it; empty for none. */
  readonly options: string;
  readonly type: KeyType;
  /** The canonical blob. */
  readonly base64: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  readonly comment: string;
}

/**
 * One line of an authorized_keys file, without its newline: `[options ]TYPE BASE64 COMMENT` (sshd(8)). Of
 * the comment only what is shown is kept, so that it is one line whatever it is given. Throws a RangeError when
 * expiresAt is no number: a key must not outlive a limit that was misread.
 */
export function renderAuthorizedKey(key: AuthorizedKey, format: ExpiryTimeFormat = "WithZ"): string {
  let options = key.options;
  if (key.expiresAt !== undefined) {
    options += `${options === "" ? "" : ","}expiry-time="${expiryTime(key.expiresAt)}${format === "WithZ" ? "Z" : ""}"`;
  }
  return `${options}${options === "" ? "" : " "}${key.type} ${key.base64} ${printable(key.comment)}`;
}

/**
 * YYYYMMDDHHMMSS in UTC, rounded down to the second. sshd reads years of four digits only, and takes the epoch itself
 * for no limit and earlier times for a far future (parse_absolute_time), so both ends are held.
 */
function expiryTime(milliseconds: number): string {
  const held = Math.min(Math.max(milliseconds, EARLIEST), LATEST);
  return new Date(held).toISOString().slice(0, 19).replace(/[-T:]/g, "");
}

const EARLIEST = 1_000;
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59);
