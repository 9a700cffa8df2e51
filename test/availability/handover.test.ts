import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "../operator/publickeys.ts";
import type { Tenant } from "../operator/tenant.ts";
import { isLeadersWrite } from "./auditedwrites.ts";
import { type Replica, Replicas } from "./replicas.ts";

/** The default of the lease, in ms. A standby looks at it each 1 to 1.2 s. */
const LEASE_MS = 15_000;

let replicas: Replicas;
let tenant: Tenant;
let three: readonly Replica[];
let first: Replica;

beforeAll(async () => {
  replicas = await Replicas.open();
  tenant = await replicas.tenant();
  three = await Promise.all(["a", "b", "c"].map((name) => replicas.start(name)));
  first = await replicas.leader();
});

afterAll(async () => {
  await replicas?.close();
});

describe("of three replicas", () => {
  test("every one is ready and healthy, whether it leads or not", async () => {
    const paths = three.flatMap((replica) => [replica.probe("/readyz"), replica.probe("/healthz")]);
    expect(await Promise.all(paths)).toEqual(Array(6).fill(200));
  });

  test("the holder of the lease is the one that leads", async () => {
    const { isSelf } = await first.process.logged("NewLeader", ({ leader }) => leader !== "");
    expect([isSelf, await holderIdentity()]).toEqual([true, expect.stringMatching(/_[0-9a-f]{16}$/)]);
  });

  test("only the leader writes, Events included", async () => {
    const names = Array.from({ length: 20 }, (_, i) => `key-${i}`);
    await Promise.all(names.map((name) => tenant.create(name, { user: name, key: freshKey() })));
    for (const name of names) await tenant.until(name, "Projected");
    const writers = (await replicas.writes()).map(({ by }) => by);
    expect([new Set(writers), writers.length >= 2 * names.length]).toEqual([new Set([first.name]), true]);
  });

  test("the standbys count what there is as the leader does, and queue no work", async () => {
    const agree = async () => {
      const scrapes = await Promise.all(three.map((replica) => replica.scrape()));
      const counts = scrapes.map((each) => [
        each.value("sshkey_operator_sshkeys", { state: "Projected", type: "ssh-ed25519" }),
        each.value("sshkey_operator_secrets"),
        each.value("workqueue_depth"),
      ]);
      return counts.every((each) => each.join() === "20,20,0");
    };
    expect(await eventually("all have seen 20 keys and 20 Secrets, and queue nothing", agree)).toBe(true);
  });
});

test("SIGTERM hands over: the next one leads from its first look at the lease on", async () => {
  expect(await replicas.stop(first)).toBe(0);
  await tenant.create("after-sigterm", { user: "after-sigterm", key: freshKey() });
  await tenant.until("after-sigterm", "Projected");
  const { looks } = await takeover(first);
  expect(looks.length).toBeLessThanOrEqual(1);
});

test("a leader that is told to stop writes nothing after it has let the lease go", async () => {
  const writes = await replicas.writes();
  const last = writes.filter(({ by }) => by === first.name).findLast(isLeadersWrite);
  const released = writes.findLast(({ by, resource }) => by === first.name && resource === "leases");
  expect(last?.answeredAt).toBeLessThan(released?.receivedAt ?? 0);
});

test("SIGKILL of the leader is over when its lease has run out", async () => {
  const second = await replicas.leader();
  await tenant.edit("key-0", { disabled: true });
  await tenant.until("key-0", "Disabled");
  await replicas.kill(second);
  await tenant.edit("after-sigterm", { disabled: true });
  await replicas.leader();
  await tenant.until("after-sigterm", "Disabled");
  const { last, taken, looks } = await takeover(second);
  expect(taken.by).not.toBe(second.name);
  expect(taken.receivedAt - last.receivedAt).toBeGreaterThanOrEqual(LEASE_MS);
  // It has seen the last renewal up to 1.2 s late, so one or two looks may come too early; the next one takes the lease.
  const late = looks.filter(({ receivedAt }) => receivedAt > last.answeredAt + LEASE_MS);
  expect(late.length).toBeLessThanOrEqual(3);
});

test("whoever took over holds what the one before wrote against nobody", async () => {
  await tenant.edit("key-0", { disabled: false });
  await tenant.until("key-0", "Projected");
  const third = await replicas.leader();
  expect((await third.process.log()).filter(({ event }) => event === "SecretRestored")).toEqual([]);
});

/** The last write of the lease by this one, how the next one took it, and how often that one had looked in between. */
async function takeover({ name }: Replica) {
  const onLease = (await replicas.requests()).filter(({ resource }) => resource === "leases");
  const last = onLease.findLast(({ by, verb }) => by === name && verb === "update");
  const after = onLease.filter(({ receivedAt }) => receivedAt > (last?.answeredAt ?? Number.NaN));
  const taken = after.find(({ verb }) => verb === "update");
  if (last === undefined || taken === undefined) throw new Error("nobody took the lease");
  const looks = after.filter(
    ({ by, verb, receivedAt }) => by === taken.by && verb === "get" && receivedAt <= taken.receivedAt,
  );
  return { last, taken, looks };
}

async function holderIdentity(): Promise<string> {
  const path = "/apis/coordination.k8s.io/v1/namespaces/replicas/leases/sshkey-operator";
  const { body } = await replicas.cluster.request("GET", path);
  return (body as { spec: { holderIdentity: string } }).spec.holderIdentity;
}
