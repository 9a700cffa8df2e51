import { type Log, logEvent } from "../api/logevent.ts";
import type { AuthorizedKeysRecord } from "../authorizedkeys/record.ts";
import type { Claim } from "../claims/claim.ts";
import { isRefusedElsewhere, type Knowledge, NO_KNOWLEDGE } from "../claims/judgement.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import type { Settings } from "../config/settings.ts";
import { KnowledgeFiles } from "../knowledge/knowledgefiles.ts";
import type { EventRecorder } from "../kube/eventrecorder.ts";
import type { LeaderElector } from "../kube/leaderelection.ts";
import { sleep } from "../kube/sleep.ts";
import type { Reads, Requests, Transport } from "../kube/transport.ts";
import { Projection } from "../projection/projection.ts";
import { Turns } from "../turns.ts";
import { Announcer } from "./announcer.ts";
import { Controller, KUBELET_MS } from "./controller.ts";
import { type DeletionGuard, guardAuthorizedKeys, guardSSHKeys } from "./deletionguard.ts";
import { type Metrics, workersFor } from "./metrics.ts";
import { PodRefresher } from "./podrefresher.ts";
import { Sources } from "./sources.ts";

export interface OperatorOptions {
  readonly transport: Transport;
  readonly settings: Settings;
  readonly recorder: EventRecorder;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Leader election; without it this instance always writes. */
  readonly elector?: LeaderElector;
  /** ms since the epoch; the wall clock by default. */
  readonly now?: () => number;
}

/** The watches of its SSHKeys, Secrets and AuthorizedKeys, and what is asked of the Namespace itself. */
const REQUESTS_PER_NAMESPACE = 4;

/** Connections beside those of workers and watches: for the Lease, Events, the CRD. */
const OTHER_CONNECTIONS = 8;

/**
 * How many connections to the API server it takes that no request ever waits for one: not the renewal of the Lease,
 * however slow the API server is with everything else.
 */
export function connectionsFor({ concurrency, refresh, namespaces = [""] }: Settings): number {
  const { secret, status, blocked, refresh: pages, pod } = workersFor(concurrency);
  const pods = refresh.pods ? pages + pod : 0;
  return secret + status + blocked + pods + REQUESTS_PER_NAMESPACE * namespaces.length + OTHER_CONNECTIONS;
}

/** How long a write that has begun may take after the stop signal, in ms. */
const STOP_GRACE_MS = 2000;

/** With work to do and none done for this long the loop is stuck: every request has a deadline. */
const STUCK_SECONDS = 5 * 60;

const NO_PRIME_PRODUCTS: readonly bigint[] = [];

/** How often what depends on time alone is looked at, in ms. */
const TICK_MS = 1000;

/**
 * The loop: sources fill the projection, the projection says what is dirty, the controller reconciles it. Nothing is
 * written in a namespace before its lists are complete, and only while this instance leads.
 */
export class Operator {
  readonly #o: OperatorOptions;
  readonly #now: () => number;
  readonly #projection: Projection;
  readonly #deletions: DeletionGuard<SSHKeyRecord>;
  readonly #authorizedKeysDeletions: DeletionGuard<AuthorizedKeysRecord>;
  readonly #sources: Sources;
  readonly #controller: Controller;
  readonly #knowledgeFiles: KnowledgeFiles;
  /** What SSHKeys are being judged by. */
  #knowledge = NO_KNOWLEDGE;
  /** May the leader before have had newer lists? */
  #mayBeOutdated = false;
  /** What RSA keys are, or are being, divided by. */
  #primeProducts: readonly bigint[] = NO_PRIME_PRODUCTS;
  #isReady = false;
  /** When time is looked at next, in monotonic ms, unless earlyTick makes it sooner. */
  #tickAt = 0;
  #earlyTick = new AbortController();

