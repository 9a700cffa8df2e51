import { sshKeyId } from "../claims/record.ts";
import type { Settings } from "../config/settings.ts";
import { ApiError } from "../kube/apierror.ts";
import { sleep } from "../kube/sleep.ts";
import { WorkQueue } from "../kube/workqueue.ts";
import { accessChanges } from "../projection/accesschanges.ts";
import { type Answer, isStalled } from "../projection/delivery.ts";
import type { Projection } from "../projection/projection.ts";
import { type ReconcileResult, reconcile, type SecretRequest } from "../projection/reconcile.ts";
import { statusWrite } from "../projection/status.ts";
import type { Target } from "../projection/target.ts";
import type { Announcer } from "./announcer.ts";
import type { DeletionGuard } from "./deletionguard.ts";
import { type Log, logEvent } from "./logevent.ts";
import { type ControllerName, type Metrics, workersFor } from "./metrics.ts";
import { type Requests, SecretWriter } from "./secretwriter.ts";
import type { Sources } from "./sources.ts";
import { StatusWriter } from "./statuswriter.ts";
import { WriteBudget } from "./writebudget.ts";

/** client-go's limit is 1000 s; but what was due in an outage must not wait for minutes when the server is back. */
const RETRY = { initialMs: 5, maxMs: 30_000 };

/** A blocked Secret is requeued after this long, in ms; nothing tells when a policy or a quota has changed. */
const BLOCKED_REQUEUE_MS = 4000;

/** Blocked Secrets cost at most 20 requests a second together, however many of them are asked about at once. */
const BLOCKED_REQUEST_INTERVAL_MS = 55;

/** A target whose reconcile kept the event loop busy for longer than SLOW_RECONCILE_MS is not taken up again for this many times as long. */
const COOLDOWN_FACTOR = 10;
const REMOVAL_COOLDOWN_FACTOR = 4;
const LONGEST_REMOVAL_COOLDOWN_MS = 150;
const SLOW_RECONCILE_MS = 5;

/** While writes are in progress, the Secret of a new SSHKey waits this long, in ms, so that several new keys share one write. */
const BATCH_DELAY_MS = 20;

export interface ControllerOptions {
  readonly projection: Projection;
  readonly sources: Sources;
  readonly deletions: DeletionGuard;
  /** Sends nothing when this instance may not write. */
  readonly requests: Requests;
  readonly settings: Settings;
  readonly announcer: Announcer;
  readonly log: Log;
  readonly metrics: Metrics;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** Reconciles Secrets and statuses with what the projection says, fairly between namespaces. */
export class Controller {
  readonly #o: ControllerOptions;
  /** Ids of targets. */
  readonly secrets: WorkQueue<string>;
  /** Ids of those whose Secret cannot be written until something changes. */
  readonly blocked: WorkQueue<string>;
  /** SSHKeys as namespace/name. */
  readonly statuses: WorkQueue<string>;
  readonly #blockedIds = new Set<string>();
  /** When the next request about a blocked Secret may be made, in monotonic ms. */
  #nextBlockedRequestAt = 0;
  readonly #writer: SecretWriter;
  readonly #statusWriter: StatusWriter;
  readonly #budget = new WriteBudget();
  /** What went wrong in the reconcile of a target that is running. */
  readonly #errors = new Map<string, ApiError>();
  #leads = false;

  constructor(options: ControllerOptions) {
    const { metrics, requests, settings, log } = options;
    this.#o = options;
    const queue = (name: ControllerName) =>
      new WorkQueue<string>({
        namespaceOf,
        backoff: RETRY,
        observer: {
          ...metrics.queueObserver(name),
          failed: (key, err) => {
            metrics.reconciled(name, "error");
            logEvent(log, "UnexpectedError", { key, err });
          },
        },
      });
    this.secrets = queue("secret");
    this.blocked = queue("blocked");
    this.statuses = queue("status");
    this.#writer = new SecretWriter(requests, settings.secrets.installation);
    this.#statusWriter = new StatusWriter(requests);
  }

  /** Secrets that cannot be written as things are. */
  get blockedCount(): number {
    return this.#blockedIds.size;
  }

  /** Seconds since any work ended, while there is some. */
  get secondsSinceProgress(): number {
    return Math.max(this.secrets.secondsSinceProgress, this.statuses.secondsSinceProgress);
  }

