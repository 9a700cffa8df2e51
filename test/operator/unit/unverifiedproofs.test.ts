import { describe, expect, it, onTestFinished, vi } from "vitest";
import { sshKeysPath } from "../../../src/api/paths.ts";
import { proof } from "../../claims/keypairs.ts";
import { type SSHKeyFacts, sshKey } from "../../claims/sshkeys.ts";
import { until } from "./fakes.ts";
import { follow } from "./followedsources.ts";
import { listOf } from "./watchedserver.ts";

describe("an SSHKey that a watch shows with a proof", () => {
  const PROOF = proof({ key: 1, user: "alice" });

  /** Shows these one right after the other, and waits until one with a proof that came after them is seen. */
  async function afterShowing(
    ...events: (readonly [type: "ADDED" | "MODIFIED" | "DELETED", facts: Partial<SSHKeyFacts>])[]
  ) {
    const scene = follow({});
    scene.start();
    await until("it is watched", () => scene.watched.has(sshKeysPath()));
    const shown = events.map(([type, facts], i) => {
      const version = { resourceVersion: 101 + i, generation: 1 + i };
      return [type, sshKey({ name: "laptop", ...version, ...facts })] as const;
    });
    const last = sshKey({
      name: "last",
      user: "bob",
      key: 2,
      proof: proof({ key: 2, user: "bob" }),
      resourceVersion: 199,
    });
    for (const [type, object] of [...shown, ["ADDED", last] as const])
      scene.show(sshKeysPath(), type, object);
    await until("the last one is seen", () => scene.claim("last") !== undefined);
    return scene;
  }

  it("is seen when that is verified, and not before", async () => {
    const scene = await afterShowing(["ADDED", { proof: PROOF }]);
    expect(scene.seen).toEqual(["laptop 101 Proven", "last 199 Proven"]);
  });

  it("is told as a new spec once", async () => {
    expect((await afterShowing(["ADDED", { proof: PROOF }])).specs).toEqual(["team-a/laptop", "team-a/last"]);
  });

  it("is seen when that is refuted", async () => {
    const scene = await afterShowing(["ADDED", { proof: proof({ key: 1, user: "bob" }) }]);
    expect(scene.seen).toEqual(["laptop 101 ProofInvalid", "last 199 Proven"]);
  });

  it("is seen at once when there is nothing to verify", async () => {
    const scene = await afterShowing(["ADDED", { proof: "nonsense" }], ["MODIFIED", {}]);
    expect(scene.seen).toEqual(["laptop 101 ProofInvalid", "laptop 102 None", "last 199 Proven"]);
  });

  it("is never seen so when a newer one has none", async () => {
    const scene = await afterShowing(["ADDED", { proof: PROOF }], ["MODIFIED", {}]);
    expect(scene.seen).toEqual(["laptop 102 None", "last 199 Proven"]);
  });

  it("is seen as the newest that has this proof", async () => {
    const scene = await afterShowing(["ADDED", { proof: PROOF }], ["MODIFIED", { proof: PROOF }]);
    expect(scene.seen).toEqual(["laptop 102 Proven", "last 199 Proven"]);
  });

  it.each([
    ["disabled", { disabled: true }],
    ["terminating", { isTerminating: true }],
  ])("and as %s is seen at once, and again when that is verified", async (_, facts) => {
    const scene = await afterShowing(["ADDED", {}], ["MODIFIED", { proof: PROOF, ...facts }]);
    const seen = scene.seen.filter((each) => each.startsWith("laptop"));
    expect(seen.slice(0, 2)).toEqual(["laptop 101 None", "laptop 102 Unverified"]);
    expect(seen.at(-1)).toBe("laptop 102 Proven");
  });

  it("is seen in the end with the newest proof", async () => {
    const scene = await afterShowing(
      ["ADDED", { proof: PROOF }],
      ["MODIFIED", { proof: proof({ key: 1, user: "bob" }) }],
    );
    expect(scene.claim("laptop")?.record.proof?.result).toBe("ProofInvalid");
  });

  it("is never seen when it is removed before it was verified", async () => {
    const scene = await afterShowing(["ADDED", { proof: PROOF }], ["DELETED", { proof: PROOF }]);
    expect(scene.seen).toEqual(["last 199 Proven"]);
  });

  it.each([
    ["a proof", { proof: PROOF }, "laptop 103 Proven"],
    ["none", {}, "laptop 103 None"],
  ])("is never seen when another one of its name with %s has come after it", async (_, facts, seen) => {
    const scene = await afterShowing(
      ["ADDED", { proof: PROOF }],
      ["DELETED", { proof: PROOF }],
      ["ADDED", { ...facts, uid: "another" }],
    );
    expect(scene.seen.filter((each) => each.startsWith("laptop"))).toEqual([seen]);
  });

  it("is never seen when history goes back before it was verified", async () => {
    const lists = [listOf(), listOf(sshKey({ name: "restored", key: 3 }))];
    const scene = follow({ [sshKeysPath()]: () => lists.shift() ?? listOf() });
    scene.start();
    await until("it is watched", () => scene.watched.has(sshKeysPath()));
    scene.show(sshKeysPath(), "ADDED", sshKey({ name: "laptop", proof: PROOF, resourceVersion: 101 }));
    scene.show(sshKeysPath(), "ADDED", sshKey({ name: "old", resourceVersion: 50 }));
    await until("it is listed again", () => scene.claim("restored") !== undefined);
    expect(scene.seen).toEqual(["restored 1 None"]);
  });

  it("is seen at once in the first list, and its namespace alone waits until that is verified", async () => {
    const others = sshKey({ name: "others", namespace: "team-b" });
    const scene = follow({ [sshKeysPath()]: listOf(sshKey({ name: "laptop", proof: PROOF }), others) });
    scene.start();
    await until("it is synced", () => scene.isSynced("team-a"));
    expect([scene.suspended, scene.seen]).toEqual([
      ["team-a"],
      ["laptop 1 Unverified", "others 1 None", "laptop 1 Proven"],
    ]);
  });

  it("keeps its namespace waiting until it is verified, also when all is listed again before that", async () => {
    // So many that they are not all verified by then: each takes a turn of the event loop.
    const names = Array.from({ length: 300 }, (_, i) => `laptop-${i}`);
    const list = listOf(...names.map((name) => sshKey({ name, proof: PROOF })));
    let isListedAgain = false;
    const scene = follow({
      [sshKeysPath()]: () => {
        isListedAgain = scene.suspended.length > 0;
        return list;
      },
    });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    scene.start();
    await until("it is suspended", () => scene.suspended.length > 0);
    scene.expire(sshKeysPath());
    await until("all is listed again", () => {
      vi.advanceTimersByTime(1000);
      return isListedAgain;
    });
    await until("it is synced", () => scene.isSynced("team-a"));
    expect(names.filter((name) => scene.claim(name)?.record.proof?.result !== "Proven")).toEqual([]);
  });
});
