import { describe, expect, test } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import type { ObjectStore } from "./objectstore.ts";
import { reflectorFixture } from "./reflectorfixture.ts";

const fixture = reflectorFixture();
const { create, settled, watching, startWatching } = fixture;

/** What the sink was told after its reset. */
const callsAfterReset = ({ calls }: ObjectStore) =>
  calls.includes("reset") ? calls.slice(calls.indexOf("reset") + 1) : [];

describe("a watch", () => {
  test("that is cut goes on from the last version without another list", async () => {
    const { store, restarts } = await startWatching();
    await create("a");
    await settled(store);
    fixture.proxy.cut();
    await create("b");
    await settled(store);
    expect(restarts.map(({ reason }) => reason)).toEqual(["disconnected"]);
    expect(store.calls.filter((call) => call.startsWith("replace"))).toHaveLength(1);
    expect(store.calls.filter((call) => call === "upsert a")).toHaveLength(1);
  });

  test("resumes from a bookmark", async () => {
    const { store } = await startWatching();
    await create("a");
    await settled(store);
    const version = String(Number(store.objects.get("a")?.metadata.resourceVersion) + 1);
    await fixture.cluster.request("POST", "/api/v1/namespaces", { metadata: { generateName: "later-" } });
    await fixture.cluster.request("POST", "/api/v1/namespaces", { metadata: { generateName: "later-" } });
    fixture.proxy.inject(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"${version}"}}}\n`);
    fixture.proxy.end();
    await eventually("the next watch starts there", () =>
      fixture.proxy.requests.some(
        ({ kind, query }) => kind === "watch" && query.get("resourceVersion") === version,
      ),
    );
  });

  test("asks for bookmarks and for a time within the range", async () => {
    await startWatching({ watchTimeoutSeconds: [300, 600] });
    const { query } = fixture.proxy.requests.at(-1) ?? { query: new URLSearchParams() };
    expect(query.get("allowWatchBookmarks")).toBe("true");
    expect(Number(query.get("timeoutSeconds"))).toBeGreaterThanOrEqual(300);
    expect(Number(query.get("timeoutSeconds"))).toBeLessThanOrEqual(600);
  });

  test("that the server ends in its time is no failure", async () => {
    const { store, restarts } = await startWatching({ watchTimeoutSeconds: [1, 1] });
    await eventually(
      "a second watch runs",
      () => fixture.proxy.requests.filter(({ kind }) => kind === "watch").length > 1,
    );
    await create("a");
    await settled(store);
    expect(restarts).toEqual([]);
  });

  test("that ends at once again and again is not asked for in a loop", async () => {
    const { restarts } = await startWatching({ backoff: { initialMs: 100, maxMs: 100, jitter: 0 } });
    fixture.proxy.end();
    await eventually("it is tried again later", async () => {
      await watching();
      fixture.proxy.end();
      return restarts.length >= 3;
    });
    expect(new Set(restarts.map(({ reason }) => reason))).toEqual(new Set(["disconnected"]));
    expect(restarts.every(({ restart }) => restart.delayMs === 100)).toBe(true);
  });

  test.each([
    [
      "a 410 in the stream",
      '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}',
      "expired",
    ],
    [
      "a version that goes back",
      '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}}}',
      "rewound",
    ],
  ])("with %s is answered by a new list", async (_, line, reason) => {
    const { store, restarts } = await startWatching();
    fixture.proxy.inject(`${line}\n`);
    await eventually(
      "a new list came",
      () => store.calls.filter((call) => call.startsWith("replace")).length === 2,
    );
    expect(restarts.map((restart) => restart.reason)).toEqual([reason]);
  });

  test.each([
    ["a line that is no JSON", "{oops", "undecodable"],
    ["an event of unknown type", '{"type":"RENAMED","object":{}}', "undecodable"],
    [
      "an object without uid",
      '{"type":"ADDED","object":{"metadata":{"name":"x","resourceVersion":"9"}}}',
      "undecodable",
    ],
    ["a bookmark without version", '{"type":"BOOKMARK","object":{"metadata":{}}}', "undecodable"],
    ["a 500 in the stream", '{"type":"ERROR","object":{"kind":"Status","code":500}}', "unavailable"],
    ["a 400 in the stream", '{"type":"ERROR","object":{"kind":"Status","code":400}}', "error"],
    ["a 429 in the stream", '{"type":"ERROR","object":{"kind":"Status","code":429}}', "throttled"],
  ])("with %s resumes from the last good version", async (_, line, reason) => {
    const { store, restarts } = await startWatching();
    await create("a");
    await settled(store);
    fixture.proxy.inject(`${line}\n`);
    await create("b");
    await settled(store);
    expect(restarts.map((restart) => restart.reason)).toEqual([reason]);
    expect(store.calls.filter((call) => call.startsWith("replace"))).toHaveLength(1);
  });

  test("that fails twice at one place is answered by a new list", async () => {
    const { store } = await startWatching();
    fixture.proxy.refuse({ to: "watch", status: 200, body: "{oops\n" });
    fixture.proxy.inject("{oops\n");
    await eventually(
      "a new list came",
      () => store.calls.filter((call) => call.startsWith("replace")).length === 2,
    );
  });

  test.each([
    [
      "that meets a list",
      "expired",
      '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}',
    ],
    ["that meets an event", "rewound", '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}}}'],
  ])("%s of an older history resets the sink once, before the list that follows", async (_, reason, line) => {
    const { store, restarts } = await startWatching();
    if (reason === "expired")
      fixture.proxy.refuse({
        to: "list",
        status: 200,
        body: '{"metadata":{"resourceVersion":"7"},"items":[]}',
      });
    fixture.proxy.inject(`${line}\n`);
    await eventually("a list came after it", () => callsAfterReset(store)[0]?.startsWith("replace"));
    await create("a");
    await settled(store);
    expect(store.calls.filter((call) => call === "reset")).toHaveLength(1);
    expect(restarts.map((restart) => restart.reason)).toEqual([...new Set([reason, "rewound"])]);
  });

  test("that was cut, before a server of an older history, resets the sink before the next list", async () => {
    const { store } = await startWatching();
    fixture.proxy.refuse({
      to: "list",
      status: 200,
      body: '{"metadata":{"resourceVersion":"7"},"items":[]}',
    });
    fixture.proxy.cut();
    // By then the server's versions are newer again than what was seen.
    await create("a");
    await eventually("a list came after it", () => callsAfterReset(store)[0]?.startsWith("replace"));
    await settled(store);
  });

  test("that falls silent is taken for dead", async () => {
    const { store, restarts } = await startWatching({ idleMs: 300 });
    fixture.proxy.silence();
    await create("a");
    await settled(store);
    expect(restarts.map(({ reason }) => reason)).toContain("idle");
  });

  test.each([
    [403, "forbidden"],
    [401, "unauthorized"],
    [404, "notfound"],
    [500, "unavailable"],
  ])("refused with %i leaves everything known in place", async (status, reason) => {
    await create("a");
    const { store, restarts } = await startWatching();
    let least = store.objects.size;
    store.check = () => {
      least = Math.min(least, store.objects.size);
    };
    const known = store.objects.size;
    for (const to of ["watch", "watch", "list", "list"] as const) {
      fixture.proxy.refuse({ to, status });
    }
    fixture.proxy.cut();
    await eventually("it was refused", () => restarts.some((restart) => restart.reason === reason));
    await watching();
    expect(least).toBe(known);
  });

  test("refused with 429 waits as long as the server asks", async () => {
    const { restarts } = await startWatching();
    fixture.proxy.refuse({ to: "watch", status: 429, headers: { "retry-after": "1" } });
    fixture.proxy.cut();
    await eventually("it was throttled", () => restarts.some(({ reason }) => reason === "throttled"));
    expect(restarts.find(({ reason }) => reason === "throttled")?.restart.delayMs).toBe(1000);
  });

  test("comes back after the API server was restarted", async () => {
    const { store } = await startWatching();
    await fixture.cluster.controlPlane.stopApiServer("SIGKILL");
    await fixture.cluster.controlPlane.startApiServer();
    await create("a");
    await settled(store);
  });
});
