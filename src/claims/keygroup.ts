import { Tally } from "../tally.ts";
import { type Claim, claimOrder } from "./claim.ts";
import type { DuplicateScope } from "./policy.ts";

/** The claims of one namespace to one key. */
export class KeyGroup<C extends Claim> {
  readonly #scope: DuplicateScope;
  /** Those in force, best first, in lists of claims that exclude each other: by user in the scope `User`, else one. */
  readonly #competing = new Map<string, C[]>();
  /** Those of them that are proven, whatever the list, best first. */
  readonly #proven: C[] = [];
  /** How many proven claims each user has. */
  readonly #provenUsers = new Tally<string>();
  readonly #outOfForce = new Set<C>();

  #latest = 0;
  #size = 0;
  /** When its members were last told of another holder, in ms since the epoch. */
  notifiedAt = 0;

  constructor(scope: DuplicateScope, first: C) {
    this.#scope = scope;
    this.add(first);
  }

  /** No claim that is or was in here is younger, in ms since the epoch. */
  get latest(): number {
    return this.#latest;
  }

  get size(): number {
    return this.#size;
  }

  add(claim: C): void {
    this.#size += 1;
    this.#latest = Math.max(this.#latest, claim.since);
    if (!claim.isInForce) {
      this.#outOfForce.add(claim);
      return;
    }
    const rivals = this.#competing.get(this.#list(claim));
    if (rivals === undefined) this.#competing.set(this.#list(claim), [claim]);
    else insert(rivals, claim);
    if (claim.isProven) {
      insert(this.#proven, claim);
      this.#provenUsers.add(claim.record.user, 1);
    }
  }

  /** Takes a claim out whose place in the order is still the one it was added with. */
  remove(claim: C): void {
    this.#size -= 1;
    if (this.#outOfForce.delete(claim)) return;
    const rivals = this.#competing.get(this.#list(claim)) ?? [];
    extract(rivals, claim);
    if (rivals.length === 0) this.#competing.delete(this.#list(claim));
    if (claim.isProven) {
      extract(this.#proven, claim);
      this.#provenUsers.add(claim.record.user, -1);
    }
  }

  *members(): Iterable<C> {
    for (const rivals of this.#competing.values()) yield* rivals;
    yield* this.#outOfForce;
  }

  /** The one member, if there is no other. */
  get onlyMember(): C | undefined {
    const [first, second] = this.members();
    return second === undefined ? first : undefined;
  }

  /** Do claims hold the key that would exclude each other in the scope `Namespace`? */
  get isShared(): boolean {
    // A proven claim excludes all that are not.
    const users = this.#provenUsers.size > 0 ? this.#provenUsers.size : this.#competing.size;
    return this.#scope === "User" && users > 1;
  }

  /** How many users have proven to have the private key. */
  get provenUsers(): number {
    return this.#provenUsers.size;
  }

  /** Has another user than that of this claim proven to have the private key? */
  isProvenByAnother({ record }: Claim): boolean {
    return this.#provenUsers.size > (this.#provenUsers.has(record.user) ? 1 : 0);
  }

  /** The claim that has the key as this one sees it, which may be in force or not. */
  holderFor(claim: Claim): C | undefined {
    const own = this.#competing.get(this.#list(claim))?.[0];
    // The best proven claim excludes the unproven ones of every user.
    return own?.isProven ? own : (this.#proven[0] ?? own);
  }

  #list({ record }: Claim): string {
    return this.#scope === "User" ? record.user : "";
  }
}

function insert<C extends Claim>(sorted: C[], claim: C): void {
  sorted.splice(position(sorted, claim), 0, claim);
}

function extract<C extends Claim>(sorted: C[], claim: C): void {
  const at = position(sorted, claim);
  const found = sorted[at] === claim ? at : sorted.indexOf(claim);
  if (found >= 0) sorted.splice(found, 1);
}

/** Where the claim stands, or would stand, in a sorted list. */
function position(sorted: readonly Claim[], claim: Claim): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (claimOrder(sorted[middle] as Claim, claim) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
