import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { DEADLINE_MS, type Tenant } from "../operator/tenant.ts";
import { Arena } from "./arena.ts";
import { portrait } from "./portrait.ts";
import { isWrite, type ProxiedRequest } from "./proxiedrequest.ts";
import { freshKeys, SCENARIOS, type Scenario } from "./scenarios.ts";

/** More at once than writes hang before a crash: none of them holds up those of another scenario. */
const WIDE = { config: "concurrency: 64\n" };

let arena: Arena;
/** What each scenario ends with when nothing goes wrong, and how many writes that takes. */
let calm: ReadonlyMap<Scenario, { readonly end: unknown; readonly writes: number }>;

beforeAll(async () => {
  arena = await Arena.open({ controllerManager: true });
  await arena.run(WIDE);
  calm = await calmRun();
});

afterAll(async () => {
  await arena.close();
});

test.each([false, true])(
  "all scenarios end as in a calm run after a crash at each of their writes (write made: %s)",
  async (forwarded) => {
    const most = Math.max(...[...calm.values()].map(({ writes }) => writes));
    for (let nth = 1; nth <= most; nth += 1) await crashedRun(nth, forwarded);
    for (const [{ name }, { writes }] of calm) expect([name, writes > 0]).toEqual([name, true]);
  },
);

describe("a namespace that is deleted", () => {
  test.each([true, false])(
    "is gone, and another one's same key is none of its business, after a crash (write made: %s)",
    async (forwarded) => {
      const [doomed, other] = [await arena.tenant(), await arena.tenant()];
      const [key = ""] = freshKeys(1);
      await doomed.create("one", { user: "alice", key });
      await other.create("one", { user: "bob", key });
      await doomed.until("one", "Projected");
      await other.until("one", "Projected");
      const isTheirs = (r: ProxiedRequest) => isWrite(r) && r.namespace === doomed.namespace;
      const { struck } = arena.proxy.inject(isTheirs, { kind: "freeze", forwarded });
      const path = `/api/v1/namespaces/${doomed.namespace}`;
      const isGone = async () => (await doomed.cluster.request("GET", path)).status === 404;
      await doomed.send("DELETE", path);
      // The namespace controller may be faster than the operator: then there is nothing left to write.
      await untilStruck("a write or the end", struck, isGone);
      await arena.crash();
      arena.proxy.thaw();
      await arena.run();
      await other.until("one", "Projected");
      await other.untilFile("sshkeys-bob", [other.line("one", key)]);
      await eventually("the namespace is gone", isGone, DEADLINE_MS);
    },
  );
});

test("no write on the way broke a guarantee", async () => {
  const { breaches, secretWrites, statusWrites } = await arena.judge(15_000);
  expect(breaches).toEqual([]);
  expect([secretWrites > 30, statusWrites > 30]).toEqual([true, true]);
});

interface Run {
  readonly scenario: Scenario;
  readonly tenant: Tenant;
  readonly keys: readonly string[];
}

/** Brings the scenarios to where they act, all at once. */
async function begin(scenarios: readonly Scenario[]): Promise<readonly Run[]> {
  const runs = await Promise.all(
    scenarios.map(async (scenario) => {
      const run = { scenario, tenant: await arena.tenant(), keys: freshKeys(scenario.keyCount) };
      await scenario.given(run.tenant, run.keys);
      return run;
    }),
  );
  await arena.untilQuiet();
  return runs;
}

async function calmRun(): Promise<typeof calm> {
  const runs = await begin(SCENARIOS);
  const before = runs.map(({ tenant }) => countWrites(tenant.namespace));
  await Promise.all(runs.map(({ scenario, tenant, keys }) => scenario.act(tenant, keys)));
  await Promise.all(runs.map(({ scenario, tenant }) => scenario.end(tenant)));
  await arena.untilQuiet();
  const ends = runs.map(async ({ scenario, tenant, keys }, index) => {
    const writes = countWrites(tenant.namespace) - (before[index] ?? 0);
    return [scenario, { end: await portrait(tenant, keys), writes }] as const;
  });
  return new Map(await Promise.all(ends));
}

/** Kills the operator around the nth write of each scenario, starts it again and waits until all is as after the calm run. */
async function crashedRun(nth: number, forwarded: boolean): Promise<void> {
  const runs = await begin(SCENARIOS.filter((scenario) => (calm.get(scenario)?.writes ?? 0) >= nth));
  const interrupted = runs.map((run) => interrupt(run, nth, forwarded));
  await Promise.all(runs.map(({ scenario, tenant, keys }) => scenario.act(tenant, keys)));
  const struck = await Promise.all(interrupted.map((isOver) => isOver()));
  if (nth === 1) expect(struck).not.toContain(false);
  await arena.crash();
  arena.proxy.thaw();
  await arena.run(WIDE);
  const when = `${forwarded ? "after" : "before"} write ${nth}`;
  await eventually(`a crash ${when} ends as a calm run`, async () => {
    await areAsCalm(runs, when);
    return true;
  });
  await arena.untilQuiet();
  await areAsCalm(runs, `at rest, ${when}`);
}

/** Stops the tenant's writes at the nth, as a crash would. Gives what waits until it has, or until an end without it. */
function interrupt({ scenario, tenant, keys }: Run, nth: number, forwarded: boolean): () => Promise<boolean> {
  let seen = 0;
  const isTheirs = (request: ProxiedRequest) => isWrite(request) && request.namespace === tenant.namespace;
  const isNth = (request: ProxiedRequest) => {
    if (isTheirs(request)) seen += 1;
    return seen === nth && isTheirs(request);
  };
  const { struck } = arena.proxy.inject(isNth, { kind: "hang", forwarded });
  const isLater = (request: ProxiedRequest) => seen >= nth && isTheirs(request);
  arena.proxy.inject(isLater, { kind: "hang", forwarded: false }, Number.POSITIVE_INFINITY);
  // Writes that follow closely become one, so a run may need fewer than the calm one; then it crashes at rest.
  const isAtRest = async () =>
    isDeepStrictEqual(await portrait(tenant, keys), calm.get(scenario)?.end) && seen < nth;
  return () => untilStruck(`write ${nth} of "${scenario.name}", or the end`, struck, isAtRest);
}

async function areAsCalm(runs: readonly Run[], when: string): Promise<void> {
  for (const { scenario, tenant, keys } of runs) {
    expect(await portrait(tenant, keys), `${scenario.name}, ${when}`).toEqual(calm.get(scenario)?.end);
  }
}

/** Waits until a request was struck, or until it is all over without one; true when it was. */
async function untilStruck(
  what: string,
  struck: Promise<unknown>,
  isOver: () => Promise<boolean>,
): Promise<boolean> {
  let isStruck = false;
  void struck.then(() => {
    isStruck = true;
  });
  await eventually(what, async () => isStruck || (await isOver()), DEADLINE_MS);
  return isStruck;
}

function countWrites(namespace: string): number {
  return arena.proxy.requests.filter((r) => isWrite(r) && r.namespace === namespace).length;
}
