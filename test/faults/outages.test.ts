import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { whenServed } from "../cluster/served.ts";
import { freshKey } from "../operator/publickeys.ts";
import { DEADLINE_MS, type Tenant } from "../operator/tenant.ts";
import { Arena } from "./arena.ts";
import { compact } from "./compaction.ts";
import { isWrite, type ProxiedRequest } from "./proxiedrequest.ts";
import { untilOlder } from "./scenarios.ts";

const CRDS = join(import.meta.dirname, "..", "..", "crds");

let arena: Arena;
let starting: Promise<unknown>;

beforeAll(async () => {
  arena = await Arena.open({ controllerManager: true });
});

beforeEach(async () => {
  await arena.run();
});

afterEach(() => {
  arena.proxy.thaw();
});

afterAll(async () => {
  await arena.close();
});

describe("what changed while the operator could not reach the API server", () => {
  const WAYS: readonly (readonly [name: string, meanwhile: () => Promise<void>])[] = [
    ["is made up for", async () => undefined],
    ["is made up for when etcd has forgotten it", () => compact(arena.stage.cluster.controlPlane)],
    ["is made up for after the API server was killed", restartApiServer],
    [
      "is made up for after the API server was killed and etcd has forgotten it",
      async () => {
        await compact(arena.stage.cluster.controlPlane);
        await restartApiServer();
      },
    ],
  ];

  test.each(WAYS)("%s", async (_, meanwhile) => {
    const story = await begin();
    arena.proxy.goDown();
    await story.change();
    await meanwhile();
    arena.proxy.thaw();
    await story.end();
  });

  test("is made up for by a process that was stopped meanwhile and started again", async () => {
    const story = await begin();
    await arena.stage.rest();
    await story.change();
    await arena.run();
    await story.end();
  });
});

test("an API server that is killed in the middle of work and comes back loses nothing", async () => {
  const tenants = await Promise.all([1, 2, 3, 4].map(() => arena.tenant()));
  const keys = tenants.map(() => freshKey());
  const work = tenants.map((tenant, index) =>
    tenant.create("one", { user: "alice", key: keys[index] ?? "" }),
  );
  await Promise.all(work);
  await restartApiServer();
  for (const [index, tenant] of tenants.entries()) {
    await eventually(
      "the file holds the key",
      async () => {
        const file = (await tenant.secret("sshkeys-alice"))?.data.authorized_keys;
        return file === `${tenant.line("one", keys[index] ?? "")}\n`;
      },
      DEADLINE_MS,
    );
  }
});

describe("a namespace that is deleted with SSHKeys and Secrets in it", () => {
  test("is gone soon, and made again it serves again", async () => {
    const [doomed, other] = [await arena.tenant(), await arena.tenant()];
    const key = freshKey();
    await doomed.create("one", { user: "alice", key });
    await doomed.create("two", { user: "bob", key: freshKey() });
    await other.create("one", { user: "bob", key });
    await Promise.all([doomed.until("one", "Projected"), doomed.until("two", "Projected")]);
    const path = `/api/v1/namespaces/${doomed.namespace}`;
    await doomed.send("DELETE", path);
    await other.until("one", "Projected");
    await eventually(
      "the namespace is gone",
      async () => (await doomed.cluster.request("GET", path)).status === 404,
      DEADLINE_MS,
    );
    await arena.untilQuiet();
    await doomed.send("POST", "/api/v1/namespaces", { metadata: { name: doomed.namespace } });
    const fresh = freshKey();
    await doomed.create("one", { user: "alice", key: fresh });
    await doomed.untilFile("sshkeys-alice", [doomed.line("one", fresh)]);
  });
});

test("no write up to here broke a guarantee", async () => {
  const { breaches, secretWrites } = await arena.judge(60_000);
  expect(breaches).toEqual([]);
  expect(secretWrites).toBeGreaterThan(20);
});

