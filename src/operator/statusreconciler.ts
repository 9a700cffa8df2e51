import { type Log, logEvent } from "../api/logevent.ts";
import { AUTHORIZED_KEYS_KIND, KIND } from "../api/names.ts";
import { namespacedName } from "../api/object.ts";
import { authorizedKeysStatusPath, sshKeyStatusPath } from "../api/paths.ts";
import type { Settings } from "../config/settings.ts";
import { ApiError } from "../kube/apierror.ts";
import type { Requests } from "../kube/transport.ts";
import type { WorkQueue } from "../kube/workqueue.ts";
import { authorizedKeysStatusWrite } from "../projection/authorizedkeysstatus.ts";
import type { Projection } from "../projection/projection.ts";
import { statusWrite, strayFields } from "../projection/status.ts";
import type { Announcer } from "./announcer.ts";
import type { Metrics } from "./metrics.ts";
import { type StatusObject, StatusWriter, type StrayFields } from "./statuswriter.ts";
import type { WriteBudget } from "./writebudget.ts";

export interface StatusReconcilerOptions {
  readonly projection: Projection;
  /** Sends nothing when this instance may not write. */
  readonly requests: Requests;
  readonly settings: Settings;
  readonly announcer: Announcer;
  readonly log: Log;
  readonly metrics: Metrics;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** Brings statuses to what the projection says, those of SSHKeys and of AuthorizedKeys out of one queue. */
export class StatusReconciler {
  readonly #o: StatusReconcilerOptions;
  readonly #queue: WorkQueue<string>;
  readonly #budget: WriteBudget;
  readonly #writer: StatusWriter;

  constructor(options: StatusReconcilerOptions, queue: WorkQueue<string>, budget: WriteBudget) {
    this.#o = options;
    this.#queue = queue;
    this.#budget = budget;
    this.#writer = new StatusWriter(options.requests);
  }

  /** Writes the status of one object, if there is a verdict by now and the status says something else. */
  async reconcile(id: string, signal: AbortSignal): Promise<void> {
    const [namespace = "", name = "", authorizedKeys] = id.split("/");
    if (authorizedKeys === undefined) await this.#reconcileSSHKey(id, namespace, name, signal);
    else await this.#reconcileAuthorizedKeys(id, namespace, authorizedKeys, signal);
  }

  async #reconcileSSHKey(id: string, namespace: string, name: string, signal: AbortSignal): Promise<void> {
    const { projection, metrics, announcer, settings, now } = this.#o;
    const claim = projection.claims.get(namespace, name);
    const verdict = claim && projection.lastVerdict(claim);
    if (claim === undefined) metrics.forgetChange(id);
    if (claim === undefined || verdict === undefined) return this.#queue.forget(id);
    const write = statusWrite(claim, verdict, settings.policy, now());
    if (write === undefined) {
      metrics.statusUpToDate(id);
      return this.#queue.forget(id);
    }
    const { record } = claim;
    const written = await this.#write(id, signal, {
      object: { ...record, kind: KIND, path: sshKeyStatusPath(namespace, name) },
      status: write.status,
      strays: strayFields,
      restMs: 0,
      logged: { sshKey: id },
    });
    if (written === undefined) return;
    projection.statusWritten(record, write.observed, written);
    metrics.statusUpToDate(id);
    if (write.previousState === verdict.state) return;
    metrics.stateChanged(verdict.state);
    announcer.stateChanged(claim, verdict, write.previousState);
  }

  async #reconcileAuthorizedKeys(
    id: string,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { projection, announcer, now } = this.#o;
    const record = projection.authorizedKeys.get(namespace, name);
    const verdict = projection.authorizedKeys.lastVerdict(namespace, name);
    const write = record && verdict && authorizedKeysStatusWrite(record, verdict, now());
    if (record === undefined || verdict === undefined || write === undefined) return this.#queue.forget(id);
    const written = await this.#write(id, signal, {
      object: { ...record, kind: AUTHORIZED_KEYS_KIND, path: authorizedKeysStatusPath(namespace, name) },
      status: write.status,
      restMs: AUTHORIZED_KEYS_STATUS_EVERY_MS,
      logged: { authorizedKeys: namespacedName(record) },
    });
    if (written === undefined) return;
    projection.authorizedKeys.statusWritten(record, write.observed, written);
    if (record.observed.state !== verdict.state) announcer.authorizedKeysStateChanged(record, verdict);
  }

  /**
   * The resourceVersion with that status; undefined if it is not written, and then the object comes again if another
   * attempt is of any use.
   */
  async #write<S extends object>(
    id: string,
    signal: AbortSignal,
    { object, status, strays, restMs, logged }: Write<S>,
  ): Promise<string | undefined> {
    const { metrics, log } = this.#o;
    const pause = this.#budget.takeStatus(id, object.namespace, object.bytes);
    if (pause > 0) {
      this.#queue.addAfter(id, pause);
      return undefined;
    }
    try {
      const written = await this.#writer.write(object, status, signal, strays);
      if (written === "stale") {
        // The watch is about to show what is new.
        this.#queue.retry(id);
        return undefined;
      }
      this.#queue.forget(id);
      if (restMs > 0) this.#queue.hold(id, restMs, restMs);
      if (written === "gone") return undefined;
      metrics.reconciled("status", "success");
      return written;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (signal.aborted) return undefined;
      metrics.reconciled("status", "error");
      logEvent(log, "ReconcileFailed", { ...logged, err: error });
      this.#queue.retry(id, error.retryAfterMs);
      return undefined;
    }
  }
}

interface Write<S> {
  readonly object: StatusObject & { readonly bytes: number };
  readonly status: S;
  readonly strays?: StrayFields<S>;
  /** How long the status then stays as it is, in ms. */
  readonly restMs: number;
  /** What an error is logged with. */
  readonly logged: Readonly<Record<string, string>>;
}

/** In the queue of statuses: no SSHKey has a name with a slash. */
export function authorizedKeysStatusId(id: string): string {
  return id.replace("/", "/authorizedkeys/");
}

/** The status of an AuthorizedKeys counts its keys, so it changes with every one of them: it is written once in this time, in ms. */
const AUTHORIZED_KEYS_STATUS_EVERY_MS = 2000;
