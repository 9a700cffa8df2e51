import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startCluster } from "./cluster.ts";
import type {} from "./shared.ts";

/** Before the tests the bundle is built that they run, and the cluster started that some of them share. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [cluster] = await Promise.all([startCluster(), build()]);
  project.provide("sharedCluster", cluster.controlPlane.kubeconfig);
  return cluster.stop;
}

async function build(): Promise<void> {
  const root = join(import.meta.dirname, "..", "..");
  const child = spawn(process.execPath, [join(root, "tools", "build.ts")], { cwd: root, stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error("the bundle could not be built");
}
