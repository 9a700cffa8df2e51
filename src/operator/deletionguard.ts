import { type Log, logEvent } from "../api/logevent.ts";
import { AUTHORIZED_KEYS_PLURAL, PLURAL } from "../api/names.ts";
import { createdAt, type KubeObject, namespacedName } from "../api/object.ts";
import { crdPath, METADATA_ONLY } from "../api/paths.ts";
import type { AuthorizedKeysRecord } from "../authorizedkeys/record.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import { ApiError, isApiError } from "../kube/apierror.ts";
import { Backoff, type BackoffOptions } from "../kube/backoff.ts";
import { sleep } from "../kube/sleep.ts";
import type { Transport } from "../kube/transport.ts";
import { AuthorizedKeysTarget } from "../projection/authorizedkeystarget.ts";
import type { Projection } from "../projection/projection.ts";
import { Tally } from "../tally.ts";

/** An object of the API whose deletion is to be believed or not. */
export interface Deletable {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** ms since the epoch. */
  readonly createdAt: number;
}

export interface DeletionGuardOptions<R extends Deletable> {
  readonly transport: Transport;
  /** Of the CRD. */
  readonly path: string;
  /** The target that has to stay as it is until the deletion is confirmed; undefined for none. */
  readonly targetIdOf: (record: R) => string | undefined;
  /** The object is deleted; `isTerminating`: a finalizer keeps it. */
  readonly onDeleted: (record: R, isTerminating: boolean) => void;
  /** The target has to be looked at again. */
  readonly onReleased: (targetId: string) => void;
  /** Is there an object for all that the target's Secret holds, or is the Secret younger than the CRD, which was created then (ms since the epoch)? */
  readonly isComplete: (targetId: string, crdCreatedAt: number) => boolean;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  /** Called after the projection has changed. */
  readonly onChange: () => void;
  /** Between two attempts to read the CRD; default 0.5 s to 10 s. */
  readonly backoff?: BackoffOptions;
}

/**
 * Holds back deletions of objects until it is certain that they are not a side effect of deleting their CRD. One that
 * disappeared, or got a deletionTimestamp, counts as deleted only after the CRD was read again and is not terminating.
 * Objects older than the CRD (it was reinstalled) have five minutes to be applied again. Until then the targets concerned
 * are not written.
 */
export class DeletionGuard<R extends Deletable> {
  readonly #o: DeletionGuardOptions<R>;
  readonly #unconfirmed = new Map<string, Deletion<R>>();
  /** How many of them concern a target. */
  readonly #heldUp = new Tally<string>();
  readonly #backoff: Backoff;
  #wake = Promise.withResolvers<void>();
  /** When the CRD was created, as of when this instance began to write, in ms since the epoch. */
  #crdCreatedAt = 0;
  /** Targets whose every line has had its SSHKey since. */
  readonly #complete = new Set<string>();

  constructor(options: DeletionGuardOptions<R>) {
    this.#o = options;
    this.#backoff = new Backoff(options.backoff ?? BACKOFF);
  }

  /**
   * The object disappeared, or has a deletionTimestamp (`isTerminating`): removes or terminates it once that is confirmed.
   * What is asked already is not asked anew: edits must not put the answer off.
   */
  add(record: R, isTerminating: boolean): void {
    const id = namespacedName(record);
    const known = this.#unconfirmed.get(id);
    if (known?.record.uid === record.uid && known.isTerminating && isTerminating) return;
    this.#drop(id);
    const targetId = this.#o.targetIdOf(record);
    this.#unconfirmed.set(id, { record, isTerminating, targetId });
    if (targetId !== undefined) this.#heldUp.add(targetId, 1);
    this.#wake.resolve();
  }

