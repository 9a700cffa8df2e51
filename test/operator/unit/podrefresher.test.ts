import { beforeEach, describe, expect, it } from "vitest";
import { KEYS_CHANGED_ANNOTATION } from "../../../src/api/names.ts";
import { failure, refusal } from "./fakes.ts";
import { LATENCY_MS, PodServer, pass, startRefresher, untilSo, useTestClock } from "./podserver.ts";

const ALICE = "team-a/sshkeys-alice";
const BOB = "team-a/sshkeys-bob";
const POD = "team-a/bastion";
const SECOND = 1000;
const HOUR = 3600 * SECOND;

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

describe("a pod", () => {
  const OTHERS = 20;
  const withOthers = () =>
    new PodServer().addMany("team-a", OTHERS, "sshkeys-alice").add(POD, ["sshkeys-alice"]);

  it.each([
    ["that has vanished", refusal(404, "NotFound"), "gone"],
    ["that is another one by now", refusal(422, "Invalid", "FieldValueInvalid", "metadata.uid"), "gone"],
    ["that a policy refuses", refusal(403, "Forbidden"), "refused"],
    ["that a webhook refuses", refusal(422, "Invalid"), "refused"],
  ])("%s is let be, and no other waits for it", async (_, error, result) => {
    const server = withOthers();
    server.fault = ({ path }) => (path.endsWith("/bastion") ? error : undefined);
    const { remove, counted, rest } = start(server);
    remove(ALICE);
    await rest();
    expect(server.patchesOf(POD).length).toBe(1);
    expect([await counted(result), await counted("annotated")]).toEqual([1, 2 * OTHERS]);
  });

  it.each([
    ["somebody else writes at the same time", () => refusal(409, "Conflict")],
    ["the server fails for", () => refusal(500)],
    ["is not answered for", () => failure("Timeout")],
    ["nobody can be reached for", () => failure("Unreachable")],
    ["is throttled", () => refusal(429, "TooManyRequests")],
  ])("that %s is tried again, and is annotated twice when it can be", async (_, error) => {
    const server = withOthers();
    let failures = 3;
    server.fault = ({ path }) => (path.endsWith("/bastion") && failures-- > 0 ? error() : undefined);
    const { remove, counted, rest } = start(server);
    remove(ALICE);
    await rest();
    expect(server.patchesOf(POD).length).toBe(3 + 2);
    expect([await counted("annotated"), await counted("failed")]).toEqual([2 * OTHERS + 2, 0]);
  });

  it("that the server fails for is given up after 30 s, and that is said", async () => {
    const server = withOthers();
    server.fault = ({ path }) => (path.endsWith("/bastion") ? refusal(500) : undefined);
    const { remove, counted, said, rest } = start(server);
    const started = performance.now();
    remove(ALICE);
    await rest();
    expect((server.patches.at(-1)?.at ?? Number.POSITIVE_INFINITY) - started).toBeLessThan(36 * SECOND);
    expect([await counted("failed"), await counted("annotated")]).toEqual([1, 2 * OTHERS]);
    expect(said("PodRefreshFailed")).toMatchObject([{ namespace: "team-a", pod: "bastion" }]);
  });

  it("that fails like a thousand others is said once a minute", async () => {
    const server = new PodServer().addMany("team-a", 1000, "sshkeys-alice");
    server.fault = ({ method }) => (method === "PATCH" ? refusal(403, "Forbidden") : undefined);
    const { remove, counted, said, rest } = start(server);
    remove(ALICE);
    await rest();
    expect([await counted("refused"), said("PodRefreshFailed").length]).toEqual([1000, 1]);
  });
});

describe("without the right to list pods", () => {
  const forbidding = () => {
    const server = new PodServer().add("team-b/bastion", ["sshkeys-alice"]);
    server.fault = ({ path }) => (path.includes("/team-a/") ? refusal(403, "Forbidden") : undefined);
    return start(server);
  };

  it("it is said once an hour, and counted", async () => {
    const { remove, said, counted } = forbidding();
    for (const wait of [SECOND, HOUR / 2, HOUR]) {
      remove(ALICE);
      await pass(wait);
    }
    expect([said("PodsForbidden").length, await counted("forbidden")]).toEqual([1, 3]);
    remove(ALICE);
    await pass(SECOND);
    expect(said("PodsForbidden").map(({ namespace }) => namespace)).toEqual(["team-a", "team-a"]);
  });

  it("it is said once for all namespaces", async () => {
    const { server, remove, said, rest } = forbidding();
    server.fault = () => refusal(403, "Forbidden");
    for (let i = 0; i < 20; i += 1) remove(`team-${i}/sshkeys-alice`);
    await rest();
    expect([server.lists.length, said("PodsForbidden").length]).toEqual([20, 1]);
  });

  it("nothing is tried again by itself, and many changes are few requests", async () => {
    const { server, remove, rest } = forbidding();
    for (let i = 0; i < 90; i += 1) {
      remove(`team-a/sshkeys-${i}`);
      await pass(100);
    }
    await rest();
    await pass(HOUR);
    expect(server.lists.length).toBe(1);
  });

  it("another namespace is served", async () => {
    const { server, remove, rest } = forbidding();
    remove(ALICE);
    remove("team-b/sshkeys-alice");
    await rest();
    expect(server.counts).toEqual({ "team-b/bastion": 2 });
  });

  it("it works as soon as the right is there", async () => {
    const { server, remove, rest } = forbidding();
    server.add(POD, ["sshkeys-alice"]);
    remove(ALICE);
    await pass(11 * SECOND);
    server.fault = () => undefined;
    remove(ALICE);
    await rest();
    expect(server.counts).toEqual({ [POD]: 2 });
  });
});

