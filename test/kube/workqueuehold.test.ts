import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Priority, WorkQueue } from "../../src/kube/workqueue.ts";

/** How long the server wants to be left alone about a key, in ms. */
const HOLD_MS = 60;
/** No test waits for this backoff. */
const LONG_BACKOFF_MS = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Lets the clock run, ms by ms, until this is so. */
async function eventually(what: string, isSo: () => boolean): Promise<void> {
  for (let ms = 0; !isSo(); ms += 1) {
    if (ms > 10_000) throw new Error(`it never came about: ${what}`);
    await vi.advanceTimersByTimeAsync(1);
  }
}

/** A queue that is running, and when it took which key. */
const startQueue = (o: { backoffMs?: number; process?: (key: string) => Promise<void> } = {}) => {
  const { backoffMs = 1, process = async () => {} } = o;
  const worked: { readonly key: string; readonly at: number }[] = [];
  const queue = new WorkQueue<string>({
    namespaceOf: () => "",
    backoff: { initialMs: backoffMs, maxMs: backoffMs, jitter: 0 },
  });
  const stop = new AbortController();
  const ended = queue.run(
    async (key) => {
      worked.push({ key, at: performance.now() });
      await process(key);
    },
    1,
    stop.signal,
  );
  const times = (key: string) => worked.filter((each) => each.key === key).map(({ at }) => at);
  const end = async () => {
    stop.abort();
    await ended;
  };
  return { queue, worked, times, end };
};

describe("a key that is retried with a least delay", () => {
  test("does not come up before it has passed", async () => {
    const { queue, times, end } = startQueue();
    const from = performance.now();
    queue.retry("a", HOLD_MS);
    await eventually("it came", () => times("a").length > 0);
    await end();
    expect((times("a")[0] ?? 0) - from).toBeGreaterThanOrEqual(HOLD_MS);
  });

  test("does not come up before it has passed though it is added meanwhile", async () => {
    const { queue, times, end } = startQueue();
    const from = performance.now();
    queue.retry("a", HOLD_MS);
    queue.add("a");
    await eventually("it came", () => times("a").length > 0);
    await end();
    expect((times("a")[0] ?? 0) - from).toBeGreaterThanOrEqual(HOLD_MS);
  });

  test("does not come up before it has passed though it is added for an earlier time", async () => {
    const { queue, times, end } = startQueue();
    const from = performance.now();
    queue.retry("a", HOLD_MS);
    queue.addAfter("a", HOLD_MS / 4);
    await eventually("it came", () => times("a").length > 0);
    await end();
    expect((times("a")[0] ?? 0) - from).toBeGreaterThanOrEqual(HOLD_MS);
  });

  test("does not come up before it has passed though it was added while it was worked on", async () => {
    let from = Number.POSITIVE_INFINITY;
    const { queue, times, end } = startQueue({
      process: async (key) => {
        if (from !== Number.POSITIVE_INFINITY) return;
        queue.add(key);
        from = performance.now();
        queue.retry(key, HOLD_MS);
      },
    });
    queue.add("a");
    await eventually("it came again", () => times("a").length > 1);
    await end();
    expect((times("a")[1] ?? 0) - from).toBeGreaterThanOrEqual(HOLD_MS);
  });

  test("does not come up before it has passed though it waits already", async () => {
    const gate = Promise.withResolvers<void>();
    const { queue, times, end } = startQueue({
      process: async (key) => (key === "first" ? await gate.promise : undefined),
    });
    queue.add("first");
    queue.add("a");
    const from = performance.now();
    queue.retry("a", HOLD_MS);
    gate.resolve();
    await eventually("it came", () => times("a").length > 0);
    await end();
    expect((times("a")[0] ?? 0) - from).toBeGreaterThanOrEqual(HOLD_MS);
  });

  test("is not let go earlier by a second retry with a shorter one", async () => {
    const { queue, times, end } = startQueue();
    const from = performance.now();
    queue.retry("a", HOLD_MS);
    const delay = queue.retry("a", 1);
    await eventually("it came", () => times("a").length > 0);
    await end();
    expect([delay > 1, (times("a")[0] ?? 0) - from >= HOLD_MS]).toEqual([true, true]);
  });

  test("comes up when it has passed if it was added meanwhile, not after a longer backoff", async () => {
    const { queue, times, end } = startQueue({ backoffMs: LONG_BACKOFF_MS });
    queue.retry("a", HOLD_MS);
    queue.add("a");
    await eventually("it came", () => times("a").length > 0);
    await end();
    expect(times("a")).toHaveLength(1);
  });

  test("comes up once however often it was added meanwhile", async () => {
    const { queue, worked, times, end } = startQueue();
    queue.retry("a", HOLD_MS);
    queue.add("a");
    queue.addAfter("a", 1);
    await eventually("it came", () => times("a").length > 0);
    queue.addAfter("next", HOLD_MS);
    await eventually("all is done", () => times("next").length > 0);
    await end();
    expect(worked.map(({ key }) => key)).toEqual(["a", "next"]);
  });

  test("comes up at once when it is added after that", async () => {
    const { queue, times, end } = startQueue({ backoffMs: LONG_BACKOFF_MS });
    const from = performance.now();
    queue.retry("a", HOLD_MS);
    await eventually("the least delay has passed", () => performance.now() - from > HOLD_MS);
    queue.add("a");
    expect(queue.working).toBe(1);
    await end();
    expect(times("a")).toHaveLength(1);
  });

  test("keeps no other key waiting", async () => {
    const { queue, worked, end } = startQueue();
    queue.retry("a", LONG_BACKOFF_MS);
    queue.add("b");
    await eventually("the other one came", () => worked.length > 0);
    await end();
    expect(worked.map(({ key }) => key)).toEqual(["b"]);
  });

  test.each<[Priority, Priority]>([
    ["normal", "removal"],
    ["removal", "normal"],
  ])("comes up as a removal when it is retried as %s and added as %s", async (retried, added) => {
    const { queue, worked, end } = startQueue({
      backoffMs: LONG_BACKOFF_MS,
      process: async (key) => {
        if (key === "first") await eventually("the held key waits", () => queue.depth === 2);
      },
    });
    queue.add("first");
    queue.add("other");
    queue.retry("held", HOLD_MS, retried);
    queue.add("held", added);
    await eventually("all is done", () => worked.length === 3);
    await end();
    expect(worked.map(({ key }) => key)).toEqual(["first", "held", "other"]);
  });
});

