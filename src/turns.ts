import { setImmediate as turn } from "node:timers/promises";

/** How long other work may wait for its turn, in ms; at most a few times as long on a busy machine. */
const LONGEST_MS = 2;

/** Lets other work have its turn within long work: `if (turns.areOver) await turns.next();` in each round of a loop. */
export class Turns {
  #rounds = 0;
  #since = performance.now();

  /** To be asked in each round, which takes some microseconds at most. */
  get areOver(): boolean {
    this.#rounds += 1;
    return this.#rounds % ROUNDS_A_LOOK === 0 && performance.now() - this.#since > LONGEST_MS;
  }

  async next(): Promise<void> {
    await turn();
    this.#since = performance.now();
  }
}

/** Looking at the clock takes longer than most rounds. */
const ROUNDS_A_LOOK = 32;
