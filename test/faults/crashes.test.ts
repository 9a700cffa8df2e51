import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { DEADLINE_MS } from "../operator/tenant.ts";
import { Arena } from "./arena.ts";
import { portrait } from "./portrait.ts";
import { isWrite, type ProxiedRequest } from "./proxiedrequest.ts";
import { freshKeys, SCENARIOS, type Scenario } from "./scenarios.ts";

let arena: Arena;

beforeAll(async () => {
  arena = await Arena.open({ controllerManager: true });
  await arena.run();
});

afterAll(async () => {
  await arena.close();
});

describe.each(SCENARIOS)("$name", (scenario) => {
  let calm: unknown;
  let writes = 0;

  beforeAll(async () => {
    ({ end: calm, writes } = await calmRun(scenario));
  });

  test("ends the same after a crash before and after each of its writes", async () => {
    for (let nth = 1; nth <= writes; nth += 1) {
      for (const forwarded of [true, false]) await crashedRun(scenario, nth, forwarded, calm);
    }
    expect(writes).toBeGreaterThan(0);
  });
});

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

async function calmRun(scenario: Scenario) {
  const tenant = await arena.tenant();
  const keys = freshKeys(scenario.keyCount);
  await scenario.given(tenant, keys);
  await arena.untilQuiet();
  const before = countWrites(tenant.namespace);
  await scenario.act(tenant, keys);
  await scenario.end(tenant);
  await arena.untilQuiet();
  return { end: await portrait(tenant, keys), writes: countWrites(tenant.namespace) - before };
}

/** Kills the operator around its nth write, starts it again and waits until all is as after the calm run. */
async function crashedRun(scenario: Scenario, nth: number, forwarded: boolean, calm: unknown): Promise<void> {
  const tenant = await arena.tenant();
  const keys = freshKeys(scenario.keyCount);
  await scenario.given(tenant, keys);
  await arena.untilQuiet();
  let seen = 0;
  const isNth = (request: ProxiedRequest) => {
    if (isWrite(request) && request.namespace === tenant.namespace) seen += 1;
    return seen === nth;
  };
  const { struck } = arena.proxy.inject(isNth, { kind: "freeze", forwarded });
  await scenario.act(tenant, keys);
  // Writes that follow closely become one, so a run may need fewer than the calm one; then it crashes at rest.
  const isAtRest = async () =>
    seen < nth && isDeepStrictEqual(await portrait(tenant, keys), calm) && (await arena.isQuiet());
  await untilStruck(`write ${nth} of "${scenario.name}", or the end`, struck, isAtRest);
  await arena.crash();
  arena.proxy.thaw();
  await arena.run();
  const when = `${forwarded ? "after" : "before"} write ${nth}`;
  await eventually(
    `a crash ${when} ends as a calm run`,
    async () => {
      expect(await portrait(tenant, keys)).toEqual(calm);
      return true;
    },
    DEADLINE_MS,
  );
  await arena.untilQuiet();
  expect(await portrait(tenant, keys), `at rest, after a crash ${when}`).toEqual(calm);
}

/** Waits until a request was struck, or until it is all over without one. */
async function untilStruck(
  what: string,
  struck: Promise<unknown>,
  isOver: () => Promise<boolean>,
): Promise<void> {
  let isStruck = false;
  void struck.then(() => {
    isStruck = true;
  });
  await eventually(what, async () => isStruck || (await isOver()), DEADLINE_MS);
}

function countWrites(namespace: string): number {
  return arena.proxy.requests.filter((r) => isWrite(r) && r.namespace === namespace).length;
}
