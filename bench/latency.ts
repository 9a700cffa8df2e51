import { setTimeout as delay } from "node:timers/promises";
import type { KubeObject } from "../src/api/object.ts";
import { secretsPath, sshKeysPath } from "../src/api/paths.ts";
import { type Bench, type Figure, quantile, type Round, type Sample } from "./bench.ts";
import { startEcho } from "./echo.ts";
import { keySet, newSSHKey } from "./keyset.ts";
import { withOperator } from "./operator.ts";
import { seedConverged } from "./seed.ts";
import { onFreshSite, type Site } from "./site.ts";

const MEDIAN: Figure = {
  name: "POST sent → Secret event seen, median ÷ a bare POST's median",
  unit: "×",
  target: { most: 1.7 },
};
const P99: Figure = { name: "the same, p99 ÷ a bare POST's median", unit: "×", target: { most: 4 } };
const ECHO: Figure = { name: "the same, median, of a process that only echoes", unit: "×" };
const MEDIAN_MS: Figure = { name: "median", unit: "ms" };
const P99_MS: Figure = { name: "p99", unit: "ms" };
const BARE_MS: Figure = { name: "a bare POST's median", unit: "ms" };
const BARE_HOT_MS: Figure = { name: "a bare POST's median, without pauses", unit: "ms" };

const TEAM = "team-latency";

/**
 * Between one key and the next, so that the cluster is idle when the next one comes. A process that has slept wakes up
 * slower than one that is busy: bare POSTs are paused as well, to be compared.
 */
const PAUSE_MS = 50;

/** One key of a new user at a time, on an otherwise idle cluster. */
export const latency: Bench = {
  name: "latency",
  async run(round: Round): Promise<readonly Sample[]> {
    const set = keySet(round.keys);
    const times = round.quick ? 50 : 300;
    return await onFreshSite([...set.namespaces, TEAM], async (site) => {
      await seedConverged(site, set.keys);
      const hot = quantile(await barePosts(site, "hot", times, 0), 0.5);
      const bare = quantile(await barePosts(site, "bare", times, PAUSE_MS), 0.5);
      const echoed = await echoes(site, times);
      return await withOperator(site, round, async (operator) => {
        await operator.untilIdle();
        const seen = await projections(site, "measured", times);
        const median = quantile(seen, 0.5);
        const p99 = quantile(seen, 0.99);
        return [
          { figure: MEDIAN, value: median / bare },
          { figure: P99, value: p99 / bare },
          { figure: ECHO, value: quantile(echoed, 0.5) / bare },
          { figure: MEDIAN_MS, value: median },
          { figure: P99_MS, value: p99 },
          { figure: BARE_MS, value: bare },
          { figure: BARE_HOT_MS, value: hot },
        ];
      });
    });
  },
};

/** Round trips of creating an SSHKey while nobody watches. */
async function barePosts(site: Site, name: string, times: number, pauseMs: number): Promise<number[]> {
  const trips: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const body = newKey(`${name}-${i}`);
    const sent = performance.now();
    const { at } = await site.client.request("POST", sshKeysPath(TEAM), body);
    trips.push(at - sent);
    if (pauseMs > 0) await delay(pauseMs);
  }
  return trips;
}

async function echoes(site: Site, times: number): Promise<number[]> {
  const { resourceVersion } = await site.client.list(sshKeysPath(TEAM));
  const echo = await startEcho(site.controlPlane.kubeconfig, TEAM, resourceVersion);
  try {
    return await projections(site, "echoed", times);
  } finally {
    echo.kill();
  }
}

async function projections({ client }: Site, name: string, times: number): Promise<number[]> {
  const awaited = new Map<string, (at: number) => void>();
  const { resourceVersion } = await client.list(secretsPath(TEAM));
  const stop = await client.watch<KubeObject>(secretsPath(TEAM), resourceVersion, ({ object }, at) => {
    awaited.get(object.metadata.name)?.(at);
  });
  const took: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const { promise: seen, resolve } = Promise.withResolvers<number>();
    awaited.set(`sshkeys-${name}-${i}`, resolve);
    const body = newKey(`${name}-${i}`);
    const sent = performance.now();
    await client.request("POST", sshKeysPath(TEAM), body);
    took.push((await seen) - sent);
    await delay(PAUSE_MS);
  }
  stop();
  return took;
}

let keys = 1e6;

/** An SSHKey of a user of this name, no other's key. */
function newKey(user: string): string {
  keys += 1;
  return JSON.stringify(newSSHKey(TEAM, user, user, keys));
}
