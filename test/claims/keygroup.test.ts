import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Claim } from "../../src/claims/claim.ts";
import { claimOrder } from "../../src/claims/claim.ts";
import { KeyGroup } from "../../src/claims/keygroup.ts";
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
  return { record, findings: [], isProven, since, isExpired: false, isInForce, isHolder: false };
}

describe("the order of claims", () => {
  it("puts the older first", () => {
    expect(claimOrder(claim("b", { since: 1 }), claim("a", { since: 2 }))).toBeLessThan(0);
  });

  it("goes by the UID in one second", () => {
    expect(claimOrder(claim("a", { since: 1 }), claim("b", { since: 1 }))).toBeLessThan(0);
  });

  it("is the same from both sides", () => {
    const any = fc
      .tuple(fc.constantFrom("a", "b", "c"), fc.nat(3))
      .map(([name, since]) => claim(name, { since }));
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(Math.sign(claimOrder(a, b)) + Math.sign(claimOrder(b, a))).toBe(0);
      }),
    );
  });
});

describe("the claims to one key", () => {
  it("are held by the best of those in force, whatever comes and goes", () => {
    const facts = fc.record({
      since: fc.nat(5),
      isInForce: fc.boolean(),
      user: fc.constantFrom("alice", "bob"),
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
          for (const one of left) {
            const rivals = left.filter(
              (other) => other.isInForce && (scope === "Namespace" || other.record.user === one.record.user),
            );
            expect(group.holderFor(one)).toBe([...rivals].sort(claimOrder)[0]);
          }
        },
      ),
    );
  });

  it("are shared when more than one user holds the key", () => {
    const group = new KeyGroup("User", claim("a", { since: 1 }));
    group.add(claim("b", { since: 2, user: "carol" }));
    expect(group.isShared).toBe(true);
  });

  it("know their only member", () => {
    const [a, b] = [claim("a", { since: 1 }), claim("b", { since: 2, isInForce: false })];
    const group = new KeyGroup("Namespace", a);
    group.add(b);
    group.remove(a);
    expect(group.onlyMember).toBe(b);
  });
});
