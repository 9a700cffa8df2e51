import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const BEAT_MS = 1000;
const STALE_MS = 10_000;

/**
 * Runs `work` while holding the lock file. A holder that dies, even by SIGKILL or in another container,
 * stops touching the file, and after 10 s the next one takes it. `waiting` is called once if there is a wait.
 *
 * The lock saves work and nothing rests on it: after a long standstill two holders are possible.
 */
export async function withLock<T>(file: string, waiting: () => void, work: () => Promise<T>): Promise<T> {
  const owner = randomUUID();
  for (let waited = false; !take(file, owner); waited = true) {
    if (!waited) {
      waiting();
    }
    await delay(BEAT_MS / 4);
  }
  const beat = setInterval(() => touch(file, owner), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (read(file) === owner) {
      rmSync(file, { force: true });
    }
  }
}

function take(file: string, owner: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && Date.now() - found.mtimeMs > STALE_MS) {
    rmSync(file, { force: true });
  }
  try {
    writeFileSync(file, owner, { flag: "wx" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") {
      return false;
    }
    throw error;
  }
}

function touch(file: string, owner: string): void {
  if (read(file) === owner) {
    const now = new Date();
    utimesSync(file, now, now);
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
