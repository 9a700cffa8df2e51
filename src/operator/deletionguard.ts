import { createdAt, type KubeObject } from "../api/object.ts";
import { type SSHKeyRecord, sshKeyId } from "../claims/record.ts";
import { ApiError, isApiError } from "../kube/apierror.ts";
import { Backoff, type BackoffOptions } from "../kube/backoff.ts";
import { sleep } from "../kube/sleep.ts";
import type { Transport } from "../kube/transport.ts";
import type { Projection } from "../projection/projection.ts";
import { type Log, logEvent } from "./logevent.ts";
import { CRD_PATH, METADATA_ONLY } from "./paths.ts";

export interface DeletionGuardOptions {
  readonly transport: Transport;
  readonly projection: Projection;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  /** Called after the projection has changed. */
  readonly onChange: () => void;
  /** Between two attempts to read the CRD; default 0.5 s to 10 s. */
  readonly backoff?: BackoffOptions;
}

/**
 * Holds back deletions of SSHKeys until it is certain that they are not a side effect of deleting the CRD. An SSHKey that
 * disappeared, or got a deletionTimestamp, counts as deleted only after the CRD was read again and is not terminating.
 * SSHKeys older than the CRD (it was reinstalled) have five minutes to be applied again. Until then the targets concerned
 * are not written.
 */
export class DeletionGuard {
  readonly #o: DeletionGuardOptions;
  readonly #unconfirmed = new Map<string, Deletion>();
  /** How many of them concern a target. */
  readonly #heldUp = new Map<string, number>();
  readonly #backoff: Backoff;
  #wake = Promise.withResolvers<void>();
  /** When the CRD was created, as of when this instance began to write, in ms since the epoch. */
  #crdCreatedAt = 0;
  /** Targets whose every line has had its SSHKey since. */
  readonly #complete = new Set<string>();

  constructor(options: DeletionGuardOptions) {
    this.#o = options;
    this.#backoff = new Backoff(options.backoff ?? BACKOFF);
  }

  /**
   * The SSHKey disappeared, or has a deletionTimestamp (`isTerminating`): removes or terminates it once that is confirmed.
   * What is asked already is not asked anew: edits must not put the answer off.
   */
  add(record: SSHKeyRecord, isTerminating: boolean): void {
    const id = sshKeyId(record);
    const known = this.#unconfirmed.get(id);
    if (known?.record.uid === record.uid && known.isTerminating && isTerminating) return;
    this.#drop(id);
    const targetId = this.#o.projection.targetIdOf(record);
    this.#unconfirmed.set(id, { record, isTerminating, targetId });
    this.#heldUp.set(targetId, (this.#heldUp.get(targetId) ?? 0) + 1);
    this.#wake.resolve();
  }

