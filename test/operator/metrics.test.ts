import { describe, expect, test } from "vitest";
import { Keyring } from "../../src/keyring/keyring.ts";
import { WorkQueue } from "../../src/kube/workqueue.ts";
import { Metrics } from "../../src/operator/metrics.ts";
import { DEFAULT_SETTINGS } from "../../src/operator/settings.ts";
import { parseExposition } from "../availability/exposition.ts";
import { eventually } from "../cluster/eventually.ts";

const WORKERS = 3;

/** A queue with its metrics, on a clock that stands still; none of its work ends before the test does. */
const startQueue = () => {
  let now = 0;
  const metrics = new Metrics();
  const queue = new WorkQueue<string>({ now: () => now, observer: metrics.queueObserver() });
  const { policy, secretPrefix } = DEFAULT_SETTINGS;
  metrics.observe(new Keyring(policy, secretPrefix), queue, WORKERS);
  const gate = Promise.withResolvers<void>();
  const stop = new AbortController();
  let begun = 0;
  const process = async () => {
    begun += 1;
    await gate.promise;
  };
  const ended = queue.run(process, WORKERS, stop.signal);
  return {
    queue,
    /** Its work has begun when this resolves, and then `seconds` pass. */
    async begin(key: string, seconds: number) {
      const before = begun;
      queue.add(key);
      await eventually(`${key} is worked on`, () => begun > before);
      now += seconds * 1000;
    },
    async end() {
      gate.resolve();
      stop.abort();
      await ended;
    },
    /** The samples of one metric: value and labels. */
    async read(name: string) {
      const samples = parseExposition(await metrics.registry.metrics()).get(name)?.samples ?? [];
      return samples.map(({ value, labels }) => [value, labels]);
    },
  };
};

const QUEUE_LABELS = { name: "sshkey", controller: "sshkey" };

describe("metrics of the work under way", () => {
  test("workqueue_unfinished_work_seconds is the time of all of it taken together", async () => {
    const { begin, read, end } = startQueue();
    await begin("team-a/alice", 40);
    await begin("team-a/bob", 2);
    expect(await read("workqueue_unfinished_work_seconds")).toEqual([[44, QUEUE_LABELS]]);
    await end();
  });

  test("workqueue_longest_running_processor_seconds is the time of the oldest of it", async () => {
    const { begin, read, end } = startQueue();
    await begin("team-a/alice", 40);
    await begin("team-a/bob", 2);
    expect(await read("workqueue_longest_running_processor_seconds")).toEqual([[42, QUEUE_LABELS]]);
    await end();
  });

  test.each(["workqueue_unfinished_work_seconds", "workqueue_longest_running_processor_seconds"])(
    "%s is 0 when all is done",
    async (name) => {
      const { begin, read, end } = startQueue();
      await begin("team-a/alice", 40);
      await end();
      expect(await read(name)).toEqual([[0, QUEUE_LABELS]]);
    },
  );

  test("controller_runtime_active_workers is how many are worked on, and none of those that wait", async () => {
    const { begin, queue, read, end } = startQueue();
    for (let i = 0; i < WORKERS; i += 1) await begin(`team-a/user-${i}`, 1);
    queue.add("team-a/alice");
    expect(await read("controller_runtime_active_workers")).toEqual([[WORKERS, { controller: "sshkey" }]]);
    await end();
  });

  test("controller_runtime_max_concurrent_reconciles is the number of workers, at rest too", async () => {
    const { read, end } = startQueue();
    expect(await read("controller_runtime_max_concurrent_reconciles")).toEqual([
      [WORKERS, { controller: "sshkey" }],
    ]);
    await end();
  });
});
