import { bareList } from "./barelist.ts";
import type { Bench, Figure, Round, Sample } from "./bench.ts";
import { keySet } from "./keyset.ts";
import { withOperator } from "./operator.ts";
import { seedConverged } from "./seed.ts";
import { onFreshSite, requestCounts } from "./site.ts";

const RATIO: Figure = {
  name: "process start → ready and idle, ÷ bare list and JSON.parse",
  unit: "×",
  target: { most: 1.4 },
};
const WRITES: Figure = { name: "writes", unit: "", target: { most: 0 } };
const SECONDS: Figure = { name: "process start → ready and idle", unit: "s" };
const SYNCED: Figure = { name: "process start → caches complete", unit: "s" };
const LIST: Figure = { name: "bare list and JSON.parse", unit: "s" };
const LIST_PROCESS: Figure = { name: "bare list with the start of its process", unit: "s" };
const CPU: Figure = { name: "operator's CPU time", unit: "s" };

/** The operator starts on a cluster that has converged before. */
export const restart: Bench = {
  name: "restart",
  async run(round: Round): Promise<readonly Sample[]> {
    const set = keySet(round.keys);
    return await onFreshSite(set.namespaces, async (site) => {
      await seedConverged(site, set.keys);
      const { kubeconfig } = site.controlPlane;
      // The first list fills the server's own caches, for both.
      await bareList(kubeconfig);
      const list = await bareList(kubeconfig);
      const before = await requestCounts(site);
      return await withOperator(site, round, async (operator) => {
        const ms = await operator.untilIdle();
        const synced = (await operator.untilLogged("Synced")).at - operator.startedAt;
        const after = await requestCounts(site);
        return [
          { figure: RATIO, value: ms / list.list },
          { figure: WRITES, value: after.writes - before.writes },
          { figure: SECONDS, value: ms / 1000 },
          { figure: SYNCED, value: synced / 1000 },
          { figure: LIST, value: list.list / 1000 },
          { figure: LIST_PROCESS, value: list.process / 1000 },
          { figure: CPU, value: operator.cpuMs() / 1000 },
        ];
      });
    });
  },
};