  /** Works until the term ends; `signal` gives up what is under way. */
  async run(term: AbortSignal, signal: AbortSignal): Promise<void> {
    const { projection, settings } = this.#o;
    const workers = workersFor(settings.concurrency);
    this.#leads = true;
    projection.beginWriting(this.#o.now());
    for (const { id } of projection.targets()) this.secrets.add(id);
    this.enqueueDue();
    const tick = setInterval(() => this.#tick(), 1000);
    try {
      await Promise.all([
        this.secrets.run((id) => this.#reconcileSecret(id, signal), workers.secret, term),
        this.blocked.run((id) => this.#reconcileBlocked(id, signal), workers.blocked, term),
        this.statuses.run((id) => this.#reconcileStatus(id, signal), workers.status, term),
      ]);
    } finally {
      clearInterval(tick);
      this.#leads = false;
    }
  }

  /** Queues what the projection has found to be due. `isCreation`: more of the same user may follow closely. */
  enqueueDue(isCreation = false): void {
    const { targets, statuses, copies } = this.#o.projection.takeDue();
    // A standby queues nothing: whoever begins to lead goes over everything.
    if (!this.#leads) return;
    for (const secret of copies) this.#o.announcer.copyFound(secret);
    const delay = isCreation && this.#writer.sending > 0 ? BATCH_DELAY_MS : 0;
    for (const [id, urgency] of targets) {
      if (this.#blockedIds.has(id)) this.blocked.add(id, urgency);
      else if (urgency === "removal") this.secrets.add(id, urgency);
      else this.secrets.addAfter(id, delay, urgency);
    }
    for (const { record } of statuses) this.statuses.add(sshKeyId(record));
  }

  /** Queues these targets, whatever is known of them. */
  enqueue(ids: Iterable<string>): void {
    if (this.#leads) for (const id of ids) this.secrets.add(id, "removal");
  }

  #tick(): void {
    const { projection, now } = this.#o;
    projection.advance(now());
    projection.reportPending(now());
    this.enqueueDue();
  }

  /** Whatever happens, the target is requeued if its Secret is not as it should be. */
  async #reconcileSecret(id: string, signal: AbortSignal): Promise<void> {
    // Blocked since it was queued: only one of the two queues works on a target.
    if (this.#blockedIds.has(id)) return this.blocked.add(id);
    const result = await this.#guardedReconcile(id, this.secrets, signal);
    if (result === undefined || signal.aborted) return;
    if (isStalledAfter(result)) {
      this.#blockedIds.add(id);
      this.#requeueBlocked(id, result);
    } else this.#requeue(id, result);
  }

  async #reconcileBlocked(id: string, signal: AbortSignal): Promise<void> {
    if (!this.#blockedIds.has(id)) return this.secrets.add(id);
    let requests = 0;
    const result = await this.#guardedReconcile(id, this.blocked, signal, () => {
      requests += 1;
    });
    if (signal.aborted) return;
    if (result === undefined || !isStalledAfter(result)) {
      this.#blockedIds.delete(id);
      if (result !== undefined) this.#requeue(id, result);
    } else this.#requeueBlocked(id, result);
    const now = performance.now();
    this.#nextBlockedRequestAt =
      Math.max(now, this.#nextBlockedRequestAt) + requests * BLOCKED_REQUEST_INTERVAL_MS;
    await sleep(this.#nextBlockedRequestAt - now, signal);
  }

  #requeueBlocked(id: string, { blocked, isWatched }: BlockedResult): void {
    this.#errors.delete(id);
    const target = this.#o.projection.target(id);
    // Of a key whose SSHKey is gone no status can say that it is still in the Secret.
    if (target !== undefined && (!target.hasSSHKeys || this.#o.projection.linesWithoutSSHKey(target) > 0))
      this.#o.announcer.revocationBlocked(target, blocked.message);
    if (!isWatched) this.blocked.addAfter(id, BLOCKED_REQUEUE_MS);
  }

  #requeue(id: string, result: ReconcileResult): void {
    const { metrics, log, now } = this.#o;
    const error = this.#errors.get(id);
    this.#errors.delete(id);
    switch (result.kind) {
      case "done":
        metrics.reconciled("secret", result.requeueAt === undefined ? "success" : "requeue_after");
        this.secrets.forget(id);
        if (result.requeueAt !== undefined) this.secrets.addAfter(id, Math.max(1, result.requeueAt - now()));
        return;
      case "requeue":
        metrics.reconciled("secret", "requeue_after");
        this.secrets.addAfter(id, result.afterMs);
        return;
      default:
        metrics.reconciled("secret", "error");
        if (error !== undefined && error.code !== "Conflict")
          logEvent(log, "ReconcileFailed", { secret: id, err: error });
        this.secrets.retry(id, error?.retryAfterMs);
    }
  }

  /** Undefined when the target has to stay as it is for now; it is queued again when that is over. */
  async #guardedReconcile(
    id: string,
    queue: WorkQueue<string>,
    signal: AbortSignal,
    onRequest = () => {},
  ): Promise<ReconcileResult | undefined> {
    const { sources, deletions, log, metrics } = this.#o;
    if (!sources.isSynced(namespaceOf(id))) return undefined;
    const waitMs = deletions.waitMs(id);
    if (waitMs > 0) {
      if (waitMs === Number.POSITIVE_INFINITY) return undefined;
      const text =
        "The CRD was recreated less than 5 minutes ago; the Secret is not changed until its SSHKeys are applied again or that time is over.";
      logEvent(log, "DeletionUnconfirmed", { secret: id }, text);
      this.secrets.addAfter(id, waitMs);
      return undefined;
    }
    try {
      return await this.#runReconcile(id, queue, signal, onRequest);
    } catch (error) {
      if (signal.aborted) return undefined;
      metrics.reconciled("secret", "error");
      logEvent(log, "UnexpectedError", { secret: id, err: error });
      this.#blockedIds.delete(id);
      this.secrets.retry(id);
      return undefined;
    } finally {
      this.enqueueDue();
    }
  }

  /** Carries out what `reconcile` decides. */
  async #runReconcile(
    id: string,
    queue: WorkQueue<string>,
    signal: AbortSignal,
    onRequest: () => void,
  ): Promise<ReconcileResult> {
    const { projection, now } = this.#o;
    let busyMs = 0;
    const timed = <T>(work: () => T): T => {
      const started = performance.now();
      const result = work();
      busyMs += performance.now() - started;
      return result;
    };
    const target = projection.target(id);
    target?.noteAnnounced();
    const running = reconcile(projection, id, now, (isRemoval, bytes) =>
      this.#budget.permit(id, namespaceOf(id), isRemoval, bytes),
    );
    let step = timed(() => running.next());
    while (step.done !== true) {
      onRequest();
      const answer = await this.#answer(id, step.value, signal);
      step = timed(() => running.next(answer));
    }
    const { value } = step;
    if (target !== undefined) timed(() => this.#announce(target, value));
    if (busyMs > SLOW_RECONCILE_MS) {
      const rest = COOLDOWN_FACTOR * busyMs;
      queue.hold(
        id,
        rest,
        Math.min(rest, Math.max(LONGEST_REMOVAL_COOLDOWN_MS, REMOVAL_COOLDOWN_FACTOR * busyMs)),
      );
    }
    return value;
  }

  async #answer(id: string, request: SecretRequest, signal: AbortSignal): Promise<Answer> {
    const before = this.#o.projection.target(id)?.live;
    const { answer, error } = await this.#writer.send(request, before, signal);
    if (error !== undefined) this.#errors.set(id, error);
    // What it shows explains the error before it. Nothing else does: what the server failed to write is read as well.
    else if (request.kind === "listMetadata") this.#errors.delete(id);
    return answer;
  }

  /** Says who may log in by the Secret now and could not when that was last said, or the other way round. */
  #announce(target: Target, result: ReconcileResult): void {
    const { announcer, projection } = this.#o;
    const { live, announced = "", isChangedByOthers } = target;
    if (live === undefined || live.ownership === "own") {
      target.announced = live?.file ?? "";
      const changes = accessChanges(target, projection.claims, announced, target.announced);
      announcer.accessChanged(target, changes, isChangedByOthers);
    }
    if (!isChangedByOthers || result.kind !== "done") return;
    announcer.secretRestored(target);
    target.isChangedByOthers = false;
  }

  /** Brings the status of one SSHKey to its verdict, if there is one by now. */
  async #reconcileStatus(id: string, signal: AbortSignal): Promise<void> {
    const { projection, metrics, announcer, log, now } = this.#o;
    const [namespace = "", name = ""] = id.split("/");
    const claim = projection.claims.get(namespace, name);
    const verdict = claim && projection.lastVerdict(claim);
    if (claim === undefined) metrics.forgetChanges(id);
    if (claim === undefined || verdict === undefined) return this.statuses.forget(id);
    const write = statusWrite(claim, verdict, now());
    if (write === undefined) {
      metrics.statusUpToDate(id);
      return this.statuses.forget(id);
    }
    const { record } = claim;
    const pause = this.#budget.permitStatus(id, namespace, record.bytes);
    if (pause > 0) return this.statuses.addAfter(id, pause);
    try {
      const written = await this.#statusWriter.write(record, write.status, signal);
      if (written === "stale") {
        // The watch is about to show what is new.
        this.statuses.retry(id);
        return;
      }
      this.statuses.forget(id);
      if (written === "gone") return;
      projection.statusWritten(record, write.observed, written);
      metrics.statusUpToDate(id);
      metrics.reconciled("status", "success");
      if (write.previousState === verdict.state) return;
      metrics.stateChanged(verdict.state);
      announcer.stateChanged(claim, verdict, write.previousState);
    } catch (error) {
      if (signal.aborted) return;
      metrics.reconciled("status", "error");
      const isExpected = error instanceof ApiError;
      logEvent(log, isExpected ? "ReconcileFailed" : "UnexpectedError", { sshKey: id, err: error });
      this.statuses.retry(id, error instanceof ApiError ? error.retryAfterMs : undefined);
    }
  }
}

type BlockedResult = Extract<ReconcileResult, { kind: "blocked" }>;

function isStalledAfter(result: ReconcileResult): result is BlockedResult {
  return result.kind === "blocked" && isStalled(result.blocked);
}

/** Both kinds of id begin with the namespace. */
function namespaceOf(id: string): string {
  return id.slice(0, id.indexOf("/"));
}
