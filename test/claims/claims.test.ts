import { describe, expect, it } from "vitest";
import type { DuplicateScope } from "../../src/claims/policy.ts";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { proof } from "./keypairs.ts";
import { messageOf, NOW, OLDER, Scene, YOUNGER } from "./scene.ts";
import { blobOf, CREATED, type SSHKeyFacts, sshKeyRecord } from "./sshkeys.ts";

describe("two SSHKeys of one key", () => {
  it("the older has it", () => {
    expect(new Scene().put(YOUNGER, OLDER).standing("older").state).toBe("InForce");
  });

  it("the younger is a Duplicate", () => {
    expect(new Scene().put(YOUNGER, OLDER).standing("younger").state).toBe("Duplicate");
  });

  it("the Duplicate names the holder", () => {
    expect(new Scene().put(OLDER, YOUNGER).standing("younger")).toMatchObject({
      duplicateOf: { name: "older" },
    });
  });

  it("the message to the same user says that the Duplicate can go", () => {
    expect(messageOf(new Scene().put(OLDER, YOUNGER).standing("younger"))).toContain("delete this one");
  });

  it("the message to another user is the command that proves the key", () => {
    const scene = new Scene().put(OLDER, { ...YOUNGER, user: "bob" });
    expect(messageOf(scene.standing("younger"))).toContain(
      "printf %s bob | ssh-keygen -Y sign -n sshkey-operator.dev -f ~/.ssh/id_ed25519 -",
    );
  });

  it.each<[DuplicateScope, string, Partial<SSHKeyFacts>, string]>([
    ["Namespace", "the same user", {}, "Duplicate"],
    ["Namespace", "another user", { user: "bob" }, "Duplicate"],
    ["Namespace", "another namespace", { namespace: "team-b" }, "InForce"],
    ["User", "the same user", {}, "Duplicate"],
    ["User", "another user", { user: "bob" }, "InForce"],
  ])("in the scope %s the younger of %s is judged so", (scope, _, facts, state) => {
    const scene = new Scene({ duplicateScope: scope }).put(OLDER, { ...YOUNGER, ...facts });
    expect(scene.standing("younger", facts.namespace).state).toBe(state);
  });

  it.each<[string, Partial<SSHKeyFacts>]>([
    ["is disabled", { disabled: true }],
    ["expires", { expiresAt: NOW }],
    ["is being deleted", { isTerminating: true }],
    ["gets another key", { key: 2 }],
    ["is no key any more", { key: "ssh-ed25519 AAAA" }],
  ])("the younger is promoted when the holder %s", (_, change) => {
    const scene = new Scene().put(OLDER, YOUNGER, { ...OLDER, ...change, generation: 2 });
    expect(scene.standing("younger").state).toBe("InForce");
  });

  it("the younger is promoted when the holder is deleted", () => {
    const scene = new Scene().put(OLDER, YOUNGER);
    scene.claims.remove("team-a", "older");
    expect(scene.standing("younger").state).toBe("InForce");
  });

  it("the next in line is promoted, not just any", () => {
    const scene = new Scene().put({ ...YOUNGER, name: "third", createdAt: CREATED + 2 }, OLDER, YOUNGER);
    scene.claims.remove("team-a", "older");
    expect(scene.standing("third")).toMatchObject({ duplicateOf: { name: "younger" } });
  });

  it("the one that goes is told that the key stays in force", () => {
    const scene = new Scene().put(OLDER, YOUNGER, { ...OLDER, disabled: true, generation: 2 });
    expect(messageOf(scene.standing("older"))).toContain(
      "through SSHKey younger; disable or delete that one too",
    );
  });

  it("the one that goes is told nothing of a key that stays in force for somebody else", () => {
    const bob = { ...YOUNGER, user: "bob" };
    const scene = new Scene().put(OLDER, bob, { ...OLDER, disabled: true, generation: 2 });
    expect(messageOf(scene.standing("older"))).not.toContain("younger");
  });

  it("a holder that comes back has its key again", () => {
    const scene = new Scene().put(OLDER, YOUNGER, { ...OLDER, disabled: true, generation: 2 });
    expect(scene.put({ ...OLDER, generation: 3 }).standing("younger").state).toBe("Duplicate");
  });

  it("in the scope User each of two users knows that the key is shared", () => {
    const scene = new Scene({ duplicateScope: "User" }).put(OLDER, { ...YOUNGER, user: "bob" });
    expect([scene.standing("older"), scene.standing("younger")]).toMatchObject([
      { isShared: true },
      { isShared: true },
    ]);
  });

  it("in the scope User a key that is disabled is not shared", () => {
    const scene = new Scene({ duplicateScope: "User" }).put(OLDER, {
      ...YOUNGER,
      user: "bob",
      disabled: true,
    });
    expect(scene.standing("older")).toMatchObject({ isShared: false });
  });
});

