import { describe, expect, test } from "vitest";
import { Reflector } from "../../../src/kube/reflector.ts";
import { eventually } from "../../cluster/eventually.ts";
import { ObjectStore } from "./objectstore.ts";
import { reflectorFixture } from "./reflectorfixture.ts";

const fixture = reflectorFixture();
const { create, update, remove, onServer, start, settled, watching, startWatching } = fixture;

describe("a list", () => {
  test("of several pages reaches the sink as one", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) {
      await create(name);
    }
    const { store, reflector } = start();
    await reflector.whenSynced();
    expect(store.calls[0]).toMatch(/^replace [56]$/);
    expect(store.summary).toEqual(await onServer());
  });

  test("goes on with the page that failed", async () => {
    await create("a");
    await create("b");
    await create("c");
    fixture.proxy.refuse({ to: "next page", status: 500 });
    const { reflector } = start();
    await reflector.whenSynced();
    expect(fixture.proxy.requests.map(({ kind }) => kind).filter((kind) => kind === "list")).toHaveLength(1);
  });

  test("whose continuation has expired starts from its first page and is delivered once", async () => {
    await create("a");
    await create("b");
    await create("c");
    fixture.proxy.refuse({ to: "next page", status: 410 });
    const { store, reflector, restarts } = start();
    await reflector.whenSynced();
    expect(restarts.map(({ reason }) => reason)).toEqual(["expired"]);
    expect(store.calls.filter((call) => call.startsWith("replace"))).toHaveLength(1);
    expect(store.summary).toEqual(await onServer());
  });

  test.each([
    ["is no JSON", "ssh-ed25519 AAAA"],
    ["has no items", '{"metadata":{"resourceVersion":"1"}}'],
    ["has no resourceVersion", '{"metadata":{},"items":[]}'],
    [
      "has an item without uid",
      '{"metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"x","resourceVersion":"1"}}]}',
    ],
  ])("that %s never reaches the sink", async (_, body) => {
    fixture.proxy.refuse({ to: "list", status: 200, body });
    const { store, reflector, restarts } = start();
    await reflector.whenSynced();
    expect(restarts.map(({ reason }) => reason)).toEqual(["undecodable"]);
    expect(store.summary).toEqual(await onServer());
  });

  test("holds only what the selector names, and an object that leaves the selection is removed", async () => {
    await create("in", { pick: "yes" });
    await create("out");
    const { store } = await startWatching({ query: { labelSelector: "pick=yes" } });
    expect([...store.objects.keys()]).toEqual(["in"]);
    await fixture.cluster.request("PATCH", `${fixture.path}/in`, { metadata: { labels: { pick: null } } });
    await eventually("it is removed", () => store.objects.size === 0);
  });
});

describe("a watch", () => {
  test("brings creations, changes and deletions", async () => {
    const { store } = await startWatching();
    await create("a");
    await update("a");
    await settled(store);
    await remove("a");
    await settled(store);
    expect(store.objects.has("a")).toBe(false);
  });

  test("shows an object deleted and created again as removed, then there with its new uid", async () => {
    const { store } = await startWatching();
    await create("a");
    await remove("a");
    await create("a");
    await settled(store);
    expect(store.calls.slice(-3)).toEqual(["upsert a", "remove a", "upsert a"]);
  });
});

describe("a reflector", () => {
  test("rejects whenSynced when it is stopped before the first list", async () => {
    for (let refused = 0; refused < 1000; refused += 1) {
      fixture.proxy.refuse({ to: "list", status: 503 });
    }
    const { reflector, stop } = start();
    await eventually("it has tried", () => fixture.proxy.requests.length > 2);
    stop.abort();
    await expect(reflector.whenSynced()).rejects.toMatchObject({ code: "Aborted" });
    expect(reflector.state).toBe("syncing");
  });

  test.each([
    [403, "forbidden", "forbidden"],
    [404, "notfound", "notfound"],
  ])(
    "whose lists are refused with %i tells so from the first one on, and goes on",
    async (status, reason, state) => {
      for (let refused = 0; refused < 3; refused += 1) fixture.proxy.refuse({ to: "list", status });
      const states: string[] = [];
      const { reflector, restarts } = start({ onState: (each) => states.push(each) });
      expect(reflector.state).toBe("syncing");
      await reflector.whenSynced();
      expect(restarts.map((restart) => restart.reason)).toEqual([reason, reason, reason]);
      expect([states, reflector.state]).toEqual([[state, "synced"], "synced"]);
    },
  );

  test("whose watch is forbidden for a while is synced again when it is accepted, without another list", async () => {
    const states: string[] = [];
    const { store } = await startWatching({ onState: (each) => states.push(each) });
    fixture.proxy.refuse({ to: "watch", status: 403 });
    fixture.proxy.cut();
    await eventually("it is synced again", () => states.length === 3);
    expect(states).toEqual(["synced", "forbidden", "synced"]);
    expect(store.calls.filter((call) => call.startsWith("replace"))).toHaveLength(1);
  });

  test("stops at once while it waits for its next attempt", async () => {
    fixture.proxy.refuse({ to: "list", status: 503 });
    const { restarts, stop } = start({ backoff: { initialMs: 600_000, maxMs: 600_000 } });
    await eventually("it waits", () => restarts.length === 1);
    stop.abort();
    await fixture.running[0]?.ended;
  });

  test("passes on what the sink throws", async () => {
    const sink = new ObjectStore();
    sink.check = () => {
      throw new Error("a bug");
    };
    const reflector = new Reflector({
      transport: fixture.proxy.transport,
      path: fixture.path,
      decode: (object) => object,
      sink,
    });
    await expect(reflector.run(new AbortController().signal)).rejects.toThrow("a bug");
  });

  test("starts its backoff over after two minutes without a failure", async () => {
    let now = 0;
    const { restarts } = start({ backoff: { initialMs: 1, maxMs: 1000, jitter: 0 }, now: () => now });
    const fail = async () => {
      const before = restarts.length;
      await watching();
      fixture.proxy.cut();
      await eventually("it failed", () => restarts.length > before);
    };
    await fail();
    await fail();
    now += 120_000;
    await fail();
    expect(restarts.map(({ restart }) => restart.delayMs)).toEqual([1, 2, 1]);
  });
});
