import { hash } from "node:crypto";
import type { PublicKey } from "../ssh/publickey.ts";

/** What the name of an SSHKey is made of. */
export interface NamedKey extends Pick<PublicKey, "blob"> {
  readonly user: string;
  readonly title: string | undefined;
}

/**
 * A name (RFC 1123) that people recognise and no other key has: user, title, and 8 hex digits of the key's SHA-256. The nth
 * name of one key, from 1, differs from its others.
 */
export function objectName({ user, title, blob }: NamedKey, nth = 1): string {
  const words = [slug(user, MAXIMUM_USER), slug(title ?? "", MAXIMUM_TITLE)].filter((word) => word !== "");
  // With the user in it too: one key of two users has two names.
  const digits = hash("sha256", Buffer.concat([blob, Buffer.from(user)])).slice(0, 8);
  return [...words, digits, ...(nth === 1 ? [] : [String(nth)])].join("-");
}

/** Letters and digits of ASCII, accents taken off, everything else as single hyphens between. */
function slug(text: string, most: number): string {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/\p{M}+/gu, "")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, most + 1)
    .replace(/^-/, "")
    .slice(0, most)
    .replace(/-$/, "");
}

/** Together with digits and hyphens no more than the 63 characters of a label. */
const MAXIMUM_USER = 24;
const MAXIMUM_TITLE = 24;
