import type { KubeObject } from "../src/kube/object.ts";
import { keysPath, secretsPath } from "../src/operator/api.ts";
import { eventually } from "../test/cluster/eventually.ts";
import { type Bench, type Figure, quantile, type Round, type Sample } from "./bench.ts";
import { keySet, newSSHKey } from "./keyset.ts";
import { withOperator } from "./operator.ts";
import { seedConverged } from "./seed.ts";
import { onFreshSite, type Site } from "./site.ts";

const MEDIAN: Figure = {
  name: "POST sent → Secret event seen, median ÷ a bare POST's median",
  unit: "×",
  target: { most: 1.8 },
};
const P99: Figure = { name: "the same, p99 ÷ a bare POST's median", unit: "×", target: { most: 4 } };
const MEDIAN_MS: Figure = { name: "median", unit: "ms" };
const P99_MS: Figure = { name: "p99", unit: "ms" };
const BARE_MS: Figure = { name: "a bare POST's median", unit: "ms" };

const TEAM = "team-latency";

/** One key of a new user at a time, on an otherwise idle cluster. */
export const latency: Bench = {
  name: "latency",
  async run(round: Round): Promise<readonly Sample[]> {
    const set = keySet(round.keys);
    const times = round.quick ? 50 : 300;
    return await onFreshSite([...set.namespaces, TEAM], async (site) => {
      await seedConverged(site, set.keys);
      const bare = await barePosts(site, times);
      return await withOperator(site, round, async (operator) => {
        await operator.untilIdle();
        const seen = await projections(site, times);
        const median = quantile(seen, 0.5);
        const p99 = quantile(seen, 0.99);
        const bareMedian = quantile(bare, 0.5);
        return [
          { figure: MEDIAN, value: median / bareMedian },
          { figure: P99, value: p99 / bareMedian },
          { figure: MEDIAN_MS, value: median },
          { figure: P99_MS, value: p99 },
          { figure: BARE_MS, value: bareMedian },
        ];
      });
    });
  },
};

/** Round trips of creating an SSHKey while no operator runs. */
async function barePosts({ client }: Site, times: number): Promise<number[]> {
  const trips: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const body = JSON.stringify(newSSHKey(TEAM, `bare-${i}`, `bare-${i}`, 1e6 + i));
    const sent = performance.now();
    const { at } = await client.request("POST", keysPath(TEAM), body);
    trips.push(at - sent);
  }
  return trips;
}

async function projections(site: Site, times: number): Promise<number[]> {
  const { client } = site;
  const seenAt = new Map<string, number>();
  const { resourceVersion } = await client.list(secretsPath(TEAM));
  const stop = await client.watch<KubeObject>(secretsPath(TEAM), resourceVersion, ({ object }, at) => {
    seenAt.set(object.metadata.name, at);
  });
  const took: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const user = `measured-${i}`;
    const body = JSON.stringify(newSSHKey(TEAM, user, user, 2e6 + i));
    const sent = performance.now();
    await client.request("POST", keysPath(TEAM), body);
    const seen = await eventually(`the Secret of ${user}`, () => seenAt.get(`sshkeys-${user}`));
    took.push(seen - sent);
  }
  stop();
  return took;
}
