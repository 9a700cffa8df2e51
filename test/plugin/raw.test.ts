import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { plugin } from "./plugin.ts";

let cluster: Cluster;
let tenant: Tenant;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
});

afterAll(async () => {
  await cluster?.stop();
});

async function raw(name: string) {
  const { kubeconfig } = cluster.controlPlane;
  return await plugin(["raw", name, "--namespace", tenant.namespace], { kubeconfig });
}

test("prints the line of a .pub file", async () => {
  const key = `${freshKey()} alice@laptop`;
  await tenant.create("laptop", { user: "alice", key });
  expect(await raw("laptop")).toEqual({ code: 0, stdout: `${key}\n`, stderr: "" });
});

test.each(["sshkey/", "sshkeys/", "sshkey.sshkey-operator.dev/", "sshkeys.sshkey-operator.dev/"])(
  "takes the name behind %s, as kubectl does and -o name prints it",
  async (type) => {
    const name = `behind-${type.length}`;
    const key = freshKey();
    await tenant.create(name, { user: "alice", key });
    expect(await raw(`${type}${name}`)).toEqual({ code: 0, stdout: `${key}\n`, stderr: "" });
  },
);

test("says how to find what is there when there is none of that name", async () => {
  const { code, stdout, stderr } = await raw("desk");
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toBe(
    `error: there is no SSHKey desk in namespace ${tenant.namespace}: \`kubectl sshkey list -n ${tenant.namespace}\` shows those that are\n`,
  );
});
