import { createdAt, type KubeObject } from "../api/object.ts";
import { sshKeyId } from "../claims/record.ts";
import { ApiError, isApiError } from "../kube/apierror.ts";
import { Backoff, type BackoffOptions } from "../kube/backoff.ts";
import { sleep } from "../kube/sleep.ts";
import type { Transport } from "../kube/transport.ts";
import type { Projection } from "../projection/projection.ts";
import { CRD_PATH, METADATA_ONLY } from "./paths.ts";

/** How long after an installation of the CRD the SSHKeys may take to be applied again, in ms. */
const REINSTALL_GRACE_MS = 5 * 60_000;

const BACKOFF = { initialMs: 500, maxMs: 10_000 };

/** Times in ms since the epoch. */
interface CRDInfo {
  /** An SSHKey from before this time may have disappeared with an earlier CRD. */
  readonly createdAt: number;
  /** Until this time such an SSHKey may only be waiting to be applied again. */
  readonly graceEnds: number;
}

/** An SSHKey disappeared, or got a deletionTimestamp. */
export interface UnconfirmedDeletion {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Is the SSHKey still there, with a deletionTimestamp? */
  readonly isTerminating: boolean;
  /** When the SSHKey was made, in ms since the epoch. */
  readonly createdAt: number;
  /** The target that its key stands in. */
  readonly targetId: string;
  /** Called when it is certain that somebody deleted it. */
  readonly confirm: () => void;
}

export interface DeletionGuardOptions {
  readonly transport: Transport;
  readonly projection: Projection;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Targets that may be written again. */
  readonly onReleased: (targetIds: Iterable<string>) => void;
  /** So many are not confirmed yet. `error`: why the CRD could not be read. */
  readonly onUnconfirmed: (count: number, error: ApiError | undefined) => void;
  /** The CRD is missing, terminating or could not be read; nothing is written until it exists. */
  readonly onCRDUnavailable: (error: ApiError | undefined) => void;
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
  readonly #unconfirmed = new Map<string, UnconfirmedDeletion>();
  /** How many of them concern a target. */
  readonly #heldUp = new Map<string, number>();
  readonly #backoff: Backoff;
  #wake = Promise.withResolvers<void>();
  /** As it was when this instance began to write. */
  #crd: CRDInfo = { createdAt: 0, graceEnds: 0 };
  /** Targets whose every line has had its SSHKey since. */
  readonly #complete = new Set<string>();

  constructor(options: DeletionGuardOptions) {
    this.#o = options;
    this.#backoff = new Backoff(options.backoff ?? BACKOFF);
  }

  /** Asks whether the SSHKey was deleted. What is asked already is not asked anew: edits must not put the answer off. */
  add(deletion: UnconfirmedDeletion): void {
    const known = this.#unconfirmed.get(sshKeyId(deletion));
    if (known?.uid === deletion.uid && known.isTerminating && deletion.isTerminating) return;
    this.#drop(deletion.namespace, deletion.name);
    this.#unconfirmed.set(sshKeyId(deletion), deletion);
    const { targetId } = deletion;
    this.#heldUp.set(targetId, (this.#heldUp.get(targetId) ?? 0) + 1);
    this.#wake.resolve();
  }

  /** The SSHKey is there, again or after all. */
  cancel(namespace: string, name: string): void {
    const known = this.#drop(namespace, name);
    if (known !== undefined && !this.#heldUp.has(known.targetId)) this.#o.onReleased([known.targetId]);
  }

  /** How long the target has to stay as it is, in ms; 0 for not at all, Infinity until `onReleased`. */
  waitMs(targetId: string): number {
    if (this.#heldUp.has(targetId)) return Number.POSITIVE_INFINITY;
    const { createdAt, graceEnds } = this.#crd;
    const left = Math.max(0, graceEnds - this.#o.now());
    if (left === 0) this.#complete.clear();
    else if (this.#isComplete(targetId, createdAt)) this.#complete.add(targetId);
    return left > 0 && !this.#complete.has(targetId) ? left : 0;
  }

  /** Waits until the CRD exists and is not terminating: a list that was read while it is being deleted may lack SSHKeys. */
  async whenCRDExists(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#o.backoff ?? BACKOFF);
    while (!signal.aborted) {
      let failure: ApiError | undefined;
      try {
        const crd = await this.#read(signal);
        this.#complete.clear();
        if (crd !== undefined) {
          this.#crd = crd;
          return;
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failure = error;
      }
      if (signal.aborted) return;
      this.#o.onCRDUnavailable(failure);
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
      const crd = await this.#read(signal);
      for (const [id, deletion] of asked) {
        if (this.#unconfirmed.get(id) !== deletion) left -= 1;
        else if (this.#isConfirmed(deletion, crd)) {
          left -= 1;
          deletion.confirm();
          this.cancel(deletion.namespace, deletion.name);
        }
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failure = error;
    }
    if (left > 0 && !signal.aborted) this.#o.onUnconfirmed(left, failure);
    return left === 0;
  }

  #drop(namespace: string, name: string): UnconfirmedDeletion | undefined {
    const known = this.#unconfirmed.get(sshKeyId({ namespace, name }));
    if (known === undefined) return undefined;
    this.#unconfirmed.delete(sshKeyId(known));
    const left = (this.#heldUp.get(known.targetId) ?? 1) - 1;
    if (left > 0) this.#heldUp.set(known.targetId, left);
    else this.#heldUp.delete(known.targetId);
    return known;
  }

  /** Creation times are whole seconds, so what was made in the CRD's own second may be older. */
  #isConfirmed(deletion: UnconfirmedDeletion, crd: CRDInfo | undefined): boolean {
    return crd !== undefined && (deletion.createdAt > crd.createdAt || this.#o.now() >= crd.graceEnds);
  }

  /** Has every line of a Secret that is older than the CRD its SSHKey? */
  #isComplete(targetId: string, before: number): boolean {
    const { projection } = this.#o;
    const target = projection.target(targetId);
    if (target?.live === undefined || target.live.createdAt > before) return true;
    return projection.linesWithoutSSHKey(target) === 0;
  }

  /**
   * The CRD, undefined while it is missing or terminating. Where reading it is forbidden, it counts as having always
   * existed.
   */
  async #read(signal: AbortSignal): Promise<CRDInfo | undefined> {
    try {
      const { metadata } = await this.#o.transport.request<KubeObject>({
        method: "GET",
        path: CRD_PATH,
        accept: METADATA_ONLY,
        signal,
      });
      if (metadata.deletionTimestamp !== undefined) return undefined;
      const created = createdAt(metadata);
      return { createdAt: created, graceEnds: created + REINSTALL_GRACE_MS };
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      if (isApiError(error, "Forbidden")) return { createdAt: 0, graceEnds: 0 };
      throw error;
    }
  }
}
