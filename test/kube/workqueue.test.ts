import { describe, expect, onTestFinished, test } from "vitest";
import { WorkQueue } from "../../src/kube/workqueue.ts";
import { eventually } from "../cluster/eventually.ts";
import { growthOf, LINEAR, threadCpuMs } from "../growth.ts";

/** Keys are `namespace/name`, or a name in the namespace "". */
const namespaceOf = (key: string) => key.slice(0, Math.max(0, key.indexOf("/")));

const startQueue = (concurrency = 1, process: (key: string) => Promise<void> = async () => {}) => {
  const worked: string[] = [];
  const queue = new WorkQueue({ namespaceOf, backoff: { initialMs: 1, maxMs: 4, jitter: 0 } });
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

  test("takes a removal before other keys of its namespace that came earlier", async () => {
    const { queue, worked, run, stop } = startQueue();
    queue.add("a");
    queue.add("b");
    queue.add("removal", "removal");
    const ended = run();
    await eventually("all is done", () => worked.length === 3);
    stop.abort();
    await ended;
    expect(worked).toEqual(["removal", "a", "b"]);
  });

  test("lifts a waiting key that is added as a removal, and never lowers one", async () => {
    const { queue, worked, run, stop } = startQueue();
    queue.add("x");
    queue.add("lifted");
    queue.add("removal", "removal");
    queue.add("lifted", "removal");
    queue.add("removal");
    const ended = run();
    await eventually("all is done", () => worked.length === 3);
    stop.abort();
    await ended;
    expect(worked).toEqual(["removal", "lifted", "x"]);
  });

  test("takes from one namespace after the other, however much one has waiting", async () => {
    const { queue, worked, run, stop } = startQueue();
    for (const key of ["a/1", "a/2", "a/3", "a/4", "b/1", "b/2", "c/1"]) queue.add(key);
    queue.add("a/removal", "removal");
    const ended = run();
    await eventually("all is done", () => worked.length === 8);
    stop.abort();
    await ended;
    expect(worked).toEqual(["a/removal", "b/1", "c/1", "a/1", "b/2", "a/2", "a/3", "a/4"]);
  });

  test.each([
    [16, [8]],
    [16, [6, 5]],
    [12, [3, 3, 3]],
    [1, [1]],
    [2, [1]],
    [2, [1, 1]],
  ])("of %i workers gives busy namespaces %j", async (workers, shares) => {
    const open = gate();
    const { queue, worked, run, stop } = startQueue(workers, () => open.promise);
    shares.forEach((_, namespace) => {
      for (let i = 0; i < 2 * workers; i += 1) queue.add(`${namespace}/${i}`);
    });
    const ended = run();
    await new Promise(setImmediate);
    const counts = shares.map((_, namespace) => worked.filter((key) => namespaceOf(key) === `${namespace}`));
    expect(counts.map(({ length }) => length)).toEqual(shares);
    stop.abort();
    open.resolve();
    await ended;
  });

  test("has a worker for a newcomer at once while others keep theirs busy", async () => {
    const open = gate();
    const { queue, worked, run, stop } = startQueue(4, (key) =>
      key === "new/1" ? Promise.resolve() : open.promise,
    );
    for (let i = 0; i < 10; i += 1) {
      queue.add(`a/${i}`);
      queue.add(`b/${i}`);
    }
    const ended = run();
    queue.add("new/1");
    await eventually("it is done", () => worked.includes("new/1"));
    stop.abort();
    open.resolve();
    await ended;
    expect(worked.length).toBeLessThan(5);
  });

  test("gives the workers of a namespace back when its work is done", async () => {
    const { queue, worked, run, stop } = startQueue(2, () => new Promise(setImmediate));
    for (let i = 0; i < 20; i += 1) queue.add(`a/${i}`);
    const ended = run();
    await eventually("all is done", () => worked.length === 20);
    stop.abort();
    await ended;
    expect([queue.depth, queue.working]).toEqual([0, 0]);
  });

  test("retries a key whose work rejects, later each time, until the work goes well", async () => {
    const failed: unknown[] = [];
    const delays: number[] = [];
    const queue = new WorkQueue<string>({
      namespaceOf,
      backoff: { initialMs: 1, maxMs: 4, jitter: 0 },
      observer: { failed: (_, error) => failed.push(error) },
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
    expect([delays, failed.length, queue.attempts("a"), queue.depth]).toEqual([[0, 1, 2, 3], 3, 0, 0]);
  });

  test("gives a retry the delay that the server asked for when that is longer", () => {
    const backoff = { initialMs: 5, maxMs: 1000, jitter: 0 };
    const queue = new WorkQueue({ namespaceOf, backoff, now: () => 0 });
    expect([queue.retry("a"), queue.retry("a"), queue.retry("b", 7000), queue.retry("a")]).toEqual([
      5, 10, 7000, 20,
    ]);
  });

  test("retries a removal that fails as a removal", async () => {
    const { queue, worked, run, stop } = startQueue(1, async (key) => {
      if (key === "a" && worked.length === 1) throw new Error("again");
      if (key === "long") await eventually("the retry waits", () => queue.depth === 2);
    });
    queue.add("a", "removal");
    queue.add("long");
    queue.add("b");
    const ended = run();
    await eventually("all is done", () => worked.length === 4);
    stop.abort();
    await ended;
    expect(worked).toEqual(["a", "long", "a", "b"]);
  });

  test("keeps the earliest of several times for one key", async () => {
    const { queue, worked, run, stop } = startQueue();
    const ended = run();
    queue.addAfter("a", 3_600_000);
    queue.addAfter("a", 1);
    queue.addAfter("a", 7_200_000);
    await eventually("it came", () => worked.length === 1);
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
    expect(worked).toEqual(["near"]);
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
      queue.add(`${key % 5}/${key}`);
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
    const queue = new WorkQueue({ namespaceOf });
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
    const observer = { started: (seconds: number) => waits.push(seconds) };
    const queue = new WorkQueue({ namespaceOf, now: () => now, observer });
    queue.add("a");
    now += 2000;
    queue.add("a", "removal");
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

  test("has its workers share a slice, so that more of them do not keep the event loop for longer", async () => {
    let turn = 0;
    const keysOfTurn: number[] = [];
    const queue = new WorkQueue({ namespaceOf, sliceMs: 1 });
    for (let key = 0; key < 40; key += 1) queue.add(`${key}/a`);
    const stop = new AbortController();
    const tick = () => {
      turn += 1;
      if (queue.depth + queue.working > 0) setImmediate(tick);
      else stop.abort();
    };
    setImmediate(tick);
    const busy = async () => {
      keysOfTurn[turn] = (keysOfTurn[turn] ?? 0) + 1;
      for (const end = performance.now() + 2; performance.now() < end; );
    };
    await queue.run(busy, 8, stop.signal);
    // One of the turn before, if it came behind the tick.
    expect(Math.max(...keysOfTurn.filter((keys) => keys > 0))).toBeLessThanOrEqual(2);
  });

  test("takes from a namespace that comes later though the work of another one is longer than a slice", async () => {
    const worked: string[] = [];
    const queue = new WorkQueue({ namespaceOf, sliceMs: 1 });
    for (let key = 0; key < 40; key += 1) queue.add(`flood/${key}`);
    const stop = new AbortController();
    const busy = async (key: string) => {
      worked.push(key);
      if (worked.length === 5) setImmediate(() => queue.add("other/key"));
      if (worked.length === 41) stop.abort();
      for (const end = performance.now() + 2; performance.now() < end; );
    };
    await queue.run(busy, 2, stop.signal);
    expect(worked.indexOf("other/key")).toBeLessThanOrEqual(8);
  });

  test.each([
    ["10,000 namespaces", 20_000, 10_000],
    ["one namespace", 20_000, 1],
  ])("takes keys of %s in no more than linear time", async (_, count, namespaces) => {
    /** ms until all are worked on. */
    const work = async (keys: number) => {
      const done = gate();
      let left = keys;
      const { queue, run, stop } = startQueue(8, async () => {
        left -= 1;
        if (left === 0) done.resolve();
      });
      const started = threadCpuMs();
      for (let key = 0; key < keys; key += 1) {
        queue.add(`${key % namespaces}/${key}`, key % 3 === 0 ? "removal" : "normal");
      }
      const ended = run();
      await done.promise;
      const ms = threadCpuMs() - started;
      stop.abort();
      await ended;
      return ms;
    };
    expect(
      await growthOf(
        () => work(count),
        () => work(2 * count),
      ),
    ).toBeLessThan(LINEAR);
  });
});

describe("the progress of a work queue", () => {
  const startClock = () => {
    let now = 1000;
    const open = new Map<string, () => void>();
    const queue = new WorkQueue<string>({ namespaceOf, now: () => now });
    const stop = new AbortController();
    const ended = queue.run(
      (key) => {
        const { promise, resolve } = gate();
        open.set(key, resolve);
        return promise;
      },
      4,
      stop.signal,
    );
    onTestFinished(async () => {
      stop.abort();
      for (const finish of open.values()) finish();
      await ended;
    });
    const pass = async (seconds: number) => {
      now += seconds * 1000;
      await new Promise(setImmediate);
    };
    return { queue, pass, finish: (key: string) => open.get(key)?.() };
  };

  test("does not stall while there is no work", async () => {
    const { queue, pass, finish } = startClock();
    await pass(100);
    queue.add("a");
    expect(queue.secondsSinceProgress).toBe(0);
    await pass(1);
    finish("a");
    await pass(100);
    expect(queue.secondsSinceProgress).toBe(0);
  });

  test("does not stall when one key takes long and others get done", async () => {
    const { queue, pass, finish } = startClock();
    queue.add("long/1");
    queue.add("a/1");
    await pass(0);
    await pass(100);
    finish("a/1");
    await pass(0);
    expect([queue.secondsSinceProgress, Math.max(...queue.workingSeconds)]).toEqual([0, 100]);
  });

  test("stalls while no key gets done", async () => {
    const { queue, pass } = startClock();
    queue.add("a/1");
    await pass(20);
    queue.add("b/1");
    await pass(30);
    expect(queue.secondsSinceProgress).toBe(50);
  });
});
