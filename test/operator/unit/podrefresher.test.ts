import { beforeEach, describe, expect, it } from "vitest";
import { KEYS_CHANGED_ANNOTATION } from "../../../src/api/names.ts";
import { LATENCY_MS, PodServer, pass, startRefresher, untilSo, useTestClock } from "./podserver.ts";

const ALICE = "team-a/sshkeys-alice";
const BOB = "team-a/sshkeys-bob";
const POD = "team-a/bastion";
const SECOND = 1000;

beforeEach(useTestClock);

/** A server with one pod that mounts Alice's Secret, and a refresher. */
function start(server = new PodServer().add(POD, ["sshkeys-alice"])) {
  return { server, ...startRefresher(server) };
}

describe("which pods are annotated:", () => {
  it.each([
    ["as a Secret volume", [{ secret: { secretName: "sshkeys-alice" } }]],
    ["in a projected volume", [{ projected: { sources: [{ secret: { name: "sshkeys-alice" } }] } }]],
    [
      "as the second source of the second volume",
      [
        { emptyDir: {} },
        { projected: { sources: [{ configMap: {} }, { secret: { name: "sshkeys-alice" } }] } },
      ],
    ],
  ])("those that mount the Secret %s", async (_, volumes) => {
    const { server, remove, rest } = start(new PodServer().add(POD, [], { volumes }));
    remove(ALICE);
    await rest();
    expect(server.counts).toEqual({ [POD]: 2 });
  });

  it.each<[string, Parameters<PodServer["add"]>[2]]>([
    ["mounts another Secret", { volumes: [{ secret: { secretName: "sshkeys-bob" } }] }],
    ["mounts a ConfigMap of that name", { volumes: [{ configMap: { name: "sshkeys-alice" } }] }],
    ["mounts nothing", { volumes: [] }],
    ["is being terminated", { isTerminating: true }],
    ["is not running", { phase: "Pending" }],
    ["has no label", { isLabelled: false }],
  ])("none that %s", async (_, more) => {
    const { server, remove, rest } = start(new PodServer().add(POD, ["sshkeys-alice"], more));
    remove(ALICE);
    await rest();
    expect(server.patches).toEqual([]);
  });

  it("none of another namespace", async () => {
    const { server, remove, rest } = start(new PodServer().add("team-b/bastion", ["sshkeys-alice"]));
    remove(ALICE);
    await rest();
    expect(server.patches).toEqual([]);
  });

  it("the server is asked for running pods with the label, of this namespace, by pages", async () => {
    const { server, remove, rest } = start(new PodServer().addMany("team-a", 600));
    remove(ALICE);
    await rest();
    const query = {
      labelSelector: "sshkey-operator.dev/refresh=true",
      fieldSelector: "status.phase=Running",
    };
    expect(server.lists.map(({ path }) => path)).toEqual(Array(3).fill("/api/v1/namespaces/team-a/pods"));
    expect(server.lists.map((call) => call.query)).toEqual([
      { ...query, limit: "250" },
      { ...query, limit: "250", continue: "250" },
      { ...query, limit: "250", continue: "500" },
    ]);
  });
});

describe("a patch", () => {
  it("is a merge patch of the UID and the annotation, and of nothing else", async () => {
    const { server, remove, rest } = start();
    remove(ALICE);
    await rest();
    const [{ call, body } = { call: undefined, body: undefined }] = server.patches;
    expect(call).toMatchObject({
      method: "PATCH",
      path: "/api/v1/namespaces/team-a/pods/bastion",
      contentType: "application/merge-patch+json",
    });
    const annotations = {
      [KEYS_CHANGED_ANNOTATION]: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    };
    expect(body).toEqual({ metadata: { uid: `uid-${POD}`, annotations } });
  });

  it("never says the same as the one before", async () => {
    const { server, remove, rest } = start();
    remove(ALICE);
    await rest();
    expect(new Set(server.patches.map(({ body }) => JSON.stringify(body))).size).toBe(2);
  });
});

