import { describe, expect, test } from "vitest";
import { WorkQueue } from "../../src/kube/workqueue.ts";
import { eventually } from "../cluster/eventually.ts";

const startQueue = (concurrency = 1, process: (key: string) => Promise<void> = async () => {}) => {
  const worked: string[] = [];
  const queue = new WorkQueue({ backoff: { initialMs: 1, maxMs: 4, jitter: 0 } });
  const stop = new AbortController();
  const run = () =>
    queue.run(
      async (key) => {
        worked.push(key);
        await process(key);
      },
      concurrency,
      stop.signal,
    );
  return { queue, worked, stop, run };
};

const gate = () => Promise.withResolvers<void>();

describe("a work queue", () => {
  test("works on a key once however often it was added while it waited", async () => {
    const { queue, worked, run, stop } = startQueue();
    queue.add("a");
    queue.add("b");
    queue.add("a");
    const ended = run();
    await eventually("all is done", () => queue.depth === 0 && queue.working === 0);
    stop.abort();
    await ended;
    expect(worked).toEqual(["a", "b"]);
  });

  test("works again on a key that was added while it was worked on", async () => {
    const open = gate();
    const { queue, worked, run, stop } = startQueue(4, () => open.promise);
    const ended = run();
    queue.add("a");
    queue.add("a");
    queue.add("a");
    expect(queue.working).toBe(1);
    open.resolve();
    await eventually("it is worked on again", () => worked.length === 2 && queue.working === 0);
    stop.abort();
    await ended;
    expect(worked).toEqual(["a", "a"]);
  });

  test("takes a high key before low ones that came earlier", async () => {
    const { queue, worked, run, stop } = startQueue();
    queue.add("low-1", "low");
    queue.add("low-2", "low");
    queue.add("high");
    const ended = run();
    await eventually("all is done", () => worked.length === 3);
    stop.abort();
    await ended;
    expect(worked).toEqual(["high", "low-1", "low-2"]);
  });

  test("lifts a waiting low key that is added as high, and never lowers one", async () => {
    const { queue, worked, run, stop } = startQueue();
    queue.add("x", "low");
    queue.add("lifted", "low");
    queue.add("high");
    queue.add("lifted");
    queue.add("high", "low");
    const ended = run();
    await eventually("all is done", () => worked.length === 3);
    stop.abort();
    await ended;
    expect(worked).toEqual(["high", "lifted", "x"]);
  });

  test("leaves workers free for a high key while low ones are worked on", async () => {
    const open = gate();
    const { queue, worked, run, stop } = startQueue(4, (key) =>
      key === "high" ? Promise.resolve() : open.promise,
    );
    for (let i = 0; i < 10; i += 1) {
      queue.add(`low-${i}`, "low");
    }
    const ended = run();
    queue.add("high");
    await eventually("the high key is done", () => worked.includes("high"));
    expect(worked.filter((key) => key !== "high")).toHaveLength(1);
    open.resolve();
    stop.abort();
    await ended;
  });

  test("does not starve a low key while high ones keep coming", async () => {
    const { queue, worked, run, stop } = startQueue(1, async (key) => {
      if (key !== "low") {
        queue.add(`${key}x`.slice(-50));
      }
    });
    queue.add("low", "low");
    queue.add("high");
    const ended = run();
    await eventually("the low key had its turn", () => worked.includes("low"));
    stop.abort();
    await ended;
    expect(worked.indexOf("low")).toBeLessThan(9);
  });

  test("retries a key whose work rejects, later each time, until the work goes well", async () => {
    const failed: unknown[] = [];
    const delays: number[] = [];
    const queue = new WorkQueue({
      backoff: { initialMs: 1, maxMs: 4, jitter: 0 },
      observer: { failed: (error) => failed.push(error) },
    });
    const stop = new AbortController();
    const ended = queue.run(
      async (key) => {
        delays.push(queue.attempts(key));
        if (delays.length < 4) {
          throw new Error("again");
        }
        queue.forget(key);
      },
      1,
      stop.signal,
    );
    queue.add("a");
    await eventually("it went well", () => delays.length === 4 && queue.working === 0);
    stop.abort();
    await ended;
    expect([delays, failed.length, queue.attempts("a"), queue.later]).toEqual([[0, 1, 2, 3], 3, 0, 0]);
  });

  test("gives a retry the delay that the server asked for when that is longer", () => {
    const queue = new WorkQueue({ backoff: { initialMs: 5, maxMs: 1000, jitter: 0 }, now: () => 0 });
    expect([queue.retry("a"), queue.retry("a"), queue.retry("b", 7000), queue.retry("a")]).toEqual([
      5, 10, 7000, 20,
    ]);
  });

  test("keeps the earliest of several times for one key", async () => {
    const { queue, worked, run, stop } = startQueue();
    const ended = run();
    queue.addAfter("a", 3_600_000);
    queue.addAfter("a", 1);
    queue.addAfter("a", 7_200_000);
    await eventually("it came", () => worked.length === 1);
    expect(queue.later).toBe(0);
    stop.abort();
    await ended;
  });

  test("does not take a time further off than a timer can hold for now", async () => {
    const { queue, worked, run, stop } = startQueue();
    const ended = run();
    queue.addAfter("far", 2 ** 33);
    queue.addAfter("near", 20);
    await eventually("the near one came", () => worked.length > 0);
    stop.abort();
    await ended;
    expect([worked, queue.later]).toEqual([["near"], 1]);
  });

  test("never works on more keys at a time than allowed", async () => {
    let most = 0;
    let now = 0;
    const { queue, worked, run, stop } = startQueue(3, async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise(setImmediate);
      now -= 1;
    });
    const ended = run();
    for (let key = 0; key < 50; key += 1) {
      queue.add(String(key));
    }
    await eventually("all is done", () => worked.length === 50 && now === 0);
    stop.abort();
    await ended;
    expect(most).toBe(3);
  });

  test("lets the work that has begun finish when it is stopped, and begins no other", async () => {
    const open = gate();
    const { queue, worked, run, stop } = startQueue(1, () => open.promise);
    const ended = run();
    queue.add("a");
    queue.add("b");
    stop.abort();
    let over = false;
    const end = ended.then(() => {
      over = true;
    });
    await new Promise(setImmediate);
    expect(over).toBe(false);
    open.resolve();
    await end;
    expect([worked, queue.depth]).toEqual([["a"], 1]);
  });

  test("keeps its keys between two runs", async () => {
    const queue = new WorkQueue();
    const worked: string[] = [];
    const process = async (key: string) => void worked.push(key);
    const first = new AbortController();
    const ended = queue.run(process, 1, first.signal);
    queue.addAfter("timed", 5);
    first.abort();
    await ended;
    queue.add("added");
    const second = new AbortController();
    const endedAgain = queue.run(process, 1, second.signal);
    await eventually("both came", () => worked.length === 2);
    second.abort();
    await endedAgain;
    expect(worked).toEqual(["added", "timed"]);
  });

  test("refuses a second run beside the first", async () => {
    const { queue, run, stop } = startQueue();
    const ended = run();
    await expect(queue.run(async () => {}, 1, stop.signal)).rejects.toThrow(TypeError);
    stop.abort();
    await ended;
  });

  test("tells how long a key waited from the first time it was added", async () => {
    let now = 1000;
    const waits: number[] = [];
    const queue = new WorkQueue({ now: () => now, observer: { started: (seconds) => waits.push(seconds) } });
    queue.add("a", "low");
    now += 2000;
    queue.add("a", "high");
    now += 1000;
    const stop = new AbortController();
    const ended = queue.run(async () => {}, 1, stop.signal);
    stop.abort();
    await ended;
    expect(waits).toEqual([3]);
  });

  test("lets timers fire while it works on keys that wait for nothing", async () => {
    const { queue, run, stop } = startQueue(8, async (key) => queue.add(key));
    queue.add("a");
    setTimeout(() => stop.abort(), 1);
    await run();
    expect(stop.signal.aborted).toBe(true);
  });

  test("takes 200,000 keys in no more than linear time", async () => {
    const { queue, worked, run, stop } = startQueue(8);
    const started = performance.now();
    for (let key = 0; key < 200_000; key += 1) {
      queue.add(String(key), key % 3 === 0 ? "low" : "high");
    }
    const ended = run();
    await eventually("all is done", () => worked.length === 200_000);
    stop.abort();
    await ended;
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
