import { Counter, Gauge, Histogram } from "prom-client";
import { KnowledgeMetrics } from "../knowledge/knowledgemetrics.ts";
import type { DropReason } from "../kube/eventrecorder.ts";
import { ProcessMetrics, REQUEST_SECONDS } from "../kube/processmetrics.ts";
import type { RestartReason } from "../kube/restart.ts";
import type { WorkQueue, WorkQueueObserver } from "../kube/workqueue.ts";
import type { Projection } from "../projection/projection.ts";

/** client-go's buckets for the time in the work queue, in seconds. */
const QUEUE_SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];
const PROJECTION_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** The values of controller-runtime's label `controller`, and of the label `name` of its queue. */
const CONTROLLERS = ["secret", "status", "blocked", "refresh", "pod"] as const;

export type ControllerName = (typeof CONTROLLERS)[number];

/** How many passes over pods list a page at once, and how many pods are annotated at once. */
export const REFRESH_WORKERS = { refresh: 4, pod: 16 } as const;

/** How many of each are worked on at once. */
export function workersFor(concurrency: number): Readonly<Record<ControllerName, number>> {
  return { secret: concurrency, status: concurrency, blocked: 4, ...REFRESH_WORKERS };
}

/**
 * How one request of the refresh of pods ended. `annotated`: the pod has the annotation. `gone`: it does not exist any
 * more. `refused`: the API server, a policy or a webhook rejects it. `failed`: the API server failed for 30 s. Of lists:
 * `forbidden`, and `unlisted` when they failed.
 */
export const REFRESH_RESULTS = ["annotated", "gone", "refused", "failed", "forbidden", "unlisted"] as const;

export type RefreshResult = (typeof REFRESH_RESULTS)[number];

/** What of the controller a scrape reads. */
export interface Observed {
  readonly secrets: WorkQueue<string>;
  readonly statuses: WorkQueue<string>;
  readonly blocked: WorkQueue<string>;
  readonly blockedCount: number;
  /** Undefined where pods are not refreshed. */
  readonly refresher?: { readonly secrets: WorkQueue<string>; readonly pods: WorkQueue<string> } | undefined;
}

/** Who is not used for so long is counted as unused, in ms. */
const UNUSED_MS = 90 * 86_400_000;

/** Name of the Lease, as client-go's leader election labels it. */
const LEASE = "sshkey-operator";

/**
 * The operator's Prometheus metrics. Names are those of controller-runtime wherever it has one, so that its
 * dashboards work. No label ever holds a user, a name, a namespace or a fingerprint.
 */
