import { join } from "node:path";
import { type Finished, run } from "../cluster/run.ts";

/** The built plugin. */
export const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "kubectl-sshkey.cjs");

export interface PluginOptions {
  readonly kubeconfig?: string;
  /** What it reads on stdin; nothing by default. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs the built plugin with these arguments and waits until it ends. Of the user's own kubeconfig it knows nothing. */
export async function plugin(args: readonly string[], o: PluginOptions = {}): Promise<Finished> {
  const env = { ...process.env, KUBECONFIG: o.kubeconfig ?? "/nowhere", HOME: "/nowhere", ...o.env };
  const cwd = o.cwd === undefined ? {} : { cwd: o.cwd };
  return await run(process.execPath, [BUNDLE, ...args], { input: o.input ?? "", env, ...cwd });
}
