import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readWrites } from "../cluster/auditlog.ts";
import { check, type Finding } from "../cluster/checker.ts";
import { History } from "../cluster/history.ts";
import { Random } from "../ssh/random.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import type { Tenant } from "./tenant.ts";

/** How long the operator may take to hear of a change on a busy machine, in ms. */
const BLIND_MS = 15_000;

let stage: Stage;
let history: History;
let seen: Finding;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  history = await History.start(stage.cluster.controlPlane.kubeconfig);
  await stage.run();
  const tenants = [await stage.tenant(), await stage.tenant(), await stage.tenant()];
  await Promise.all([0, 1, 2, 3, 4, 5].map((seed) => liveALife(tenants, new Random(seed), seed)));
  for (const tenant of tenants) {
    for (const { metadata } of await tenant.list()) await tenant.remove(metadata.name);
    for (const secret of await tenant.secrets()) await tenant.untilFile(secret.metadata.name, []);
  }
  const writes = await readWrites(stage.cluster.controlPlane.auditLog ?? "");
  seen = check(history.ordered(), writes, { blindMs: BLIND_MS });
});

afterAll(async () => {
  await history?.stop();
  await stage?.close();
});

describe("in the order in which writes took effect", () => {
  test("no write breaks a guarantee: statuses say what is in the Secret, and Secrets hold what they should", () => {
    expect(seen.breaches).toEqual([]);
  });

  test("many statuses and Secrets were looked at", () => {
    expect([seen.statusWrites > 100, seen.secretWrites > 30]).toEqual([true, true]);
  });
});

/** What six people do in three namespaces at the same time, with few keys, so that they collide all the time. */
async function liveALife(tenants: readonly Tenant[], random: Random, person: number): Promise<void> {
  const users = ["alice", "bob", "carol", "dave"];
  for (let step = 0; step < 25; step += 1) {
    const tenant = random.pick(tenants);
    const name = `key-${person}-${step}`;
    await tenant.create(name, { user: random.pick(users), key: random.pick(CONTESTED) });
    const act = random.pick(ACTS);
    await act(tenant, name);
  }
}

const CONTESTED = [freshKey(), freshKey(), freshKey(), freshKey()];

const ACTS: readonly ((tenant: Tenant, name: string) => Promise<void>)[] = [
  (tenant, name) => tenant.remove(name),
  (tenant, name) => tenant.edit(name, { disabled: true }),
  (tenant, name) => tenant.edit(name, { key: freshKey() }),
  (tenant, name) => tenant.edit(name, { key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" }),
  (tenant, name) => tenant.edit(name, { expiresAt: new Date().toISOString() }),
  async (tenant, name) => {
    await tenant.edit(name, { disabled: true });
    await tenant.edit(name, { disabled: false });
    await tenant.remove(name);
  },
];
