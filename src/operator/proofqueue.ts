import { namespacedName, namespaceOf } from "../api/object.ts";
import { whenVerified } from "../claims/proof.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import { WorkQueue } from "../kube/workqueue.ts";
import { type Log, logEvent } from "./logevent.ts";

export interface ProofQueueOptions {
  readonly log: Log;
  /** Takes a record whose proof is verified, proven or not. */
  readonly onVerified: (record: SSHKeyRecord) => void;
  /** Takes a record that has waited for as long as it may. It is still held. */
  readonly onOverdue: (record: SSHKeyRecord) => void;
  /** Nothing is held of the namespace any more that was when `behind` was last asked. */
  readonly onCaughtUp: (namespace: string) => void;
}

/** Verified at once. One namespace gets one of them at most while others are free. */
const WORKERS = 2;

/** In ms. Another key with its proof is one write of the Secret when the proof is verified by then, and else two. */
const PATIENCE_MS = 1000;

/**
 * How long an SSHKey with an unverified proof may go unseen, in ms: for as long as it takes, if its line stays as it is; not
 * at all, if its line leaves for good. A flood of proofs in the namespace must not delay a revocation.
 */
export function patienceFor(record: SSHKeyRecord, known: SSHKeyRecord | undefined): number {
  if (known?.uid !== record.uid) return PATIENCE_MS;
  if (known.proof?.result === "Unverified" || (isTakenOut(record) && !isTakenOut(known))) return 0;
  return isSameLine(known, record) ? Number.POSITIVE_INFINITY : PATIENCE_MS;
}

function isTakenOut({ disabled, isTerminating }: SSHKeyRecord): boolean {
  return disabled || isTerminating;
}

function isSameLine(a: SSHKeyRecord, b: SSHKeyRecord): boolean {
  return (
    isTakenOut(a) === isTakenOut(b) &&
    a.key?.base64 === b.key?.base64 &&
    a.key?.options === b.key?.options &&
    a.expiresAt === b.expiresAt
  );
}

/**
 * Holds SSHKeys that the watch shows with a proof that is not verified yet, as if the watch were late by that time. A proof
 * takes up to a few ms of CPU time and whoever may write SSHKeys can send any number of them, so that is done in other
 * threads, and round robin by namespace.
 */
export class ProofQueue {
  readonly #o: ProofQueueOptions;
  readonly #held = new Map<string, SSHKeyRecord>();
  readonly #overdue = new Map<string, NodeJS.Timeout>();
  readonly #queue: WorkQueue<string>;
  /** What was held when `behind` was last asked, by namespace. */
  readonly #behind = new Map<string, Set<string>>();

  constructor(options: ProofQueueOptions) {
    this.#o = options;
    this.#queue = new WorkQueue<string>({
      namespaceOf,
      observer: {
        failed: (sshKey, err) => logEvent(options.log, "UnexpectedError", { sshKey, err }),
      },
    });
  }

  /** Holds the record until its proof is verified, in place of an older one of the same SSHKey, whose patience goes on. */
  hold(record: SSHKeyRecord, patienceMs: number): void {
    const id = namespacedName(record);
    this.#held.set(id, record);
    this.#queue.add(id);
    if (patienceMs === 0) this.#expire(id);
    else if (patienceMs === Number.POSITIVE_INFINITY) this.#stopClock(id);
    else if (!this.#overdue.has(id))
      this.#overdue.set(
        id,
        setTimeout(() => this.#expire(id), patienceMs),
      );
  }

  /** Something newer is known of the SSHKey. */
  drop({ namespace, name }: Pick<SSHKeyRecord, "namespace" | "name">): void {
    const id = namespacedName({ namespace, name });
    this.#release(id);
    this.#catchUp(namespace, id);
  }

  /** Something newer is known of all SSHKeys of the namespace; undefined: of all. */
  dropAll(namespace: string | undefined): void {
    for (const record of this.#held.values())
      if (namespace === undefined || record.namespace === namespace) this.drop(record);
  }

  /** The namespaces of which something is held, all or this one: what was written already may follow from that. */
  behind(scope?: string): Iterable<string> {
    for (const [id, { namespace }] of this.#held) {
      if (scope !== undefined && namespace !== scope) continue;
      const ids = this.#behind.get(namespace);
      if (ids === undefined) this.#behind.set(namespace, new Set([id]));
      else ids.add(id);
    }
    return this.#behind.keys();
  }

  /** Verifies until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#queue.run((id) => this.#verify(id), WORKERS, signal);
    for (const id of this.#overdue.keys()) this.#stopClock(id);
  }

  async #verify(id: string): Promise<void> {
    const record = this.#held.get(id);
    if (record?.proof === undefined) return;
    const proof = await whenVerified(record.proof);
    const latest = this.#held.get(id);
    // It was dropped, and perhaps another SSHKey of the name came after it.
    if (latest?.uid !== record.uid) return;
    const isLatest = latest.proof?.digest === proof.digest;
    if (isLatest) this.#release(id);
    this.#o.onVerified({ ...(isLatest ? latest : record), proof });
    this.#catchUp(record.namespace, id);
  }

  #expire(id: string): void {
    this.#stopClock(id);
    const record = this.#held.get(id);
    if (record !== undefined) this.#o.onOverdue(record);
  }

  #release(id: string): void {
    this.#held.delete(id);
    this.#stopClock(id);
  }

  #stopClock(id: string): void {
    clearTimeout(this.#overdue.get(id));
    this.#overdue.delete(id);
  }

  #catchUp(namespace: string, id: string): void {
    const ids = this.#behind.get(namespace);
    ids?.delete(id);
    if (ids?.size !== 0) return;
    this.#behind.delete(namespace);
    this.#o.onCaughtUp(namespace);
  }
}
