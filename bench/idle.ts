import { setTimeout as delay } from "node:timers/promises";
import type { Bench, Figure, Round, Sample } from "./bench.ts";
import { keySet } from "./keyset.ts";
import { withOperator } from "./operator.ts";
import { seedConverged } from "./seed.ts";
import { onFreshSite, requestCounts } from "./site.ts";

const CPU: Figure = { name: "CPU, share of a core", unit: "%", target: { most: 0.2 } };
const WRITES: Figure = {
  name: "writes of Secrets, statuses and Events",
  unit: "",
  target: { most: 0 },
};
const REQUESTS: Figure = {
  name: "requests a minute: lease reads and renewals, renewed watches",
  unit: "",
};
const LISTS: Figure = { name: "lists", unit: "", target: { most: 0 } };

/** A converged operator that holds the lease, as installed. */
export const idle: Bench = {
  name: "idle",
  async run(round: Round): Promise<readonly Sample[]> {
    const seconds = 60;
    const set = keySet(round.keys);
    return await onFreshSite(set.namespaces, async (site) => {
      await seedConverged(site, set.keys);
      const options = { ...round, args: ["--leader-elect=true"] };
      return await withOperator(site, options, async (operator) => {
        await operator.untilAtRest();
        const before = await requestCounts(site);
        const requests = await operator.metric("rest_client_requests_total");
        const lists = await operator.metric("rest_client_request_duration_seconds_count", 'verb="list"');
        const cpu = operator.cpuMs();
        // The one thing here that is measured over a time, and not until something happens.
        await delay(seconds * 1000);
        const cpuUsed = operator.cpuMs() - cpu;
        const after = await requestCounts(site);
        const requestsSent = (await operator.metric("rest_client_requests_total")) - requests;
        const listed = await operator.metric("rest_client_request_duration_seconds_count", 'verb="list"');
        return [
          { figure: CPU, value: (cpuUsed / (seconds * 1000)) * 100 },
          { figure: WRITES, value: after.writes - before.writes },
          { figure: REQUESTS, value: (requestsSent / seconds) * 60 },
          { figure: LISTS, value: listed - lists },
        ];
      });
    });
  },
};
