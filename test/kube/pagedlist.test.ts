import { execFile } from "node:child_process";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { currentResourceVersion, PagedList } from "../../src/kube/pagedlist.ts";
import type { RequestObservation, Transport } from "../../src/kube/transport.ts";
import { eventually } from "../cluster/eventually.ts";
import { failureOf } from "./failureof.ts";
import { type Handler, json, startServerForTest } from "./localserver.ts";

const path = "/api/v1/things";
const { signal } = new AbortController();

const thing = (name: string, data = "") => ({ metadata: { name, uid: name, resourceVersion: "3" }, data });

const page = (names: readonly string[], next?: string) => ({
  kind: "ThingList",
  metadata: { resourceVersion: "7", ...(next === undefined ? {} : { continue: next }) },
  items: names.map((name) => thing(name)),
});

function listOf(
  transport: Transport,
  decode: (object: KubeObject) => unknown = ({ metadata }) => metadata.name,
) {
  return new PagedList({ transport, path, query: {}, pageSize: 2, decode });
}

const positionOf = (url = "") => new URL(url, "http://server").searchParams.get("continue") ?? "";

/** A server whose answers begin with `first`, and are then those of `pages`, and what its client observed. */
async function startList(first: readonly Handler[]) {
  const positions: string[] = [];
  const observed: Pick<RequestObservation, "verb" | "status" | "code">[] = [];
  const onRequest = ({ verb, status, code }: RequestObservation) =>
    void observed.push({ verb, status, code });
  const handlers = [...first];
  const { transport } = await startServerForTest(
    (request, response, body) => {
      const position = positionOf(request.url);
      positions.push(position);
      const handler = handlers.shift();
      if (handler !== undefined) return handler(request, response, body);
      json(response, 200, position === "" ? page(["a", "b"], "x") : page(["c"]));
    },
    { transport: { onRequest } },
  );
  return { transport, positions, observed };
}

/** Answers with the beginning of a page, `text`, and then as `end` says. */
const beginning =
  (text: string, end: (response: ServerResponse) => void): Handler =>
  (_, response) =>
    void response.write(text, () => end(response));

const wholeItem = JSON.stringify(thing("c"));

describe("a list whose pages bring nothing new ends with an error:", () => {
  const names = (count: number) => [`a${count}`, `b${count}`];

  test.each<[string, number, (count: number) => object]>([
    ["the same continue token", 2, (count) => page(names(count), "x")],
    ["continue tokens in a circle", 4, (count) => page(names(count), `x${count % 3}`)],
    ["other tokens for the same items", 3, (count) => page(["a", "b"], `x${count}`)],
    ["empty pages", 20, (count) => page([], `x${count}`)],
    ["empty pages behind one with items", 20, (count) => page(count === 0 ? ["a"] : [], `x${count}`)],
  ])("%s", async (_, most, answer) => {
    let count = 0;
    const { transport } = await startServerForTest((_request, response) => {
      json(response, 200, answer(count));
      count += 1;
    });
    const error = await failureOf(listOf(transport).fetchAll(signal));
    expect([error.code, error.message]).toEqual(["Undecodable", expect.stringContaining("nothing new")]);
    expect(count).toBeLessThanOrEqual(most);
  });

  test("an empty page between others is none", async () => {
    const pages = [page(["a"], "x"), page([], "y"), page(["b"])];
    const { transport } = await startServerForTest((_, response) => json(response, 200, pages.shift()));
    expect((await listOf(transport).fetchAll(signal)).items).toEqual(["a", "b"]);
  });
});

