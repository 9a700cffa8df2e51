import type { Bench, Figure, Round, Sample } from "./bench.ts";
import { keySet } from "./keyset.ts";
import { type MemoryUsage, withOperator } from "./operator.ts";
import { seedConverged } from "./seed.ts";
import { onFreshSite, type Site } from "./site.ts";

const AT_REST: Figure = { name: "RSS at rest, 0 keys", unit: "MB", target: { most: 60 } };
const PER_KEY: Figure = {
  name: "RSS a key more, garbage collected",
  unit: "bytes",
  target: { most: 700 },
};
const HEAP_PER_KEY: Figure = { name: "heap a key, garbage collected", unit: "bytes", guard: { most: 3000 } };
const RSS: Figure = { name: "RSS with the keys, as it is at rest", unit: "MB", target: { most: 100 } };
const RSS_COLLECTED: Figure = { name: "RSS with the keys, garbage collected", unit: "MB" };

/** An operator with no keys, and one that starts on a converged cluster with all of them. */
export const memory: Bench = {
  name: "memory",
  quickKeys: 5000,
  async run(round: Round): Promise<readonly Sample[]> {
    const set = keySet(round.keys);
    return await onFreshSite(set.namespaces, async (site) => {
      const empty = await settled(site, round);
      await seedConverged(site, set.keys);
      const full = await settled(site, round);
      const perKey = (member: "rss" | "heapUsed") =>
        (full.collected[member] - empty.collected[member]) / round.keys;
      return [
        { figure: AT_REST, value: empty.rss / 1e6 },
        { figure: PER_KEY, value: perKey("rss") },
        { figure: HEAP_PER_KEY, value: perKey("heapUsed") },
        { figure: RSS, value: full.rss / 1e6 },
        { figure: RSS_COLLECTED, value: full.collected.rss / 1e6 },
      ];
    });
  },
};

/** Memory of an operator that has nothing left to do: as it is, and after a garbage collection. */
async function settled(
  site: Site,
  round: Round,
): Promise<{ readonly rss: number; readonly collected: MemoryUsage }> {
  return await withOperator(site, round, async (operator) => {
    // The guard is on what a collection leaves.
    await (round.quick ? operator.untilIdle() : operator.untilAtRest());
    const rss = operator.rss();
    return { rss, collected: await operator.memory() };
  });
}
