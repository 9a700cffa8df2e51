import { type Claim, claimOrder } from "./claim.ts";
import type { DuplicateScope } from "./policy.ts";

/** The claims of one namespace to one key. */
export class KeyGroup<C extends Claim> {
  readonly #scope: DuplicateScope;
  /** Those in force, best first, in lists of claims that exclude each other. */
  readonly #competing = new Map<string, C[]>();
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
    else rivals.splice(position(rivals, claim), 0, claim);
  }

  /** Takes a claim out whose place in the order is still the one it was added with. */
  remove(claim: C): void {
    this.#size -= 1;
    if (this.#outOfForce.delete(claim)) return;
    const rivals = this.#competing.get(this.#list(claim)) ?? [];
    const at = rivals[position(rivals, claim)] === claim ? position(rivals, claim) : rivals.indexOf(claim);
    if (at >= 0) rivals.splice(at, 1);
    if (rivals.length === 0) this.#competing.delete(this.#list(claim));
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

  /** Does more than one user hold the key? */
  get isShared(): boolean {
    return this.#competing.size > 1;
  }

  /** The claim that has the key as this one sees it, which may be in force or not. */
  holderFor(claim: Claim): C | undefined {
    return this.#competing.get(this.#list(claim))?.[0];
  }

  #list({ record }: Claim): string {
    return this.#scope === "User" ? record.user : "";
  }
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
