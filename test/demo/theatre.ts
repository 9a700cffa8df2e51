import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { eventually } from "../cluster/eventually.ts";

/** Where the demo or the try of the portal runs, so that whatever it leaves behind is found. */
export interface Theatre {
  /** For temporary files. */
  readonly folder: string;
  /** The script in a process of its own. */
  start(script: string, env?: NodeJS.ProcessEnv): Performance;
  /** Ids of all processes that were started from it. */
  processes(): Promise<readonly string[]>;
  /** Waits until no process is left, and expects that no file is. */
  isEmpty(): Promise<void>;
  close(): Promise<void>;
}

export interface Performance {
  /** All that it has written so far. */
  seen(): string;
  readonly ended: Promise<{ readonly code: unknown; readonly signal: unknown }>;
  interrupt(): void;
}

const ROOT = join(import.meta.dirname, "..", "..");

export async function openTheatre(): Promise<Theatre> {
  const folder = await mkdtemp(join(tmpdir(), "demo-"));
  return {
    folder,
    start: (script, env = {}) => start(script, { ...process.env, ...env, TMPDIR: folder }),
    processes: () => processesOf(folder),
    async isEmpty() {
      await eventually("no process is left", async () => (await processesOf(folder)).length === 0);
      expect(await readdir(folder)).toEqual([]);
    },
    async close() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function start(script: string, env: NodeJS.ProcessEnv): Performance {
  const child = spawn(process.execPath, [script], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  let seen = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      seen += chunk;
    });
  }
  const ended = once(child, "close").then(([code, signal]: unknown[]) => ({ code, signal }));
  return { seen: () => seen, ended, interrupt: () => child.kill("SIGINT") };
}

/** Those that were started with this folder for temporary files. */
async function processesOf(folder: string): Promise<readonly string[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(
    ids.map(async (id) => [id, await readFile(`/proc/${id}/environ`, "utf8").catch(() => "")] as const),
  );
  return environments
    .filter(([, environment]) => environment.split("\0").includes(`TMPDIR=${folder}`))
    .map(([id]) => id);
}
