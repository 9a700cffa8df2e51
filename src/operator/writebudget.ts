import { TokenBuckets } from "../kube/tokenbuckets.ts";
import type { Wait } from "../projection/reconcile.ts";

/** Writes of one Secret: three at once, then three a second. The last one is kept for a removal. */
const WRITES = { burst: 3, refillMs: 1000 / 3 };

/** Writes of one status: two installations, or whoever else writes it again and again, make no fight without limit. */
const STATUS_WRITES = { burst: 5, refillMs: 1000 / 3 };

/** Bytes that the changes of one namespace may write: for writes that add or change lines, and for removals. */
const ADDED_BYTES = { burst: 32 * 2 ** 20, refillMs: 1000 / (256 * 2 ** 10) };
const REMOVED_BYTES = { burst: 128 * 2 ** 20, refillMs: 1000 / 2 ** 20 };

/** Bytes of objects whose status is written because of one namespace: each write stores the whole object again. */
const STATUS_BYTES = { burst: 128 * 2 ** 20, refillMs: 1000 / 2 ** 20 };

/**
 * Rate limits for writes: each Secret has a rate of requests, each namespace a rate of bytes, so that whoever causes
 * writes pays for them. What exceeds one waits, and joins the next write of that Secret; nobody waits for another
 * namespace's budget.
 */
export class WriteBudget {
  readonly #writes: TokenBuckets;
  readonly #statuses: TokenBuckets;
  readonly #statusBytes: TokenBuckets;
  readonly #added: TokenBuckets;
  readonly #removed: TokenBuckets;

  /** `now` in monotonic ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#writes = new TokenBuckets({ ...WRITES, now });
    this.#statuses = new TokenBuckets({ ...STATUS_WRITES, now });
    this.#statusBytes = new TokenBuckets({ ...STATUS_BYTES, now });
    this.#added = new TokenBuckets({ ...ADDED_BYTES, now });
    this.#removed = new TokenBuckets({ ...REMOVED_BYTES, now });
  }

  /**
   * May so many bytes be written to the Secret now? If so, they count as written by one of the namespaces that have caused
   * it: the first that can pay, so that nobody waits for another one's budget.
   */
  take(targetId: string, causes: readonly string[], isRemoval: boolean, bytes: number): Wait | undefined {
    const budget = isRemoval ? this.#removed : this.#added;
    const pause = this.#writes.wait(targetId, 1, isRemoval ? 0 : 1);
    const waits = causes.map((namespace) => budget.wait(namespace, bytes));
    const saving = Math.min(...waits);
    const payer = causes[waits.indexOf(saving)] ?? "";
    if (Math.max(pause, saving) > 0) {
      const reason =
        saving > 0
          ? `Writes that namespace ${payer} causes are rate limited (bytes per second); the Secret is written as soon as the budget has refilled.`
          : "Writes of this Secret are rate limited (3 per second); it is written within about a second.";
      return { ms: Math.max(pause, saving), reason };
    }
    this.#writes.spend(targetId, 1);
    budget.spend(payer, bytes);
    return undefined;
  }

  /**
   * ms until the status of an object of so many bytes in the namespace may be written; 0 for now, and then it counts as
   * written.
   */
  takeStatus(id: string, namespace: string, bytes: number): number {
    const pause = Math.max(this.#statuses.wait(id, 1), this.#statusBytes.wait(namespace, bytes));
    if (pause > 0) return pause;
    this.#statuses.spend(id, 1);
    this.#statusBytes.spend(namespace, bytes);
    return 0;
  }
}
