import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";

const INTERVAL_MS = 50;

/**
 * Calls `probe` until it gives something other than undefined or false, and gives that back. A probe that
 * throws is called again. A probe that takes long is called less often: half of the time at most goes into
 * probes. Throws after `deadlineMs` (180 s), saying what was waited for, the probe's last value and its last error.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 180_000,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  let last = "nothing yet";
  let lastError: unknown;
  for (;;) {
    const called = performance.now();
    try {
      const value = await within(probe(), end - Date.now());
      if (value !== undefined && value !== false) {
        return value;
      }
      last = inspect(value);
    } catch (error) {
      lastError = error;
    }
    const pause = Math.max(INTERVAL_MS, performance.now() - called);
    if (Date.now() + pause > end) {
      const message = `${what}: not so after ${deadlineMs} ms; last value: ${last}; last error: ${say(lastError)}`;
      throw new Error(message, { cause: lastError });
    }
    await delay(pause);
  }
}

/** A probe that hangs must not outlast the deadline. */
async function within<T>(probe: T | Promise<T>, ms: number): Promise<T> {
  const abort = new AbortController();
  const timeout = delay(Math.max(ms, 1), undefined, { signal: abort.signal }).then(() => {
    throw new Error("the probe itself gave no answer before the deadline");
  });
  timeout.catch(() => undefined);
  try {
    return await Promise.race([probe, timeout]);
  } finally {
    abort.abort();
  }
}

function say(error: unknown): string {
  return error === undefined ? "none" : error instanceof Error ? error.message : inspect(error);
}
