import type { Claim } from "./claim.ts";
import { KeyGroup } from "./keygroup.ts";
import type { DuplicateScope } from "./policy.ts";
import type { SSHKeyRecord } from "./record.ts";

export type MutableClaim = { -readonly [K in keyof Claim]: Claim[K] } & {
  /** Where it is counted among the unused ones. */
  unusedDay?: number | undefined;
};

/** The claims of one namespace, by name and by key. A key with one SSHKey has no group, as nearly all have. */
export class NamespaceClaims {
  readonly byName = new Map<string, MutableClaim>();
  /** By canonical blob. */
  readonly #byKey = new Map<string, MutableClaim | KeyGroup<MutableClaim>>();
  readonly #regrouped: Set<KeyGroup<MutableClaim>>;

  /** `regrouped` gets each group whose holder changes. */
  constructor(regrouped: Set<KeyGroup<MutableClaim>>) {
    this.#regrouped = regrouped;
  }

  /** The claims to the key of this SSHKey; undefined for a key that nobody else claims. */
  groupOf({ key }: SSHKeyRecord): KeyGroup<MutableClaim> | undefined {
    const found = this.#byKey.get(key?.base64 ?? "");
    return found instanceof KeyGroup ? found : undefined;
  }

  /** The date of the youngest claim to the key of this SSHKey, in ms since the epoch; 0 where there is none. */
  latestSince({ key }: SSHKeyRecord): number {
    const found = this.#byKey.get(key?.base64 ?? "");
    return found instanceof KeyGroup ? found.latest : (found?.since ?? 0);
  }

  /** Gives the claim its place among those to its key. `scope`: of a group that begins with it. */
  join(claim: MutableClaim, scope: DuplicateScope, changes: Changes): void {
    const { key } = claim.record;
    if (key === undefined) return;
    const present = this.#byKey.get(key.base64);
    if (present === undefined) {
      this.#byKey.set(key.base64, claim);
      claim.isHolder = claim.isInForce;
      return;
    }
    let group: KeyGroup<MutableClaim>;
    if (present instanceof KeyGroup) group = present;
    else {
      group = new KeyGroup(scope, present);
      this.#byKey.set(key.base64, group);
    }
    this.#regroup(group, claim, changes, () => group.add(claim));
  }

  /** Takes the claim away from those to the key of the record that it joined with. */
  leave(claim: MutableClaim, { key }: SSHKeyRecord, changes: Changes): void {
    if (key === undefined) return;
    const present = this.#byKey.get(key.base64);
    if (present === claim) {
      this.#byKey.delete(key.base64);
      changes.setHolder(claim, false);
    } else if (present instanceof KeyGroup) {
      this.#regroup(present, claim, changes, () => present.remove(claim));
      changes.setHolder(claim, false);
      const last = present.onlyMember;
      if (last !== undefined) this.#byKey.set(key.base64, last);
    }
  }

  /** Changes the group, and finds whom the change concerns. */
  #regroup(group: KeyGroup<MutableClaim>, claim: MutableClaim, changes: Changes, change: () => void): void {
    const before = group.holderFor(claim);
    const { provenUsers } = group;
    change();
    const after = group.holderFor(claim);
    // What the other claims to the key are told depends on these two alone.
    if (before === after && provenUsers === group.provenUsers) return;
    for (const each of new Set([before, after]))
      if (each !== undefined) changes.setHolder(each, group.holderFor(each) === each);
    this.#regrouped.add(group);
  }
}

/** What one call changes, each claim once. */
export class Changes {
  readonly #kinds = new Map<MutableClaim, "changed" | "lost">();

  note(claim: MutableClaim): void {
    if (!this.#kinds.has(claim)) this.#kinds.set(claim, "changed");
  }

  setHolder(claim: MutableClaim, isHolder: boolean): void {
    if (claim.isHolder !== isHolder) this.#kinds.set(claim, isHolder ? "changed" : "lost");
    claim.isHolder = isHolder;
  }

  all(): readonly Changed[] {
    return Array.from(this.#kinds, ([claim, kind]) => ({ claim, kind }));
  }

  allBut(claim: Claim): readonly Changed[] {
    return this.all().filter((change) => change.claim !== claim);
  }
}

interface Changed {
  readonly claim: Claim;
  readonly kind: "changed" | "lost";
}
