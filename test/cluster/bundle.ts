import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startCluster } from "./cluster.ts";
import type {} from "./shared.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Before the tests the bundle is built that they run, and the cluster started that some of them share. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [cluster] = await Promise.all([startCluster(), buildBundle()]);
  project.provide("sharedCluster", cluster.controlPlane.kubeconfig);
  return cluster.stop;
}

/** Builds dist/main.cjs, unless whoever started this process has just done so and says it with BUNDLE=built. */
async function buildBundle(): Promise<void> {
  if (process.env.BUNDLE === "built") return;
  const child = spawn(process.execPath, [join(ROOT, "tools", "build.ts")], { cwd: ROOT, stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error("the bundle could not be built");
}