  constructor(options: OperatorOptions) {
    const { transport, settings, recorder, log, metrics, now = Date.now } = options;
    this.#o = options;
    this.#now = now;
    this.#projection = new Projection(settings.policy, settings.secrets);
    const onChange = () => {
      this.#tickInTime();
      this.#controller.enqueueDirty();
    };
    const shared = { transport, projection: this.#projection, log, metrics, now, onChange };
    this.#deletions = guardSSHKeys(shared);
    this.#authorizedKeysDeletions = guardAuthorizedKeys(shared);
    this.#sources = new Sources({
      ...shared,
      deletions: this.#deletions,
      authorizedKeysDeletions: this.#authorizedKeysDeletions,
      settings,
      primeProducts: () => this.#knowledge.primeProducts ?? NO_PRIME_PRODUCTS,
    });
    const requests = leaderOnly(transport, options.elector);
    this.#controller = new Controller({
      projection: this.#projection,
      deletions: [this.#deletions, this.#authorizedKeysDeletions],
      requests,
      refresher: settings.refresh.pods ? new PodRefresher({ requests, log, metrics }) : undefined,
      settings,
      announcer: new Announcer(recorder, log),
      log,
      metrics,
      now,
    });
    this.#knowledgeFiles = new KnowledgeFiles({
      settings,
      log,
      metrics: metrics.knowledge,
      onChange: (knowledge) => void this.#judgeAgain(knowledge),
    });
    metrics.registerGauges(this.#projection, this.#controller, settings.concurrency);
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
   * Runs until the signal aborts; writes in flight then have `STOP_GRACE_MS` to finish. Rejects only on an unexpected
   * error (a bug), which ends everything: without one of its parts the process must not run on.
   */
  async run(signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const end = () => ending.abort();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    await this.#knowledgeFiles.load(ending.signal);
    const parts = [
      this.#sources.run(ending.signal),
      this.#deletions.run(ending.signal),
      this.#authorizedKeysDeletions.run(ending.signal),
      this.#leadWhenReady(ending.signal),
      this.#passTime(ending.signal),
      this.#knowledgeFiles.run(ending.signal),
    ];
    for (const part of parts) part.catch(end);
    const results = await Promise.allSettled(parts);
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #leadWhenReady(signal: AbortSignal): Promise<void> {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    // A signal that has aborted before tells nobody.
    if (!signal.aborted) await Promise.race([this.#sources.whenReady(), stopped]);
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
    metrics.setLeading(true);
    logEvent(log, "StartedLeading");
    try {
      await Promise.all([this.#deletions.whenCRDExists(term), this.#authorizedKeysDeletions.askForCRD(term)]);
      this.#projection.advance(this.#now());
      this.#sources.suspendUnexamined();
      const doubt = elector === undefined ? undefined : this.#doubtLists(term);
      await Promise.all([this.#controller.run(term, writing.signal), doubt]);
    } finally {
      term.removeEventListener("abort", giveUp);
      metrics.setLeading(false);
      if (!stop.aborted) logEvent(log, "LeadershipLost");
    }
  }

  /** Keys expire, and what has been out of sync for long becomes `Pending`: each TICK_MS, sooner if a key expires sooner. */
  async #passTime(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#earlyTick = new AbortController();
      const pause = Math.max(0, Math.min(TICK_MS, this.#msToExpiry()));
      this.#tickAt = performance.now() + pause;
      await sleep(pause, AbortSignal.any([signal, this.#earlyTick.signal]));
      this.#projection.advance(this.#now());
      this.#projection.reportPending(this.#now());
      this.#controller.enqueueDirty();
    }
  }

  /** A key that has just come may expire before the next tick. */
  #tickInTime(): void {
    if (performance.now() + this.#msToExpiry() < this.#tickAt) this.#earlyTick.abort();
  }

  #msToExpiry(): number {
    return Math.ceil((this.#projection.claims.nextExpiry() ?? Number.POSITIVE_INFINITY) - this.#now());
  }

  /** Until kubelet has brought to this node what the leader before may have judged by, what that has refused stays refused. */
  async #doubtLists(term: AbortSignal): Promise<void> {
    this.#setMayBeOutdated(true);
    await sleep(KUBELET_MS, term);
    this.#setMayBeOutdated(false);
  }

  #setMayBeOutdated(mayBeOutdated: boolean): void {
    const { claims } = this.#projection;
    const { primeProducts = NO_PRIME_PRODUCTS } = this.#knowledge;
    this.#mayBeOutdated = mayBeOutdated;
    claims.setKnowledge({ ...this.#knowledge, mayBeOutdated });
    const concerned = claims
      .waitingFirst()
      .filter(
        ({ record, findings }) =>
          isRefusedElsewhere(record, findings) || findings.some(({ code }) => code === "ListOutdated"),
      )
      .filter((claim) => !this.#isDoubtful(claim, primeProducts));
    this.#projection.judgeAgain(concerned, this.#now());
    this.#controller.enqueueDirty();
  }

  /** Newer knowledge ends the work on older. */
  async #judgeAgain(knowledge: Knowledge): Promise<void> {
    this.#projection.claims.setKnowledge({ ...knowledge, mayBeOutdated: this.#mayBeOutdated });
    this.#knowledge = knowledge;
    const { primeProducts = NO_PRIME_PRODUCTS } = knowledge;
    await this.#forEachClaim(knowledge, (claim) => {
      if (!this.#isDoubtful(claim, primeProducts)) this.#projection.judgeAgain([claim], this.#now());
    });
    if (this.#knowledge !== knowledge || primeProducts === this.#primeProducts) return;
    await this.#forEachClaim(knowledge, ({ record }) => {
      if (record.key?.type === "ssh-rsa") this.#sources.divideAgain(record);
    });
    if (this.#knowledge === knowledge) this.#primeProducts = primeProducts;
  }

  /**
   * Was it refused for a list that was not here, and is that perhaps one of the primes that it has not been divided by? Then it
   * is judged again once it is.
   */
  #isDoubtful({ record, findings }: Claim, primeProducts: readonly bigint[]): boolean {
    return (
      record.key?.type === "ssh-rsa" &&
      findings.some(({ code }) => code === "ListUnread" || code === "ListOutdated") &&
      (primeProducts !== this.#primeProducts || this.#sources.isUndivided(record))
    );
  }

  /** Lets other work have its turn in between. Ends when something newer is known. */
  async #forEachClaim(knowledge: Knowledge, work: (claim: Claim) => void): Promise<void> {
    const turns = new Turns();
    for (const claim of this.#projection.claims.waitingFirst()) {
      work(claim);
      if (!turns.areOver) continue;
      this.#controller.enqueueDirty();
      await turns.next();
      if (this.#knowledge !== knowledge) return;
    }
    this.#controller.enqueueDirty();
  }
}

/**
 * The only way Secrets, statuses and pods are written. The lease is checked before each request, and again when a connection
 * is there to send it: a process that was paused finds out here that its lease has run out.
 */
function leaderOnly(transport: Transport, elector: LeaderElector | undefined): Requests & Reads {
  const mayBeSent = () => elector?.isLeader() ?? true;
  return {
    request: (call) => transport.request({ ...call, mayBeSent }),
    read: (call, reader) => transport.read({ ...call, mayBeSent }, reader),
  };
}