  /** The SSHKey is there, again or after all. Its target becomes due if it can be written again. */
  cancel(namespace: string, name: string): void {
    const known = this.#drop(sshKeyId({ namespace, name }));
    if (known !== undefined && !this.#heldUp.has(known.targetId)) this.#o.projection.touch(known.targetId);
  }

  /** How long the target has to stay as it is, in ms; 0 for not at all, Infinity until it becomes due. */
  waitMs(targetId: string): number {
    if (this.#heldUp.has(targetId)) return Number.POSITIVE_INFINITY;
    const left = Math.max(0, this.#crdCreatedAt + REINSTALL_GRACE_MS - this.#o.now());
    if (left === 0) this.#complete.clear();
    else if (this.#isComplete(targetId)) this.#complete.add(targetId);
    return left > 0 && !this.#complete.has(targetId) ? left : 0;
  }

  /** Waits until the CRD exists and is not terminating: a list that was read while it is being deleted may lack SSHKeys. */
  async whenCRDExists(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#o.backoff ?? BACKOFF);
    while (!signal.aborted) {
      let failure: ApiError | undefined;
      try {
        const created = await this.#crdCreation(signal);
        this.#complete.clear();
        if (created !== undefined) {
          this.#crdCreatedAt = created;
          return;
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failure = error;
      }
      if (signal.aborted) return;
      if (failure === undefined) logEvent(this.#o.log, "CRDMissing");
      else logEvent(this.#o.log, "CRDUnknown", { error: failure.message });
      await sleep(backoff.next(), signal);
    }
  }

  /** Confirms deletions until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake.resolve(), { once: true });
    while (!signal.aborted) {
      if (this.#unconfirmed.size === 0) await this.#wake.promise;
      if (signal.aborted) return;
      this.#wake = Promise.withResolvers();
      if (await this.#confirmAll(signal)) this.#backoff.reset();
      // What cannot be settled must not hold up what can.
      else await Promise.race([sleep(this.#backoff.next(), signal), this.#wake.promise]);
    }
  }

  /** Whether everything that was unconfirmed at the start of the call is confirmed or gone. */
  async #confirmAll(signal: AbortSignal): Promise<boolean> {
    const asked = [...this.#unconfirmed];
    let left = asked.length;
    let failure: ApiError | undefined;
    try {
      const created = await this.#crdCreation(signal);
      for (const [id, deletion] of asked) {
        if (this.#unconfirmed.get(id) !== deletion) left -= 1;
        else if (created !== undefined && this.#isConfirmed(deletion, created)) {
          left -= 1;
          this.#carryOut(deletion);
        }
      }
      this.#o.onChange();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failure = error;
    }
    if (left > 0 && !signal.aborted)
      logEvent(this.#o.log, "DeletionUnconfirmed", { count: left, error: failure?.message });
    return left === 0;
  }

  #carryOut({ record, isTerminating }: Deletion): void {
    const { projection, now } = this.#o;
    const { namespace, name, uid } = record;
    if (isTerminating) projection.terminateSSHKey(namespace, name, uid, now());
    else projection.removeSSHKey(namespace, name);
    this.cancel(namespace, name);
  }

  #drop(id: string): Deletion | undefined {
    const known = this.#unconfirmed.get(id);
    if (known === undefined) return undefined;
    this.#unconfirmed.delete(id);
    const left = (this.#heldUp.get(known.targetId) ?? 1) - 1;
    if (left > 0) this.#heldUp.set(known.targetId, left);
    else this.#heldUp.delete(known.targetId);
    return known;
  }

  /** Creation times are whole seconds, so what was created in the CRD's own second may be older. */
  #isConfirmed({ record }: Deletion, crdCreatedAt: number): boolean {
    return record.createdAt > crdCreatedAt || this.#o.now() >= crdCreatedAt + REINSTALL_GRACE_MS;
  }

  /** Has every line of a Secret that is older than the CRD its SSHKey? */
  #isComplete(targetId: string): boolean {
    const { projection } = this.#o;
    const target = projection.target(targetId);
    if (target?.live === undefined || target.live.createdAt > this.#crdCreatedAt) return true;
    return projection.linesWithoutSSHKey(target) === 0;
  }

  /**
   * When the CRD was created, in ms since the epoch; undefined while it is missing or terminating. Where reading it is
   * forbidden, it counts as having always existed.
   */
  async #crdCreation(signal: AbortSignal): Promise<number | undefined> {
    try {
      const { metadata } = await this.#o.transport.request<KubeObject>({
        method: "GET",
        path: CRD_PATH,
        accept: METADATA_ONLY,
        signal,
      });
      return metadata.deletionTimestamp === undefined ? createdAt(metadata) : undefined;
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      if (isApiError(error, "Forbidden")) return 0;
      throw error;
    }
  }
}

interface Deletion {
  readonly record: SSHKeyRecord;
  /** Is the SSHKey still there, with a deletionTimestamp? */
  readonly isTerminating: boolean;
  readonly targetId: string;
}

/** How long after an installation of the CRD the SSHKeys may take to be applied again, in ms. */
const REINSTALL_GRACE_MS = 5 * 60_000;

const BACKOFF = { initialMs: 500, maxMs: 10_000 };
