import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY } from "../../src/keyring/policy.ts";
import type { Verdict } from "../../src/keyring/verdict.ts";
import { ed25519, type SSHKeyFacts, sshKey } from "./sshkeys.ts";
import { World } from "./world.ts";

const BOB = { name: "bobs", user: "bob", createdAt: 1_700_000_000 };
const ALICE = { name: "alices", user: "alice", createdAt: 1_700_000_001 };

describe("a key that a rival's Secret still holds", () => {
  it("is a SecretConflict once the write that takes it out is refused", () => {
    const world = withStuckKey("team-a");
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    expect(saidOf(world, ALICE)?.state).toBe("SecretConflict");
  });

  it("is not said to be Projected when the SSHKey had another key before", () => {
    const world = withStuckKey("team-a");
    world.put(sshKey({ ...ALICE, key: 2 }));
    world.settle();
    world.put(sshKey({ ...ALICE, key: 1, generation: 2 }));
    world.settle();
    expect(world.lies()).toEqual([]);
  });

  it("has no verdict while that write is under way: a hand-over costs one status", () => {
    const world = withHeldKey("team-a");
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    disable(world);
    world.work("team-a/sshkeys-bob");
    expect(planned(world)).toBe(undefined);
  });

  it("tells it to the SSHKey that waited already", () => {
    const world = withHeldKey("team-a");
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    world.refuse("team-a/sshkeys-bob");
    disable(world);
    world.settle();
    expect(saidOf(world, ALICE)?.state).toBe("SecretConflict");
  });

  it("names the Secret within a namespace", () => {
    const world = withStuckKey("team-a");
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    expect(saidOf(world, ALICE)?.message).toContain("Secret sshkeys-bob still holds this key");
  });

  it("says nothing of whose Secret it is across namespaces", () => {
    const world = withStuckKey("team-a");
    const alice = { ...ALICE, namespace: "team-b" };
    world.put(sshKey({ ...alice, key: 1 }));
    world.settle();
    expect(saidOf(world, alice)?.message).not.toMatch(/bob|team-a/);
  });

  it("names the Secret of its namespace when others hold the key too", () => {
    const world = withStuckKey("a-team", "team-a");
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    expect(saidOf(world, ALICE)?.message).toContain("Secret sshkeys-bob still holds this key");
  });

  it("has no verdict while one of several such Secrets may still lose it", () => {
    const world = withStuckKey("a-team", "team-a");
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    world.touchSecret("a-team/sshkeys-bob");
    expect(planned(world)).toBe(undefined);
  });

  it("is Projected when that Secret can be written again", () => {
    const world = withStuckKey("team-a");
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    world.allow("team-a/sshkeys-bob");
    world.settle();
    expect(saidOf(world, ALICE)?.state).toBe("Projected");
  });

  it("keeps what its status says when the Secret is seen anew, until its write is refused again", () => {
    const world = withStuckKey("team-a");
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    world.touchSecret("team-a/sshkeys-bob");
    expect(planned(world)).toBe(undefined);
  });

  it("is handed over without a verdict the next time, when that Secret has been written since", () => {
    const world = withStuckKey("team-a");
    world.allow("team-a/sshkeys-bob");
    world.settle();
    world.put(sshKey({ ...BOB, key: 1, generation: 3 }));
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    disable(world, 4);
    expect(planned(world)).toBe(undefined);
  });

  it("is not held back by a refusal to take another key in", () => {
    const world = withHeldKey("team-a");
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.put(sshKey({ ...BOB, name: "second", key: 2 }));
    world.settle();
    world.refuse("team-a/sshkeys-bob");
    world.put(sshKey({ ...BOB, name: "third", key: 3 }));
    world.settle();
    disable(world);
    expect(planned(world)).toBe(undefined);
  });
});

describe("a key that waits while the Secret of its own user cannot be written", () => {
  it("is told of its own Secret first", () => {
    const world = withStuckKey("team-a");
    world.put(sshKey({ ...ALICE, key: 2 }));
    world.settle();
    world.refuse("team-a/sshkeys-alice");
    world.put(sshKey({ ...ALICE, key: 1, generation: 2 }));
    world.settle();
    expect(saidOf(world, ALICE)?.message).toBe("It cannot be written.");
  });
});

describe("a key that the Secret of its own user still holds", () => {
  it("is not said to be out when an older one takes its place", () => {
    const world = new World({ ...DEFAULT_POLICY, maximumKeysPerUser: 1 });
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    world.refuse("team-a/sshkeys-alice");
    world.put(sshKey({ ...ALICE, name: "older", key: 2, createdAt: 1_700_000_000 }));
    world.settle();
    expect(saidOf(world, ALICE)?.state).toBe("SecretConflict");
  });
});

