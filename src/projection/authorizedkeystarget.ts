import { AUTHORIZED_KEYS_ANNOTATION, DATA_KEY } from "../api/names.ts";
import type { Omission } from "../authorizedkeys/omission.ts";
import type { AuthorizedKeysRecord } from "../authorizedkeys/record.ts";
import type { Claims } from "../claims/claims.ts";
import { byAge } from "./authorizedkeysobjects.ts";
import type { FileLine } from "./file.ts";
import { RejectionSearch } from "./rejectionsearch.ts";
import { type LineNames, soonest, Target } from "./target.ts";

/** The Secret of an AuthorizedKeys: the keys of many users. */
export class AuthorizedKeysTarget extends Target {
  /** The objects that name this Secret, by name; all but one of them in vain. */
  readonly records = new Map<string, AuthorizedKeysRecord>();
  /** Those of its name that are being deleted. */
  leaving: readonly AuthorizedKeysRecord[] = [];
  /** The namespaces whose SSHKeys may be in it. */
  sources: ReadonlySet<string> = new Set();
  /** Those of the keys that stay in it though they were not selected when it was last planned. */
  keptFrom: ReadonlySet<string> = new Set();
  /** What was left out of it when it was last planned. */
  omitted: readonly Omission[] = [];
  /** Since when a file that nobody asks for any more has been empty, by data key, in ms since the epoch. */
  readonly emptySince = new Map<string, number>();
  override readonly search = new RejectionSearch();
  /** When the first of them is taken out; ms since the epoch. */
  nextRemoval: number | undefined;
  /** When its own options expire, if they have not; ms since the epoch. */
  nextExpiry: number | undefined;

  /** The object that has the Secret: the oldest that names it. */
  get record(): AuthorizedKeysRecord | undefined {
    return [...this.records.values()].sort(byAge)[0];
  }

  get isNamed(): boolean {
    return this.records.size > 0;
  }

  get owner(): Readonly<Record<string, string | undefined>> {
    return { authorizedKeys: this.record?.name ?? this.live?.forWhom[AUTHORIZED_KEYS_ANNOTATION] };
  }

  override get changesAt(): number | undefined {
    return soonest(soonest(this.nextRemoval, this.nextExpiry), this.search.nextRetry);
  }

  /** A Secret of the name that nobody sees may hold any key. */
  isAnyOut(): boolean {
    return true;
  }

  isOfSSHKey({ namespace, name, base64 }: FileLine, claims: Claims): boolean {
    return claims.get(namespace, name)?.record.key?.base64 === base64;
  }

  override namesOf({ namespace, name }: FileLine, dataKey: string, claims: Claims): LineNames {
    const user = claims.get(namespace, name)?.record.user;
    return {
      sshKey: name,
      sshKeyNamespace: namespace,
      ...(user === undefined ? {} : { user }),
      ...(dataKey === DATA_KEY ? {} : { login: dataKey }),
    };
  }

  whyRemoved({ namespace, name, base64 }: FileLine, claims: Claims): string {
    const claim = claims.get(namespace, name);
    if (claim === undefined) return "Deleted";
    if (claim.record.key?.base64 !== base64) return "Edited";
    const { state } = claims.standing(claim);
    if (state !== "InForce") return state;
    const omission = this.omitted.find(
      (each) =>
        each.namespace === namespace &&
        (each.user === undefined || each.user === claim.record.user) &&
        (each.sshKey === undefined || each.sshKey === name),
    );
    return omission?.reason ?? "NotSelected";
  }
}
