import type { TestProject } from "vitest/node";
import { buildBundle } from "./bundle.ts";
import { startCluster } from "./cluster.ts";
import type {} from "./sharedcluster.ts";

/** Before the tests the bundle is built that they run, and the cluster started that some of them share. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  buildBundle();
  const cluster = await startCluster();
  project.provide("sharedCluster", cluster.controlPlane.kubeconfig);
  return cluster.stop;
}
