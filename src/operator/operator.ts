import type { Affected } from "../keyring/affected.ts";
import { Keyring } from "../keyring/keyring.ts";
import type { KeyRecord } from "../keyring/record.ts";
import { ApiError } from "../kube/apierror.ts";
import { Backoff } from "../kube/backoff.ts";
import type { EventRecorder } from "../kube/eventrecorder.ts";
import type { LeaderElector } from "../kube/lease.ts";
import { sleep } from "../kube/sleep.ts";
import type { Transport } from "../kube/transport.ts";
import { WorkQueue } from "../kube/workqueue.ts";
import { Caches } from "./caches.ts";
import { CRDGuard, type Installation } from "./crdguard.ts";
import { Deadline } from "./deadline.ts";
import { LeaderTransport } from "./leadertransport.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { Reconciler, STATUSES_AT_ONCE, type StatusWritten } from "./reconciler.ts";
import { SecretWriter } from "./secretwriter.ts";
import type { Settings } from "./settings.ts";
import { announce } from "./statechange.ts";
import { StatusWriter } from "./statuswriter.ts";

export interface OperatorOptions {
  readonly transport: Transport;
  readonly settings: Settings;
  readonly recorder: EventRecorder;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Whose turn it is to write; without it this instance always writes. */
  readonly elector?: LeaderElector;
  /** ms since the epoch; the wall clock by default. */
  readonly now?: () => number;
}

/** Connections for what is not the work on a unit: the Lease, Events, the CRD, absences. */
const OTHER_CONNECTIONS = 12;

/**
 * How many connections to the API server it takes that no request ever waits for one: not the renewal of the Lease,
 * however slow the API server is with the statuses of others.
 */
export function connectionsFor({ concurrency, namespaces = [""] }: Settings): number {
  return concurrency * STATUSES_AT_ONCE + 2 * namespaces.length + OTHER_CONNECTIONS;
}

/** How long a write that has begun may take after the stop signal, in ms. */
const STOP_GRACE_MS = 2000;

/** client-go's limit is 1000 s; but what was due in an outage must not wait for minutes when the server is back. */
const RETRY = { initialMs: 5, maxMs: 30_000 };

/**
 * How long the user of a new SSHKey waits for more of them while Secrets of others are written, in ms: a bulk load of
 * five keys a user takes 1.3 Secret writes a user with it, 1.9 without. On an idle cluster nobody waits, nor does a
 * revocation.
 */
const GATHER_MS = 20;

/** A pass over a unit that takes longer than this is stuck: every request has a deadline, so none does. */
const STUCK_SECONDS = 5 * 60;

/**
 * The loop: reflectors fill the keyring, the keyring says which units are affected, workers bring each one to its
 * plan. Nothing is written before every cache is complete, and only while this instance leads.
 */
export class Operator {
  readonly #o: OperatorOptions;
  readonly #now: () => number;
  readonly #keyring: Keyring;
  readonly #queue: WorkQueue<string>;
  readonly #reconciler: Reconciler;
  readonly #expiry: Deadline;
  readonly #caches: Caches;
  readonly #guard: CRDGuard;
  /** When SSHKeys were seen to change that have no status for it yet, by namespace/name, in monotonic ms. */
  readonly #changedAt = new Map<string, number>();
  /** Units whose every key has had its SSHKey since this instance began to write. */
  readonly #accounted = new Set<string>();
  /** Of the CRD, when this instance began to write. */
  #installation: Installation | undefined;
  #leads = false;
  #mayWrite: () => boolean = () => false;
  #ready = false;

