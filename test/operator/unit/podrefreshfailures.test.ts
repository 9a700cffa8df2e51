import { beforeEach, describe, expect, it } from "vitest";
import { failure, refusal } from "./fakes.ts";
import { LATENCY_MS, PodServer, pass, startRefresher, untilSo, useTestClock } from "./podserver.ts";

const ALICE = "team-a/sshkeys-alice";
const POD = "team-a/bastion";
const SECOND = 1000;
const HOUR = 3600 * SECOND;

beforeEach(useTestClock);

/** A server with one pod that mounts Alice's Secret, and a refresher. */
function start(server = new PodServer().add(POD, ["sshkeys-alice"])) {
  return { server, ...startRefresher(server) };
}

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