describe("the CRD is deleted, with every SSHKey: files stay as they are, and all goes on when both are back", () => {
  /** What becomes of the operator when the CRD is away, when it is back without SSHKeys, and when they are back too. */
  const LIVES: readonly (readonly [name: string, Step, Step, Step])[] = [
    ["it runs through it all", runOn, runOn, runOn],
    ["it is started while the CRD is away", beginToStart, () => starting, runOn],
    ["it is started before the SSHKeys are back", () => arena.crash(), () => arena.run(), runOn],
    ["it is started after them", () => arena.crash(), runOn, () => arena.run()],
  ];

  test.each(LIVES)("and %s", async (_, whenAway, whenInstalled, whenApplied) => {
    const tenant = await arena.tenant();
    const [one, two] = [freshKey(), freshKey()];
    await tenant.create("one", { user: "alice", key: one });
    await tenant.create("two", { user: "alice", key: two });
    const file = [tenant.line("one", one), tenant.line("two", two)];
    await tenant.untilFile("sshkeys-alice", file);
    const { metadata } = (await tenant.secret("sshkeys-alice")) ?? {};
    await arena.untilQuiet();
    const writes = arena.proxy.requests.filter(isWrite).length;
    await kubectl("delete", "-f", CRDS, "--timeout=300s");
    await arena.stage.operator.logged("DeletionUnconfirmed");
    await whenAway();
    await kubectl("apply", "--server-side", "-f", CRDS);
    await whenServed(tenant.cluster.request);
    await whenInstalled();
    await arena.untilQuiet();
    expect(arena.proxy.requests.filter(isWrite).length).toBe(writes);
    await tenant.create("one", { user: "alice", key: one });
    await tenant.create("two", { user: "alice", key: two });
    await whenApplied();
    await tenant.until("one", "Projected");
    await tenant.until("two", "Projected");
    expect((await tenant.secret("sshkeys-alice"))?.metadata.resourceVersion).toBe(metadata?.resourceVersion);
    await tenant.remove("two");
    await tenant.untilFile("sshkeys-alice", [tenant.line("one", one)]);
  });
});

type Step = () => Promise<unknown>;

async function runOn(): Promise<void> {}

/** It leads when there is a CRD, and no sooner. */
async function beginToStart(): Promise<void> {
  await arena.crash();
  starting = arena.run();
  starting.catch(() => undefined);
  const isTried = ({ resource, verb }: ProxiedRequest) => resource === "sshkeys" && verb === "list";
  const before = arena.proxy.requests.length;
  await eventually("it asks for SSHKeys", () => arena.proxy.requests.slice(before).some(isTried));
}

async function restartApiServer(): Promise<void> {
  await arena.stage.cluster.controlPlane.stopApiServer("SIGKILL");
  await arena.stage.cluster.controlPlane.startApiServer();
}

async function kubectl(...args: string[]): Promise<void> {
  const { code, stderr } = await arena.stage.cluster.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
}

/** One of everything: a new key, an edit, a deletion, a promotion, a Secret that is deleted or filled by others. */
async function begin() {
  const tenant: Tenant = await arena.tenant();
  const [one, two, three, four] = [freshKey(), freshKey(), freshKey(), freshKey()];
  await tenant.create("goes", { user: "alice", key: one });
  await tenant.create("changes", { user: "bob", key: two });
  await tenant.create("stays", { user: "carol", key: three });
  await tenant.until("goes", "Projected");
  await untilOlder(tenant, "goes");
  await tenant.create("waits", { user: "carol", key: one });
  await tenant.until("waits", "Duplicate");
  await tenant.until("changes", "Projected");
  await tenant.until("stays", "Projected");
  await arena.untilQuiet();
  return {
    async change(): Promise<void> {
      await tenant.remove("goes");
      await tenant.edit("changes", { key: four });
      await tenant.create("comes", { user: "dave", key: two });
      await tenant.removeSecret("sshkeys-carol");
      await tenant.editSecret("sshkeys-alice", { stringData: { extra: "by somebody" } });
    },
    async end(): Promise<void> {
      const ends: readonly (readonly [name: string, state: "Projected"])[] = [
        ["waits", "Projected"],
        ["changes", "Projected"],
        ["comes", "Projected"],
      ];
      await eventually(
        "every status is right",
        async () => {
          const list = await tenant.list();
          return ends.every(([name, state]) =>
            list.some(
              ({ metadata, status }) =>
                metadata.name === name &&
                status?.observedGeneration === metadata.generation &&
                status?.conditions?.some(({ type, reason }) => type === "Ready" && reason === state),
            ),
          );
        },
        DEADLINE_MS,
      );
      await tenant.untilFile("sshkeys-alice", []);
      await tenant.untilFile("sshkeys-bob", [tenant.line("changes", four)]);
      await tenant.untilFile("sshkeys-carol", [tenant.line("stays", three), tenant.line("waits", one)]);
      await tenant.untilFile("sshkeys-dave", [tenant.line("comes", two)]);
      expect(Object.keys((await tenant.secret("sshkeys-alice"))?.data ?? {})).toEqual(["authorized_keys"]);
      await arena.untilQuiet();
    },
  };
}