describe("a Secret that is refused for a key that comes in", () => {
  const SECOND = { ...BOB, name: "second", key: 2 };
  const ID = "team-a/sshkeys-bob";

  it("loses the key that goes", () => {
    const world = withUnwantedKey();
    disable(world);
    world.settle();
    expect(world.keyring.secretOf(ID)?.keys).toEqual([blob(2)]);
  });

  it("lets the status say that the key is out", () => {
    const world = withUnwantedKey();
    disable(world);
    world.settle();
    expect(saidOf(world, BOB)?.state).toBe("Disabled");
  });

  it("leaves the keys that stay Projected", () => {
    const world = withUnwantedKey();
    disable(world);
    world.settle();
    expect(saidOf(world, SECOND)?.state).toBe("Projected");
  });

  it("leaves the keys that it holds Projected when none goes", () => {
    expect(saidOf(withUnwantedKey(), SECOND)?.state).toBe("Projected");
  });

  it("has a SecretConflict for the key that comes", () => {
    const world = withUnwantedKey();
    disable(world);
    world.settle();
    expect(saidOf(world, { name: "third" })?.message).toBe("It cannot be written.");
  });

  it("has a SecretConflict for every key when nothing of it can be written", () => {
    const world = withUnwantedKey();
    world.refuse(ID);
    disable(world);
    world.settle();
    expect([BOB, SECOND].map((each) => saidOf(world, each)?.state)).toEqual([
      "SecretConflict",
      "SecretConflict",
    ]);
  });

  it("has no verdict for a rival who waits until it is known whether the key goes", () => {
    const world = withUnwantedKey();
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    disable(world);
    world.work(ID);
    world.land(ID);
    expect(planned(world)).toBe(undefined);
  });

  it("hands the key that goes over to the rival who waits", () => {
    const world = withUnwantedKey();
    world.put(sshKey({ ...ALICE, key: 1 }));
    world.settle();
    disable(world);
    world.settle();
    expect(saidOf(world, ALICE)?.state).toBe("Projected");
  });

  it("says of an SSHKey that repeats a key of its own that it is a duplicate", () => {
    const world = withUnwantedKey();
    world.put(sshKey({ ...ALICE, user: "bob", key: 1 }));
    world.settle();
    expect(saidOf(world, ALICE)?.state).toBe("Duplicate");
  });

  /** Bob's Secret holds key 1 and key 2, and is refused with key 3. */
  function withUnwantedKey(): World {
    const world = withHeldKey("team-a");
    world.put(sshKey(SECOND));
    world.settle();
    world.refuseKey(ID, 3);
    world.put(sshKey({ ...BOB, name: "third", key: 3 }));
    world.settle();
    return world;
  }
});

describe("two Secrets of one user that cannot be written", () => {
  it("come to rest though both wait for the same key", () => {
    const world = new World(DEFAULT_POLICY);
    for (const namespace of ["team-a", "team-b"]) {
      world.refuse(`${namespace}/sshkeys-bob`);
      world.put(sshKey({ ...BOB, namespace, key: 1 }));
    }
    expect(() => world.settle()).not.toThrow();
  });
});

/** Bob's Secret of each namespace holds key 1. */
function withHeldKey(...namespaces: string[]): World {
  const world = new World(DEFAULT_POLICY);
  for (const namespace of namespaces) world.put(sshKey({ ...BOB, namespace, key: 1 }));
  world.settle();
  return world;
}

/** Bob's key is disabled, and his Secret holds it all the same. */
function withStuckKey(...namespaces: string[]): World {
  const world = withHeldKey(...namespaces);
  for (const namespace of namespaces) {
    world.refuse(`${namespace}/sshkeys-bob`);
    disable(world, 2, namespace);
  }
  world.settle();
  return world;
}

function blob(key: number): string | undefined {
  return ed25519(key).split(" ")[1];
}

function disable(world: World, generation = 2, namespace = "team-a"): void {
  world.put(sshKey({ ...BOB, namespace, key: 1, disabled: true, generation }));
}

function saidOf(
  world: World,
  { namespace = "team-a", name }: Pick<SSHKeyFacts, "namespace" | "name">,
): Verdict | undefined {
  return world.said(namespace, name);
}

/** What a pass over Alice's unit would say of her key at this moment. */
function planned(world: World): Verdict | undefined {
  const plan = world.keyring.plan("team-a/sshkeys-alice", world.now);
  if (plan === undefined) throw new Error("there is no such unit");
  return plan.keys[0]?.verdict;
}
