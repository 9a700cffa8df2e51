import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sshKeyStatusPath } from "../../src/api/paths.ts";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "../operator/publickeys.ts";
import type { Tenant } from "../operator/tenant.ts";
import { Arena } from "./arena.ts";
import type { Fault } from "./faultproxy.ts";
import { portrait } from "./portrait.ts";
import { isWrite, type ProxiedRequest } from "./proxiedrequest.ts";
import { freshKeys, SCENARIOS, type Scenario } from "./scenarios.ts";

let arena: Arena;
let calm: ReadonlyMap<Scenario, unknown>;
/**
 * An arena where writes hang for half a minute and the watches have gone silent, which takes two minutes to be noticed,
 * beside the other tests.
 */
let silent: Arena;
/** What was done there while a write of each namespace hung. */
let hung: readonly Run[];
let silenced: { readonly tenant: Tenant; readonly key: string };

beforeAll(async () => {
  [arena, silent] = await Promise.all([Arena.open(), Arena.open()]);
  await silent.run();
  hung = await hang();
  silenced = await silence();
  await arena.run();
  const runs = await runAll(arena, () => undefined);
  await Promise.all(runs.map(({ scenario, tenant }) => scenario.end(tenant)));
  await arena.untilQuiet();
  calm = new Map(await Promise.all(runs.map(async (run) => [run.scenario, await lookAt(run)] as const)));
});

afterAll(async () => {
  await Promise.all([arena.close(), silent.close()]);
});

const ALWAYS = Number.POSITIVE_INFINITY;
const THROTTLED: Fault = { kind: "answer", status: 429, headers: { "retry-after": "2" } };
/** What Node's timers may be early by, in ms. */
const TIMER_SLACK_MS = 20;

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
    await endsAsCalm(() => {
      const seen = new Set<string>();
      const isFirst = (request: ProxiedRequest) => {
        const { verb, namespace, resource, name } = request;
        const id = [verb, namespace, resource, name].join();
        if (!isWrite(request) || seen.has(id)) return false;
        seen.add(id);
        return true;
      };
      arena.proxy.inject(isFirst, fault, ALWAYS);
    });
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

test("no own write was taken for somebody else's", async () => {
  const log = await arena.stage.operator.log();
  expect(log.filter(({ event }) => event === "SecretRestored")).toEqual([]);
});

describe("429 with Retry-After", () => {
  beforeAll(async () => {
    await arena.run();
  });

  test("to a write is obeyed: not a request for that user before, and the others are served", async () => {
    const [throttled, other] = [await arena.tenant(), await arena.tenant()];
    const { struck, end } = arena.proxy.inject(writesOf(throttled), THROTTLED, ALWAYS);
    await throttled.create("one", { user: "alice", key: freshKey() });
    await struck;
    await other.create("one", { user: "alice", key: freshKey() });
    await other.until("one", "Projected");
    end();
    await throttled.until("one", "Projected");
    const [first, second] = arena.proxy.requests.filter(writesOf(throttled));
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(2000 - TIMER_SLACK_MS);
  });

  test("to a write is obeyed by a user whose SSHKeys change meanwhile", async () => {
    const tenant = await arena.tenant();
    const { struck } = arena.proxy.inject(writesOf(tenant), THROTTLED);
    await tenant.create("one", { user: "alice", key: freshKey() });
    const { at } = await struck;
    const key = freshKey();
    await tenant.edit("one", { key });
    await tenant.create("two", { user: "alice", key: freshKey() });
    await tenant.until("two", "Projected");
    const again = arena.proxy.requests.find((r) => writesOf(tenant)(r) && r.at > at);
    expect((again?.at ?? 0) - at).toBeGreaterThanOrEqual(2000 - TIMER_SLACK_MS);
  });

  test.each(["sshkeys", "secrets"])("to a watch on %s is obeyed, and nothing is missed", async (resource) => {
    const tenant = await arena.tenant();
    const isWatch = ({ verb, resource: of }: ProxiedRequest) => verb === "watch" && of === resource;
    const { struck } = arena.proxy.inject(isWatch, THROTTLED);
    arena.proxy.cut(resource);
    const { at } = await struck;
    const key = freshKey();
    await tenant.create("one", { user: "alice", key });
    await tenant.untilFile("sshkeys-alice", [tenant.line("one", key)]);
    const again = await eventually("the watch is taken up again", () =>
      arena.proxy.requests.find((r) => isWatch(r) && r.at > at),
    );
    expect(again.at - at).toBeGreaterThanOrEqual(2000 - TIMER_SLACK_MS);
  });
});

