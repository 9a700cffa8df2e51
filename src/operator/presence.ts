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

/** The CRD as it stands. Times in ms since the epoch. */
interface Installation {
  /** What was made before this time may have had another CRD, and vanished with it. */
  readonly at: number;
  /** Until this time such an SSHKey may only be waiting to be applied again. */
  readonly graceEnds: number;
}

/** Something that looks as if an SSHKey was deleted. */
export interface Disappearance {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Is the SSHKey still there, with a deletionTimestamp? */
  readonly isTerminating: boolean;
  /** When the SSHKey was made, in ms since the epoch. */
  readonly createdAt: number;
  /** The target that its key stands in. */
  readonly targetId: string;
  /** Carries it out: somebody did delete it. */
  readonly believe: () => void;
}

export interface PresenceOptions {
  readonly transport: Transport;
  readonly projection: Projection;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Targets that need no longer wait. */
  readonly onSettled: (targetIds: Iterable<string>) => void;
  /** Disappearances that cannot be believed yet. `error`: why the CRD could not be read. */
  readonly onDoubt: (count: number, error: ApiError | undefined) => void;
  /** The CRD does not stand, or could not be read; nothing is written until it does. */
  readonly onWaiting: (error: ApiError | undefined) => void;
  /** Between two attempts to read the CRD; default 0.5 s to 10 s. */
  readonly backoff?: BackoffOptions;
}

/**
 * May it be believed that an SSHKey was deleted? When the CRD is deleted, the API server marks it as being deleted, and
 * then deletes every SSHKey on its own: that is doubt and no revocation. So nothing that is gone, or has a
 * deletionTimestamp, counts before the CRD was read afterwards and stands; and what is missing since the CRD was
 * installed anew has five minutes to be applied again. Until then the targets concerned stay as they are.
 */
export class Presence {
  readonly #o: PresenceOptions;
  readonly #inDoubt = new Map<string, Disappearance>();
  /** How many of them concern a target. */
  readonly #heldUp = new Map<string, number>();
  readonly #backoff: Backoff;
  #wake = Promise.withResolvers<void>();
  /** As it stood when this instance began to write. */
  #installation: Installation = { at: 0, graceEnds: 0 };
  /** Targets whose every line has had its SSHKey since. */
  readonly #accounted = new Set<string>();

  constructor(options: PresenceOptions) {
    this.#o = options;
    this.#backoff = new Backoff(options.backoff ?? BACKOFF);
  }

  /** Asks whether the SSHKey was deleted. What is asked already is not asked anew: edits must not put the answer off. */
  doubt(disappearance: Disappearance): void {
    const known = this.#inDoubt.get(sshKeyId(disappearance));
    if (known?.uid === disappearance.uid && known.isTerminating && disappearance.isTerminating) return;
    this.#drop(disappearance.namespace, disappearance.name);
    this.#inDoubt.set(sshKeyId(disappearance), disappearance);
    const { targetId } = disappearance;
    this.#heldUp.set(targetId, (this.#heldUp.get(targetId) ?? 0) + 1);
    this.#wake.resolve();
  }

  /** The SSHKey is there, again or after all. */
  cancel(namespace: string, name: string): void {
    const known = this.#drop(namespace, name);
    if (known !== undefined && !this.#heldUp.has(known.targetId)) this.#o.onSettled([known.targetId]);
  }

  /** How long the target has to stay as it is, in ms; 0 for not at all, Infinity until `onSettled`. */
  holdsUp(targetId: string): number {
    if (this.#heldUp.has(targetId)) return Number.POSITIVE_INFINITY;
    const { at, graceEnds } = this.#installation;
    const left = Math.max(0, graceEnds - this.#o.now());
    if (left === 0) this.#accounted.clear();
    else if (this.#isAccounted(targetId, at)) this.#accounted.add(targetId);
    return left > 0 && !this.#accounted.has(targetId) ? left : 0;
  }

  /** Waits until the CRD stands: a list that was read while it is being deleted may lack SSHKeys. */
  async whenStanding(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#o.backoff ?? BACKOFF);
    while (!signal.aborted) {
      let failure: ApiError | undefined;
      try {
        const installation = await this.#read(signal);
        this.#accounted.clear();
        if (installation !== undefined) {
          this.#installation = installation;
          return;
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failure = error;
      }
      if (signal.aborted) return;
      this.#o.onWaiting(failure);
      await sleep(backoff.next(), signal);
    }
  }

  /** Settles what is in doubt until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake.resolve(), { once: true });
    while (!signal.aborted) {
      if (this.#inDoubt.size === 0) await this.#wake.promise;
      if (signal.aborted) return;
      this.#wake = Promise.withResolvers();
      if (await this.#settle(signal)) this.#backoff.reset();
      // What cannot be settled must not hold up what can.
      else await Promise.race([sleep(this.#backoff.next(), signal), this.#wake.promise]);
    }
  }

  /** Whether everything that was in doubt at the start of the call is settled. */
  async #settle(signal: AbortSignal): Promise<boolean> {
    const asked = [...this.#inDoubt];
    let left = asked.length;
    let failure: ApiError | undefined;
    try {
      const installation = await this.#read(signal);
      for (const [id, disappearance] of asked) {
        if (this.#inDoubt.get(id) !== disappearance) left -= 1;
        else if (this.#isBelievable(disappearance, installation)) {
          left -= 1;
          disappearance.believe();
          this.cancel(disappearance.namespace, disappearance.name);
        }
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failure = error;
    }
    if (left > 0 && !signal.aborted) this.#o.onDoubt(left, failure);
    return left === 0;
  }

  #drop(namespace: string, name: string): Disappearance | undefined {
    const known = this.#inDoubt.get(sshKeyId({ namespace, name }));
    if (known === undefined) return undefined;
    this.#inDoubt.delete(sshKeyId(known));
    const left = (this.#heldUp.get(known.targetId) ?? 1) - 1;
    if (left > 0) this.#heldUp.set(known.targetId, left);
    else this.#heldUp.delete(known.targetId);
    return known;
  }

  /** Creation times are whole seconds, so what was made in the CRD's own second may be older. */
  #isBelievable({ createdAt }: Disappearance, installation: Installation | undefined): boolean {
    return (
      installation !== undefined && (createdAt > installation.at || this.#o.now() >= installation.graceEnds)
    );
  }

  /** Has every line of a Secret that is older than the CRD its SSHKey? */
  #isAccounted(targetId: string, before: number): boolean {
    const { projection } = this.#o;
    const target = projection.target(targetId);
    if (target?.live === undefined || target.live.createdAt > before) return true;
    return projection.linesWithoutSSHKey(target) === 0;
  }

  /**
   * The CRD, undefined while it is missing or being deleted. Where reading it is forbidden, it counts as having always
   * stood.
   */
  async #read(signal: AbortSignal): Promise<Installation | undefined> {
    try {
      const { metadata } = await this.#o.transport.request<KubeObject>({
        method: "GET",
        path: CRD_PATH,
        accept: METADATA_ONLY,
        signal,
      });
      if (metadata.deletionTimestamp !== undefined) return undefined;
      const at = createdAt(metadata);
      return { at, graceEnds: at + REINSTALL_GRACE_MS };
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      if (isApiError(error, "Forbidden")) return { at: 0, graceEnds: 0 };
      throw error;
    }
  }
}
