import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY } from "../../src/keyring/policy.ts";
import type { Verdict } from "../../src/keyring/verdict.ts";
import { sshKey } from "./sshkeys.ts";
import { World } from "./world.ts";

const BOB = { name: "bobs", user: "bob", key: 1, createdAt: 1_700_000_000 };
const ALICE = { name: "alices", user: "alice", key: 1, createdAt: 1_700_000_001 };
const BOBS_SECRET = "team-a/sshkeys-bob";

describe("a key that a rival's Secret still holds because its writes fail", () => {
  it("has no verdict before that has lasted for ten seconds", () => {
    const world = withFailure("team-a");
    failAfter(world, 9_999);
    expect(planned(world, "team-a")).toBe(undefined);
  });

  it("is a SecretConflict from then on", () => {
    const world = withFailure("team-a");
    failAfter(world, 10_000);
    world.work("team-a/sshkeys-alice");
    expect(world.said("team-a", "alices")?.state).toBe("SecretConflict");
  });

  it("is told once, however long that lasts", () => {
    const world = withFailure("team-a");
    failAfter(world, 10_000);
    world.work("team-a/sshkeys-alice");
    failAfter(world, 10_000);
    expect(world.due).toEqual([BOBS_SECRET]);
  });

  it("names the Secret within a namespace", () => {
    const world = withFailure("team-a");
    failAfter(world, 10_000);
    expect(planned(world, "team-a")?.message).toContain(
      "Secret sshkeys-bob still holds this key and could not be",
    );
  });

  it("says nothing of whose Secret it is across namespaces", () => {
    const world = withFailure("team-b");
    failAfter(world, 10_000);
    expect(planned(world, "team-b")?.message).toMatch(/^A Secret in another namespace still holds this key/);
  });

  it("is told anew when the write is refused", () => {
    const world = withFailure("team-a");
    failAfter(world, 10_000);
    world.work("team-a/sshkeys-alice");
    world.refuse(BOBS_SECRET);
    world.work(BOBS_SECRET);
    world.land(BOBS_SECRET);
    expect(world.due).toEqual(["team-a/sshkeys-alice"]);
  });

  it("is Projected when the write succeeds", () => {
    const world = withFailure("team-a");
    failAfter(world, 10_000);
    world.settle();
    expect(world.said("team-a", "alices")?.state).toBe("Projected");
  });

  it("waits for another ten seconds when the Secret is seen anew", () => {
    const world = withFailure("team-a");
    failAfter(world, 10_000);
    world.touchSecret(BOBS_SECRET);
    failAfter(world, 0);
    expect(planned(world, "team-a")).toBe(undefined);
  });
});

/** Bob's key is disabled, the first write that takes it out has failed, and Alice waits for it in the namespace. */
function withFailure(namespace: string): World {
  const world = new World(DEFAULT_POLICY);
  world.put(sshKey(BOB));
  world.settle();
  world.put(sshKey({ ...ALICE, namespace }));
  world.settle();
  world.put(sshKey({ ...BOB, disabled: true, generation: 2 }));
  world.work(`${namespace}/sshkeys-alice`);
  failAfter(world, 0);
  return world;
}

/** The write of Bob's Secret is tried so many ms later, and fails. */
function failAfter(world: World, ms: number): void {
  world.pass(ms);
  world.work(BOBS_SECRET);
  world.fail(BOBS_SECRET);
}

/** What a pass over Alice's unit would say of her key at this moment. */
function planned(world: World, namespace: string): Verdict | undefined {
  return world.keyring.plan(`${namespace}/sshkeys-alice`, world.now)?.keys[0]?.verdict;
}
