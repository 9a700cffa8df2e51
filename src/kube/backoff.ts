/** How delays grow. Milliseconds. */
export interface BackoffOptions {
  /** The first delay. */
  readonly initialMs: number;
  /** No delay is longer. */
  readonly maxMs: number;
  /** Each delay is this many times the one before. Default 2. */
  readonly factor?: number;
  /** The share of each delay that is random, 0 to 1. Default 0.5: between half the delay and all of it. */
  readonly jitter?: number;
  /** A number from 0 up to 1, as Math.random returns. */
  readonly random?: () => number;
}

/** Exponential backoff with jitter for one operation that is retried. */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Milliseconds to wait before the next attempt; never less than `atLeastMs`, the server's Retry-After. */
  next(atLeastMs = 0): number {
    const delay = backoffDelay(this.#options, this.#attempts);
    this.#attempts += 1;
    return Math.max(delay, atLeastMs);
  }

  /** The next delay is the first one again. */
  reset(): void {
    this.#attempts = 0;
  }
}

/** The delay in milliseconds after `attempts` failed attempts before this one; in (0, maxMs]. */
export function backoffDelay(options: BackoffOptions, attempts: number): number {
  const { initialMs, maxMs, factor = 2, jitter = 0.5, random = Math.random } = options;
  const delay = Math.min(maxMs, initialMs * factor ** attempts);
  return delay * (1 - jitter * random());
}
