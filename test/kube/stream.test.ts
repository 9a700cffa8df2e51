import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { failureOf } from "./failureof.ts";
import { json, startServerForTest } from "./localserver.ts";

const collect = async (lines: AsyncIterable<string>, into: string[] = []) => {
  for await (const line of lines) {
    into.push(line);
  }
  return into;
};

describe("a stream", () => {
  const call = { method: "GET", path: "/api/v1/things", query: { watch: "1" } } as const;

  test("gives each line once, however the bytes are chunked", async () => {
    const { transport } = await startServerForTest(async (_, response) => {
      for (const part of ['{"a"', ":1}\n{", '"b":"ü', '"}\n\n{"c":3}\n']) {
        await new Promise((resolve) => response.write(part, resolve));
      }
      response.end();
    });
    expect(await collect(transport.stream(call, { idleMs: 180_000 }))).toEqual([
      '{"a":1}',
      '{"b":"ü"}',
      '{"c":3}',
    ]);
  });

  test("tells that it is open when the server has accepted it, before the first line", async () => {
    const seen: string[] = [];
    const { transport } = await startServerForTest((_, response) => {
      response.flushHeaders();
      response.end('{"a":1}\n');
    });
    await collect(transport.stream(call, { idleMs: 180_000, onOpen: () => seen.push("open") }), seen);
    expect(seen).toEqual(["open", '{"a":1}']);
  });

  test("does not tell that it is open when it is refused", async () => {
    const seen: string[] = [];
    const { transport } = await startServerForTest((_, response) => json(response, 403, {}));
    const lines = transport.stream(call, { idleMs: 180_000, onOpen: () => seen.push("open") });
    expect((await failureOf(collect(lines))).code).toBe("Forbidden");
    expect(seen).toEqual([]);
  });

  test("that is cut within a line gives the whole lines and then is Disconnected", async () => {
    const { transport } = await startServerForTest((_, response) => {
      response.write('{"a":1}\n{"b"', () => response.destroy());
    });
    const lines: string[] = [];
    const error = await failureOf(collect(transport.stream(call, { idleMs: 180_000 }), lines));
    expect([error.code, lines]).toEqual(["Disconnected", ['{"a":1}']]);
  });

  test("that ends in good order within a line is Disconnected", async () => {
    const { transport } = await startServerForTest((_, response) => void response.end('{"a":1}'));
    expect((await failureOf(collect(transport.stream(call, { idleMs: 180_000 })))).code).toBe("Disconnected");
  });

  describe("by the clock", () => {
    const idleMs = 60_000;

    beforeEach(() => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    });

    afterEach(() => {
      vi.useRealTimers();
    });

    test("that falls silent is Idle", async () => {
      const { transport } = await startServerForTest((_, response) => void response.write('{"a":1}\n'));
      const lines = transport.stream(call, { idleMs });
      expect((await lines.next()).value).toBe('{"a":1}');
      const failure = failureOf(lines.next());
      await vi.advanceTimersByTimeAsync(idleMs);
      expect((await failure).code).toBe("Idle");
    });

    test("does not count the reader's own time as silence", async () => {
      const taken = Promise.withResolvers<void>();
      const { transport } = await startServerForTest(async (_, response) => {
        response.write('{"a":1}\n');
        await taken.promise;
        response.end('{"b":2}\n');
      });
      const lines = transport.stream(call, { idleMs });
      expect((await lines.next()).value).toBe('{"a":1}');
      await vi.advanceTimersByTimeAsync(10 * idleMs);
      taken.resolve();
      expect((await lines.next()).value).toBe('{"b":2}');
      expect((await lines.next()).done).toBe(true);
    });
  });

  test("that is refused rejects with the refusal", async () => {
    const { transport } = await startServerForTest((_, response) =>
      json(response, 410, { kind: "Status", reason: "Expired" }),
    );
    expect((await failureOf(collect(transport.stream(call, { idleMs: 180_000 })))).code).toBe("Expired");
  });

  test("that no one reads any more is closed at the server", async () => {
    let closed = false;
    const { transport } = await startServerForTest((request, response) => {
      request.socket.on("close", () => {
        closed = true;
      });
      response.write('{"a":1}\n');
    });
    for await (const _ of transport.stream(call, { idleMs: 180_000 })) {
      break;
    }
    await eventually("the connection is closed", () => closed);
  });

  test("ends with Aborted when its signal aborts", async () => {
    const stop = new AbortController();
    const { transport } = await startServerForTest((_, response) => {
      response.write('{"a":1}\n', () => stop.abort());
    });
    const error = await failureOf(
      collect(transport.stream({ ...call, signal: stop.signal }, { idleMs: 180_000 })),
    );
    expect(error.code).toBe("Aborted");
  });
});