  constructor(options: OperatorOptions) {
    const { transport, settings, log, metrics } = options;
    this.#o = options;
    this.#now = options.now ?? Date.now;
    this.#keyring = new Keyring(settings.policy, settings.secretPrefix);
    this.#queue = new WorkQueue<string>({ backoff: RETRY, observer: metrics.queueObserver() });
    metrics.observe(this.#keyring, this.#queue, settings.concurrency);
    this.#expiry = new Deadline(this.#now, () => this.#enqueue(this.#keyring.advance(this.#now())));
    this.#guard = new CRDGuard(transport);
    const writer = new LeaderTransport(transport, () => this.#mayWrite());
    const secrets = new SecretWriter(writer);
    this.#caches = new Caches({
      transport,
      keyring: this.#keyring,
      guard: this.#guard,
      settings,
      log,
      metrics,
      now: this.#now,
      onAffected: (affected) => this.#enqueue(affected),
      onCreated: (affected) => this.#enqueue(affected, secrets.sending > 0 ? GATHER_MS : 0),
      onKeyChanged: (record) => this.#keyChanged(record),
      onKeyDeleted: (namespace, name) => this.#changedAt.delete(`${namespace}/${name}`),
    });
    this.#reconciler = new Reconciler({
      keyring: this.#keyring,
      secrets,
      statuses: new StatusWriter(writer),
      secretRetention: settings.secretRetention,
      now: this.#now,
      onAffected: (affected) => this.#enqueue(affected),
      onStatusWritten: (written) => this.#statusWritten(written),
    });
  }

  /** Are the caches complete? True on a standby too, and while the API server is out of reach. */
  get isReady(): boolean {
    return this.#ready;
  }

  /** Does the loop make progress? Says nothing about the API server. */
  get isHealthy(): boolean {
    return Math.max(...this.#queue.workingSeconds) < STUCK_SECONDS; // -Infinity when there is none
  }

  /**
   * Runs until the signal aborts; what is being written then has `STOP_GRACE_MS` to finish. Rejects only with a
   * defect, which ends everything: a loop that goes on without one of its parts would lie.
   */
  async run(signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const end = () => ending.abort();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    const parts = [this.#caches.run(ending.signal), this.#leadWhenSynced(ending.signal)];
    for (const part of parts) part.catch(end);
    const results = await Promise.allSettled(parts);
    this.#expiry.set(undefined);
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #leadWhenSynced(signal: AbortSignal): Promise<void> {
    try {
      await this.#caches.whenSynced();
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    this.#ready = true;
    const { elector, log } = this.#o;
    log.info({ event: "Synced" }, "Every cache is complete.");
    if (elector === undefined) await this.#lead(signal, signal);
    else await elector.run(signal, (term) => this.#lead(term, signal));
  }

  /**
   * Writes while the term lasts. When it ends because the process is told to stop, what has begun may finish: the
   * lease is good for longer than that. When the lease was lost, everything is given up at once.
   */
  async #lead(term: AbortSignal, stop: AbortSignal): Promise<void> {
    const writing = new AbortController();
    const { elector, log, metrics } = this.#o;
    const giveUp = () => {
      if (stop.aborted) setTimeout(() => writing.abort(), STOP_GRACE_MS).unref();
      else writing.abort();
    };
    term.addEventListener("abort", giveUp, { once: true });
    this.#mayWrite = () => !writing.signal.aborted && (elector === undefined || elector.isLeader());
    this.#leads = true;
    metrics.isLeading(true);
    log.info({ event: "Leading" }, "This instance writes.");
    try {
      await this.#whenCRDStands(term);
      for (const { id } of this.#keyring.units()) this.#queue.add(id);
      await this.#queue.run((id) => this.#process(id, writing.signal), this.#o.settings.concurrency, term);
    } finally {
      term.removeEventListener("abort", giveUp);
      this.#mayWrite = () => false;
      this.#leads = false;
      this.#changedAt.clear();
      metrics.isLeading(false);
      if (!stop.aborted)
        log.warn({ event: "LeadershipLost" }, "Another instance may write; this one stands by.");
    }
  }

  /** A list that was read while the CRD is being deleted may lack SSHKeys. */
  async #whenCRDStands(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 500, maxMs: 10_000 });
    while (!signal.aborted) {
      try {
        this.#installation = await this.#guard.installation(signal);
        this.#accounted.clear();
        if (this.#installation !== undefined) return;
        this.#o.log.warn({ event: "CRDMissing" }, "The CRD is being deleted or missing; nothing is written.");
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.#o.log.warn({ event: "CRDUnknown", error: error.message }, "Will be tried again.");
      }
      await sleep(backoff.next(), signal);
    }
  }

  #enqueue(affected: Affected, delayMs = 0): void {
    // A standby queues nothing: whoever begins to lead goes over every unit.
    if (this.#leads) {
      for (const [id, when] of affected) this.#queue.addAfter(id, delayMs, when === "soon" ? "high" : "low");
    }
    this.#expiry.set(this.#keyring.nextExpiry());
  }

  #keyChanged({ namespace, name }: KeyRecord): void {
    if (this.#mayWrite()) this.#changedAt.set(`${namespace}/${name}`, performance.now());
  }

  #statusWritten(written: StatusWritten): void {
    const { record, verdict, previousState } = written;
    const id = `${record.namespace}/${record.name}`;
    const since = this.#changedAt.get(id);
    if (since !== undefined) this.#o.metrics.projected((performance.now() - since) / 1000);
    this.#changedAt.delete(id);
    if (previousState === verdict.state) return;
    this.#o.metrics.stateChanged(verdict.state);
    announce(written, this.#o.recorder, this.#o.log);
  }

  /**
   * How long, in ms, a unit stays as it is because the CRD was installed anew before the operator started, and its
   * Secret holds keys whose SSHKeys may be about to be applied again; 0 for not at all.
   */
  #doubtLasts(id: string): number {
    const { at, graceEnds } = this.#installation ?? { at: 0, graceEnds: 0 };
    const lasts = Math.max(0, graceEnds - this.#now());
    if (lasts === 0) this.#accounted.clear();
    else if (!this.#keyring.isUnaccounted(id, at)) this.#accounted.add(id);
    return lasts > 0 && !this.#accounted.has(id) ? lasts : 0;
  }

  /** One pass over a unit. Whatever happens, the unit comes up again if it is not at its plan. */
  async #process(id: string, signal: AbortSignal): Promise<void> {
    const { metrics, log } = this.#o;
    const doubtLasts = this.#doubtLasts(id);
    if (doubtLasts > 0) {
      log.warn(
        { event: "AbsenceInDoubt", secret: id },
        "The CRD was installed anew; the Secret stays as it is.",
      );
      this.#queue.addAfter(id, doubtLasts);
      return;
    }
    try {
      const { againAfter } = await this.#reconciler.reconcile(id, signal);
      metrics.reconciled(againAfter === undefined ? "success" : "requeue_after");
      this.#queue.forget(id);
      if (againAfter !== undefined) this.#queue.addAfter(id, againAfter);
    } catch (error) {
      if (signal.aborted) return;
      metrics.reconciled("error");
      const isExpected = error instanceof ApiError;
      const line = { event: "ReconcileFailed", secret: id, error: isExpected ? error.message : error };
      if (isExpected) this.#o.log.warn(line, "Will be tried again.");
      else this.#o.log.error(line, "Unexpected; will be tried again.");
      this.#queue.retry(id, isExpected ? error.retryAfterMs : undefined);
    }
  }
}
