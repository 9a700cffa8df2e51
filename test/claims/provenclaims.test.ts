import { describe, expect, it } from "vitest";
import { verified } from "../../src/claims/proof.ts";
import { type SSHKeyRecord, toSSHKeyRecord } from "../../src/claims/record.ts";
import { Random } from "../ssh/random.ts";
import { blobOf, dssSample } from "../ssh/samples.ts";
import { honest, rsaBlob } from "../ssh/weakness/weakrsa.ts";
import { proof } from "./keypairs.ts";
import { messageOf, NOW, OLDER, Scene, YOUNGER } from "./scene.ts";
import { CREATED, type SSHKeyFacts, sshKey, sshKeyRecord } from "./sshkeys.ts";

/** Bob came first and has not proven anything; the key is alice's. */
const BOB = { ...OLDER, user: "bob" } as const;
const ALICE = { ...YOUNGER, user: "alice" } as const;
const ALICES = proof({ key: 1, user: "alice" });
const BOBS = proof({ key: 1, user: "bob" });
const PROVEN_ALICE = { ...ALICE, proof: ALICES } as const;

const dss = `ssh-dss ${blobOf(dssSample(new Random(1), 1024)).toString("base64")}`;

/** With a proof of which that is known. */
function unverified(record: SSHKeyRecord): SSHKeyRecord {
  const proof = { digest: "d", result: "Unverified", authenticator: undefined, attempts: () => [] } as const;
  return { ...record, proof };
}

/** The states of older and younger. */
function states(scene: Scene): readonly string[] {
  return [scene.standing("older").state, scene.standing("younger").state];
}

describe("a claim whose proof is not verified yet", () => {
  /** A version of the younger SSHKey as the watch shows it. */
  const shown = (facts: Partial<SSHKeyFacts> = {}) => toSSHKeyRecord(sshKey({ ...PROVEN_ALICE, ...facts }));

  it("is in force by no means, and waits", () => {
    const scene = new Scene();
    scene.claims.put(shown(), NOW);
    expect([scene.claim("younger").isInForce, scene.standing("younger").state]).toEqual([false, "Pending"]);
  });

  it("takes the key from nobody", () => {
    const scene = new Scene().put(BOB);
    scene.claims.put(shown(), NOW);
    expect(states(scene)).toEqual(["InForce", "Pending"]);
  });

  it("waits where a proof is required, too", () => {
    const scene = new Scene({ proofs: "Required" });
    scene.claims.put(shown(), NOW);
    expect(scene.standing("younger").state).toBe("Pending");
  });

  it("leaves the key that it had before to the next", () => {
    const scene = new Scene().put({ ...ALICE, createdAt: CREATED - 1 }, BOB);
    scene.claims.put(shown({ key: 2, proof: proof({ key: 2, user: "alice" }), generation: 2 }), NOW);
    expect(states(scene)).toEqual(["InForce", "Pending"]);
  });

  it("is as old as it was before, once that is verified", () => {
    const scene = new Scene().put(ALICE);
    const record = shown({ key: 2, proof: proof({ key: 2, user: "alice" }), generation: 2 });
    scene.claims.put(record, NOW);
    const { since } = scene.claim("younger");
    scene.claims.put({ ...record, proof: record.proof && verified(record.proof) }, NOW + 60_000);
    expect([scene.claim("younger").since, scene.standing("younger").state]).toEqual([since, "InForce"]);
  });

  it.each<[string, Partial<SSHKeyFacts>]>([
    ["Disabled", { disabled: true }],
    ["Expired", { expiresAt: NOW }],
    ["Terminating", { isTerminating: true }],
    ["Weak", { key: dss }],
  ])("is %s all the same", (state, facts) => {
    const scene = new Scene();
    scene.claims.put(unverified(shown(facts)), NOW);
    expect(scene.standing("younger").state).toBe(state);
  });
});