describe("a list", () => {
  const isLaterPage = (query: Readonly<Record<string, string>> | undefined) => query?.continue !== undefined;

  it("whose continue token has expired begins anew, and annotates no pod again", async () => {
    const server = new PodServer().addMany("team-a", 400, "sshkeys-alice");
    let failures = 1;
    server.fault = ({ query }) =>
      isLaterPage(query) && failures-- > 0 ? refusal(410, "Expired") : undefined;
    const { add, rest } = start(server);
    add(ALICE);
    await rest();
    expect(server.passes).toBe(2);
    expect(Object.keys(server.counts).length).toBe(400);
    expect(new Set(Object.values(server.counts))).toEqual(new Set([1]));
  });

  it("that expires again and again is given up, and that is said", async () => {
    const server = new PodServer().addMany("team-a", 400, "sshkeys-alice");
    server.fault = ({ query }) => (isLaterPage(query) ? refusal(410, "Expired") : undefined);
    const { add, counted, said, rest } = start(server);
    add(ALICE);
    await rest();
    expect(server.passes).toBe(4);
    expect([await counted("unlisted"), said("PodRefreshFailed").length]).toEqual([1, 1]);
  });

  it("that the server fails for goes on where it was", async () => {
    const server = new PodServer().addMany("team-a", 400, "sshkeys-alice");
    let failures = 3;
    server.fault = ({ query }) => (isLaterPage(query) && failures-- > 0 ? refusal(500) : undefined);
    const { add, rest } = start(server);
    add(ALICE);
    await rest();
    expect([server.passes, server.patches.length]).toEqual([1, 400]);
  });

  it("that the server fails for is given up after 30 s, and the next change is gone through", async () => {
    const { server, remove, counted, rest } = start();
    server.fault = () => refusal(503);
    remove(ALICE);
    expect(await rest()).toBeLessThan(36 * SECOND);
    expect(await counted("unlisted")).toBe(1);
    server.fault = () => undefined;
    remove(ALICE);
    await rest();
    expect(server.counts).toEqual({ [POD]: 2 });
  });

  it.each([
    ["fails after a minute", () => failure("Timeout")],
    ["comes after a minute", () => undefined],
  ])("that %s does not keep the next one waiting for more than seconds", async (_, answer) => {
    const { server, remove, rest } = start();
    server.listMs = 60 * SECOND;
    server.fault = answer;
    remove(ALICE);
    await rest();
    server.listMs = LATENCY_MS;
    server.fault = () => undefined;
    const before = server.patches.length;
    remove(ALICE);
    expect(await untilSo("it is annotated", () => server.patches.length > before)).toBeLessThan(10 * SECOND);
  });

  it("is not repeated by who does not lead any more", async () => {
    const { server, remove, rest } = start();
    server.fault = () => failure("Aborted");
    remove(ALICE);
    await rest();
    expect([server.lists.length, server.patches.length]).toEqual([1, 0]);
  });
});

describe("a term", () => {
  it("that ends leaves what is not done to the next one, which is told of it", async () => {
    const server = new PodServer().addMany("team-a", 1000, "sshkeys-alice");
    const { refresher, remove, end, rest } = start(server);
    remove(ALICE);
    await untilSo("it is under way", () => server.patches.length > 10);
    const ended = end();
    await pass(SECOND);
    await ended;
    const before = server.patches.length;
    expect(before).toBeLessThan(200);
    const stop = new AbortController();
    const lately = [{ namespace: "team-a", secretName: "sshkeys-alice" }];
    const again = refresher.run(lately, stop.signal, stop.signal);
    await rest();
    expect(Object.keys(server.counts).length).toBe(1000);
    expect(Math.min(...Object.values(server.counts))).toBe(2);
    stop.abort();
    await again;
  });

  it("begins with the Secrets that were written lately, as with removals", async () => {
    const server = new PodServer().add(POD, ["sshkeys-alice"]).add("team-b/other", ["sshkeys-alice"]);
    const { rest } = startRefresher(server, [{ namespace: "team-a", secretName: "sshkeys-alice" }]);
    await rest();
    expect(server.counts).toEqual({ [POD]: 2 });
  });
});
