import type { KubeObject } from "../api/object.ts";
import { formatMicroTime } from "../api/time.ts";
import { isApiError } from "./apierror.ts";
import { sleep } from "./sleep.ts";
import type { Requests } from "./transport.ts";

export interface LeaderElectorOptions {
  readonly transport: Requests;
  readonly namespace: string;
  /** Name of the Lease. */
  readonly name: string;
  /** Unique for each process: the pod's name and something random. */
  readonly identity: string;
  /** How long a standby waits after the last renewal it saw; default 15 s. */
  readonly leaseDurationMs?: number;
  /** How long the leader keeps leading when it cannot renew the Lease; default 10 s, less than leaseDurationMs. */
  readonly renewDeadlineMs?: number;
  /** Between two renewals; default 2 s. A candidate tries twice as often, so that a released Lease is taken at once. */
  readonly retryPeriodMs?: number;
  /** Called when the leader changes, with its identity; empty when the Lease was released. */
  readonly onNewLeader?: (identity: string) => void;
  /** Called after every failed attempt to read or write the Lease. */
  readonly onError?: (error: unknown) => void;
  /** Monotonic milliseconds that go on while the process is stopped. */
  readonly now?: () => number;
}

/** client-go's JitterFactor, for which the renew deadline has to leave room. */
const JITTER = 1.2;

/** So that candidates that lost the same race do not meet again. */
const CANDIDATE_JITTER = 0.2;

/** A process that is stopping has seconds only: for all attempts to release the Lease, for one, and between two. */
const RELEASE_LIMIT_MS = 1500;
const RELEASE_ATTEMPT_MS = 700;
const RELEASE_PAUSE_MS = 250;