export class Metrics extends ProcessMetrics {
  readonly knowledge = new KnowledgeMetrics(this.registry, "sshkey_operator");
  readonly #reconciles = this.#counter(
    "controller_runtime_reconcile_total",
    "Reconciles of a Secret or a status, by result.",
    ["controller", "result"],
  );
  readonly #reconcileErrors = this.#counter(
    "controller_runtime_reconcile_errors_total",
    "Reconciles that failed.",
    ["controller"],
  );
  readonly #reconcileSeconds = this.#histogram(
    "controller_runtime_reconcile_time_seconds",
    "Duration of one reconcile.",
    REQUEST_SECONDS,
    ["controller"],
  );
  readonly #queueAdds = this.#counter("workqueue_adds_total", "Items added to the queue.", [
    "name",
    "controller",
  ]);
  readonly #queueRetries = this.#counter("workqueue_retries_total", "Items requeued after an error.", [
    "name",
    "controller",
  ]);
  readonly #queueSeconds = this.#histogram(
    "workqueue_queue_duration_seconds",
    "Time an item waits in the queue.",
    QUEUE_SECONDS,
    ["name", "controller"],
  );
  readonly #workSeconds = this.#histogram(
    "workqueue_work_duration_seconds",
    "Time an item is worked on.",
    QUEUE_SECONDS,
    ["name", "controller"],
  );
  readonly #leader = this.#gauge("leader_election_master_status", "1 while this instance leads.", ["name"]);
  readonly #watchRestarts = this.#counter(
    "sshkey_operator_watch_restarts_total",
    "Failed lists and watches that were restarted, by resource and reason.",
    ["resource", "reason"],
  );
  readonly #projectionSeconds = this.#histogram(
    "sshkey_operator_projection_duration_seconds",
    "Seconds from observing a change of an SSHKey until its Secret and status are written.",
    PROJECTION_SECONDS,
    [],
  );
  readonly #stateChanges = this.#counter(
    "sshkey_operator_state_changes_total",
    "Changes of STATE, by new state.",
    ["state"],
  );
  readonly #podRefreshes = this.#counter(
    "sshkey_operator_pod_refreshes_total",
    "Annotations of pods that mount a changed Secret, and lists that failed, by result.",
    ["result"],
  );
  readonly #removalSeconds = this.#histogram(
    "sshkey_operator_pod_refresh_duration_seconds",
    "Seconds from the acknowledged removal of a line from a Secret until a pod that mounts it is annotated.",
    PROJECTION_SECONDS,
    [],
  );
  readonly #eventsDropped = this.#counter(
    "sshkey_operator_events_dropped_total",
    "Events not written, by reason.",
    ["reason"],
  );

  /** When changes were seen whose status is not written yet, in monotonic ms. */
  readonly #changedAt = new Map<string, number>();
  #isLeading = false;

  constructor() {
    super();
    this.setLeading(false);
  }

  /**
   * Lets a scrape read the projection and the controller, whose `concurrency` is the setting. Nothing that is read
   * grows with the number of SSHKeys: whoever can reach the port must not be able to hold up the loop.
   */
  registerGauges(projection: Projection, controller: Observed, concurrency: number): void {
    const { refresher } = controller;
    const queues: Partial<Record<ControllerName, WorkQueue<string>>> = {
      secret: controller.secrets,
      status: controller.statuses,
      blocked: controller.blocked,
      ...(refresher === undefined ? {} : { refresh: refresher.secrets, pod: refresher.pods }),
    };
    const workers = workersFor(concurrency);
    const each = (set: (name: ControllerName, queue: WorkQueue<string>) => void) => {
      for (const name of CONTROLLERS) {
        const queue = queues[name];
        if (queue !== undefined) set(name, queue);
      }
    };
    this.#gauge("workqueue_depth", "Items waiting in the queue.", ["name", "controller"], (gauge) =>
      each((name, queue) => gauge.set({ name, controller: name }, queue.depth)),
    );
    this.#gauge("controller_runtime_active_workers", "Reconciles running now.", ["controller"], (gauge) =>
      each((name, queue) => gauge.set({ controller: name }, queue.working)),
    );
    this.#gauge(
      "controller_runtime_max_concurrent_reconciles",
      "Most reconciles that run at once.",
      ["controller"],
      (gauge) => each((name) => gauge.set({ controller: name }, workers[name])),
    );
    this.#gauge(
      "workqueue_unfinished_work_seconds",
      "Seconds that all running reconciles have taken so far, summed.",
      ["name", "controller"],
      (gauge) =>
        each((name, queue) =>
          gauge.set(
            { name, controller: name },
            queue.workingSeconds.reduce((sum, seconds) => sum + seconds, 0),
          ),
        ),
    );
    this.#gauge(
      "workqueue_longest_running_processor_seconds",
      "Seconds that the longest running reconcile has taken so far.",
      ["name", "controller"],
      (gauge) =>
        each((name, queue) => gauge.set({ name, controller: name }, Math.max(0, ...queue.workingSeconds))),
    );
    this.#gauge("sshkey_operator_secrets", "Secrets with the installation's label.", [], (gauge) =>
      gauge.set(projection.secretCounts.all),
    );
    this.#gauge(
      "sshkey_operator_copied_secrets",
      "Secrets with the installation's label that are copies of a managed Secret and therefore never written.",
      [],
      (gauge) => gauge.set(projection.secretCounts.copies),
    );
    this.#gauge(
      "sshkey_operator_blocked_secrets",
      "Secrets that cannot be written until a person acts.",
      [],
      (gauge) => gauge.set(controller.blockedCount),
    );
    this.#gauge(
      "sshkey_operator_next_expiry_timestamp_seconds",
      "Unix time at which the next key expires; 0 if none does.",
      [],
      (gauge) => gauge.set((projection.claims.nextExpiry() ?? 0) / 1000),
    );
    this.#gauge(
      "sshkey_operator_sshkeys",
      "SSHKeys by state and type; state is empty before the first status.",
      ["state", "type"],
      (gauge) => {
        gauge.reset();
        for (const { state, type, count } of projection.claims.counts()) gauge.set({ state, type }, count);
      },
    );
    this.#gauge(
      "sshkey_operator_proofs",
      "SSHKeys by what their proof of possession is worth: Proven, the reason why it is not, or None.",
      ["result"],
      (gauge) => {
        gauge.reset();
        for (const { result, count } of projection.claims.proofCounts()) gauge.set({ result }, count);
      },
    );
    this.#gauge(
      "sshkey_operator_advised_sshkeys",
      "SSHKeys whose key is not refused and unusual, by what is unusual about it; one with several counts for each.",
      ["reason"],
      (gauge) => {
        gauge.reset();
        for (const { code, count } of projection.claims.adviceCounts()) gauge.set({ reason: code }, count);
      },
    );
    this.#gauge(
      "sshkey_operator_unused_sshkeys",
      "SSHKeys whose key works and was not used for 90 days, as far as logs of sshd are read.",
      [],
      (gauge) => gauge.set(projection.claims.unusedCount(Date.now(), UNUSED_MS)),
    );
    this.#gauge("sshkey_operator_authorizedkeys", "AuthorizedKeys by state.", ["state"], (gauge) => {
      gauge.reset();
      for (const [state, count] of projection.authorizedKeys.counts.states) gauge.set({ state }, count);
    });
    this.#gauge(
      "sshkey_operator_omitted",
      "Namespaces, users and keys that are left out of the Secrets of AuthorizedKeys, by reason.",
      ["reason"],
      (gauge) => {
        gauge.reset();
        for (const [reason, count] of projection.authorizedKeys.counts.omitted) gauge.set({ reason }, count);
      },
    );
    this.#gauge(
      "sshkey_operator_blocked_removals",
      "Keys that should be out of the Secrets of AuthorizedKeys and are still in, as the statuses say.",
      [],
      (gauge) => gauge.set(projection.authorizedKeys.counts.blockedRemovals),
    );
    // From the beginning, so that the first one is seen as an increase.
    if (refresher !== undefined) for (const result of REFRESH_RESULTS) this.#podRefreshes.inc({ result }, 0);
  }

  queueObserver(name: ControllerName): WorkQueueObserver {
    const labels = { name, controller: name };
    return {
      added: () => this.#queueAdds.inc(labels),
      retried: () => this.#queueRetries.inc(labels),
      started: (seconds) => this.#queueSeconds.observe(labels, seconds),
      finished: (seconds) => {
        this.#workSeconds.observe(labels, seconds);
        this.#reconcileSeconds.observe({ controller: name }, seconds);
      },
    };
  }

  reconciled(controller: ControllerName, result: "success" | "error" | "requeue_after"): void {
    this.#reconciles.inc({ controller, result });
    if (result === "error") this.#reconcileErrors.inc({ controller });
  }

  /** The SSHKey `namespace/name` is new or its spec changed. Only the leader's time until its status says so counts. */
  changeObserved(id: string): void {
    if (this.#isLeading) this.#changedAt.set(id, performance.now());
  }

  /** Its status is up to date, acknowledged. */
  statusUpToDate(id: string): void {
    const since = this.#changedAt.get(id);
    if (since !== undefined) this.#projectionSeconds.observe((performance.now() - since) / 1000);
    this.#changedAt.delete(id);
  }

  /** The SSHKey is gone. */
  forgetChange(id: string): void {
    this.#changedAt.delete(id);
  }

  stateChanged(state: string): void {
    this.#stateChanges.inc({ state });
  }

  watchRestarted(resource: string, reason: RestartReason): void {
    this.#watchRestarts.inc({ resource, reason });
  }

  podRefreshed(result: RefreshResult): void {
    this.#podRefreshes.inc({ result });
  }

  /** A pod that mounts the Secret has the annotation, so long after a removal from it was acknowledged. */
  removalRefreshed(seconds: number): void {
    this.#removalSeconds.observe(seconds);
  }

  eventDropped(reason: DropReason): void {
    this.#eventsDropped.inc({ reason });
  }

  setLeading(isLeading: boolean): void {
    this.#isLeading = isLeading;
    this.#leader.set({ name: LEASE }, isLeading ? 1 : 0);
    if (!isLeading) this.#changedAt.clear();
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<T extends string>(name: string, help: string, buckets: number[], labelNames: T[]): Histogram<T> {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }

  #gauge<T extends string>(
    name: string,
    help: string,
    labelNames: T[],
    collect?: (gauge: Gauge<T>) => void,
  ): Gauge<T> {
    const gauge: Gauge<T> = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      ...(collect === undefined ? {} : { collect: () => collect(gauge) }),
    });
    return gauge;
  }
}
