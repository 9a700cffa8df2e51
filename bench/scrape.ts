import { setTimeout as delay } from "node:timers/promises";
import { type Bench, type Figure, quantile, type Round, type Sample } from "./bench.ts";
import { keySet } from "./keyset.ts";
import { withOperator } from "./operator.ts";
import { threadCPU } from "./processcpu.ts";
import { seedConverged } from "./seed.ts";
import { onFreshSite } from "./site.ts";

const LOOP: Figure = {
  name: "main thread's CPU time a scrape of /metrics, median",
  unit: "ms",
  target: { most: 5 },
};
const RSS: Figure = { name: "RSS with the keys, at rest", unit: "MB", target: { most: 180 } };

const SCRAPES = 50;

/** Whoever can reach the port must not be able to hold up the event loop, however many keys there are. */
export const scrape: Bench = {
  name: "scrape",
  fixedKeys: 100_000,
  async run(round: Round): Promise<readonly Sample[]> {
    const set = keySet(round.keys);
    return await onFreshSite(set.namespaces, async (site) => {
      await seedConverged(site, set.keys);
      return await withOperator(site, round, async (operator) => {
        await operator.untilAtRest();
        const rss = operator.rss();
        const took: number[] = [];
        for (let i = 0; i < SCRAPES; i += 1) {
          const before = threadCPU(operator.child.pid);
          await operator.metric("workqueue_depth");
          took.push(threadCPU(operator.child.pid) - before);
          await delay(20);
        }
        return [
          { figure: LOOP, value: quantile(took, 0.5) },
          { figure: RSS, value: rss / 1e6 },
        ];
      });
    });
  },
};