describe("a removal", () => {
  it("annotates at once, and again 500 ms later", async () => {
    const { server, remove, rest } = start();
    remove(ALICE);
    await rest();
    const [first, second] = server.patches.map(({ at }) => at);
    expect(server.patches.length).toBe(2);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(500);
    expect((second ?? 0) - (first ?? 0)).toBeLessThan(520);
  });

  it("that comes between the two has both made once more, and no third", async () => {
    const { server, remove, rest } = start();
    remove(ALICE);
    await untilSo("it is annotated", () => server.patches.length === 1);
    await pass(100);
    remove(ALICE);
    await rest();
    expect(server.patches.length).toBe(3);
  });

  it("of several Secrets that a pod mounts is one, if they come together", async () => {
    const { server, remove, rest } = start(new PodServer().add(POD, ["sshkeys-alice", "sshkeys-bob"]));
    remove(ALICE);
    remove(BOB);
    await rest();
    expect([server.counts, server.passes]).toEqual([{ [POD]: 2 }, 1]);
  });

  it("comes before additions that were there earlier, in the same namespace", async () => {
    const server = new PodServer().addMany("team-a", 1000, "sshkeys-alice").add(POD, ["sshkeys-bob"]);
    const { add, remove } = start(server);
    add(ALICE);
    await untilSo("additions are under way", () => server.patches.length > 20);
    remove(BOB);
    await untilSo("it is annotated", () => server.patchesOf(POD).length > 0);
    expect(server.patches.length).toBeLessThan(100);
  });

  it("of a Secret that few mount does not wait for one that everybody mounts", async () => {
    const server = new PodServer().addMany("team-a", 2000, "sshkeys-alice").add(POD, ["sshkeys-bob"]);
    const { remove } = start(server);
    remove(ALICE);
    await untilSo("it is under way", () => server.patches.length > 20);
    remove(BOB);
    await untilSo("it is annotated", () => server.patchesOf(POD).length > 0);
    expect(server.patches.length).toBeLessThan(600);
  });
});

describe("an addition", () => {
  it("annotates once", async () => {
    const { server, add, rest } = start();
    add(ALICE);
    await rest();
    expect(server.counts).toEqual({ [POD]: 1 });
  });

  it("annotates once in 10 s, however often the Secret changes, and for the last one too", async () => {
    const { server, add, rest } = start();
    for (let i = 0; i < 25; i += 1) {
      add(ALICE);
      await pass(SECOND);
    }
    await rest();
    const gaps = server.patches.map(
      ({ at }, i) => at - (server.patches[i - 1]?.at ?? Number.NEGATIVE_INFINITY),
    );
    expect(server.patches.length).toBe(4);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(10 * SECOND);
  });

  it("annotates a pod once in 10 s also for different Secrets", async () => {
    const { server, add, rest } = start(new PodServer().add(POD, ["sshkeys-alice", "sshkeys-bob"]));
    add(ALICE);
    await untilSo("it is annotated", () => server.patches.length === 1);
    add(BOB);
    await rest();
    const [first, second] = server.patches.map(({ at }) => at);
    expect(server.patches.length).toBe(2);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(10 * SECOND);
  });

  it("does not wait for one to a Secret that other pods mount", async () => {
    const server = new PodServer().add(POD, ["sshkeys-alice"]).add("team-a/other", ["sshkeys-bob"]);
    const { add } = start(server);
    add(ALICE);
    await untilSo("it is annotated", () => server.patches.length === 1);
    add(BOB);
    expect(await untilSo("the other one is", () => server.patches.length === 2)).toBeLessThan(100);
  });

  it("that comes before the second annotation for a removal is told with that", async () => {
    const { server, add, remove, rest } = start();
    remove(ALICE);
    await untilSo("it is annotated", () => server.patches.length === 1);
    add(ALICE);
    await rest();
    expect(server.counts).toEqual({ [POD]: 2 });
  });

  it("that many pods wait for does not delay a removal from the same Secret", async () => {
    const server = new PodServer().addMany("team-a", 2000, "sshkeys-alice");
    const { add, remove } = start(server);
    for (const id of [ALICE, BOB]) add(id);
    await untilSo("additions are under way", () => server.patches.length > 100);
    remove(ALICE);
    const before = server.patches.length;
    const first = server.patches[0]?.id ?? "";
    await untilSo("the first pod is annotated again", () => server.patchesOf(first).length > 1);
    expect(server.patches.length - before).toBeLessThan(20);
  });

  it("does not delay a removal", async () => {
    const { server, add, remove } = start();
    add(ALICE);
    await untilSo("it is annotated", () => server.patches.length === 1);
    add(ALICE);
    remove(ALICE);
    expect(await untilSo("it is annotated again", () => server.patches.length === 2)).toBeLessThan(100);
  });
});

