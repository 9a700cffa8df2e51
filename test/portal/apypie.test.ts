import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { apypiePackages, python } from "./apypie/install.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";

let cluster: Cluster;
let portal: PortalProcess;
let folder: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  folder = await mkdtemp(join(tmpdir(), "sshkey-portal-apypie-"));
  const { kubeconfig } = cluster.controlPlane;
  const args = ["--insecure-user", "alice"];
  portal = await startPortal({ kubeconfig, namespace: await cluster.namespace(), args });
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
  await rm(folder, { recursive: true });
});

test("apypie reads the apidoc, and creates, lists, shows and deletes a key by it", async () => {
  const packages = await apypiePackages();
  const life = join(import.meta.dirname, "apypie", "life.py");
  const printed = await python([life, portal.url, "alice", freshKey(), folder], packages);
  expect(JSON.parse(printed)).toEqual({
    status: "ok",
    listed: true,
    shown: true,
    deleted: true,
    left: 0,
    missing: "MissingArgumentsError",
  });
});
