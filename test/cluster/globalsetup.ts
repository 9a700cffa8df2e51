import type { TestProject } from "vitest/node";
import { findBinaries } from "../../controlplane/binaries.ts";
import { buildBundle } from "./bundle.ts";
import { startCluster } from "./cluster.ts";
import type {} from "./sharedcluster.ts";

/**
 * Before the tests the bundle and the control plane's binaries are built that they run, and the cluster is started that
 * some of them share.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  buildBundle();
  await findBinaries({ mayBePrebuilt: true, progress: (line) => process.stderr.write(`${line}\n`) });
  const cluster = await startCluster();
  project.provide("sharedCluster", cluster.controlPlane.kubeconfig);
  return cluster.stop;
}