describe("many pods", () => {
  it("are annotated no more than 100 times in any second", async () => {
    const { server, remove, rest } = start(new PodServer().addMany("team-a", 500, "sshkeys-alice"));
    remove(ALICE);
    await rest();
    const times = server.patches.map(({ at }) => at);
    const most = times.map((at) => times.filter((other) => other >= at && other < at + SECOND).length);
    expect(times.length).toBe(1000);
    expect(Math.max(...most)).toBeLessThanOrEqual(100);
  });

  it("are done in a minute if they are 2,000 of one Secret, both times", async () => {
    const { server, remove, rest } = start(new PodServer().addMany("team-a", 2000, "sshkeys-alice"));
    const started = performance.now();
    remove(ALICE);
    await rest();
    expect(new Set(Object.values(server.counts))).toEqual(new Set([2]));
    expect(server.patches.length).toBe(4000);
    expect((server.patches.at(-1)?.at ?? Number.POSITIVE_INFINITY) - started).toBeLessThan(60 * SECOND);
  });

  it("are not kept: no more than a page and what is left of the one before", async () => {
    const server = new PodServer().addMany("team-a", 1000, "sshkeys-alice");
    const { refresher, remove } = start(server);
    remove(ALICE);
    let most = 0;
    await untilSo("all are annotated", () => {
      most = Math.max(most, refresher.pods.depth + refresher.pods.working);
      return server.patches.length === 2000;
    });
    expect(most).toBeLessThanOrEqual(300);
  });

  it("that were annotated after the last change are not annotated for it again", async () => {
    const server = new PodServer().addMany("team-a", 400, "sshkeys-alice");
    const { remove, rest } = start(server);
    remove(ALICE);
    await untilSo("half of them are annotated", () => Object.keys(server.counts).length === 200);
    remove(ALICE);
    const changed = performance.now();
    await rest();
    expect(server.passes).toBe(2);
    expect(server.patches.length).toBeLessThan(4 * 400);
    const last = Object.keys(server.counts).map((id) => server.patchesOf(id).at(-1)?.at ?? 0);
    expect(Math.min(...last) - changed).toBeGreaterThanOrEqual(500);
  });

  it("of a Secret that changes all the time are gone through once more, not once for each change", async () => {
    const server = new PodServer().addMany("team-a", 400, "sshkeys-alice");
    const { remove, rest } = start(server);
    for (let i = 0; i < 60; i += 1) {
      remove(ALICE);
      await pass(50);
    }
    expect(server.passes).toBe(1);
    await rest();
    expect(server.passes).toBe(2);
    expect(Math.max(...Object.values(server.counts))).toBe(4);
  });

  it("of one namespace that changes every second delay nobody else", async () => {
    const server = new PodServer()
      .addMany("loud", 10_000, "sshkeys-loud")
      .add("calm/bastion", ["sshkeys-alice"]);
    const { remove } = start(server);
    const waits: number[] = [];
    for (let turn = 0; turn < 10; turn += 1) {
      remove("loud/sshkeys-loud");
      await pass(SECOND);
      const before = server.patchesOf("calm/bastion").length;
      remove("calm/sshkeys-alice");
      waits.push(await untilSo("it is annotated", () => server.patchesOf("calm/bastion").length > before));
    }
    expect(Math.max(...waits)).toBeLessThan(SECOND / 2);
  });

  it("that mount nothing cost a namespace a quarter of the time in lists, once it has had its burst", async () => {
    const server = new PodServer().addMany("loud", 1000);
    const { remove } = start(server);
    for (let turn = 0; turn < 2500; turn += 1) {
      remove("loud/sshkeys-loud");
      await pass(20);
    }
    expect(server.lists.length * LATENCY_MS).toBeLessThan(5000 + 50_000 / 4 + 1000);
  });
});
