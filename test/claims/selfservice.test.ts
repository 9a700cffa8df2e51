import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { proof } from "./keypairs.ts";
import { NOW, Scene } from "./scene.ts";
import { CREATED, type SSHKeyFacts } from "./sshkeys.ts";

const facts: fc.Arbitrary<SSHKeyFacts> = fc
  .record({
    name: fc.constantFrom("a", "b", "c", "d", "e"),
    user: fc.constantFrom("alice", "bob"),
    key: fc.constantFrom(1, 2),
    age: fc.nat(3),
    disabled: fc.boolean(),
    isProven: fc.boolean(),
  })
  .map(({ age, isProven, ...rest }) => ({
    ...rest,
    createdAt: CREATED + age,
    ...(isProven ? { proof: proof({ key: rest.key, user: rest.user }) } : {}),
  }));

const all = fc.uniqueArray(facts, { selector: ({ name }) => name });

function standings(scene: Scene): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Array.from(scene.claims.all(), (claim) => [claim.record.name, scene.claims.standing(claim)]),
  );
}

describe("a namespace that becomes one of self-service", () => {
  it("is as if the scope of duplicates had always been User there, and as before when it is none any more", () => {
    fc.assert(
      fc.property(all, all, (before, after) => {
        const names = new Set(before.map(({ name }) => name));
        const later = after.filter(({ name }) => !names.has(name));
        const scene = new Scene().put(...before);
        scene.claims.setSelfService("team-a", true);
        scene.put(...later);
        expect(standings(scene)).toEqual(
          standings(new Scene({ duplicateScope: "User" }).put(...before, ...later)),
        );
        scene.claims.setSelfService("team-a", false);
        expect(standings(scene)).toEqual(standings(new Scene().put(...before, ...later)));
      }),
    );
  });

  it("tells everybody whose standing is another one by that, and who lost a key as lost", () => {
    fc.assert(
      fc.property(all, fc.boolean(), (sshKeys, isSelfService) => {
        const scene = new Scene().put(...sshKeys);
        scene.claims.setSelfService("team-a", !isSelfService);
        [...scene.claims.takeAffected()];
        const before = standings(scene);
        const changes = [
          ...scene.claims.setSelfService("team-a", isSelfService),
          ...scene.claims.takeAffected(),
        ];
        const told = new Map(changes.map(({ claim, kind }) => [claim.record.name, kind]));
        for (const [name, standing] of Object.entries(standings(scene))) {
          if (JSON.stringify(standing) === JSON.stringify(before[name])) continue;
          expect(told.has(name)).toBe(true);
        }
      }),
    );
  });

  it("changes nothing where the scope is User already, and in no other namespace", () => {
    const scene = new Scene({ duplicateScope: "User" }).put({ name: "a" }, { name: "b", user: "bob" });
    expect(scene.claims.setSelfService("team-a", true)).toEqual([]);
    const other = new Scene().put({ name: "a" }, { name: "b", user: "bob", createdAt: CREATED + 1 });
    other.claims.setSelfService("team-b", true);
    expect(other.standing("b").state).toBe("Duplicate");
  });

  it("keeps nobody's key out of force for a sleeper of another user that wakes up", () => {
    const scene = new Scene();
    scene.claims.setSelfService("team-a", true);
    const sleeper = { name: "sleeper", user: "mallory", createdAt: CREATED - 60 };
    scene.put({ ...sleeper, disabled: true }, { name: "alices" }, { ...sleeper, generation: 2 });
    scene.claims.advance(NOW);
    expect(scene.standing("alices").state).toBe("InForce");
  });
});
