import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "./child.ts";

/** How long a process of the control plane may take to come up, in ms: seconds, unless the machine is busy. */
export const READY_MS = 300_000;

/**
 * Polls every 50 ms until `probe` gives something. Throws a StartError that shows the last lines of the
 * child's log when the child ends first or `deadlineMs` pass.
 */
export async function ready<T>(
  child: Child,
  probe: () => Promise<T | undefined>,
  deadlineMs: number,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  let ended = false;
  const exited = child.exited.then(() => {
    ended = true;
    return undefined;
  });
  for (;;) {
    // A stranger on the port may leave the probe without an answer.
    const found = await Promise.race([probe(), exited]);
    if (found !== undefined) {
      return found;
    }
    if (ended) {
      throw new StartError(child, "ended before it was ready");
    }
    if (Date.now() > end) {
      throw new StartError(child, `was not ready after ${deadlineMs / 1000} s`);
    }
    await delay(50);
  }
}

/** A process of the control plane that did not come up. */
export class StartError extends Error {
  readonly code = "CONTROL_PLANE_NOT_STARTED";
  /** Another process took the port between its choice and its use. */
  readonly portTaken: boolean;

  constructor(child: Child, what: string) {
    const output = child.output();
    const tail = output.trimEnd().split("\n").slice(-15).join("\n");
    super(`${child.name} ${what}; see the end of its log ${child.log}:\n${tail}`);
    this.name = "StartError";
    this.portTaken = output.includes("address already in use");
  }
}
