import { sshKeyId } from "../claims/record.ts";
import type { Settings } from "../config/settings.ts";
import { ApiError } from "../kube/apierror.ts";
import type { EventRecorder } from "../kube/eventrecorder.ts";
import type { LeaderElector } from "../kube/leaderelection.ts";
import type { Call, Transport } from "../kube/transport.ts";
import { Projection } from "../projection/projection.ts";
import { Announcer } from "./announcer.ts";
import { Controller } from "./controller.ts";
import { Deadline } from "./deadline.ts";
import { DeletionGuard } from "./deletionguard.ts";
import { type Log, logEvent } from "./logevent.ts";
import { type Metrics, workersFor } from "./metrics.ts";
import { RevokedKeys } from "./revokedkeys.ts";
import type { Requests } from "./secretwriter.ts";
import { isInaccessible, Sources } from "./sources.ts";

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

/** Connections beside those of workers and watches: for the Lease, Events, the CRD. */
const OTHER_CONNECTIONS = 8;

/**
 * How many connections to the API server it takes that no request ever waits for one: not the renewal of the Lease,
 * however slow the API server is with everything else.
 */
export function connectionsFor({ concurrency, namespaces = [""] }: Settings): number {
  const { secret, status, blocked } = workersFor(concurrency);
  return secret + status + blocked + 2 * namespaces.length + OTHER_CONNECTIONS;
}

/** How long a write that has begun may take after the stop signal, in ms. */
const STOP_GRACE_MS = 2000;

/** With work to do and none done for this long the loop is stuck: every request has a deadline. */
const STUCK_SECONDS = 5 * 60;

/** SSHKeys judged anew at a time, so that a new list of revoked keys does not hold up the event loop. */
const JUDGED_AT_ONCE = 1000;

/**
 * The loop: sources fill the projection, the projection says what is due, the controller brings it about. Nothing is
 * written in a namespace before its lists are complete, and only while this instance leads.
 */
export class Operator {
  readonly #o: OperatorOptions;
  readonly #now: () => number;
  readonly #projection: Projection;
  readonly #deletions: DeletionGuard;
  readonly #sources: Sources;
  readonly #controller: Controller;
  readonly #expiry: Deadline;
  readonly #settled = Promise.withResolvers<void>();
  readonly #revoked: RevokedKeys | undefined;
  /** The list that SSHKeys are being judged by. */
  #revokedNow: ReadonlySet<string> | undefined;
  #mayWrite: () => boolean = () => false;
  #isReady = false;