describe("what a change is told of", () => {
  const changed = (scene: Scene, facts: SSHKeyFacts) =>
    scene.claims
      .put(sshKeyRecord(facts), NOW)
      ?.changes.map(({ claim, kind }) => `${claim.record.name} ${kind}`);

  it("a status that was written changes nobody", () => {
    const scene = new Scene().put(OLDER, YOUNGER);
    const { record } = scene.claim("older");
    expect(scene.claims.put({ ...record, resourceVersion: "9" }, NOW)?.changes).toEqual([]);
  });

  it("a newcomer that gets nothing changes nobody else", () => {
    expect(changed(new Scene().put(OLDER), YOUNGER)).toEqual(["younger new"]);
  });

  it("a holder that goes is told as lost, and its heir too", () => {
    const scene = new Scene().put(OLDER, YOUNGER);
    expect(changed(scene, { ...OLDER, disabled: true, generation: 2 })).toEqual([
      "older lost",
      "younger changed",
    ]);
  });
});

describe("the many who claim one key", () => {
  /** At NOW the holder went, and everybody else was told so. */
  const told = (count: number): Scene => {
    const all = Array.from({ length: count }, (_, i) => ({ name: `k${i}`, createdAt: CREATED + i }));
    const scene = new Scene().put({ name: "first", createdAt: CREATED - 1 }, ...all);
    scene.claims.advance(NOW);
    scene.claims.remove("team-a", "first");
    expect(tellings(scene)).toBe(count);
    return scene;
  };
  const tellings = ({ claims }: Scene): number => [...claims.takeAffected()].length;

  it("are told at once while they are no more than 1,000", () => {
    const scene = told(1001);
    scene.claims.remove("team-a", "k0");
    expect(tellings(scene)).toBe(1000);
  });

  it.each([
    [0, 0],
    [9999, 0],
    [10_000, 1001],
  ])("are told once in ten seconds when they are more: after %i ms %i", (ms, count) => {
    const scene = told(1002);
    scene.claims.remove("team-a", "k0");
    scene.claims.advance(NOW + ms);
    expect(tellings(scene)).toBe(count);
  });

  it("are told of many changes once", () => {
    const scene = told(1010);
    for (let i = 0; i < 5; i += 1) scene.claims.remove("team-a", `k${i}`);
    scene.claims.advance(NOW + 10_000);
    expect([tellings(scene), tellings(scene)]).toEqual([1005, 0]);
  });

  it("lose it to a proof that another user gives, each told as lost within ten seconds", () => {
    const all = Array.from({ length: 1002 }, (_, i) => ({ name: `k${i}`, user: `user-${i}` }));
    const scene = new Scene({ duplicateScope: "User" }).put(...all);
    scene.claims.advance(NOW);
    tellings(scene);
    scene.put({ ...YOUNGER, proof: proof({ key: 1, user: "alice" }) });
    scene.claims.advance(NOW + 10_000);
    expect([...scene.claims.takeAffected()].filter(({ kind }) => kind === "lost").length).toBe(1002);
  });

  it("do not keep the new holder waiting", () => {
    const changes = told(1002).claims.remove("team-a", "k0");
    expect(changes.map(({ claim, kind }) => [claim.record.name, claim.isHolder, kind])).toEqual([
      ["k0", false, "gone"],
      ["k1", true, "changed"],
    ]);
  });

  it("do not keep those who claim another key waiting", () => {
    const scene = told(1002).put({ name: "a", key: 2 }, { name: "b", key: 2, createdAt: CREATED + 1 });
    tellings(scene);
    scene.claims.remove("team-a", "k0");
    scene.claims.remove("team-a", "a");
    expect(Array.from(scene.claims.takeAffected(), ({ claim }) => claim.record.name)).toEqual(["b"]);
  });
});

describe("a key that expires", () => {
  const EXPIRING = { ...OLDER, expiresAt: NOW + 1000 };

  it("is due at that moment", () => {
    expect(new Scene().put(EXPIRING).claims.nextExpiry()).toBe(NOW + 1000);
  });

  it("leaves its place to the next in line then", () => {
    const scene = new Scene().put(EXPIRING, YOUNGER);
    scene.claims.advance(NOW + 1000);
    expect(scene.standing("younger").state).toBe("InForce");
  });

  it("stays a millisecond before", () => {
    const scene = new Scene().put(EXPIRING, YOUNGER);
    scene.claims.advance(NOW + 999);
    expect(scene.standing("older").state).toBe("InForce");
  });

  it("is due no more when its date is taken away", () => {
    expect(new Scene().put(EXPIRING, { ...OLDER, generation: 2 }).claims.nextExpiry()).toBeUndefined();
  });
});

