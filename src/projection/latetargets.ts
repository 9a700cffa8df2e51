import { haveSameLines } from "./files.ts";
import type { DesiredSecret } from "./secret.ts";
import type { Target } from "./target.ts";

/** A Secret that is written within this time, in ms, makes no SSHKey `Pending`: its next status says how it ended. */
const LATE_AFTER_MS = 5000;

/** Taken at a time, so that the event loop is not held up. */
const BATCH_SIZE = 500;

/** Which Secrets are not what they should be, and for how long. */
export class LateTargets {
  /** Those out of sync, longest first, until they were taken. */
  readonly #outOfSync = new Set<Target>();

  /** Compares the Secret with what it should be now, in ms since the epoch. */
  note(target: Target, { files, isOptional }: DesiredSecret, now: number): void {
    const isThere = isOptional || target.live !== undefined;
    if (isThere && haveSameLines(files, target.live?.files ?? new Map())) {
      target.outOfSyncSince = undefined;
      this.#outOfSync.delete(target);
    } else if (target.outOfSyncSince === undefined) {
      target.outOfSyncSince = now;
      this.#outOfSync.delete(target);
      this.#outOfSync.add(target);
    }
  }

  isLate({ outOfSyncSince }: Target, now: number): boolean {
    return now - (outOfSyncSince ?? now) >= LATE_AFTER_MS;
  }

  /** Those that have become late, once each and a batch at a time. */
  *take(now: number): Generator<Target> {
    let taken = 0;
    for (const target of this.#outOfSync) {
      if (!this.isLate(target, now) || taken >= BATCH_SIZE) return;
      taken += 1;
      this.#outOfSync.delete(target);
      yield target;
    }
  }

  forget(target: Target): void {
    this.#outOfSync.delete(target);
  }

  /** Whoever writes from now on compares anew. */
  clear(): void {
    this.#outOfSync.clear();
  }
}
