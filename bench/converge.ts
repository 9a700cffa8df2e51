import type { Bench, Figure, Round, Sample } from "./bench.ts";
import { keySet, usersOf } from "./keyset.ts";
import { withOperator } from "./operator.ts";
import { requiredFor } from "./requiredwrites.ts";
import { load } from "./seed.ts";
import { onFreshSite, requestCounts } from "./site.ts";
import { wrongAt } from "./wrong.ts";

const RATIO: Figure = {
  name: "process start → every Secret and status right, ÷ floor",
  unit: "×",
  target: { most: 1.15 },
};
const SECONDS: Figure = { name: "process start → every Secret and status right", unit: "s" };
const FLOOR: Figure = { name: "floor", unit: "s" };
const CPU: Figure = { name: "operator's CPU time a key", unit: "ms", target: { most: 0.8 } };
const WRITES: Figure = {
  name: "writes sent ÷ writes needed",
  unit: "×",
  target: { most: 1 },
  guard: { most: 1 },
};
const RSS: Figure = { name: "RSS when done", unit: "MB" };

/** The keys exist already when the operator starts. */
export const converge: Bench = {
  name: "converge",
  async run(round: Round): Promise<readonly Sample[]> {
    const floor = round.quick ? undefined : await round.floor();
    const set = keySet(round.keys);
    const users = usersOf(set.keys);
    return await onFreshSite(set.namespaces, async (site) => {
      const { created } = await load(site, set.keys);
      return await withOperator(site, round, async (operator) => {
        const ms = await operator.untilStates(round.keys, 60_000 + 40 * round.keys);
        const cpu = operator.cpuMs();
        const rss = operator.rss();
        const wrong = await wrongAt(site, requiredFor(created));
        if (wrong.length > 0) throw new Error(`converged, and yet wrong: ${wrong.slice(0, 5).join("; ")}`);
        const { secretWrites, statusWrites } = await requestCounts(site);
        return [
          ...(floor === undefined ? [] : [{ figure: RATIO, value: ms / floor.writes }]),
          { figure: SECONDS, value: ms / 1000 },
          ...(floor === undefined ? [] : [{ figure: FLOOR, value: floor.writes / 1000 }]),
          { figure: CPU, value: cpu / round.keys },
          { figure: WRITES, value: (secretWrites + statusWrites) / (users + round.keys) },
          { figure: RSS, value: rss / 1e6 },
        ];
      });
    });
  },
};