describe("401", () => {
  test("after a token was rotated makes the new one be read at once", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    writeFileSync(arena.proxy.tokenFile, "second");
    arena.proxy.accepts = (token) => token === "second";
    await tenant.create("one", { user: "alice", key: freshKey() });
    await tenant.until("one", "Projected");
  });

  test("while the new token is not there yet ends when it is", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    const refused = arena.proxy.inject(writesOf(tenant), { kind: "answer", status: 401 }, ALWAYS);
    await tenant.create("one", { user: "alice", key: freshKey() });
    await eventually("several requests are refused", () => refused.hits >= 4);
    refused.end();
    await tenant.until("one", "Projected");
  });
});

describe("5xx", () => {
  test("to every write of a Secret is told as nobody's to mend, and is over when it ends", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    const failed = arena.proxy.inject(secretWritesOf(tenant), { kind: "answer", status: 500 }, ALWAYS);
    await tenant.create("one", { user: "alice", key: freshKey() });
    const { conditions } = await tenant.until("one", "Pending");
    expect(conditions?.map(({ type }) => type)).not.toContain("Stalled");
    expect(conditions?.find(({ type }) => type === "Ready")?.message).toContain("500");
    failed.end();
    await tenant.until("one", "Projected");
  });

  test("to a creation that is carried out all the same is seen through, though no watch shows it", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    arena.proxy.filter = (line, { resource }) => (resource === "secrets" ? [] : [line]);
    const answered = arena.proxy.inject(secretWritesOf(tenant), {
      kind: "answer",
      status: 504,
      forwarded: true,
    });
    await tenant.create("one", { user: "alice", key: freshKey() });
    await tenant.until("one", "Projected");
    arena.proxy.thaw();
    expect([answered.hits, arena.proxy.requests.filter(secretWritesOf(tenant)).length]).toEqual([1, 1]);
  });
});

describe("403 on one namespace", () => {
  test("leaves the others alone, is told, and is over soon after its end without anybody touching an SSHKey", async () => {
    await arena.run();
    const [forbidden, other] = [await arena.tenant(), await arena.tenant()];
    const refused = arena.proxy.inject(secretWritesOf(forbidden), { kind: "answer", status: 403 }, ALWAYS);
    await forbidden.create("one", { user: "alice", key: freshKey() });
    const { conditions } = await forbidden.until("one", "SecretConflict");
    expect(conditions?.find(({ type }) => type === "Stalled")?.status).toBe("True");
    await other.create("one", { user: "alice", key: freshKey() });
    await other.until("one", "Projected");
    refused.end();
    const before = arena.proxy.requests.length;
    await forbidden.until("one", "Projected");
    const attempts = arena.proxy.requests.slice(before).filter(secretWritesOf(forbidden));
    expect(attempts).toHaveLength(1);
  });

  test("never looks as if its keys had been deleted", async () => {
    const [forbidden, other] = [await arena.tenant(), await arena.tenant()];
    await arena.run({ args: ["--namespace", forbidden.namespace, "--namespace", other.namespace] });
    const [one, two] = [freshKey(), freshKey()];
    await forbidden.create("one", { user: "alice", key: one });
    await forbidden.untilFile("sshkeys-alice", [forbidden.line("one", one)]);
    const isTheirs = ({ namespace }: ProxiedRequest) => namespace === forbidden.namespace;
    const refused = arena.proxy.inject(isTheirs, { kind: "answer", status: 403 }, ALWAYS);
    arena.proxy.cut("sshkeys");
    arena.proxy.cut("secrets");
    await eventually("lists or watches are refused", () => refused.hits >= 2);
    await forbidden.create("two", { user: "alice", key: two });
    await other.create("one", { user: "bob", key: freshKey() });
    await other.until("one", "Projected");
    await forbidden.untilFile("sshkeys-alice", [forbidden.line("one", one)]);
    refused.end();
    await forbidden.untilFile("sshkeys-alice", [forbidden.line("one", one), forbidden.line("two", two)]);
  });
});

