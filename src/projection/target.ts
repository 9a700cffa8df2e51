import { createHash } from "node:crypto";
import { isDNSLabel } from "../api/names.ts";
import type { Claim } from "../claims/claim.ts";
import { type Delivery, IDLE } from "./delivery.ts";
import type { Files } from "./files.ts";
import type { LiveSecret } from "./secret.ts";
import type { Verdict } from "./verdict.ts";

/** One Secret that the operator keeps: the keys of one user of one namespace. */
export class Target {
  readonly namespace: string;
  readonly secretName: string;
  readonly id: string;
  /** The SSHKeys of the user, with the last verdict of each. In no particular order. */
  readonly verdicts = new Map<Claim, Verdict | undefined>();
  /** What the API server last showed; undefined while there is no Secret of the name, as far as is known. */
  live: LiveSecret | undefined;
  delivery: Delivery = IDLE;
  /** May a Secret of this name exist without our label, so that the watch does not show it? */
  mayExistUnlabelled = true;
  /** The files up to which AccessChanged was logged; undefined before the first reconcile. */
  loggedFiles: Files | undefined;
  /** Has another client changed or deleted the Secret since it was last written? */
  isChangedByOthers = false;
  /** Since when the Secret has been out of sync with the plan, in ms since the epoch. */
  outOfSyncSince: number | undefined;
  /** Why the next write has to wait, if known; the message of `Pending`. */
  pendingReason = "";

  constructor(namespace: string, secretName: string) {
    this.namespace = namespace;
    this.secretName = secretName;
    this.id = targetId(namespace, secretName);
  }

  /** Before the first reconcile the live files count as logged: the previous leader did. */
  initLoggedFiles(): void {
    this.loggedFiles ??= (this.live?.ownership === "managed" ? this.live.files : undefined) ?? new Map();
  }

  /** Does any SSHKey have this user? */
  get hasSSHKeys(): boolean {
    return this.verdicts.size > 0;
  }

  get user(): string | undefined {
    const [claim] = this.verdicts.keys();
    return claim?.record.user ?? this.live?.user;
  }
}

export function targetId(namespace: string, secretName: string): string {
  return `${namespace}/${secretName}`;
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
