import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { plugin } from "./plugin.ts";

let cluster: Cluster;
let tenant: Tenant;

beforeAll(async () => {
  cluster = await startCluster();
  const { code, stderr } = await cluster.kubectl(["delete", "crd", "authorizedkeys.sshkey-operator.dev"]);
  expect([code, stderr]).toEqual([0, ""]);
  tenant = new Tenant(cluster, await cluster.namespace());
  await tenant.create("laptop", { user: "alice", key: freshKey() });
});

afterAll(async () => {
  await cluster?.stop();
});

test.each([["show"], ["where"], ["delete", "--dry-run=server"]])(
  "in a cluster that has SSHKeys and no AuthorizedKeys %s works",
  async (command, ...flags) => {
    const { kubeconfig } = cluster.controlPlane;
    const { code, stderr } = await plugin([command, "laptop", "-n", tenant.namespace, ...flags], {
      kubeconfig,
    });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("could not be looked at")]);
  },
);