describe("409", () => {
  test("ten times in a row is tried again until it goes well", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    const isStatus = (r: ProxiedRequest) => writesOf(tenant)(r) && r.resource === "sshkeys";
    const refused = arena.proxy.inject(isStatus, { kind: "answer", status: 409 }, 10);
    await tenant.create("one", { user: "alice", key: freshKey() });
    await tenant.until("one", "Projected");
    expect(refused.hits).toBe(10);
  });

  test("storms of another writer on the same status end with the truth", async () => {
    await arena.run();
    const tenant = await arena.tenant();
    await tenant.create("one", { user: "alice", key: freshKey() });
    await tenant.until("one", "Projected");
    const foreign = {
      type: "Reviewed",
      status: "True",
      reason: "Storm",
      message: "",
      lastTransitionTime: new Date().toISOString(),
    };
    const path = sshKeyStatusPath(tenant.namespace, "one");
    for (let round = 0; round < 50; round += 1) {
      await Promise.all([
        tenant.cluster.request("PATCH", path, {
          status: { fingerprint: `SHA256:${round}`, secretName: null },
        }),
        tenant.cluster.request("PATCH", path, {
          status: { conditions: [{ ...foreign, reason: `R${round}` }] },
        }),
      ]);
    }
    await tenant.until("one", "Projected", ({ fingerprint, secretName }) =>
      [fingerprint?.length === 50, secretName === "sshkeys-alice"].every(Boolean),
    );
    await arena.untilQuiet();
  });
});

test("a connection that stays open without a byte held up its own user only, and all ended as in a calm run", async () => {
  expect(hung.length).toBe(SCENARIOS.length);
  await untilAsCalm(hung);
});

test("watches that stay open without a byte are given up after two minutes, and nothing is lost", async () => {
  const { tenant, key } = silenced;
  await eventually(
    "the key that came meanwhile is in the file",
    async () => (await tenant.secret("sshkeys-bob"))?.data.authorized_keys === `${tenant.line("two", key)}\n`,
  );
  await tenant.untilFile("sshkeys-alice", []);
});

test("no write on the way broke a guarantee", async () => {
  const { breaches, secretWrites, statusWrites } = await arena.judge(15_000);
  expect(breaches).toEqual([]);
  expect([secretWrites > 100, statusWrites > 100]).toEqual([true, true]);
  // Blind for as long as its watches were silent.
  expect((await silent.judge(150_000)).breaches).toEqual([]);
});

/** Lets the first write of every namespace but a bystander's hang, one half of them after they were carried out. */
async function hang(): Promise<readonly Run[]> {
  const bystander = await silent.tenant();
  const struck = new Set([bystander.namespace]);
  const runs = await runAll(silent, () => {
    const isFirstOf = (isForwarded: boolean) => (request: ProxiedRequest) => {
      const { namespace } = request;
      if (!isWrite(request) || struck.has(namespace)) return false;
      if (struck.size % 2 === (isForwarded ? 0 : 1)) return false;
      struck.add(namespace);
      return true;
    };
    for (const forwarded of [true, false]) {
      silent.proxy.inject(isFirstOf(forwarded), { kind: "hang", forwarded }, ALWAYS);
    }
  });
  await eventually("a write of each hangs", () => struck.size > runs.length);
  const [key = ""] = freshKeys(1);
  await bystander.create("one", { user: "alice", key });
  await bystander.until("one", "Projected");
  silent.proxy.thaw();
  return runs;
}

/** Brings one key in, silences the watches, and hands the key over to another user. */
async function silence(): Promise<typeof silenced> {
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

/** Brings all scenarios to their act at once, strikes, and lets them act. */
async function runAll(where: Arena, strike: () => void): Promise<readonly Run[]> {
  const runs = await Promise.all(
    SCENARIOS.map(async (scenario) => {
      const run = { scenario, tenant: await where.tenant(), keys: freshKeys(scenario.keyCount) };
      await scenario.given(run.tenant, run.keys);
      return run;
    }),
  );
  await where.untilQuiet();
  strike();
  await Promise.all(runs.map(({ scenario, tenant, keys }) => scenario.act(tenant, keys)));
  return runs;
}

async function endsAsCalm(strike: () => void): Promise<void> {
  await untilAsCalm(await runAll(arena, strike));
  arena.proxy.thaw();
  await arena.untilQuiet();
}

async function untilAsCalm(runs: readonly Run[]): Promise<void> {
  await eventually("all is as after a calm run", async () => {
    for (const run of runs) {
      expect(await lookAt(run), run.scenario.name).toEqual(calm.get(run.scenario));
    }
    return true;
  });
}

async function lookAt({ tenant, keys }: Run): Promise<unknown> {
  return await portrait(tenant, keys);
}

/** Writes of Secrets in the tenant's namespace. */
function secretWritesOf(tenant: Tenant): (request: ProxiedRequest) => boolean {
  return (request) => writesOf(tenant)(request) && request.resource === "secrets";
}

/** Writes in the tenant's namespace. */
function writesOf({ namespace }: Tenant): (request: ProxiedRequest) => boolean {
  return (request) => isWrite(request) && request.namespace === namespace;
}
