import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { ServiceAccount } from "../operator/serviceaccount.ts";
import { Tenant } from "../operator/tenant.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";
import { Visitor } from "./visitor.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await sharedCluster();
});

afterAll(async () => {
  await cluster?.stop();
});

async function open(namespace: string, kubeconfig: string): Promise<PortalProcess> {
  return await startPortal({ kubeconfig, namespace, args: ["--insecure-user", "alice"] });
}

async function addByPage({ url }: PortalProcess) {
  return await new Visitor(url).submit("/keys/new", "/keys/new", { key: freshKey() });
}

async function addByProgram({ url }: PortalProcess) {
  const answer = await fetch(`${url}api/users/alice/ssh_keys`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "laptop", key: freshKey() }),
  });
  return { status: answer.status, text: await answer.text() };
}

describe("a portal whose namespace does not exist", () => {
  const NEXT = "The namespace for your keys does not exist. Nothing was changed: ask your administrator";
  let portal: PortalProcess;

  beforeAll(async () => {
    portal = await open("not-made-yet", cluster.controlPlane.kubeconfig);
  });

  afterAll(async () => {
    await portal?.stop();
  });

  test("says so to who adds a key, and not that the cluster is away", async () => {
    const { status, text } = await addByPage(portal);
    expect([status, text.includes(NEXT)]).toEqual([503, true]);
  });

  test("says so to programs", async () => {
    const { status, text } = await addByProgram(portal);
    expect([status, text.includes(NEXT)]).toEqual([503, true]);
  });
});

describe("a portal whose account may read and not write", () => {
  const NEXT = "The cluster does not let this portal do it. Nothing was changed: tell your administrator";
  let portal: PortalProcess;

  beforeAll(async () => {
    const tenant = new Tenant(cluster, await cluster.namespace());
    const account = await ServiceAccount.create(tenant);
    const reading = { apiGroups: ["sshkey-operator.dev"], resources: ["sshkeys"], verbs: ["list", "watch"] };
    await account.may([reading]);
    portal = await open(tenant.namespace, account.kubeconfig);
  });

  afterAll(async () => {
    await portal?.stop();
  });

  test("says so to who adds a key, and has the reason in its log", async () => {
    const { status, text } = await addByPage(portal);
    expect([status, text.includes(NEXT)]).toEqual([403, true]);
    await eventually("the log has it", async () =>
      /"event":"RequestFailed".*sshkeys: 403 Forbidden/.test(await portal.log()),
    );
  });

  test("says so to programs", async () => {
    const { status, text } = await addByProgram(portal);
    expect([status, text.includes(NEXT)]).toEqual([403, true]);
  });
});
