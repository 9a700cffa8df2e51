import { logEvent } from "../api/logevent.ts";
import { namespacedName, namespaceOf } from "../api/object.ts";
import type { ApiError } from "../kube/apierror.ts";
import { sleep } from "../kube/sleep.ts";
import { WorkQueue } from "../kube/workqueue.ts";
import { isStalled } from "../projection/delivery.ts";
import { type ReconcileResult, reconcile } from "../projection/reconcile.ts";
import type { Target } from "../projection/target.ts";
import type { Deletable, DeletionGuard } from "./deletionguard.ts";
import { type ControllerName, workersFor } from "./metrics.ts";
import type { PodRefresher } from "./podrefresher.ts";
import { SecretWriter } from "./secretwriter.ts";
import {
  authorizedKeysStatusId,
  StatusReconciler,
  type StatusReconcilerOptions,
} from "./statusreconciler.ts";
import { WriteBudget } from "./writebudget.ts";

export interface ControllerOptions extends StatusReconcilerOptions {
  /** Each may make a target wait. */
  readonly deletions: readonly Pick<DeletionGuard<Deletable>, "waitMs">[];
  /** Undefined where pods are not refreshed. */
  readonly refresher: PodRefresher | undefined;
}

/** Reconciles Secrets and statuses with what the projection says, fairly between namespaces. */
export class Controller {
  readonly #o: ControllerOptions;
  /** Ids of targets. */
  readonly secrets: WorkQueue<string>;
  /** Ids of those whose Secret cannot be written until something changes. */
  readonly blocked: WorkQueue<string>;
  /** SSHKeys as namespace/name, AuthorizedKeys as authorizedKeysStatusId has it. */
  readonly statuses: WorkQueue<string>;
  readonly #blockedIds = new Set<string>();
  /** When the next request about a blocked Secret may be made, in monotonic ms. */
  #nextBlockedRequestAt = 0;
  readonly #writer: SecretWriter;
  readonly #statusReconciler: StatusReconciler;
  readonly #budget = new WriteBudget();
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
            logEvent(log, "UnexpectedError", { [name === "status" ? "sshKey" : "secret"]: key, err });
          },
        },
      });
    this.secrets = queue("secret");
    this.blocked = queue("blocked");
    this.statuses = queue("status");
    this.#writer = new SecretWriter(requests, settings.secrets.installation);
    this.#statusReconciler = new StatusReconciler(options, this.statuses, this.#budget);
  }

  get refresher(): PodRefresher | undefined {
    return this.#o.refresher;
  }

  /** Secrets that cannot be written until something changes. */
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
    this.enqueueDirty();
    try {
      await Promise.all([
        this.secrets.run((id) => this.#reconcileSecret(id, signal), workers.secret, term),
        this.blocked.run((id) => this.#reconcileBlocked(id, signal), workers.blocked, term),
        this.statuses.run((id) => this.#statusReconciler.reconcile(id, signal), workers.status, term),
        this.#o.refresher?.run(this.#lately(), term, signal),
      ]);
    } finally {
      this.#leads = false;
    }
  }

  /** The Secrets that were written before this term, so lately that kubelet need not have seen it. */
  *#lately(): Iterable<Target> {
    const since = this.#o.now() - KUBELET_MS;
    for (const target of this.#o.projection.targets())
      if ((target.live?.writtenAt ?? 0) > since && target.live?.ownership === "managed") yield target;
  }

  /** Enqueues what the projection has marked dirty. */
  enqueueDirty(): void {
    const { targets, statuses, authorizedKeys, copies, malformedConsents } = this.#o.projection.takeDirty();
    // A standby queues nothing: whoever begins to lead goes over everything.
    if (!this.#leads) {
      this.#o.projection.forgetVanished(targets.keys());
      return;
    }
    for (const secret of copies) this.#o.announcer.copyFound(secret);
    for (const consent of malformedConsents) this.#o.announcer.consentMalformed(consent);
    const isWriting = this.#writer.inFlight > 0;
    for (const [id, urgency] of targets) {
      const queue = this.#blockedIds.has(id) ? this.blocked : this.secrets;
      if (urgency === "removal") queue.add(id, "removal");
      else if (urgency === "creation" && isWriting) queue.addAfter(id, BATCH_DELAY_MS);
      else queue.add(id);
    }
    for (const { record } of statuses) this.statuses.add(namespacedName(record));
    for (const id of authorizedKeys) this.statuses.add(authorizedKeysStatusId(id));
  }

  /** Whatever happens, the target is requeued if its Secret is not as it should be. */
  async #reconcileSecret(id: string, signal: AbortSignal): Promise<void> {
    // Blocked since it was queued: only one of the two queues works on a target.
    if (this.#blockedIds.has(id)) return this.blocked.add(id);
    const end = await this.#runReconcile(id, this.secrets, signal);
    if (end === undefined || signal.aborted) return;
    if (isStalledAfter(end.result)) {
      this.#blockedIds.add(id);
      this.#requeueBlocked(id, end.result);
    } else this.#requeue(id, end);
  }

  async #reconcileBlocked(id: string, signal: AbortSignal): Promise<void> {
    if (!this.#blockedIds.has(id)) return this.secrets.add(id);
    const end = await this.#runReconcile(id, this.blocked, signal);
    if (signal.aborted) return;
    if (end === undefined || !isStalledAfter(end.result)) {
      this.#blockedIds.delete(id);
      if (end !== undefined) this.#requeue(id, end);
    } else this.#requeueBlocked(id, end.result);
    const now = performance.now();
    this.#nextBlockedRequestAt =
      Math.max(now, this.#nextBlockedRequestAt) + (end?.requests ?? 0) * BLOCKED_REQUEST_INTERVAL_MS;
    await sleep(this.#nextBlockedRequestAt - now, signal);
  }

  #requeueBlocked(id: string, { blocked, isWatched }: BlockedResult): void {
    const target = this.#o.projection.target(id);
    // Of a key whose SSHKey is gone no status can say that it is still in the Secret.
    if (target !== undefined && (!target.isNamed || this.#o.projection.linesWithoutSSHKey(target) > 0))
      this.#o.announcer.revocationBlocked(target, blocked.message);
    if (!isWatched) this.blocked.addAfter(id, BLOCKED_REQUEUE_MS);
  }

  #requeue(id: string, { result, error }: ReconcileEnd): void {
    const { metrics, log, now } = this.#o;
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

  /**
   * Carries out what `reconcile` decides. Undefined when the target has to stay as it is for now: its namespace is not
   * synced or a deletion is unconfirmed. It is queued again when that is over.
   */
  async #runReconcile(
    id: string,
    queue: WorkQueue<string>,
    signal: AbortSignal,
  ): Promise<ReconcileEnd | undefined> {
    const { projection, deletions, now } = this.#o;
    if (!projection.isTargetSynced(id)) return undefined;
    const waitMs = Math.max(...deletions.map((guard) => guard.waitMs(id)));
    if (waitMs > 0) {
      if (waitMs < Number.POSITIVE_INFINITY) this.#waitForReinstallation(id, waitMs);
      this.#planWaiting(id);
      return undefined;
    }
    let error: ApiError | undefined;
    let requests = 0;
    const clock = new BusyClock();
    const running = reconcile(projection, id, now, (causes, isRemoval, bytes) =>
      this.#budget.take(id, causes.size === 0 ? [namespaceOf(id)] : [...causes], isRemoval, bytes),
    );
    let step = clock.time(() => running.next());
    while (step.done !== true) {
      const request = step.value;
      requests += 1;
      const answered = await this.#writer.send(request, signal);
      // What listMetadata shows explains the error before it. Nothing else does: what the server failed to write is read
      // as well.
      if (answered.error !== undefined || request.kind === "listMetadata") error = answered.error;
      step = clock.time(() => running.next(answered.answer));
    }
    const result = step.value;
    clock.time(() => this.#logAccess(result));
    this.#refreshPods(result);
    this.#coolDown(id, queue, clock.busyMs);
    this.enqueueDirty();
    return { result, error, requests };
  }

  #waitForReinstallation(id: string, waitMs: number): void {
    const text =
      "The CRD was recreated less than 5 minutes ago; the Secret is not changed until its SSHKeys are applied again or that time is over.";
    logEvent(this.#o.log, "DeletionUnconfirmed", { secret: id }, text);
    this.secrets.addAfter(id, waitMs);
  }

  /** The statuses say what the Secret holds meanwhile, and what its keys wait for. */
  #planWaiting(id: string): void {
    const { projection, now } = this.#o;
    const target = projection.target(id);
    // What a write without a response has done is not known.
    if (target === undefined || target.delivery.at === "sent") return;
    target.pendingReason =
      "It waits until it is certain whether SSHKeys were deleted or only went with their CRD.";
    projection.plan(target, now());
    this.enqueueDirty();
  }

  #coolDown(id: string, queue: WorkQueue<string>, busyMs: number): void {
    if (busyMs <= SLOW_RECONCILE_MS) return;
    const rest = COOLDOWN_FACTOR * busyMs;
    const forRemovals = Math.max(LONGEST_REMOVAL_COOLDOWN_MS, REMOVAL_COOLDOWN_FACTOR * busyMs);
    queue.hold(id, rest, Math.min(rest, forRemovals));
  }

  #logAccess({ access }: ReconcileResult): void {
    if (access === undefined) return;
    const { announcer } = this.#o;
    announcer.accessChanged(access.target, access.changes, access.isChangedByOthers);
    if (access.isRestored) announcer.secretRestored(access.target);
  }

  #refreshPods({ access }: ReconcileResult): void {
    if (access?.fileChange === undefined) return;
    this.#o.refresher?.refresh(access.target, access.fileChange);
  }
}

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

/** By then kubelet has brought a change to the pods by itself: 86 s at worst were measured. */
export const KUBELET_MS = 120_000;

/** While writes are in progress, the Secret of a new SSHKey waits this long, in ms, so that several new keys share one write. */
const BATCH_DELAY_MS = 20;

/** How one run of `reconcile` ended. */
interface ReconcileEnd {
  readonly result: ReconcileResult;
  /** The last error of the API server that the result stands for. */
  readonly error: ApiError | undefined;
  /** How many requests it took. */
  readonly requests: number;
}

/** CPU time that synchronous work takes, in ms: what else the machine does must not count. */
class BusyClock {
  busyMs = 0;

  time<T>(work: () => T): T {
    const before = process.threadCpuUsage();
    const result = work();
    const { user, system } = process.threadCpuUsage(before);
    this.busyMs += (user + system) / 1000;
    return result;
  }
}

type BlockedResult = Extract<ReconcileResult, { kind: "blocked" }>;

function isStalledAfter(result: ReconcileResult): result is BlockedResult {
  return result.kind === "blocked" && isStalled(result.blocked);
}