describe("where a proof is required, whoever is told to take another key is told that it needs one, too", () => {
  const TOLD = "with its own proof in the same edit";

  it.each<[string, SSHKeyFacts]>([
    ["as the Duplicate of the same user", { ...PROVEN_ALICE, user: "bob", proof: BOBS }],
    ["as the proven Duplicate of another user", PROVEN_ALICE],
    ["for a weak key", { ...ALICE, key: dss }],
  ])("%s", (_, facts) => {
    const scene = new Scene({ proofs: "Required" }).put({ ...BOB, proof: BOBS }, facts);
    expect(messageOf(scene.standing("younger"))).toContain(TOLD);
  });

  it("and who is to prove this one is not", () => {
    const scene = new Scene({ proofs: "Required" }).put(ALICE);
    expect(messageOf(scene.standing("younger"))).not.toContain(TOLD);
  });

  it("and nobody is where none is required", () => {
    const scene = new Scene().put(BOB, { ...ALICE, key: dss });
    expect(messageOf(scene.standing("younger"))).not.toContain(TOLD);
  });
});

describe("a proven claim", () => {
  it("takes the key from an older one that is not proven", () => {
    expect(states(new Scene().put(BOB, PROVEN_ALICE))).toEqual(["Duplicate", "InForce"]);
  });

  it("has it at once when it is there first", () => {
    expect(states(new Scene().put(PROVEN_ALICE, BOB))).toEqual(["Duplicate", "InForce"]);
  });

  it("takes it when the proof comes later", () => {
    const scene = new Scene().put(BOB, ALICE, { ...PROVEN_ALICE, generation: 2 });
    expect(states(scene)).toEqual(["Duplicate", "InForce"]);
  });

  it("is as old as it was before the proof", () => {
    const scene = new Scene().put(BOB, ALICE, { ...PROVEN_ALICE, generation: 2 });
    expect(scene.claim("younger").since).toBe((CREATED + 1) * 1000);
  });

  it("loses the key when its proof is taken away", () => {
    const scene = new Scene().put(BOB, PROVEN_ALICE, { ...ALICE, generation: 2 });
    expect(states(scene)).toEqual(["InForce", "Duplicate"]);
  });

  it.each<[string, Partial<SSHKeyFacts>]>([
    ["is disabled", { disabled: true }],
    ["has expired", { expiresAt: NOW }],
    ["is being deleted", { isTerminating: true }],
    ["has options that are none", { options: ["nonsense"] }],
  ])("excludes nobody when its SSHKey %s", (_, facts) => {
    const scene = new Scene().put(BOB, { ...PROVEN_ALICE, ...facts });
    expect(scene.standing("older")).toMatchObject({ state: "InForce", isProvenByAnother: false });
  });

  it("excludes nobody in another namespace", () => {
    const scene = new Scene().put(BOB, { ...PROVEN_ALICE, namespace: "team-b" });
    expect(scene.standing("older").state).toBe("InForce");
  });

  it("is one no more when the key under it is edited, and another user gets neither key by it", () => {
    const scene = new Scene().put({ ...BOB, key: 2 }, PROVEN_ALICE, {
      ...PROVEN_ALICE,
      key: 2,
      generation: 2,
    });
    expect([scene.claim("younger").isProven, ...states(scene)]).toEqual([false, "InForce", "Duplicate"]);
  });

  it("is one again when the key comes back to it, dated anew", () => {
    const rekeyed = { ...PROVEN_ALICE, key: 2, generation: 2 };
    const scene = new Scene().put(BOB, PROVEN_ALICE, rekeyed, { ...PROVEN_ALICE, generation: 3 });
    expect([scene.claim("younger").since > (CREATED + 1) * 1000, ...states(scene)]).toEqual([
      true,
      "Duplicate",
      "InForce",
    ]);
  });
});

