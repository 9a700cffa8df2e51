import { hash } from "node:crypto";

/** A DNS label (RFC 1123), as namespaces and Services have them: any tool takes such a name. */
const MAXIMUM_LENGTH = 63;
const MAXIMUM_USER = 24;
const DIGEST_DIGITS = 10;

/**
 * A name for the SSHKey of a user's key: `alice-laptop-3f1c09ab22`. The same key of the same user with the same label has
 * the same name everywhere; another key has another one. `label`: the title or, without one, the comment. `blob`: the
 * canonical blob; the digits are the first of its SHA-256, whose base64 is the fingerprint.
 */
export function sshKeyName(o: {
  readonly user: string;
  readonly label: string;
  readonly blob: Uint8Array;
}): string {
  const digits = hash("sha256", o.blob, "hex").slice(0, DIGEST_DIGITS);
  const user = cut(slug(o.user), MAXIMUM_USER);
  const label = withoutStart(slug(o.label), user);
  const rest = MAXIMUM_LENGTH - DIGEST_DIGITS - 1 - (user === "" ? 0 : user.length + 1);
  return [user, cut(label, rest), digits].filter((part) => part !== "").join("-");
}

/** The letters and digits of the text, with dashes for what lies between. */
function slug(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-/, "")
    .replace(/-$/, "");
}

/** `alice@laptop` of alice is her laptop. */
function withoutStart(label: string, user: string): string {
  if (label === user) return "";
  return user !== "" && label.startsWith(`${user}-`) ? label.slice(user.length + 1) : label;
}

function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/-$/, "");
}
