import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";
import { Visitor } from "./visitor.ts";

let cluster: Cluster;
let portal: PortalProcess;

beforeAll(async () => {
  cluster = await sharedCluster();
  const { kubeconfig } = cluster.controlPlane;
  portal = await startPortal({
    kubeconfig,
    namespace: "not-made-yet",
    args: ["--insecure-user", "alice"],
  });
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

describe("a portal whose namespace does not exist", () => {
  const NEXT = "The namespace for your keys does not exist. Nothing was changed: ask your administrator";

  test("says so to who adds a key, and not that the cluster is away", async () => {
    const { status, text } = await new Visitor(portal.url).submit("/keys/new", "/keys/new", {
      key: freshKey(),
    });
    expect([status, text.includes(NEXT)]).toEqual([503, true]);
  });

  test("says so to programs", async () => {
    const answer = await fetch(`${portal.url}api/users/alice/ssh_keys`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "laptop", key: freshKey() }),
    });
    expect([answer.status, (await answer.text()).includes(NEXT)]).toEqual([503, true]);
  });
});
