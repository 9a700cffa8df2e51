export interface TokenBucketOptions {
  /** How many tokens a full bucket holds. */
  readonly burst: number;
  /** Milliseconds for one more token. */
  readonly refillMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** A token bucket for each key. Full buckets are forgotten, so memory is bounded by the keys in recent use. */
export class TokenBuckets {
  readonly #options: TokenBucketOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: TokenBucketOptions) {
    this.#options = options;
  }

  /** Takes a token of `key` if it has more than `reserve`; returns whether it did. */
  take(key: string, reserve = 0): boolean {
    if (this.wait(key, 1, reserve) > 0) return false;
    this.spend(key, 1);
    return true;
  }

  /** ms until `amount` can be taken with `reserve` left; 0 for now. An amount above the burst waits for a full bucket. */
  wait(key: string, amount: number, reserve = 0): number {
    const { burst, refillMs, now } = this.#options;
    const missing = Math.min(burst, amount) + reserve - this.#level(this.#buckets.get(key), now());
    return Math.max(0, Math.ceil(missing * refillMs));
  }

  /** Takes `amount` tokens even if the bucket has fewer: its level goes negative and has to refill first. */
  spend(key: string, amount: number): void {
    const at = this.#options.now();
    const level = this.#level(this.#buckets.get(key), at) - amount;
    this.#forgetFull(at);
    this.#buckets.set(key, { level, at });
  }

  #level(bucket: Bucket | undefined, now: number): number {
    const { burst, refillMs } = this.#options;
    return bucket === undefined ? burst : Math.min(burst, bucket.level + (now - bucket.at) / refillMs);
  }

  /** Looks at the two oldest entries on each call, so that buckets go at least as fast as they come. */
  #forgetFull(now: number): void {
    const oldest = this.#buckets.entries();
    for (let looked = 0; looked < 2; looked += 1) {
      const entry = oldest.next();
      if (entry.done) {
        return;
      }
      const [key, bucket] = entry.value;
      this.#buckets.delete(key);
      if (this.#level(bucket, now) < this.#options.burst) {
        this.#buckets.set(key, bucket);
      }
    }
  }
}

interface Bucket {
  readonly level: number;
  /** When the level was that, in monotonic ms. */
  readonly at: number;
}
