import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { STATES } from "../api/sshkey.ts";
import type { Keyring } from "../keyring/keyring.ts";
import type { DropReason } from "../kube/eventrecorder.ts";
import type { RestartReason } from "../kube/reflector.ts";
import type { RequestObservation } from "../kube/transport.ts";
import type { WorkQueue, WorkQueueObserver } from "../kube/workqueue.ts";

/** client-go's buckets for the time in the work queue, in seconds. */
const QUEUE_SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const PROJECTION_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** The value of controller-runtime's label `controller` and of the label `name` of its queue. */
const CONTROLLER = "sshkey";

/** Name of the Lease, as client-go's leader election labels it. */
const LEASE = "sshkey-operator";

/**
 * What the operator tells Prometheus. Names are those of controller-runtime wherever it has one, so that its
 * dashboards work. No label ever holds a user, a name, a namespace or a fingerprint.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #reconciles = this.#counter(
    "controller_runtime_reconcile_total",
    "Passes over a user, by result.",
    ["controller", "result"],
  );
  readonly #reconcileErrors = this.#counter(
    "controller_runtime_reconcile_errors_total",
    "Passes that failed.",
    ["controller"],
  );
  readonly #reconcileSeconds = this.#histogram(
    "controller_runtime_reconcile_time_seconds",
    "Time of one pass over a user.",
    REQUEST_SECONDS,
    ["controller"],
  );
  readonly #queueAdds = this.#counter("workqueue_adds_total", "Users queued for a pass.", [
    "name",
    "controller",
  ]);
  readonly #queueRetries = this.#counter("workqueue_retries_total", "Users queued again after a failure.", [
    "name",
    "controller",
  ]);
  readonly #queueSeconds = this.#histogram(
    "workqueue_queue_duration_seconds",
    "How long a user waits in the queue.",
    QUEUE_SECONDS,
    ["name", "controller"],
  );
  readonly #workSeconds = this.#histogram(
    "workqueue_work_duration_seconds",
    "How long a user is worked on.",
    QUEUE_SECONDS,
    ["name", "controller"],
  );
  readonly #requests = this.#counter("rest_client_requests_total", "Requests to the API server.", [
    "code",
    "method",
    "host",
  ]);
  readonly #requestSeconds = this.#histogram(
    "rest_client_request_duration_seconds",
    "Time of a request to the API server until its answer is read.",
    REQUEST_SECONDS,
    ["verb"],
  );
  readonly #leader = this.#gauge("leader_election_master_status", "1 while this instance leads.", ["name"]);
  readonly #watchRestarts = this.#counter(
    "sshkey_operator_watch_restarts_total",
    "Watches that did not end in the orderly way, by resource and reason.",
    ["resource", "reason"],
  );
  readonly #projectionSeconds = this.#histogram(
    "sshkey_operator_projection_seconds",
    "From seeing a change of an SSHKey to its acknowledged Secret and status.",
    PROJECTION_SECONDS,
    [],
  );
  readonly #stateChanges = this.#counter(
    "sshkey_operator_state_changes_total",
    "Changes of STATE, by new state.",
    ["state"],
  );
  readonly #eventsDropped = this.#counter(
    "sshkey_operator_events_dropped_total",
    "Events not written, by reason.",
    ["reason"],
  );

  constructor() {
    // In ms; the default of 10 ms alone costs 0.3 % of a core at rest.
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 1000 });
    this.isLeading(false);
  }

  /** Lets a scrape read the keyring and the queue with its `workers`; nothing is counted while nobody asks. */
  observe(keyring: Keyring, queue: WorkQueue<string>, workers: number): void {
    const labels = { name: CONTROLLER, controller: CONTROLLER };
    this.#gauge("workqueue_depth", "Users waiting for a pass.", ["name", "controller"], (gauge) =>
      gauge.set(labels, queue.depth),
    );
    this.#gauge(
      "controller_runtime_active_workers",
      "Users worked on at the moment.",
      ["controller"],
      (gauge) => gauge.set({ controller: CONTROLLER }, queue.working),
    );
    this.#gauge(
      "controller_runtime_max_concurrent_reconciles",
      "Users worked on at once, at most.",
      ["controller"],
      (gauge) => gauge.set({ controller: CONTROLLER }, workers),
    );
    this.#gauge(
      "workqueue_unfinished_work_seconds",
      "Time spent so far on the users that are being worked on, taken together.",
      ["name", "controller"],
      (gauge) =>
        gauge.set(
          labels,
          queue.workingSeconds.reduce((sum, seconds) => sum + seconds, 0),
        ),
    );
    this.#gauge(
      "workqueue_longest_running_processor_seconds",
      "How long the user that is worked on for longest has been worked on.",
      ["name", "controller"],
      (gauge) => gauge.set(labels, Math.max(0, ...queue.workingSeconds)),
    );
    this.#gauge("sshkey_operator_secrets", "Managed Secrets.", [], (gauge) => {
      gauge.set([...keyring.units()].filter((unit) => unit.secret !== undefined).length);
    });
    this.#gauge(
      "sshkey_operator_next_expiry_timestamp_seconds",
      "When the next key expires; 0 if none does.",
      [],
      (gauge) => gauge.set((keyring.nextExpiry() ?? 0) / 1000),
    );
    this.#gauge(
      "sshkey_operator_keys",
      "SSHKeys by state and type; state is empty before the first status.",
      ["state", "type"],
      (gauge) => {
        gauge.reset();
        for (const { seen, key } of keyring.keys()) {
          const state = STATES.find((each) => each === seen.state) ?? "";
          gauge.inc({ state, type: key?.type ?? "" });
        }
      },
    );
  }

  request({ verb, method, status, code, seconds }: RequestObservation, host: string): void {
    this.#requests.inc({ code: status === 0 ? code : String(status), method, host });
    this.#requestSeconds.observe({ verb }, seconds);
  }

  queueObserver(): WorkQueueObserver {
    const labels = { name: CONTROLLER, controller: CONTROLLER };
    return {
      added: () => this.#queueAdds.inc(labels),
      retried: () => this.#queueRetries.inc(labels),
      started: (seconds) => this.#queueSeconds.observe(labels, seconds),
      finished: (seconds) => {
        this.#workSeconds.observe(labels, seconds);
        this.#reconcileSeconds.observe({ controller: CONTROLLER }, seconds);
      },
    };
  }

  reconciled(result: "success" | "error" | "requeue_after"): void {
    this.#reconciles.inc({ controller: CONTROLLER, result });
    if (result === "error") this.#reconcileErrors.inc({ controller: CONTROLLER });
  }

  projected(seconds: number): void {
    this.#projectionSeconds.observe(seconds);
  }

  stateChanged(state: string): void {
    this.#stateChanges.inc({ state });
  }

  watchRestarted(resource: string, reason: RestartReason): void {
    this.#watchRestarts.inc({ resource, reason });
  }

  eventDropped(reason: DropReason): void {
    this.#eventsDropped.inc({ reason });
  }

  isLeading(leads: boolean): void {
    this.#leader.set({ name: LEASE }, leads ? 1 : 0);
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
