import { setImmediate } from "node:timers/promises";
import type { Session } from "./session.ts";

/** At work for so long, in ms, before a signal may get through. */
const TURN_MS = 50;

/** The items, with a pause now and then in which Ctrl-C is heard. Rejects when the person stops it. */
export async function* inTurns<T>({ signal }: Session, items: Iterable<T>): AsyncGenerator<T, void> {
  let rest = performance.now();
  for (const item of items) {
    yield item;
    if (performance.now() - rest < TURN_MS) continue;
    await setImmediate(undefined, { signal });
    rest = performance.now();
  }
}