/**
 * Leader election on a coordination.k8s.io/v1 Lease. At most one candidate's `isLeader` is true at a time as long as
 * clocks run at about the same rate; what time it is on each machine does not matter.
 */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  readonly #now: () => number;
  /** The Lease as last read or written, and when that version was first seen. */
  #seen: { lease: Lease; at: number } | undefined;
  /** Did the last write of the Lease get no response? It may have succeeded all the same. */
  #isInDoubt = false;
  /** The start of the last successful renewal: the others count from a later moment. */
  #renewedAt = Number.NEGATIVE_INFINITY;

  /** Throws a RangeError when the times do not leave a leader room to stop before the next one starts. */
  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2000;
    this.#now = options.now ?? (() => performance.now());
    if (
      this.#leaseDurationMs <= this.#renewDeadlineMs ||
      this.#renewDeadlineMs <= this.#retryPeriodMs * JITTER
    ) {
      throw new RangeError("leader election: leaseDuration > renewDeadline > 1.2 × retryPeriod must hold");
    }
  }

  /**
   * True while writes are allowed, by the clock and not by a timer: right also just after the process was paused. A
   * term that ends because the signal of `run` aborts may finish its work: this stays true until the Lease is released
   * or the renewal is too long ago.
   */
  isLeader(): boolean {
    return this.#now() < this.#renewedAt + this.#renewDeadlineMs;
  }

  /**
   * Takes part in the election until `signal` aborts. Each time it becomes the leader it calls `onStartedLeading`, whose
   * signal aborts when leadership is lost or `signal` aborts; it takes part again only when `onStartedLeading` has settled.
   * When `onStartedLeading` settles, or `signal` aborts, the Lease is released. Rejects with what `onStartedLeading`
   * rejects with while it leads.
   */
  async run(
    signal: AbortSignal,
    onStartedLeading: (termSignal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    try {
      while (!signal.aborted) {
        if (await this.#tryAcquireOrRenew(signal)) {
          await this.#term(signal, onStartedLeading);
        }
        await sleep((this.#retryPeriodMs / 2) * (1 + Math.random() * CANDIDATE_JITTER), signal);
      }
    } finally {
      // Without a term too: an aborted attempt may have taken the Lease.
      await this.#release();
    }
  }

  async #term(
    signal: AbortSignal,
    onStartedLeading: (termSignal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const term = new AbortController();
    const end = () => term.abort();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) {
      end();
    }
    const renewing = this.#renew(term);
    try {
      await onStartedLeading(term.signal);
    } finally {
      signal.removeEventListener("abort", end);
      term.abort();
      await renewing;
      this.#renewedAt = Number.NEGATIVE_INFINITY;
      if (!signal.aborted) {
        await this.#release();
      }
    }
  }

  /** Renews until the term ends, and ends it when the deadline passes or another candidate holds the Lease. */
  async #renew(term: AbortController): Promise<void> {
    while (!term.signal.aborted && this.isLeader() && !this.#heldByOther()) {
      const left = this.#renewedAt + this.#renewDeadlineMs - this.#now();
      // Fires when an attempt hangs; without it the end of the term would wait for that.
      const deadline = setTimeout(() => term.abort(), left);
      await sleep(Math.min(this.#retryPeriodMs, left), term.signal);
      if (!term.signal.aborted && this.isLeader()) {
        await this.#tryAcquireOrRenew(term.signal);
      }
      clearTimeout(deadline);
    }
    if (this.#heldByOther()) {
      this.#renewedAt = Number.NEGATIVE_INFINITY;
    }
    term.abort();
  }

  /** One attempt to acquire or renew the Lease; true when it is held now. */
  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    try {
      const lease = this.#mine() ? this.#seen?.lease : await this.#read(signal);
      return await this.#hold(lease, signal);
    } catch (error) {
      if (isApiError(error, "Conflict", "AlreadyExists", "NotFound"))
        return await this.#retryAfterConflict(signal);
      this.#failed(error, signal);
      return false;
    }
  }

  /**
   * After a conflict (another client wrote or deleted the Lease, or our own earlier write succeeded and its response was
   * lost): reads the Lease and tries once more, at once, because a leader has no time to wait for the next period.
   */
  async #retryAfterConflict(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#hold(await this.#read(signal), signal);
    } catch (error) {
      this.#failed(error, signal);
      return false;
    }
  }

  async #hold(lease: Lease | undefined, signal: AbortSignal): Promise<boolean> {
    if (this.#heldByOther()) return false;
    const started = this.#now();
    await this.#write(heldBy(this.#options.identity, this.#leaseDurationMs, lease), lease, {
      signal,
      deadlineMs: this.#attemptLimitMs,
    });
    this.#renewedAt = started;
    return true;
  }

  #failed(error: unknown, signal: AbortSignal): void {
    if (!signal.aborted) this.#options.onError?.(error);
  }

  async #read(signal: AbortSignal, deadlineMs = this.#attemptLimitMs): Promise<Lease | undefined> {
    try {
      const lease = await this.#options.transport.request<Lease>({
        method: "GET",
        path: `${this.#collection}/${this.#options.name}`,
        signal,
        deadlineMs,
      });
      this.#see(lease);
      return lease;
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
      this.#seen = undefined;
      this.#isInDoubt = false;
      return undefined;
    }
  }

  async #write(
    spec: Lease["spec"],
    before: Lease | undefined,
    limits: { readonly signal: AbortSignal; readonly deadlineMs: number },
  ): Promise<void> {
    const { transport, namespace, name } = this.#options;
    const metadata = before?.metadata ?? { namespace, name };
    this.#isInDoubt = true;
    const written = await transport.request<Lease>({
      method: before === undefined ? "POST" : "PUT",
      path: before === undefined ? this.#collection : `${this.#collection}/${name}`,
      body: { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec },
      ...limits,
    });
    this.#see(written);
  }

  /** Releases the Lease, so that another candidate can take it at once. One that cannot be released expires. */
  async #release(): Promise<void> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), RELEASE_LIMIT_MS);
    const { signal } = limit;
    while ((this.#mine() || this.#isInDoubt) && !signal.aborted) {
      try {
        await this.#releaseOnce({ signal, deadlineMs: RELEASE_ATTEMPT_MS });
      } catch (error) {
        this.#options.onError?.(error);
        const retryAfterMs = isApiError(error) ? error.retryAfterMs : undefined;
        await sleep(Math.max(RELEASE_PAUSE_MS, retryAfterMs ?? 0), signal);
      }
    }
    clearTimeout(timer);
  }

  async #releaseOnce(limits: { readonly signal: AbortSignal; readonly deadlineMs: number }): Promise<void> {
    const lease = this.#isInDoubt ? await this.#read(limits.signal, limits.deadlineMs) : this.#seen?.lease;
    if (lease !== undefined && this.#mine()) await this.#write(released(lease), lease, limits);
  }

  #see(lease: Lease): void {
    this.#isInDoubt = false;
    const before = this.#seen?.lease;
    if (before?.metadata.resourceVersion !== lease.metadata.resourceVersion) {
      this.#seen = { lease, at: this.#now() };
    }
    const holder = lease.spec?.holderIdentity ?? "";
    if (before === undefined || (before.spec?.holderIdentity ?? "") !== holder) {
      this.#options.onNewLeader?.(holder);
    }
  }

  #mine(): boolean {
    return this.#seen?.lease.spec?.holderIdentity === this.#options.identity;
  }

  /** True while another candidate's Lease has not expired, counted from when its last renewal was seen here. */
  #heldByOther(): boolean {
    const spec = this.#seen?.lease.spec;
    if (this.#seen === undefined || !spec?.holderIdentity || this.#mine()) {
      return false;
    }
    const durationMs = (spec.leaseDurationSeconds ?? 0) * 1000 || this.#leaseDurationMs;
    return this.#now() < this.#seen.at + durationMs;
  }

  get #collection(): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.#options.namespace}/leases`;
  }

  /** Short enough for a second attempt before the deadline. */
  get #attemptLimitMs(): number {
    return this.#renewDeadlineMs / 2;
  }
}

/** coordination.k8s.io/v1 Lease, as far as leader election uses it. */
interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number | null;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
    readonly leaseTransitions?: number | null;
  };
}

/** The spec with which `identity` acquires or renews the Lease. */
function heldBy(identity: string, durationMs: number, before: Lease | undefined): NonNullable<Lease["spec"]> {
  const now = formatMicroTime(Date.now());
  const held = before?.spec?.holderIdentity === identity;
  const transitions = before?.spec?.leaseTransitions ?? 0;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: (held ? before?.spec?.acquireTime : undefined) ?? now,
    renewTime: now,
    leaseTransitions: before === undefined || held ? transitions : transitions + 1,
  };
}

/** The spec of a released Lease, as client-go writes it. */
function released(before: Lease): NonNullable<Lease["spec"]> {
  const now = formatMicroTime(Date.now());
  return {
    holderIdentity: "",
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: before.spec?.leaseTransitions ?? 0,
  };
}