describe("what is no proof wins nothing", () => {
  it.each([
    ["of another user", proof({ key: 1, user: "bob" })],
    ["by another key", proof({ key: 2, user: "alice" })],
    ["for another namespace of signatures", proof({ key: 1, user: "alice", namespace: "git" })],
    ["that is none", "nonsense"],
    ["that is empty", ""],
  ])("a signature %s", (_, text) => {
    const scene = new Scene().put(BOB, { ...ALICE, proof: text });
    expect(states(scene)).toEqual(["InForce", "Duplicate"]);
  });

  it.each(["\n", "\r\n"] as const)("but a signature over the name and %j is one", (ending) => {
    const scene = new Scene().put(BOB, { ...ALICE, proof: proof({ key: 1, user: "alice", ending }) });
    expect(states(scene)).toEqual(["Duplicate", "InForce"]);
  });

  it("a proof that another SSHKey of the user has too is as good, so age decides between them", () => {
    expect(states(new Scene().put({ ...OLDER, proof: ALICES }, PROVEN_ALICE))).toEqual([
      "InForce",
      "Duplicate",
    ]);
  });
});

describe("two users who have both proven to have one key", () => {
  const both = () => new Scene().put(PROVEN_ALICE, { ...BOB, proof: BOBS });

  it("are decided between by age", () => {
    expect(states(both())).toEqual(["InForce", "Duplicate"]);
  });

  it("are both told: the holder that it is proven by another", () => {
    expect(both().standing("older")).toMatchObject({ isProvenByAnother: true });
  });

  it("are both told: the loser that one of them needs a new key", () => {
    const message = messageOf(both().standing("younger"));
    expect(message).toContain("both users have proven to have its private key");
    expect(message).toContain("make a new one with: ssh-keygen -t ed25519");
  });

  it("are told no more when one of them goes", () => {
    const scene = both();
    scene.claims.remove("team-a", "younger");
    expect(scene.standing("older")).toMatchObject({ isProvenByAnother: false });
  });
});

describe("the loser is told why", () => {
  it("when another user has the proof and age could still decide: with the command", () => {
    const message = messageOf(new Scene().put(BOB, PROVEN_ALICE).standing("older"));
    expect(message).toContain("SSHKey younger of another user, who has proven to have its private key,");
    expect(message).toContain("printf %s bob | ssh-keygen -Y sign -n sshkey-operator.dev");
  });

  it("when another user has the proof and is older: that a proof would not help", () => {
    const scene = new Scene().put({ ...OLDER, proof: ALICES }, { ...YOUNGER, user: "bob" });
    const message = messageOf(scene.standing("younger"));
    expect(message).toContain("that user has proven to have its private key and has the older claim");
    expect(message).not.toContain("ssh-keygen -Y sign");
  });

  it("when the user's own other SSHKey has the proof", () => {
    const message = messageOf(new Scene().put(OLDER, PROVEN_ALICE).standing("older"));
    expect(message).toContain("of the same user holds this key because of its proof of possession");
  });

  it("when its key cannot be proven: that, and no command", () => {
    const blob = rsaBlob({ ...honest(2048), exponent: (1n << 32n) + 1n });
    const key = `ssh-rsa ${blob.toString("base64")}`;
    const message = messageOf(new Scene().put({ ...BOB, key }, { ...ALICE, key }).standing("younger"));
    expect(message).toContain("Use another key; this one cannot be proven.");
    expect(message).not.toContain("ssh-keygen -Y sign");
  });

  it("when its own proof is none: what is wrong with that", () => {
    const scene = new Scene().put(BOB, { ...ALICE, proof: BOBS });
    expect(messageOf(scene.standing("younger"))).toContain(
      "is not over the name in spec.user, or it is damaged",
    );
  });
});

