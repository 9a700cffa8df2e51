import { cp, readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { findBinaries } from "../../controlplane/binaries.ts";
import { buildBundle } from "./bundle.ts";
import { CLUSTER_DATA, type Cluster, startCluster } from "./cluster.ts";
import { whenServed } from "./served.ts";
import type {} from "./sharedcluster.ts";

/**
 * Before the tests the bundle and the control plane's binaries are built that they run, and the cluster is started that
 * some of them share. The others' begin with its data.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  buildBundle();
  // API servers, etcd and kubectl collect garbage less often than they would: that is a fifth of what a start costs.
  process.env.GOGC ??= "400";
  await findBinaries({ mayBePrebuilt: true, progress: (line) => process.stderr.write(`${line}\n`) });
  const cluster = await startCluster();
  project.provide("sharedCluster", cluster.controlPlane.kubeconfig);
  if (!cluster.controlPlane.existing) process.env[CLUSTER_DATA] = await copyData(cluster);
  return cluster.stop;
}

/** What a cluster holds, copied while its etcd is stopped. */
async function copyData({ controlPlane, request }: Cluster): Promise<string> {
  const copy = join(controlPlane.dir, "copy");
  await controlPlane.stopEtcd();
  await cp(join(controlPlane.dir, "etcd"), copy, {
    recursive: true,
    filter: (file) => !file.endsWith(".tmp"),
  });
  await controlPlane.startEtcd();
  await whenServed(request);
  const log = join(copy, "member", "wal");
  for (const name of await readdir(log)) await cutZeros(join(log, name));
  return copy;
}

/** Cuts off the room that etcd sets aside at the end of its log, 64 MB, which each cluster would copy. */
async function cutZeros(file: string): Promise<void> {
  const bytes = await readFile(file);
  let end = bytes.length;
  while (bytes[end - 1] === 0) end -= 1;
  // The last record may end in zeros.
  await truncate(file, end + 4096);
}
