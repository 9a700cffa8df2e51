import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import type { LogLine } from "../cluster/operatorprocess.ts";
import { FaultProxy } from "../faults/faultproxy.ts";
import { isWrite } from "../faults/proxiedrequest.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Stage } from "../operator/stage.ts";
import type { Tenant } from "../operator/tenant.ts";
import { scrape } from "./exposition.ts";
import { LASTING_LEASE, NAMESPACE, SHORT_LEASE } from "./replicas.ts";

/** What a request may take, in ms: the lead is given up before one that hangs has ended. */
const REQUEST_MS = 30_000;
const LEASE = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/sshkey-operator`;

let stage: Stage;
let proxy: FaultProxy;
let tenant: Tenant;

beforeAll(async () => {
  stage = await Stage.open();
  proxy = await FaultProxy.start(stage.cluster.controlPlane.kubeconfig);
  await stage.cluster.request("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } });
});

afterAll(async () => {
  await stage?.close();
  await proxy?.stop();
});

async function lead(lease: readonly string[]): Promise<void> {
  tenant = await stage.tenant();
  const args = ["--leader-elect=true", `--leader-election-namespace=${NAMESPACE}`, ...lease];
  await stage.run({ kubeconfig: proxy.kubeconfig, args });
}

afterEach(() => proxy.thaw());

describe("a leader whose lease another one takes", () => {
  beforeEach(() => lead(SHORT_LEASE));

  test("gives up the write under way, writes nothing while the other one holds it, and leads again after", async () => {
    const hanging = proxy.inject((request) => isWrite(request) && request.namespace === tenant.namespace, {
      kind: "hang",
      forwarded: false,
    });
    await tenant.create("first", { user: "alice", key: freshKey() });
    const { at: hungAt } = await hanging.struck;
    await stealLease(3);
    await stage.operator.logged("LeadershipLost");
    const lostAt = performance.now();
    await tenant.create("second", { user: "bob", key: freshKey() });
    const ledAt = (await stage.operator.timeOf("StartedLeading", 2)) - performance.timeOrigin;
    await tenant.until("first", "Projected");
    await tenant.until("second", "Projected");
    const asked = proxy.requests.filter((request) => isWrite(request) && request.at > hungAt);
    const meanwhile = asked.filter(({ at }) => at > lostAt && at < ledAt);
    expect([lostAt - hungAt < REQUEST_MS, meanwhile, asked.length > 0]).toEqual([true, [], true]);
  });

  test("is not started again for it, and stays ready", async () => {
    const { pid } = stage.operator.child;
    await stealLease(1);
    await stage.operator.logged("LeadershipLost");
    expect([await probe("/healthz"), await probe("/readyz")]).toEqual([200, 200]);
    await stage.operator.timeOf("StartedLeading", 2);
    expect([stage.operator.child.pid, (await lines("Started")).length]).toEqual([pid, 1]);
  });

  test("names the new holder in its log", async () => {
    await stealLease(1);
    expect(await stage.operator.logged("NewLeader", ({ leader }) => leader === "thief")).toMatchObject({
      isSelf: false,
    });
  });
});

test("a deleted lease is made again, and the leader goes on", async () => {
  await lead(LASTING_LEASE);
  await stage.cluster.request("DELETE", LEASE);
  await eventually("it is back", async () => (await stage.cluster.request("GET", LEASE)).status === 200);
  await tenant.create("key", { user: "alice", key: freshKey() });
  await tenant.until("key", "Projected");
  expect(await lines("LeadershipLost")).toEqual([]);
});

test("an API server that is away for longer than the renew deadline costs the lead, and gives it back", async () => {
  await lead(SHORT_LEASE);
  proxy.goDown();
  await stage.operator.logged("LeadershipLost");
  const during = [await probe("/healthz"), await probe("/readyz"), await leads()];
  await tenant.create("key", { user: "alice", key: freshKey() });
  proxy.thaw();
  await tenant.until("key", "Projected");
  expect([during, await leads(), (await lines("Started")).length]).toEqual([[200, 200, 0], 1, 1]);
});

test("an API server that is away for less than the renew deadline does not", async () => {
  await lead(LASTING_LEASE);
  proxy.goDown();
  await stage.operator.logged("LeaseFailed");
  proxy.thaw();
  await tenant.create("key", { user: "alice", key: freshKey() });
  await tenant.until("key", "Projected");
  expect(await lines("LeadershipLost")).toEqual([]);
});

/** As a second process would that believes the lease to be free. */
async function stealLease(leaseDurationSeconds: number): Promise<void> {
  const spec = { holderIdentity: "thief", leaseDurationSeconds, renewTime: "2026-01-02T03:04:05.000000Z" };
  const { status } = await stage.cluster.request("PATCH", LEASE, { spec });
  if (status !== 200) throw new Error(`the lease could not be taken: ${status}`);
}

async function lines(event: string): Promise<readonly LogLine[]> {
  return (await stage.operator.log()).filter((line) => line.event === event);
}

async function probe(path: string): Promise<number> {
  return (await fetch(`http://${(await addresses())[0]}${path}`)).status;
}

async function leads(): Promise<number> {
  return (await scrape(`${(await addresses())[1]}`)).value("leader_election_master_status");
}

async function addresses(): Promise<readonly string[]> {
  return (await stage.operator.logged("Started")).addresses as readonly string[];
}