describe("a list in pages", () => {
  test("is complete with its last page", async () => {
    const { transport, positions, observed } = await startList([]);
    expect(await listOf(transport).fetchAll(signal)).toEqual({
      items: ["a", "b", "c"],
      resourceVersion: "7",
    });
    expect(positions).toEqual(["", "x"]);
    expect(observed).toEqual(Array(2).fill({ verb: "list", status: 200, code: "OK" }));
  });

  test.each([
    [
      "is cut within an item",
      beginning('{"items":[{"metadata":', (response) => response.destroy()),
      "Disconnected",
    ],
    [
      "is cut behind an item",
      beginning(`{"items":[${wholeItem}`, (response) => response.destroy()),
      "Disconnected",
    ],
    ["ends behind an item", beginning(`{"items":[${wholeItem}`, (response) => response.end()), "Undecodable"],
    ["has no metadata", beginning(`{"items":[${wholeItem}]`, (response) => response.end("}")), "Undecodable"],
    [
      "has an item without a name",
      beginning(`{"items":[${wholeItem}`, (response) =>
        response.end(',{}],"metadata":{"resourceVersion":"7"}}'),
      ),
      "Undecodable",
    ],
    [
      "continues with itself",
      beginning(`{"items":[${wholeItem}`, (response) => {
        response.end('],"metadata":{"resourceVersion":"7","continue":"x"}}');
      }),
      "Undecodable",
    ],
    ["is refused", (_, response) => json(response, 500, {}), "InternalError"],
  ] satisfies [string, Handler, string][])(
    "goes on with a page that %s, and has nothing twice",
    async (_, spoil, code) => {
      const { transport, positions } = await startList([
        (_, response) => json(response, 200, page(["a", "b"], "x")),
        spoil,
      ]);
      const list = listOf(transport);
      expect((await failureOf(list.fetchAll(signal))).code).toBe(code);
      expect(await list.fetchAll(signal)).toEqual({ items: ["a", "b", "c"], resourceVersion: "7" });
      expect(positions).toEqual(["", "x", "x"]);
    },
  );

  test("of one page may have no items", async () => {
    const { transport } = await startList([
      (_, response) => json(response, 200, { items: null, metadata: { resourceVersion: "7" } }),
    ]);
    expect(await listOf(transport).fetchAll(signal)).toEqual({ items: [], resourceVersion: "7" });
  });

  test.each([
    ["empty", ""],
    ["no JSON", "<html>secret</html>"],
    ["a list without items", '{"metadata":{"resourceVersion":"7"},"secret":1}'],
    ["a list with other items", '{"metadata":{"resourceVersion":"7"},"items":"secret"}'],
    ["a list without a version", '{"metadata":{},"items":[]}'],
  ])("is Undecodable when the answer is %s, without quoting it", async (_, body) => {
    const { transport, observed } = await startList([(_, response) => void response.end(body)]);
    const error = await failureOf(listOf(transport).fetchAll(signal));
    expect([error.code, observed.map(({ code }) => code)]).toEqual(["Undecodable", ["Undecodable"]]);
    expect(error.message).toContain(`GET ${path}: `);
    expect(error.message).not.toContain("secret");
  });

  test("decodes an object as soon as it is there", async () => {
    const { promise: isDecoded, resolve } = Promise.withResolvers<void>();
    const { transport } = await startList([
      beginning(`{"items":[${wholeItem}`, async (response) => {
        await isDecoded;
        response.end('],"metadata":{"resourceVersion":"7"}}');
      }),
    ]);
    const list = listOf(transport, () => resolve());
    expect((await list.fetchAll(signal)).items).toHaveLength(1);
  });

  test("reads no more of a page that it refuses", async () => {
    let isClosed = false;
    const { transport } = await startList([
      (_, response) => {
        response.on("close", () => {
          isClosed = true;
        });
        response.write('{"items":[1');
      },
    ]);
    expect((await failureOf(listOf(transport).fetchAll(signal))).code).toBe("Undecodable");
    await eventually("the connection is closed", () => isClosed);
  });

  test("ends with Aborted within a page when its signal aborts", async () => {
    const stop = new AbortController();
    const { transport, observed } = await startList([beginning('{"items":[', () => stop.abort())]);
    expect((await failureOf(listOf(transport).fetchAll(stop.signal))).code).toBe("Aborted");
    expect(observed).toEqual([{ verb: "list", status: 0, code: "Aborted" }]);
  });

  test("costs memory for one object at a time, however large a page is", async () => {
    const object = Buffer.from(JSON.stringify(thing("a", "QUFB".repeat(2 ** 18))), "utf8");
    const server = await startServerForTest(async (_, response) => {
      response.write('{"items":[');
      for (let count = 0; count < 250; count += 1) {
        if (count > 0) response.write(",");
        if (!response.write(object)) await once(response, "drain");
      }
      response.end('],"metadata":{"resourceVersion":"7"}}');
    });
    const program = join(import.meta.dirname, "listmemory.ts");
    // A heap that could not hold the page, so that V8 collects garbage in time, busy machine or not.
    const args = ["--max-old-space-size=48", program, server.kubeconfig, path];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { items, growth } = JSON.parse(stdout);
    expect(items).toBe(250);
    // Some garbage outside of the heap; with the bytes of the whole page in memory it is more than they are.
    expect(growth).toBeLessThan(250);
  });
});

test("the version of a collection is that of its first page", async () => {
  const { transport, positions } = await startList([]);
  expect(await currentResourceVersion({ transport, path, query: {} }, signal)).toBe("7");
  expect(positions).toEqual([""]);
});

test("a body that does not end within the deadline is a Timeout", async () => {
  const { transport } = await startList([beginning('{"items":[', () => {})]);
  const reading = transport.read({ method: "GET", path, deadlineMs: 50 }, { take() {}, end() {} });
  expect((await failureOf(reading)).code).toBe("Timeout");
});
