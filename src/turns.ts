import { setImmediate as turn } from "node:timers/promises";

export interface TurnsOptions {
  /** How long other work may wait for its turn, in ms; at most a few times as long on a busy machine. Default 2. */
  readonly longestMs?: number;
  /** After so many rounds it is looked at the clock, which takes longer than a round of some microseconds. Default 32. */
  readonly roundsALook?: number;
  /** Ends the work when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Lets other work, and signals, have their turn within long work: `if (turns.areOver) await turns.next();` in each round of a loop. */
export class Turns {
  readonly #longestMs: number;
  readonly #roundsALook: number;
  readonly #signal: AbortSignal | undefined;
  #rounds = 0;
  #since = performance.now();

  constructor({ longestMs = 2, roundsALook = 32, signal }: TurnsOptions = {}) {
    this.#longestMs = longestMs;
    this.#roundsALook = roundsALook;
    this.#signal = signal;
  }

  /** To be asked in each round. */
  get areOver(): boolean {
    this.#rounds += 1;
    return this.#rounds % this.#roundsALook === 0 && performance.now() - this.#since > this.#longestMs;
  }

  /** Rejects with the signal's reason when it has aborted. */
  async next(): Promise<void> {
    await turn();
    this.#signal?.throwIfAborted();
    this.#since = performance.now();
  }
}