  constructor(options: OperatorOptions) {
    const { transport, settings, recorder, log, metrics, now = Date.now } = options;
    this.#o = options;
    this.#now = now;
    this.#projection = new Projection(settings.policy, settings.secrets);
    this.#expiry = new Deadline(now, () => {
      this.#projection.advance(now());
      this.#changed(false);
    });
    this.#deletions = new DeletionGuard({
      transport,
      projection: this.#projection,
      now,
      onReleased: (ids) => this.#controller.enqueue(ids),
      onUnconfirmed: (count, error) => logEvent(log, "DeletionUnconfirmed", { count, error: error?.message }),
      onCRDUnavailable: (error) => this.#crdIsMissing(error),
    });
    this.#sources = new Sources({
      transport,
      projection: this.#projection,
      deletions: this.#deletions,
      settings,
      now,
      onChange: (isCreation) => this.#changed(isCreation),
      onSpec: (record) => {
        if (this.#mayWrite()) metrics.changeObserved(sshKeyId(record));
      },
      onGone: (namespace, name) => metrics.forgetChanges(`${namespace}/${name}`),
      onSynced: (namespace) => this.#synced(namespace),
      onState: (resource, namespace, state) => {
        if (isInaccessible(state)) logEvent(log, "NamespaceInaccessible", { resource, namespace, state });
        this.#settleIfPossible();
      },
      onRestart: (resource, reason, { delayMs, relist, error }) => {
        metrics.watchRestarted(resource, reason);
        const delay = Math.round(delayMs);
        const line = { resource, reason, delayMs: delay, relist, error: error.message };
        logEvent(log, "WatchRestarted", line);
      },
    });
    this.#controller = new Controller({
      projection: this.#projection,
      sources: this.#sources,
      deletions: this.#deletions,
      requests: this.#leaderOnly(transport),
      settings,
      announcer: new Announcer(recorder, log),
      log,
      metrics,
      now,
    });
    this.#revoked = this.#openRevokedKeys();
    metrics.observe(this.#projection, this.#controller, settings.concurrency);
  }

  /** Is every list complete, or known to be out of reach? True on a standby too, and while the API server is away. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Does the loop make progress? Says nothing about the API server. */
  get isHealthy(): boolean {
    return this.#controller.secondsSinceProgress < STUCK_SECONDS;
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
    await this.#revoked?.load();
    const parts = [
      this.#sources.run(ending.signal),
      this.#deletions.run(ending.signal),
      this.#leadWhenSettled(ending.signal),
      ...(this.#revoked === undefined ? [] : [this.#revoked.run(ending.signal)]),
    ];
    for (const part of parts) part.catch(end);
    const results = await Promise.allSettled(parts);
    this.#expiry.set(undefined);
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #leadWhenSettled(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#settled.resolve(), { once: true });
    await this.#settled.promise;
    if (signal.aborted) return;
    this.#isReady = true;
    const { elector, log } = this.#o;
    logEvent(log, "Synced");
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
    metrics.setLeading(true);
    logEvent(log, "StartedLeading");
    try {
      await this.#deletions.whenCRDExists(term);
      this.#projection.advance(this.#now());
      await this.#controller.run(term, writing.signal);
    } finally {
      term.removeEventListener("abort", giveUp);
      this.#mayWrite = () => false;
      metrics.setLeading(false);
      metrics.forgetChanges();
      if (!stop.aborted) logEvent(log, "LeadershipLost");
    }
  }

  #changed(isCreation: boolean): void {
    this.#controller.enqueueDue(isCreation);
    this.#expiry.set(this.#projection.claims.nextExpiry());
  }

  #synced(namespace: string | undefined): void {
    const inScope = namespace === undefined ? () => true : (id: string) => id.startsWith(`${namespace}/`);
    this.#controller.enqueue([...this.#projection.targets()].map(({ id }) => id).filter(inScope));
    this.#settleIfPossible();
  }

  #settleIfPossible(): void {
    if (!this.#sources.isSettled) return;
    this.#settled.resolve();
  }

  #crdIsMissing(error: ApiError | undefined): void {
    const { log } = this.#o;
    if (error !== undefined) logEvent(log, "CRDUnknown", { error: error.message });
    else logEvent(log, "CRDMissing");
  }

  /**
   * The only road by which Secrets and statuses are written. It is asked before each request, and again when a
   * connection is there to send it, whether this instance may write: a process that was paused finds out here that its
   * lease has run out, before it does anything else.
   */
  #leaderOnly(transport: Transport): Requests {
    const mayBeSent = () => this.#mayWrite();
    return {
      async request<T>(call: Call): Promise<T> {
        if (mayBeSent()) return await transport.request<T>({ ...call, mayBeSent });
        throw new ApiError({
          code: "Aborted",
          message: `${call.method} ${call.path}: not the leader any more`,
        });
      },
    };
  }

  #openRevokedKeys(): RevokedKeys | undefined {
    const { settings, log } = this.#o;
    if (settings.revokedKeys === undefined) return undefined;
    const file = settings.revokedKeys;
    return new RevokedKeys({
      file,
      onChange: (fingerprints) => void this.#judgeAgain(fingerprints),
      onProblem: (problem, line) => logEvent(log, "RevokedKeysUnreadable", { file, problem, line }),
    });
  }

  /** In portions, the event loop has its turn in between. A newer list ends the work on an older one. */
  async #judgeAgain(revoked: ReadonlySet<string>): Promise<void> {
    const { claims } = this.#projection;
    claims.setKnowledge({ revoked });
    this.#revokedNow = revoked;
    const all = [...claims.all()];
    for (let from = 0; from < all.length && this.#revokedNow === revoked; from += JUDGED_AT_ONCE) {
      this.#projection.judgeAgain(all.slice(from, from + JUDGED_AT_ONCE), this.#now());
      this.#changed(false);
      await new Promise(setImmediate);
    }
    logEvent(this.#o.log, "RevokedKeysRead", { count: revoked.size });
  }
}
