import type { Bench, Figure, Round, Sample } from "./bench.ts";
import { keySet } from "./keyset.ts";
import { withOperator } from "./operator.ts";
import { requiredFor } from "./requiredwrites.ts";
import { load } from "./seed.ts";
import { onFreshSite, requestCounts } from "./site.ts";
import { wrongAt } from "./wrong.ts";

const RATIO: Figure = {
  name: "first POST → every Secret and status right, ÷ (loader alone + floor)",
  unit: "×",
  target: { most: 1.1 },
};
const SECONDS: Figure = { name: "the same", unit: "s" };
const LOADER: Figure = { name: "loader beside the operator ÷ loader alone", unit: "×" };
const SECRET_WRITES: Figure = { name: "Secret writes a user", unit: "" };

/** The keys arrive from a bulk loader while the operator runs. */
export const burst: Bench = {
  name: "burst",
  async run(round: Round): Promise<readonly Sample[]> {
    const floor = await round.floor();
    const set = keySet(round.keys);
    return await onFreshSite(set.namespaces, async (site) =>
      withOperator(site, round, async (operator) => {
        await operator.untilLogged("StartedLeading");
        const started = Date.now();
        const { created, ms: loader } = await load(site, set.keys);
        const done = operator.startedAt + (await operator.untilStates(round.keys, 60_000 + 40 * round.keys));
        // A Secret may still be written after the last status when keys of one user came apart.
        await operator.untilIdle();
        const required = requiredFor(created);
        const wrong = await wrongAt(site, required);
        if (wrong.length > 0) throw new Error(`idle, and yet wrong: ${wrong.slice(0, 5).join("; ")}`);
        const { secretWrites } = await requestCounts(site);
        return [
          { figure: RATIO, value: (done - started) / (floor.loader + floor.writes) },
          { figure: SECONDS, value: (done - started) / 1000 },
          { figure: LOADER, value: loader / floor.loader },
          { figure: SECRET_WRITES, value: secretWrites / required.secrets.length },
        ];
      }),
    );
  },
};
