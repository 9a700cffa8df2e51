import { afterAll, beforeAll, expect, test } from "vitest";
import { USER_ANNOTATION } from "../../src/api/names.ts";
import { freshProvableKey, proofFor } from "../claims/keypairs.ts";
import { eventually } from "../cluster/eventually.ts";
import { claimedSince, factOf } from "../cluster/facts.ts";
import { oracle } from "../oracle/oracle.ts";
import { Random } from "../ssh/random.ts";
import type { FlakyLine } from "./flakyline.ts";
import { freshDSSKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, stateOf, type Tenant } from "./tenant.ts";

let stage: Stage;
let line: FlakyLine;

beforeAll(async () => {
  stage = await Stage.open();
  line = await stage.flakyLine();
});

afterAll(async () => {
  await stage.close();
});

const SEEDS = [1, 2, 3];

test.each(SEEDS)(
  "edits, crashes, cut lines and lost answers end in the one outcome (seed %i)",
  async (seed) => {
    const random = new Random(seed);
    const tenants = [await stage.tenant(), await stage.tenant()];
    const keys = [freshProvableKey(), freshProvableKey(), freshProvableKey(), freshDSSKey()];
    await stage.run({ kubeconfig: line.kubeconfig });
    for (let step = 0; step < 60; step += 1) {
      if (random.below(12) === 0) await random.pick(TROUBLES)();
      else await edit(random.pick(tenants), keys, random);
    }
    line.turn("whole");
    await stage.crash();
    await stage.run({ kubeconfig: line.kubeconfig });
    await untilSettled(tenants);
  },
);

/** What befalls the operator while people work. */
const TROUBLES: readonly (() => Promise<void>)[] = [
  async () => {
    await stage.crash();
    line.turn("whole");
    await stage.run({ kubeconfig: line.kubeconfig });
  },
  async () => line.cut("whole"),
  async () => line.turn("answerless"),
  async () => line.cut("down"),
  async () => line.cut("whole"),
];

/** One edit of one of a dozen SSHKeys of three users who share a few keys. */
async function edit(tenant: Tenant, keys: readonly string[], random: Random): Promise<void> {
  const number = random.below(6);
  const name = `key-${number}`;
  const present = (await tenant.list()).find(({ metadata }) => metadata.name === name);
  const key = random.pick(keys);
  if (present === undefined) {
    const user = ["alice", "bob@example.com", "carol"][number % 3] ?? "";
    await tenant.create(name, { user, key });
    return;
  }
  const edits = [
    () => tenant.remove(name),
    () => tenant.edit(name, { key }),
    () => tenant.edit(name, { proof: proofFor(random.pick([present.spec.user, "mallory"]), keys[0] ?? "") }),
    () => tenant.edit(name, { proof: null }),
    () => tenant.edit(name, { disabled: random.below(2) === 0 }),
    () =>
      tenant.edit(name, { expiresAt: random.pick(["2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z", null]) }),
  ];
  await random.pick(edits)();
}

/** Waits until statuses and files are what the SSHKeys as they are now must lead to. */
async function untilSettled(tenants: readonly Tenant[]): Promise<void> {
  await eventually(
    "statuses and files are settled",
    async () => {
      const objects = (await Promise.all(tenants.map((tenant) => tenant.list()))).flat();
      const facts = objects.map((object) => factOf(object, claimedSince(object)));
      const rules = {
        scope: "Namespace",
        maximumKeysPerUser: 100,
        proofs: "Optional",
        expiryTimeFormat: "WithZ",
      } as const;
      const { states, files } = oracle(facts, rules, Date.now());
      expect(await seen(tenants)).toEqual({ states, files });
      return true;
    },
    DEADLINE_MS,
  );
}

async function seen(tenants: readonly Tenant[]) {
  const states: Record<string, string> = {};
  const files: Record<string, string[]> = {};
  for (const tenant of tenants) {
    for (const { metadata, status } of await tenant.list()) {
      const isCurrent = status?.observedGeneration === metadata.generation;
      states[`${tenant.namespace}/${metadata.name}`] = isCurrent ? stateOf(status) : "out of date";
    }
    for (const { metadata, data } of await tenant.secrets()) {
      const lines = (data.authorized_keys ?? "").split("\n").slice(0, -1);
      if (lines.length === 0) continue;
      files[`${tenant.namespace}/${metadata.annotations?.[USER_ANNOTATION]}`] = lines;
    }
  }
  return { states, files };
}
