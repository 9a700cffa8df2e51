import fc from "fast-check";
import { expect, test } from "vitest";
import { type Priority, WorkQueue } from "../../src/kube/workqueue.ts";
import { eventually } from "../cluster/eventually.ts";

/** How long the server wants to be left alone about a key, in ms. */
const HOLD_MS = 3;

const namespaceOf = (key: string) => key.slice(0, 1);

test("a work queue never drops a key, has two workers on one or brings one up in its least delay, whatever is added and fails", async () => {
  const key = fc.constantFrom("a/1", "a/2", "b/1", "c/1");
  const priority = fc.constantFrom<Priority>("removal", "normal");
  const act = fc.record({ do: fc.constantFrom("add", "later", "hold", "turn"), key, priority });
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(),
      async (acts, workers, seed) => {
        const queue = new WorkQueue<string>({ namespaceOf, backoff: { initialMs: 0.1, maxMs: 1 } });
        const version = new Map<string, number>();
        const done = new Map<string, number>();
        const busy = new Set<string>();
        const heldUntil = new Map<string, number>();
        let calls = seed;
        let collided = false;
        let early = false;
        const stop = new AbortController();
        const ended = queue.run(
          async (taken) => {
            collided ||= busy.has(taken);
            busy.add(taken);
            early ||= performance.now() < (heldUntil.get(taken) ?? 0);
            const seen = version.get(taken) ?? 0;
            await new Promise(setImmediate);
            busy.delete(taken);
            calls = (calls * 1103515245 + 12345) % 2 ** 31;
            if (calls % 3 === 0) {
              throw new Error("again");
            }
            if (calls % 3 === 1) {
              heldUntil.set(taken, performance.now() + HOLD_MS);
              queue.retry(taken, HOLD_MS, calls % 2 === 0 ? "removal" : "normal");
              return;
            }
            done.set(taken, seen);
            queue.forget(taken);
          },
          workers,
          stop.signal,
        );
        for (const step of acts) {
          if (step.do === "turn") {
            await new Promise(setImmediate);
            continue;
          }
          if (step.do === "hold") {
            queue.hold(step.key, HOLD_MS, 1);
            continue;
          }
          version.set(step.key, (version.get(step.key) ?? 0) + 1);
          if (step.do === "add") queue.add(step.key, step.priority);
          else queue.addAfter(step.key, 1, step.priority);
        }
        await eventually("the last version of every key was worked on", () =>
          [...version].every(([name, last]) => done.get(name) === last),
        );
        stop.abort();
        await ended;
        expect([collided, early]).toEqual([false, false]);
      },
    ),
    { numRuns: 60 },
  );
});
