import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KEYS_CHANGED_ANNOTATION } from "../../../src/api/names.ts";
import { podPath } from "../../../src/api/paths.ts";
import { eventually } from "../../cluster/eventually.ts";
import { inTurns } from "../../cluster/inturns.ts";
import { Pods } from "../pods.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, type Tenant } from "../tenant.ts";
import { editorOf } from "./attacker.ts";

const ALICE = "sshkeys-alice";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  await stage.run({ config: "refresh: { pods: true }" });
});

afterAll(async () => {
  await stage.close();
});

/** Alice's Secret holds two keys, and a pod mounts it. */
async function withBastion(): Promise<{ readonly tenant: Tenant; readonly pods: Pods }> {
  const tenant = await stage.tenant();
  const pods = new Pods(tenant);
  for (const name of ["first", "second"]) {
    await tenant.create(name, { user: "alice", key: freshKey() });
    await tenant.until(name, "Projected");
  }
  await pods.create("bastion", { secrets: [ALICE] });
  return { tenant, pods };
}

describe("a pod that somebody with edit makes", () => {
  test("hears nothing of a Secret of the same name in another namespace", async () => {
    const [{ tenant, pods }, other] = [await withBastion(), await stage.tenant()];
    using mallory = await editorOf(other);
    await mallory.tenant.send("POST", `/api/v1/namespaces/${other.namespace}/pods`, MALLORYS);
    await other.send("PATCH", `${podPath(other.namespace, "mallorys")}/status`, RUNNING);
    await tenant.remove("first");
    await pods.untilPatched(stage, "bastion", 2);
    await stage.isIdle();
    expect(await new Pods(other).patches(stage)).toEqual([]);
  });

  test.each<[string, number, object]>([
    ["full of annotations, so that none can be added", 0, { annotations: { "example.com/full": FULL } }],
    [
      "that claims to have been told in a hundred years",
      2,
      { annotations: { [KEYS_CHANGED_ANNOTATION]: "2126-01-01" } },
    ],
    ["with a finalizer, that is being deleted", 0, { finalizers: ["example.com/kept"], isRemoved: true }],
  ])(
    "%s, does not keep others from being told",
    async (_, times, { isRemoved = false, ...metadata }: Hostile) => {
      const { tenant, pods } = await withBastion();
      using mallory = await editorOf(tenant);
      const pod = { ...MALLORYS, metadata: { ...MALLORYS.metadata, name: "a-mallorys", ...metadata } };
      await mallory.tenant.send("POST", `/api/v1/namespaces/${tenant.namespace}/pods`, pod);
      await tenant.send("PATCH", `${podPath(tenant.namespace, "a-mallorys")}/status`, RUNNING);
      if (isRemoved) await new Pods(mallory.tenant).remove("a-mallorys");
      await tenant.remove("first");
      await pods.untilPatched(stage, "bastion", 2);
      await stage.isIdle();
      const theirs = (await pods.patches(stage)).filter(({ name }) => name === "a-mallorys");
      expect(theirs.length).toBe(times);
      if (isRemoved) await pods.release("a-mallorys");
    },
  );

  test("with hundreds of volumes and thousands of sources is told as any other", async () => {
    const { tenant, pods } = await withBastion();
    using mallory = await editorOf(tenant);
    const sources = Array.from({ length: 2000 }, (_, i) => ({ secret: { name: `s-${i}`.padEnd(200, "x") } }));
    const many = Array.from({ length: 500 }, (_, i) => ({
      name: `v-${i}`,
      secret: { secretName: `s-${i}` },
    }));
    const last = { name: "last", projected: { sources: [...sources, { secret: { name: ALICE } }] } };
    const pod = { ...MALLORYS, spec: { ...MALLORYS.spec, volumes: [...many, last] } };
    await mallory.tenant.send("POST", `/api/v1/namespaces/${tenant.namespace}/pods`, pod);
    await tenant.send("PATCH", `${podPath(tenant.namespace, "mallorys")}/status`, RUNNING);
    await tenant.remove("first");
    await pods.untilPatched(stage, "bastion", 2);
    await pods.untilPatched(stage, "mallorys", 2);
  });

  test("that is made anew all the time under one name is never taken for the one before", async () => {
    const { tenant, pods } = await withBastion();
    using mallory = await editorOf(tenant);
    const theirs = new Pods(mallory.tenant);
    let isOver = false;
    const churn = (async () => {
      while (!isOver) {
        await mallory.tenant.send("POST", `/api/v1/namespaces/${tenant.namespace}/pods`, MALLORYS);
        await tenant.send("PATCH", `${podPath(tenant.namespace, "mallorys")}/status`, RUNNING);
        await theirs.remove("mallorys");
      }
    })();
    for (const [i, name] of ["first", "second"].entries()) {
      await tenant.remove(name);
      await pods.untilPatched(stage, "bastion", 2 * (i + 1));
    }
    isOver = true;
    await churn;
    expect((await stage.operator.log()).filter(({ event }) => event === "UnexpectedError")).toEqual([]);
  });
});

describe("while 2,000 labelled pods mount a Secret that changes all the time", () => {
  const COUNT = 2000;
  const ROUNDS = 5;

  test("a pod of another namespace is told before a tenth of them are", async () => {
    const [loud, { tenant, pods }] = [await stage.tenant(), await withBastion()];
    const loudPods = new Pods(loud);
    await inTurns(COUNT, 16, (i) => loudPods.create(`pod-${i}`, { secrets: ["sshkeys-loud"] }));
    using mallory = await editorOf(loud);
    await mallory.tenant.create("toggled", { user: "loud", key: freshKey() });
    await mallory.tenant.until("toggled", "Projected");
    let isOver = false;
    const toggles = (async () => {
      for (let i = 0; !isOver; i += 1) {
        await mallory.tenant.edit("toggled", { disabled: i % 2 === 0 });
        await mallory.tenant.until("toggled", i % 2 === 0 ? "Disabled" : "Projected");
      }
    })();
    await eventually(
      "they are under way",
      async () => (await loudPods.patches(stage)).length > 0,
      DEADLINE_MS,
    );
    const asked: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const key = freshKey();
      await tenant.edit("first", { key });
      const before = (await pods.read("bastion")).metadata.annotations?.[KEYS_CHANGED_ANNOTATION];
      asked.push(Date.now());
      await tenant.edit("first", { key: freshKey() });
      await pods.untilRefreshed("bastion", before);
    }
    isOver = true;
    await toggles;
    const times = (await loudPods.patches(stage)).map(({ answeredAt }) => answeredAt);
    const ranks = (await pods.waits(stage, ALICE, asked)).map(
      ([{ from, to } = { from: 0, to: Number.POSITIVE_INFINITY }]) =>
        times.filter((time) => time >= from && time <= to).length,
    );
    process.stderr.write(`pods of the loud namespace told meanwhile: ${ranks.join(", ")}\n`);
    expect(times.length).toBeGreaterThan(100);
    expect(Math.max(...ranks)).toBeLessThan(COUNT / 10);
  });
});

interface Hostile {
  readonly isRemoved?: boolean;
}

const RUNNING = { status: { phase: "Running" } };

/** In bytes, a pod's annotations may be no longer than this together. */
const FULL = "x".repeat(256 * 1024 - "example.com/full".length);

const MALLORYS = {
  metadata: { name: "mallorys", labels: { "sshkey-operator.dev/refresh": "true" } },
  spec: {
    containers: [{ name: "main", image: "main" }],
    volumes: [{ name: "keys", secret: { secretName: ALICE } }],
  },
};
