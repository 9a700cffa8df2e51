export interface TokenBucketOptions {
  /** How many tokens a full bucket holds. */
  readonly burst: number;
  /** Milliseconds until one more token is there. */
  readonly refillMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** A token bucket for each key. Full buckets are forgotten, so memory is bounded by the keys in recent use. */
export class TokenBuckets {
  readonly #options: TokenBucketOptions;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(options: TokenBucketOptions) {
    this.#options = options;
  }

  /** Takes a token of `key` if more than `reserve` are there. */
  take(key: string, reserve = 0): boolean {
    const { burst, now } = this.#options;
    const at = now();
    const known = this.#buckets.get(key);
    const tokens = known === undefined ? burst : this.#filled(known, at);
    const taken = tokens >= reserve + 1;
    this.#forgetFull(at);
    this.#buckets.set(key, { tokens: taken ? tokens - 1 : tokens, at });
    return taken;
  }

  #filled(bucket: { tokens: number; at: number }, at: number): number {
    const { burst, refillMs } = this.#options;
    return Math.min(burst, bucket.tokens + (at - bucket.at) / refillMs);
  }

  /** Looks at the two oldest entries on each call, so that buckets go at least as fast as they come. */
  #forgetFull(at: number): void {
    const oldest = this.#buckets.entries();
    for (let looked = 0; looked < 2; looked += 1) {
      const entry = oldest.next();
      if (entry.done) {
        return;
      }
      const [key, bucket] = entry.value;
      this.#buckets.delete(key);
      if (this.#filled(bucket, at) < this.#options.burst) {
        this.#buckets.set(key, bucket);
      }
    }
  }
}
