import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const USAGE_ON_EXIT = join(import.meta.dirname, "usageonexit.cjs");

export interface Usage {
  /** From start to end. */
  readonly ms: number;
  /** Of the main thread. */
  readonly cpuMs: number;
  /** The most memory resident, in bytes. */
  readonly peak: number;
}

/** What Node with these arguments has used when it has ended well. Writes a file into the folder. */
export function usageOf(args: readonly string[], folder: string): Usage {
  const file = join(folder, "usage");
  const ms = msOf(["--require", USAGE_ON_EXIT, ...args], { BENCH_USAGE_FILE: file });
  const { cpuMs, peak } = JSON.parse(readFileSync(file, "utf8"));
  return { ms, cpuMs, peak: peak * 1024 };
}

/** ms from the start of Node with these arguments until it has ended well. */
export function msOf(args: readonly string[], env: NodeJS.ProcessEnv = {}): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
  const ms = performance.now() - started;
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}: ${String(stderr)}`);
  return ms;
}
