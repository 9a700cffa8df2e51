import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { sshKeysPath } from "../src/api/paths.ts";
import { eventually } from "../test/cluster/eventually.ts";
import type { Bench, Figure, Round, Sample } from "./bench.ts";
import { type NewSSHKey, newSSHKey } from "./keyset.ts";
import type { Load, LoadResult } from "./portalload.ts";
import { headersOf, PORTAL_USER, PortalProcess } from "./portalprocess.ts";
import { processCPU } from "./processcpu.ts";
import { seedConverged } from "./seed.ts";
import { onFreshSite, type Site } from "./site.ts";

const perSecond = (what: string): Figure => ({
  name: `${what}, requests a second`,
  unit: "",
  target: { least: 1500 },
});
const p99 = (what: string): Figure => ({
  name: `${what} at 200 requests a second, p99`,
  unit: "ms",
  target: { most: 25 },
});
/** Of which a busy machine takes nothing away. */
const cpuTime = (what: string): Figure => ({ name: `${what}, CPU time of the portal`, unit: "ms" });
const READY: Figure = {
  name: "process start → ready − a bare list",
  unit: "ms",
  target: { most: 500 },
};
const RSS_READY: Figure = { name: "RSS when ready", unit: "MB" };
const RSS: Figure = { name: "RSS after all these requests", unit: "MB", target: { most: 130 } };
const VISIBLE: Figure = {
  name: "POST answered by one replica → another one lists the key, slowest",
  unit: "ms",
  target: { most: 1000 },
};

const NAMESPACE = "people";
const KEYS_A_USER = 20;
const SECONDS = 6;
const WRITES = 20;

/** One replica with all keys in its namespace, and a second one for what that sees of the first one's writes. */
export const portal: Bench = {
  name: "portal",
  async run(round: Round): Promise<readonly Sample[]> {
    return await onFreshSite([NAMESPACE], async (site) => {
      await seedConverged(site, keysOf(round.keys));
      // Its cache hears of what etcd was given directly a moment later.
      await eventually("the API server lists them", async () => {
        const { items } = await site.client.list(sshKeysPath(NAMESPACE));
        return items.length === round.keys;
      });
      const bareMs = await bareList(site);
      const options = { bundle: round.bundle, namespace: NAMESPACE };
      const one = await PortalProcess.start(site, options);
      const ready = one.rss();
      try {
        const { browser, program } = await headersOf(site, NAMESPACE);
        const keys = `/api/users/${PORTAL_USER}/ssh_keys`;
        const page = { origin: one.origin, path: "/keys", headers: browser, expected: "Key key-19" };
        const rest = { origin: one.origin, path: keys, headers: program, expected: '"name":"Key key-19"' };
        const samples: Sample[] = [];
        for (const [what, load] of [
          ["list page", page],
          ["REST list", rest],
        ] as const) {
          const before = processCPU(one.child.pid);
          const most = await loaded({ ...load, seconds: SECONDS, connections: 16 });
          const cpu = processCPU(one.child.pid) - before;
          const easy = await loaded({ ...load, seconds: SECONDS, connections: 16, rate: 200 });
          samples.push({ figure: perSecond(what), value: most.perSecond });
          samples.push({ figure: cpuTime(what), value: cpu / most.count });
          samples.push({ figure: p99(what), value: easy.p99 });
        }
        samples.push({ figure: RSS_READY, value: ready / 1e6 }, { figure: RSS, value: one.rss() / 1e6 });
        samples.push({ figure: READY, value: one.readyAfter - bareMs });
        samples.push({ figure: VISIBLE, value: await slowestToSee(site, one, options, keys, program) });
        return samples;
      } finally {
        await one.stop();
      }
    });
  },
};

/** Every user has as many, and one of them is who asks. */
function keysOf(count: number): readonly NewSSHKey[] {
  return Array.from({ length: count }, (_, i) => {
    const user = Math.floor(i / KEYS_A_USER);
    const key = `key-${i % KEYS_A_USER}`;
    return user === 0
      ? newSSHKey(NAMESPACE, key, PORTAL_USER, i)
      : newSSHKey(NAMESPACE, `user-${user}-${key}`, `user-${user}`, i);
  });
}

/** The best of some, in ms. */
async function bareList({ client }: Site): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3; turn += 1) {
    const started = performance.now();
    await client.list(sshKeysPath(NAMESPACE));
    best = Math.min(best, performance.now() - started);
  }
  return best;
}

/** Sent by a process of its own. */
async function loaded(load: Load): Promise<LoadResult> {
  const args = [join(import.meta.dirname, "portalload.ts"), JSON.stringify(load)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

async function slowestToSee(
  site: Site,
  one: PortalProcess,
  options: { readonly bundle: string; readonly namespace: string },
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const other = await PortalProcess.start(site, options);
  try {
    let slowest = 0;
    for (let n = 0; n < WRITES; n += 1) {
      const name = `Seen ${n}`;
      const { key } = newSSHKey(NAMESPACE, `seen-${n}`, PORTAL_USER, 1_000_000 + n).spec;
      const answer = await fetch(`${one.origin}${path}`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ name, key }),
      });
      if (answer.status !== 201)
        throw new Error(`POST ${path} was answered ${answer.status}: ${await answer.text()}`);
      const written = performance.now();
      const lists = async () => {
        const list = await fetch(`${other.origin}${path}?per_page=100`, { headers });
        return (await list.text()).includes(`"name":"${name}"`);
      };
      while (!(await lists())) await delay(1);
      slowest = Math.max(slowest, performance.now() - written);
    }
    return slowest;
  } finally {
    await other.stop();
  }
}