  /** The object is there, again or after all. Its target becomes due if it can be written again. */
  cancel(namespace: string, name: string): void {
    const targetId = this.#drop(namespacedName({ namespace, name }))?.targetId;
    if (targetId !== undefined && !this.#heldUp.has(targetId)) this.#o.onReleased(targetId);
  }

  /** How long the target has to stay as it is, in ms; 0 for not at all, Infinity until it becomes due. */
  waitMs(targetId: string): number {
    if (this.#heldUp.has(targetId)) return Number.POSITIVE_INFINITY;
    const left = Math.max(0, this.#crdCreatedAt + REINSTALL_GRACE_MS - this.#o.now());
    if (left === 0) this.#complete.clear();
    else if (this.#o.isComplete(targetId, this.#crdCreatedAt)) this.#complete.add(targetId);
    return left > 0 && !this.#complete.has(targetId) ? left : 0;
  }

  /** Waits until the CRD exists and is not terminating: a list that was read while it is being deleted may lack objects. */
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

  /** Asks once when the CRD was created. While nobody knows, it counts as new. */
  async askForCRD(signal: AbortSignal): Promise<void> {
    this.#complete.clear();
    try {
      this.#crdCreatedAt = (await this.#crdCreation(signal)) ?? this.#o.now();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#crdCreatedAt = this.#o.now();
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

  #carryOut({ record, isTerminating }: Deletion<R>): void {
    this.#o.onDeleted(record, isTerminating);
    this.cancel(record.namespace, record.name);
  }

  #drop(id: string): Deletion<R> | undefined {
    const known = this.#unconfirmed.get(id);
    if (known === undefined) return undefined;
    this.#unconfirmed.delete(id);
    const { targetId } = known;
    if (targetId !== undefined) this.#heldUp.add(targetId, -1);
    return known;
  }

  /** Creation times are whole seconds, so what was created in the CRD's own second may be older. */
  #isConfirmed({ record }: Deletion<R>, crdCreatedAt: number): boolean {
    return record.createdAt > crdCreatedAt || this.#o.now() >= crdCreatedAt + REINSTALL_GRACE_MS;
  }

  /**
   * When the CRD was created, in ms since the epoch; undefined while it is missing or terminating. Where reading it is
   * forbidden, it counts as having always existed.
   */
  async #crdCreation(signal: AbortSignal): Promise<number | undefined> {
    try {
      const { metadata } = await this.#o.transport.request<KubeObject>({
        method: "GET",
        path: this.#o.path,
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

interface Deletion<R> {
  readonly record: R;
  /** Is the object still there, with a deletionTimestamp? */
  readonly isTerminating: boolean;
  readonly targetId: string | undefined;
}

/** How long after an installation of the CRD the objects may take to be applied again, in ms. */
const REINSTALL_GRACE_MS = 5 * 60_000;

const BACKOFF = { initialMs: 500, maxMs: 10_000 };

/** What the guards of both kinds share. */
export type GuardSurroundings = Pick<
  DeletionGuardOptions<Deletable>,
  "transport" | "now" | "log" | "onChange" | "backoff"
> & {
  readonly projection: Projection;
};

/** The guard of SSHKeys. */
export function guardSSHKeys({ projection, ...rest }: GuardSurroundings): DeletionGuard<SSHKeyRecord> {
  return new DeletionGuard<SSHKeyRecord>({
    ...rest,
    path: crdPath(PLURAL),
    targetIdOf: (record) => projection.targetIdOf(record),
    onDeleted: ({ namespace, name, uid }, isTerminating) => {
      if (isTerminating) projection.terminateSSHKey(namespace, name, uid, rest.now());
      else projection.removeSSHKey(namespace, name);
    },
    onReleased: (id) => projection.touch(id),
    isComplete: (id, crdCreatedAt) => {
      const target = projection.target(id);
      if (target?.live === undefined || target.live.createdAt > crdCreatedAt) return true;
      return projection.linesWithoutSSHKey(target) === 0;
    },
  });
}

/** The guard of AuthorizedKeys. Until a deletion is confirmed the object counts as there, so its Secret may be written. */
export function guardAuthorizedKeys({
  projection,
  ...rest
}: GuardSurroundings): DeletionGuard<AuthorizedKeysRecord> {
  return new DeletionGuard<AuthorizedKeysRecord>({
    ...rest,
    path: crdPath(AUTHORIZED_KEYS_PLURAL),
    targetIdOf: () => undefined,
    onDeleted: ({ namespace, name, uid }, isTerminating) => {
      if (isTerminating) projection.authorizedKeys.terminate(namespace, name, uid);
      else projection.authorizedKeys.remove(namespace, name);
    },
    onReleased: (id) => projection.touch(id),
    isComplete: (id, crdCreatedAt) => {
      const target = projection.target(id);
      if (!(target instanceof AuthorizedKeysTarget) || target.isNamed) return true;
      return target.live === undefined || target.live.createdAt > crdCreatedAt;
    },
  });
}
