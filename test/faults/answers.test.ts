import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import type { Tenant } from "../operator/tenant.ts";
import { Arena } from "./arena.ts";
import type { Fault } from "./faultproxy.ts";
import { portrait } from "./portrait.ts";
import { isWrite, type ProxiedRequest } from "./proxiedrequest.ts";
import { freshKeys, SCENARIOS, type Scenario } from "./scenarios.ts";

let arena: Arena;
let calm: ReadonlyMap<Scenario, unknown>;
/** An arena whose watches have gone silent; it takes two minutes to be noticed, beside the other tests. */
let silent: Arena;
let silenced: { readonly tenant: Tenant; readonly key: string };

beforeAll(async () => {
  [arena, silent] = await Promise.all([Arena.open(), Arena.open()]);
  silenced = await silence();
  await arena.run();
  const runs = await runAll(async () => nothing);
  await Promise.all(runs.map(({ scenario, tenant }) => scenario.end(tenant)));
  await arena.untilQuiet();
  calm = new Map(await Promise.all(runs.map(async (run) => [run.scenario, await lookAt(run)] as const)));
});

afterAll(async () => {
  await Promise.all([arena.close(), silent.close()]);
});

/** What becomes of the first attempt of every write. */
const EACH_WRITE: readonly (readonly [name: string, fault: Fault])[] = [
  ["is carried out and its answer lost", { kind: "lose" }],
  ["breaks before it is carried out", { kind: "drop" }],
  ["is answered late", { kind: "late", ms: 1500 }],
  ["is answered 500", { kind: "answer", status: 500 }],
  ["is answered 503", { kind: "answer", status: 503 }],
  ["is answered 504", { kind: "answer", status: 504 }],
  ["is carried out and answered 500", { kind: "answer", status: 500, forwarded: true }],
  ["is carried out and answered 504", { kind: "answer", status: 504, forwarded: true }],
  ["is answered 409", { kind: "answer", status: 409 }],
  ["is answered 429", { kind: "answer", status: 429, headers: { "retry-after": "1" } }],
  ["is answered by a gateway's page", { kind: "answer", status: 502, body: "<h1>Bad Gateway</h1>" }],
  ["is answered 200 with something else", { kind: "answer", status: 200, body: "<h1>Log in</h1>" }],
];

describe.each(EACH_WRITE)("when the first attempt of every write %s", (_, fault) => {
  test("all ends as in a calm run", async () => {
    await endsAsCalm(async () => {
      const seen = new Set<string>();
      const isFirst = (request: ProxiedRequest) => {
        const { verb, namespace, resource, name } = request;
        const id = [verb, namespace, resource, name].join();
        if (!isWrite(request) || seen.has(id)) return false;
        seen.add(id);
        return true;
      };
      arena.proxy.inject(isFirst, fault, Number.POSITIVE_INFINITY);
      return nothing;
    });
  });
});

test("a connection that stays open without a byte holds up its own user only, and for half a minute", async () => {
  const struck = new Set<string>();
  await endsAsCalm(async () => {
    const isFirstOf = (isForwarded: boolean) => (request: ProxiedRequest) => {
      const { namespace } = request;
      if (!isWrite(request) || struck.has(namespace)) return false;
      if (struck.size % 2 === (isForwarded ? 0 : 1)) return false;
      struck.add(namespace);
      return true;
    };
    const bystander = await arena.tenant();
    struck.add(bystander.namespace);
    for (const forwarded of [true, false]) {
      arena.proxy.inject(isFirstOf(forwarded), { kind: "hang", forwarded }, Number.POSITIVE_INFINITY);
    }
    return async () => {
      await eventually("connections hang", () => struck.size > 2);
      const [key = ""] = freshKeys(1);
      await bystander.create("one", { user: "alice", key });
      await bystander.until("one", "Projected");
    };
  });
});

test("a status that takes long holds up no revocation, and never lands on a later SSHKey of the same name", async () => {
  const tenant = await arena.tenant();
  const [key = ""] = freshKeys(1);
  const isStatus = (r: ProxiedRequest) => r.namespace === tenant.namespace && r.subresource === "status";
  const { promise: until, resolve: release } = Promise.withResolvers<void>();
  const { struck } = arena.proxy.inject(isStatus, { kind: "stall", until });
  await tenant.create("one", { user: "alice", key });
  await struck;
  await tenant.remove("one");
  const { metadata } = await tenant.create("one", { user: "bob", key, disabled: true });
  await tenant.untilFile("sshkeys-alice", []);
  release();
  await tenant.until("one", "Disabled");
  await arena.untilQuiet();
  const states = arena.statesOf(metadata.uid ?? "");
  expect(states).toEqual(["", "Disabled"]);
});

test("watches that stay open without a byte are given up after two minutes, and nothing is lost", async () => {
  const { tenant, key } = silenced;
  await eventually(
    "the key that came meanwhile is in the file",
    async () => (await tenant.secret("sshkeys-bob"))?.data.authorized_keys === `${tenant.line("two", key)}\n`,
  );
  await tenant.untilFile("sshkeys-alice", []);
});

test("no own write was taken for somebody else's", async () => {
  const log = await arena.stage.operator.log();
  expect(log.filter(({ event }) => event === "SecretRestored")).toEqual([]);
});

test("no write on the way broke a guarantee", async () => {
  const { breaches, secretWrites, statusWrites } = await arena.judge(15_000);
  expect(breaches).toEqual([]);
  expect([secretWrites > 100, statusWrites > 100]).toEqual([true, true]);
});

/** Brings one key in, silences the watches, and hands the key over to another user. */
async function silence(): Promise<typeof silenced> {
  await silent.run();
  const tenant = await silent.tenant();
  const [key = ""] = freshKeys(1);
  await tenant.create("one", { user: "alice", key });
  await tenant.until("one", "Projected");
  for (const resource of ["sshkeys", "secrets"]) silent.proxy.silence(resource);
  await tenant.remove("one");
  await tenant.create("two", { user: "bob", key });
  return { tenant, key };
}

interface Run {
  readonly scenario: Scenario;
  readonly tenant: Tenant;
  readonly keys: readonly string[];
}

type Meanwhile = () => Promise<void>;

const nothing: Meanwhile = async () => undefined;

/** Brings all scenarios to their act at once, strikes, and lets them act. */
async function runAll(strike: () => Promise<Meanwhile>): Promise<readonly Run[]> {
  const runs = await Promise.all(
    SCENARIOS.map(async (scenario) => {
      const run = { scenario, tenant: await arena.tenant(), keys: freshKeys(scenario.keyCount) };
      await scenario.given(run.tenant, run.keys);
      return run;
    }),
  );
  await arena.untilQuiet();
  const meanwhile = await strike();
  await Promise.all(runs.map(({ scenario, tenant, keys }) => scenario.act(tenant, keys)));
  await meanwhile();
  return runs;
}

async function endsAsCalm(strike: () => Promise<Meanwhile>) {
  const runs = await runAll(strike);
  await eventually("all is as after a calm run", async () => {
    for (const run of runs) {
      expect(await lookAt(run), run.scenario.name).toEqual(calm.get(run.scenario));
    }
    return true;
  });
  arena.proxy.thaw();
  await arena.untilQuiet();
}

async function lookAt({ tenant, keys }: Run): Promise<unknown> {
  return await portrait(tenant, keys);
}
