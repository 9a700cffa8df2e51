import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { FaultProxy, type Matches } from "../faults/faultproxy.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { PEOPLE_CONFIG, type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let proxy: FaultProxy;
let portal: PeoplePortal;

beforeAll(async () => {
  cluster = await sharedCluster();
  const tenant = new Tenant(cluster, await cluster.namespace());
  proxy = await FaultProxy.start(cluster.controlPlane.kubeconfig);
  portal = await startPeoplePortal(cluster, tenant, PEOPLE_CONFIG, proxy.kubeconfig);
});

afterAll(async () => {
  await portal?.stop();
  await proxy?.stop();
  await cluster?.stop();
});

/** The value of a metric with these labels, as they are exposed. */
async function metric(series: string): Promise<number> {
  const lines = (await (await fetch(portal.metricsURL)).text()).split("\n");
  return Number(lines.find((line) => line.startsWith(`${series} `))?.split(" ")[1] ?? Number.NaN);
}

describe("of a portal whose API server goes away for a while", () => {
  const unwatched = (count: number) =>
    eventually(
      `${count} unwatched`,
      async () => (await metric("sshkey_portal_unwatched_namespaces")) === count,
    );

  test("the namespace is unwatched until the API server is back", async () => {
    await unwatched(0);
    proxy.goDown();
    await unwatched(1);
    proxy.thaw();
    await unwatched(0);
  });

  test("it is ready all the time", async () => {
    proxy.goDown();
    await unwatched(1);
    const ready = await metric("sshkey_portal_ready");
    proxy.thaw();
    expect(ready).toBe(1);
    await unwatched(0);
  });
});

describe("writes are counted", () => {
  const isCreate: Matches = ({ verb, resource }) => verb === "create" && resource === "sshkeys";
  const isDelete: Matches = ({ verb, resource }) => verb === "delete" && resource === "sshkeys";
  const counted = (verb: string, result: string) =>
    metric(`sshkey_portal_writes_total{verb="${verb}",result="${result}"}`);
  const add = async () => await portal.submit("ann", "/keys/new", { key: freshKey(), title: "Laptop" });

  test("as a success once they are done", async () => {
    const before = await counted("create", "success");
    await add();
    expect((await counted("create", "success")) - before).toBe(1);
  });

  test("as a conflict when the name is taken, and as a success under the next", async () => {
    const before = [await counted("create", "conflict"), await counted("create", "success")] as const;
    const body = JSON.stringify({ kind: "Status", reason: "AlreadyExists", code: 409 });
    proxy.inject(isCreate, { kind: "answer", status: 409, body });
    await add();
    const after = [await counted("create", "conflict"), await counted("create", "success")] as const;
    expect([after[0] - before[0], after[1] - before[1]]).toEqual([1, 1]);
  });

  test("as refused when a right is missing, or a policy is against it", async () => {
    const before = await counted("create", "refused");
    proxy.inject(isCreate, { kind: "answer", status: 403 });
    expect((await add()).status).toBe(403);
    expect((await counted("create", "refused")) - before).toBe(1);
  });

  test("as failed when no answer comes", async () => {
    const key = await portal.keyOf("ann");
    const before = await counted("delete", "failed");
    const dropped = proxy.inject(isDelete, { kind: "drop" }, Number.POSITIVE_INFINITY);
    expect((await portal.submit("ann", `/keys/${key}/delete`)).status).toBe(503);
    dropped.end();
    expect((await counted("delete", "failed")) - before).toBeGreaterThan(0);
  });
});

test("what cannot be read as a request is counted by its status", async () => {
  const { hostname, port } = new URL(portal.url);
  const socket = connect(Number(port), hostname);
  socket.end(`GET / HTTP/1.1\r\nhost: x\r\nx-a: ${"y".repeat(70_000)}\r\n\r\n`);
  await once(socket.resume(), "close");
  expect(await metric('sshkey_portal_unreadable_requests_total{code="431"}')).toBe(1);
});

test("what was not counted yet is there as 0, for alerts on an increase", async () => {
  const series = [
    'sshkey_portal_issuer_faults_total{fault="clock"}',
    'sshkey_portal_rate_limited_total{limit="tries"}',
    'sshkey_portal_sign_ins_total{result="refused"}',
    'sshkey_portal_writes_total{verb="patch",result="failed"}',
  ];
  expect(await Promise.all(series.map(metric))).toEqual(series.map(() => 0));
});