describe("a key that is held", () => {
  test("does not come up by itself", async () => {
    const { queue, worked, end } = startQueue();
    queue.hold("a", 1);
    queue.addAfter("b", HOLD_MS);
    await eventually("the other one came", () => worked.length > 0);
    await end();
    expect(worked.map(({ key }) => key)).toEqual(["b"]);
  });

  test("comes up once, when the hold is over, however often it was added", async () => {
    const { queue, worked, times, end } = startQueue();
    const from = performance.now();
    queue.hold("a", HOLD_MS);
    queue.add("a");
    queue.addAfter("a", 1);
    queue.add("a");
    await eventually("it came", () => times("a").length > 0);
    await end();
    expect([worked.length, (times("a")[0] ?? 0) - from >= HOLD_MS]).toEqual([1, true]);
  });

  test("comes up sooner as a removal", async () => {
    const { queue, times, end } = startQueue();
    const from = performance.now();
    queue.hold("a", 3_600_000, HOLD_MS);
    queue.add("a");
    queue.add("a", "removal");
    await eventually("it came", () => times("a").length > 0);
    await end();
    expect((times("a")[0] ?? 0) - from).toBeGreaterThanOrEqual(HOLD_MS);
  });

  test.each([
    [3_600_000, 150],
    [20, 20],
  ])("for %i ms delays a removal by %i ms", async (ms, removalMs) => {
    const { queue, times, end } = startQueue();
    const from = performance.now();
    queue.hold("a", ms);
    queue.add("a", "removal");
    await eventually("it came", () => times("a").length > 0);
    await end();
    expect((times("a")[0] ?? 0) - from).toBe(removalMs);
  });

  test("stays held as a removal only when it waits as one", async () => {
    const gate = Promise.withResolvers<void>();
    const { queue, worked, end } = startQueue({
      process: async (key) => (key === "first" ? await gate.promise : undefined),
    });
    queue.add("first");
    queue.add("normal");
    queue.add("removal", "removal");
    queue.hold("normal", 3_600_000, 0);
    queue.hold("removal", 3_600_000, 0);
    gate.resolve();
    await eventually("the removal came", () => worked.length === 2 && queue.depth === 0);
    await end();
    expect(worked.map(({ key }) => key)).toEqual(["first", "removal"]);
  });

  test("comes up again only when the hold is over if it was held while it was worked on", async () => {
    let from = Number.POSITIVE_INFINITY;
    const { queue, times, end } = startQueue({
      process: async (key) => {
        if (from !== Number.POSITIVE_INFINITY) return;
        from = performance.now();
        queue.hold(key, HOLD_MS);
        queue.add(key);
      },
    });
    queue.add("a");
    await eventually("it came again", () => times("a").length > 1);
    await end();
    expect((times("a")[1] ?? 0) - from).toBeGreaterThanOrEqual(HOLD_MS);
  });
});
