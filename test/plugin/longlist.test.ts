import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { compact } from "../faults/compaction.ts";
import { type FaultyProxy, startFaultyProxy } from "../kube/apiserver/faultyproxy.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { plugin } from "./plugin.ts";

/** More than a page. */
const KEYS = 501;

let cluster: Cluster;
let proxy: FaultyProxy;
let tenant: Tenant;

beforeAll(async () => {
  cluster = await startCluster();
  proxy = await startFaultyProxy(cluster.controlPlane.kubeconfig);
  tenant = new Tenant(cluster, await cluster.namespace());
  await Promise.all(
    Array.from({ length: KEYS }, (_, i) => tenant.create(`key-${i}`, { user: "alice", key: freshKey() })),
  );
});

afterAll(async () => {
  await proxy?.stop();
  await cluster?.stop();
});

test("a list that the API server forgets before its last page begins again, and has everything once", async () => {
  await compact(cluster.controlPlane);
  proxy.age();
  const { code, stdout, stderr } = await plugin([
    ...["list", "-s", proxy.url, "-n", tenant.namespace, "-o", "name"],
  ]);
  expect([code, stderr]).toEqual([0, ""]);
  const names = stdout.trimEnd().split("\n");
  expect([names.length, new Set(names).size]).toEqual([KEYS, KEYS]);
  expect(proxy.requests.map(({ kind }) => kind)).toEqual(["list", "next page", "list", "next page"]);
});