describe("in the scope User", () => {
  const USER_SCOPE = { duplicateScope: "User" } as const;
  const CAROL = { name: "carols", user: "carol", createdAt: CREATED + 2 } as const;

  it("a proven claim makes the unproven ones of every other user Duplicates of it", () => {
    const scene = new Scene(USER_SCOPE).put(BOB, CAROL, PROVEN_ALICE);
    expect([scene.standing("older"), scene.standing("carols")]).toMatchObject([
      { state: "Duplicate", duplicateOf: { name: "younger" } },
      { state: "Duplicate", duplicateOf: { name: "younger" } },
    ]);
  });

  it("they come back when its proof is taken away", () => {
    const scene = new Scene(USER_SCOPE).put(BOB, CAROL, PROVEN_ALICE, { ...ALICE, generation: 2 });
    expect([...states(scene), scene.standing("carols").state]).toEqual(["InForce", "InForce", "InForce"]);
  });

  it("they come back when it goes", () => {
    const scene = new Scene(USER_SCOPE).put(BOB, CAROL, PROVEN_ALICE);
    scene.claims.remove("team-a", "younger");
    expect([scene.standing("older"), scene.standing("carols")]).toMatchObject([
      { state: "InForce", isShared: true },
      { state: "InForce", isShared: true },
    ]);
  });

  it("the younger of two proven users keeps the key, and both know that it is shared and proven by another", () => {
    const scene = new Scene(USER_SCOPE).put({ ...BOB, proof: BOBS }, PROVEN_ALICE);
    const shared = { state: "InForce", isShared: true, isProvenByAnother: true };
    expect([scene.standing("older"), scene.standing("younger")]).toMatchObject([shared, shared]);
  });

  it("a key that one user has proven and others only claim is not shared", () => {
    const scene = new Scene(USER_SCOPE).put(BOB, PROVEN_ALICE);
    expect(scene.standing("younger")).toMatchObject({ isShared: false, isProvenByAnother: false });
  });

  it("a second SSHKey of a proven user is a Duplicate of that user's, whoever else has an older proof", () => {
    const scene = new Scene(USER_SCOPE).put({ ...BOB, proof: BOBS }, PROVEN_ALICE, {
      name: "second",
      createdAt: CREATED - 1,
    });
    expect(scene.standing("second")).toMatchObject({ duplicateOf: { name: "younger" } });
  });
});

describe("where proofs are required", () => {
  it("a key without one is Unproven, and the message is the command", () => {
    const standing = new Scene({ proofs: "Required" }).put(OLDER).standing("older");
    expect(standing.state).toBe("Unproven");
    expect(messageOf(standing)).toContain("printf %s alice | ssh-keygen -Y sign");
  });

  it("it keeps nobody from the key, however old", () => {
    expect(states(new Scene({ proofs: "Required" }).put(BOB, PROVEN_ALICE))).toEqual(["Unproven", "InForce"]);
  });

  it.each<[string, Partial<SSHKeyFacts>, string]>([
    ["disabled", { disabled: true }, "Disabled"],
    ["expired", { expiresAt: NOW }, "Expired"],
    ["being deleted", { isTerminating: true }, "Terminating"],
    ["no key", { key: "ssh-ed25519 AAAA" }, "Invalid"],
  ])("one that is %s is that first", (_, facts, state) => {
    const scene = new Scene({ proofs: "Required" }).put({ ...OLDER, ...facts });
    expect(scene.standing("older").state).toBe(state);
  });
});

describe("a proof is read once", () => {
  it("and keeps its result over every other edit of the SSHKey", () => {
    const known = sshKeyRecord(PROVEN_ALICE);
    const edited = toSSHKeyRecord(sshKey({ ...PROVEN_ALICE, disabled: true, generation: 2 }), known);
    expect(edited.proof).toBe(known.proof);
  });

  it.each<[string, Partial<SSHKeyFacts>]>([
    ["key", { key: 2 }],
    ["proof", { proof: BOBS }],
  ])("but not over one of the %s", (_, facts) => {
    const edited = { ...PROVEN_ALICE, ...facts, generation: 2 };
    expect(toSSHKeyRecord(sshKey(edited), sshKeyRecord(PROVEN_ALICE)).proof?.result).not.toBe("Proven");
  });
});
