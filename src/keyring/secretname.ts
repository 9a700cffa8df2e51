import { createHash } from "node:crypto";

/** RFC 1123 label, as Kubernetes spells it. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const SLUG_LENGTH = 40;

/**
 * The name of the Secret that holds the user's keys, at most prefix + 63 characters.
 *
 * A user that is a DNS-1123 label stands in the name as it is. Any other user is a readable slug, a dot and
 * ten hex digits of the SHA-256 of the exact user. A label holds no dot, so no user can be chosen whose Secret
 * is that of another user of the first form.
 */
export function secretName(prefix: string, user: string): string {
  if (LABEL.test(user)) return prefix + user;
  const slug = user
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, SLUG_LENGTH)
    .replace(/^-+|-+$/g, "");
  const digest = createHash("sha256").update(user).digest("hex").slice(0, 10);
  return `${prefix}${slug === "" ? "user" : slug}.${digest}`;
}