describe("a fingerprint that is revoked", () => {
  const knowledge = { revoked: new Set([fingerprintSHA256(Buffer.from(blobOf(1), "base64"))]) };

  it("takes the key out of force", () => {
    const scene = new Scene().put(OLDER);
    scene.claims.setKnowledge(knowledge);
    scene.claims.judgeAgain([...scene.claims.all()], NOW);
    expect(scene.standing("older").state).toBe("Revoked");
  });

  it("lets nobody else have the key", () => {
    const scene = new Scene().put(OLDER, YOUNGER);
    scene.claims.setKnowledge(knowledge);
    scene.claims.judgeAgain([...scene.claims.all()], NOW);
    expect(scene.standing("younger").state).toBe("Revoked");
  });

  it("lets nobody else have the key while SSHKeys are judged one after the other", () => {
    const third = { ...YOUNGER, name: "third", user: "bob" };
    const { claims } = new Scene().put(OLDER, YOUNGER, third);
    claims.setKnowledge(knowledge);
    const holders = claims.waitingFirst().flatMap((claim) => {
      claims.judgeAgain([claim], NOW);
      return [...claims.all()].filter(({ isHolder }) => isHolder).map(({ record }) => record.name);
    });
    expect(holders).toEqual(["older", "older"]);
  });

  it("changes nothing of other keys", () => {
    const scene = new Scene().put({ ...OLDER, key: 2 });
    scene.claims.setKnowledge(knowledge);
    expect(scene.claims.judgeAgain([...scene.claims.all()], NOW)).toEqual([]);
  });

  it("holds for SSHKeys that come later", () => {
    const scene = new Scene();
    scene.claims.setKnowledge(knowledge);
    expect(scene.put(OLDER).standing("older").state).toBe("Revoked");
  });

  it("is in force again when it leaves the list", () => {
    const scene = new Scene().put(OLDER);
    scene.claims.setKnowledge(knowledge);
    scene.claims.judgeAgain([...scene.claims.all()], NOW);
    scene.claims.setKnowledge({ revoked: new Set() });
    scene.claims.judgeAgain([...scene.claims.all()], NOW);
    expect(scene.standing("older").state).toBe("InForce");
  });

  it("counts as it was told last, though not all were judged by the list before", () => {
    const scene = new Scene().put(OLDER, { name: "other", user: "bob" });
    const all = [...scene.claims.all()];
    scene.claims.setKnowledge(knowledge);
    scene.claims.judgeAgain(all.slice(0, 1), NOW);
    scene.claims.setKnowledge({ revoked: new Set() });
    scene.claims.judgeAgain(all.slice(1), NOW);
    scene.claims.judgeAgain(all.slice(0, 1), NOW);
    expect(all.flatMap(({ findings }) => findings)).toEqual([]);
  });

  it("counts by the list that was set last, whichever the judging was begun for", () => {
    const scene = new Scene().put(OLDER);
    scene.claims.setKnowledge({ revoked: new Set() });
    const all = [...scene.claims.all()];
    scene.claims.setKnowledge(knowledge);
    scene.claims.judgeAgain(all, NOW);
    expect(scene.standing("older").state).toBe("Revoked");
  });

  it("counts for an SSHKey that changed since the judging was begun", () => {
    const scene = new Scene().put({ ...OLDER, key: 2 });
    scene.claims.setKnowledge(knowledge);
    const all = [...scene.claims.all()].map((claim) => ({ ...claim }));
    scene.put({ ...OLDER, key: 1, generation: 2 });
    scene.claims.judgeAgain(all, NOW);
    expect(scene.standing("older").state).toBe("Revoked");
  });
});

describe("since when an SSHKey has its key", () => {
  it("is its creation at first", () => {
    expect(new Scene().put(OLDER).claim("older").since).toBe(CREATED * 1000);
  });

  it("is the moment of an edit into another key", () => {
    expect(new Scene().put(OLDER, { ...OLDER, key: 2, generation: 2 }).claim("older").since).toBe(NOW);
  });

  it("is the same after an edit of anything else", () => {
    expect(new Scene().put(OLDER, { ...OLDER, disabled: true, generation: 2 }).claim("older").since).toBe(
      CREATED * 1000,
    );
  });

  it("is after the claim of the holder, though the operator's clock is an hour behind", () => {
    const holder = { ...YOUNGER, key: 2, createdAt: CREATED + 3600 };
    const scene = new Scene().put(OLDER, holder, { ...OLDER, key: 2, generation: 2 });
    expect(scene.claim("younger").isHolder).toBe(true);
  });

  it("starts anew when the key comes back after another one", () => {
    const status = {
      observedGeneration: 1,
      fingerprint: fingerprintSHA256(Buffer.from(blobOf(1), "base64")),
    };
    const back = { ...OLDER, generation: 3, status };
    const scene = new Scene().put(
      { ...OLDER, status },
      YOUNGER,
      { ...OLDER, key: 2, generation: 2, status },
      back,
    );
    expect(scene.claim("younger").isHolder).toBe(true);
  });
});
