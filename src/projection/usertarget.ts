import { createHash } from "node:crypto";
import { isDNSLabel, USER_ANNOTATION } from "../api/names.ts";
import type { Claim } from "../claims/claim.ts";
import type { Claims } from "../claims/claims.ts";
import type { FileLine } from "./file.ts";
import { allLines } from "./files.ts";
import type { DesiredSecret } from "./secret.ts";
import { Target } from "./target.ts";
import type { Verdict } from "./verdict.ts";

/** The Secret with the keys of one user of one namespace. */
export class UserTarget extends Target {
  /** The SSHKeys of the user, with the last verdict of each. In no particular order. */
  readonly verdicts = new Map<Claim, Verdict | undefined>();

  readonly #isKept: boolean;

  /** `isKept`: is there a Secret for each user? */
  constructor(namespace: string, secretName: string, isKept = true) {
    super(namespace, secretName);
    this.#isKept = isKept;
  }

  get isNamed(): boolean {
    return this.#isKept && this.verdicts.size > 0;
  }

  override get isInUse(): boolean {
    return this.verdicts.size > 0;
  }

  get user(): string | undefined {
    const [claim] = this.verdicts.keys();
    return claim?.record.user ?? this.live?.forWhom[USER_ANNOTATION];
  }

  get owner(): Readonly<Record<string, string | undefined>> {
    return { user: this.user };
  }

  isAnyOut({ files }: DesiredSecret): boolean {
    return this.#isKept && allLines(files).length < this.verdicts.size;
  }

  isOfSSHKey({ base64 }: FileLine): boolean {
    for (const { record } of this.verdicts.keys()) if (record.key?.base64 === base64) return true;
    return false;
  }

  whyRemoved({ name, base64 }: FileLine, claims: Claims): string {
    const claim = claims.get(this.namespace, name);
    if (claim === undefined) return "Deleted";
    // Somebody else wrote the line of another user's SSHKey into the Secret.
    if (claim.record.key?.base64 !== base64 || !this.verdicts.has(claim)) return "Edited";
    const { state } = claims.standing(claim);
    return state === "InForce" ? "SecretFull" : state;
  }
}

/**
 * The name of the Secret that holds the user's keys: a DNS label of at most 51 characters.
 *
 * A user that is a short enough DNS label stands in the name as it is. Any other user is a readable slug, a dash and 20
 * hex digits of the SHA-256 of the exact user. A label that itself ends like that, or is nothing but such digits, takes
 * the second form too, so no user can be chosen whose Secret is another user's of the first form. `prefix` as the
 * configuration allows it: 4 to 29 characters, ending in a dash.
 */
export function secretName(prefix: string, user: string): string {
  if (
    isDNSLabel(user) &&
    !LOOKS_LIKE_DIGEST.test(prefix + user) &&
    prefix.length + user.length <= MAXIMUM_LENGTH
  ) {
    return prefix + user;
  }
  const digest = createHash("sha256").update(user).digest("hex").slice(0, DIGEST_DIGITS);
  const slug = user
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-/, "")
    .slice(0, MAXIMUM_LENGTH - prefix.length - 1 - DIGEST_DIGITS)
    .replace(/-$/, "");
  return `${prefix}${slug === "" ? "" : `${slug}-`}${digest}`;
}

/** The longest name: KubeVirt makes a volume name of it and `-access-cred`, which is a DNS label of 63. */
const MAXIMUM_LENGTH = 51;
const DIGEST_DIGITS = 20;
const LOOKS_LIKE_DIGEST = new RegExp(`-[0-9a-f]{${DIGEST_DIGITS}}$`);
