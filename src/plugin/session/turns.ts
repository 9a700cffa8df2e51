import { setImmediate } from "node:timers/promises";
import type { Session } from "./session.ts";

/** At work for so long, in ms, before a signal may get through. */
const TURN_MS = 50;

/** Cuts long work without a wait in it into turns, so that Ctrl-C is heard. Costs nothing before a turn is over. */
export class Turns {
  readonly #signal: AbortSignal;
  #began = performance.now();

  constructor({ signal }: Session) {
    this.#signal = signal;
  }

  /** Is it time for a pause? */
  get isOver(): boolean {
    return performance.now() - this.#began >= TURN_MS;
  }

  /** Lets signals through. Rejects when the person has stopped the work. */
  async pause(): Promise<void> {
    await setImmediate(undefined, { signal: this.#signal });
    this.#began = performance.now();
  }
}
