/** How long after a first write the next one may follow, in ms; doubles with each write that follows closely. */
const FIRST_STEP_MS = 100;
const LONGEST_STEP_MS = 1000;
/** After this long without a write a unit starts afresh. */
const CALM_MS = 5000;

interface Step {
  readonly wroteAt: number;
  readonly ms: number;
}

/**
 * Spaces the writes to one Secret, so that many edits of a user's keys in a row are a few writes. The first write
 * after a calm never waits, and none waits longer than a second.
 */
export class Pace {
  readonly #steps = new Map<string, Step>();
  readonly #now: () => number;
  #sweptAt = 0;

  /** `now` in monotonic ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** How long the next write has to wait, in ms; 0 for not at all. */
  wait(id: string): number {
    const step = this.#steps.get(id);
    return step === undefined ? 0 : Math.max(0, step.wroteAt + step.ms - this.#now());
  }

  wrote(id: string): void {
    const now = this.#now();
    const step = this.#steps.get(id);
    const isClose = step !== undefined && now - step.wroteAt < CALM_MS;
    const ms = isClose ? Math.min(2 * step.ms, LONGEST_STEP_MS) : FIRST_STEP_MS;
    this.#steps.set(id, { wroteAt: now, ms });
    this.#sweep(now);
  }

  /** Forgets units that are calm again. */
  #sweep(now: number): void {
    if (now - this.#sweptAt < CALM_MS) return;
    this.#sweptAt = now;
    for (const [id, { wroteAt }] of this.#steps) if (now - wroteAt >= CALM_MS) this.#steps.delete(id);
  }
}
