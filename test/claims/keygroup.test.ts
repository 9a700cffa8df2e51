import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Claim } from "../../src/claims/claim.ts";
import { claimOrder } from "../../src/claims/claim.ts";
import { KeyGroup } from "../../src/claims/keygroup.ts";
import type { DuplicateScope } from "../../src/claims/policy.ts";
import { sshKeyRecord } from "./sshkeys.ts";

interface Facts {
  readonly since: number;
  readonly isInForce?: boolean;
  readonly user?: string;
  readonly isProven?: boolean;
}

function claim(name: string, facts: Facts): Claim {
  const { since, isInForce = true, user = "alice", isProven = false } = facts;
  const record = sshKeyRecord({ name, user, uid: `uid-${name}` });
  return { record, findings: [], advice: [], isProven, since, isExpired: false, isInForce, isHolder: false };
}

describe("the order of claims", () => {
  it("puts the proven first, however young", () => {
    const young = claim("b", { since: 2, isProven: true });
    expect(claimOrder(young, claim("a", { since: 1 }))).toBeLessThan(0);
  });

  it("puts the older of two proven first", () => {
    const [older, younger] = [1, 2].map((since) => claim(`k${since}`, { since, isProven: true }));
    expect(claimOrder(older as Claim, younger as Claim)).toBeLessThan(0);
  });

  it("puts the older first", () => {
    expect(claimOrder(claim("b", { since: 1 }), claim("a", { since: 2 }))).toBeLessThan(0);
  });

  it("goes by the UID in one second", () => {
    expect(claimOrder(claim("a", { since: 1 }), claim("b", { since: 1 }))).toBeLessThan(0);
  });

  it("is the same from both sides", () => {
    const any = fc
      .tuple(fc.constantFrom("a", "b", "c"), fc.nat(3), fc.boolean())
      .map(([name, since, isProven]) => claim(name, { since, isProven }));
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(Math.sign(claimOrder(a, b)) + Math.sign(claimOrder(b, a))).toBe(0);
      }),
    );
  });
});

/** Which claims exclude which, said of any two of them. */
class Model {
  readonly #scope: DuplicateScope;
  readonly #inForce: readonly Claim[];

  constructor(scope: DuplicateScope, claims: readonly Claim[]) {
    this.#scope = scope;
    this.#inForce = claims.filter(({ isInForce }) => isInForce).sort(claimOrder);
  }

  /** Those that nothing excludes, best first. */
  get #holding(): readonly Claim[] {
    return this.#inForce.filter((one) => !this.#inForce.some((other) => this.#excludes(other, one)));
  }

  /** One that is not in force is told of whoever would have the key before the last of all. */
  holderFor(claim: Claim): Claim | undefined {
    const asked = claim.isInForce ? claim : { ...claim, isProven: false, since: Number.POSITIVE_INFINITY };
    const found = this.#holding.filter((each) => each === claim || this.#excludes(each, asked));
    return found.find(({ record }) => record.user === claim.record.user) ?? found[0];
  }

  get isShared(): boolean {
    return new Set(this.#holding.map(({ record }) => record.user)).size > 1;
  }

  isProvenByAnother({ record }: Claim): boolean {
    return this.#inForce.some((other) => other.isProven && other.record.user !== record.user);
  }

  #excludes(one: Claim, other: Claim): boolean {
    const isOfUser = this.#scope === "Namespace" || one.record.user === other.record.user;
    return one !== other && (isOfUser || (one.isProven && !other.isProven)) && claimOrder(one, other) < 0;
  }
}

/** Groups of any claims, of which some have gone, and the claims that are left. */
function afterAnyComingAndGoing(
  check: (group: KeyGroup<Claim>, left: readonly Claim[], model: Model) => void,
): void {
  const facts = fc.record({
    since: fc.nat(5),
    isInForce: fc.boolean(),
    user: fc.constantFrom("alice", "bob", "carol"),
    isProven: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.constantFrom("Namespace" as const, "User" as const),
      fc.array(facts, { minLength: 1, maxLength: 12 }),
      fc.array(fc.nat(100), { maxLength: 12 }),
      (scope, all, going) => {
        const [first, ...others] = all.map((each, i) => claim(`k${i}`, each));
        if (first === undefined) return;
        const group = new KeyGroup(scope, first);
        for (const other of others) group.add(other);
        const left = [first, ...others];
        for (const which of going.slice(0, left.length - 1)) {
          const [gone] = left.splice(which % left.length, 1);
          if (gone !== undefined) group.remove(gone);
        }
        check(group, left, new Model(scope, left));
      },
    ),
    { numRuns: 500 },
  );
}

describe("the claims to one key", () => {
  it("are held by the best of those in force that exclude each other, whatever comes and goes", () => {
    afterAnyComingAndGoing((group, left, model) => {
      for (const one of left) expect(group.holderFor(one)).toBe(model.holderFor(one));
    });
  });

  it("are shared exactly while more than one user holds the key", () => {
    afterAnyComingAndGoing((group, _, model) => expect(group.isShared).toBe(model.isShared));
  });

  it("know of each whether another user has a proof in force", () => {
    afterAnyComingAndGoing((group, left, model) => {
      for (const one of left) expect(group.isProvenByAnother(one)).toBe(model.isProvenByAnother(one));
    });
  });

  it("know their only member", () => {
    const [a, b] = [claim("a", { since: 1 }), claim("b", { since: 2, isInForce: false })];
    const group = new KeyGroup("Namespace", a);
    group.add(b);
    group.remove(a);
    expect(group.onlyMember).toBe(b);
  });
});
