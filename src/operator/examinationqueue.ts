import { setImmediate as turn } from "node:timers/promises";
import { type Log, logEvent } from "../api/logevent.ts";
import { namespacedName, namespaceOf } from "../api/object.ts";
import {
  dividing,
  isExamined,
  isSameSubject,
  mayBeInForce,
  whenExamined,
  withResultsOf,
} from "../claims/examination.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import { WorkQueue } from "../kube/workqueue.ts";

export interface ExaminationQueueOptions {
  readonly log: Log;
  /** Products of public primes, as they are known now: the same list until others are. */
  readonly primeProducts: () => readonly bigint[];
  /** What is known of the SSHKey of this id, apart from what is held. */
  readonly known: (id: string) => SSHKeyRecord | undefined;
  /** Takes a record that is examined, whatever was found. */
  readonly onExamined: (record: SSHKeyRecord) => void;
  /** Takes what is known already with something else found, and what was Compromised whatever is found. */
  readonly onDivided: (record: SSHKeyRecord) => void;
  /** Takes a record that has waited for as long as it may. It is still held. */
  readonly onOverdue: (record: SSHKeyRecord) => void;
  /** Nothing is held of the namespace any more that was when `behind` was last asked. */
  readonly onCaughtUp: (namespace: string) => void;
}

/** Examined at once. One namespace gets one of them at most while others are free. */
const WORKERS = 2;

/** In ms. A key may take as long again, and more: nothing else can be done while arithmetic is. */
const SLICE_MS = 2;

/** In front of an SSHKey in the queue that is to be examined again, so that these have turns of their own in each namespace. */
const AGAIN = "again:";

/** In ms. Another key is one write of the Secret when it is examined by then, and else two. */
const PATIENCE_MS = 1000;

/**
 * How long an SSHKey that is not examined may go unseen, in ms: for as long as it takes, if its line stays as it is; not at
 * all, if its line leaves for good. A flood of keys in the namespace must not delay a revocation.
 */
export function patienceFor(record: SSHKeyRecord, known: SSHKeyRecord | undefined): number {
  if (known?.uid !== record.uid) return PATIENCE_MS;
  if (!isExamined(known) || (isTakenOut(record) && !isTakenOut(known))) return 0;
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
 * Holds SSHKeys that the watch shows until they are examined, as if the watch were late by that time, and examines those
 * again that other primes have become public for. The arithmetic of a proof, which is done in other threads, and that of an
 * RSA key take up to a few ms of CPU time each, and whoever may write SSHKeys can send any number of them: so it is done
 * round robin by namespace.
 */
export class ExaminationQueue {
  readonly #o: ExaminationQueueOptions;
  readonly #held = new Map<string, SSHKeyRecord>();
  readonly #overdue = new Map<string, NodeJS.Timeout>();
  readonly #queue: WorkQueue<string>;
  /** Those that are to be examined again. */
  readonly #undivided = new Set<string>();
  /** What was held when `behind` was last asked, by namespace. */
  readonly #behind = new Map<string, Set<string>>();

  constructor(options: ExaminationQueueOptions) {
    this.#o = options;
    this.#queue = new WorkQueue<string>({
      namespaceOf,
      sliceMs: SLICE_MS,
      observer: {
        failed: (key, err) =>
          logEvent(options.log, "UnexpectedError", { sshKey: key.replace(AGAIN, ""), err }),
      },
    });
  }

  /** Holds the record until it is examined, in place of an older one of the same SSHKey, whose patience goes on. */
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

  /**
   * Something newer is about to be known of all SSHKeys of the namespace; undefined: of all. What is behind stays so until
   * `settle` is called.
   */
  dropAll(namespace: string | undefined): void {
    for (const record of this.#held.values())
      if (namespace === undefined || record.namespace === namespace) this.#release(namespacedName(record));
  }

  /** All that is known of them by now was held again, or needs not be: nothing else is behind. */
  settle(scope: string | undefined): void {
    for (const [namespace, ids] of this.#behind) {
      if (scope !== undefined && namespace !== scope) continue;
      for (const id of ids) if (!this.#held.has(id)) this.#catchUp(namespace, id);
    }
  }

  /** Looks for public primes in an RSA key that is examined, in turns with what its namespace has held. */
  divideAgain(record: SSHKeyRecord): void {
    const id = namespacedName(record);
    this.#undivided.add(id);
    this.#queue.add(AGAIN + id);
  }

  /** Is it not done yet what `divideAgain` was called for? */
  isUndivided(record: SSHKeyRecord): boolean {
    return this.#undivided.has(namespacedName(record));
  }

  /**
   * The namespaces, all or this one, of which something is held that does not count until it is examined: what was written
   * already may follow from that.
   */
  behind(scope?: string): Iterable<string> {
    for (const [id, record] of this.#held) {
      const { namespace } = record;
      if ((scope !== undefined && namespace !== scope) || mayBeInForce(record)) continue;
      const ids = this.#behind.get(namespace);
      if (ids === undefined) this.#behind.set(namespace, new Set([id]));
      else ids.add(id);
    }
    return this.#behind.keys();
  }

  /** Examines until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const work = (key: string) =>
      key.startsWith(AGAIN) ? this.#divideKnown(key.slice(AGAIN.length)) : this.#examine(key);
    await this.#queue.run(work, WORKERS, signal);
    for (const id of this.#overdue.keys()) this.#stopClock(id);
  }

  async #examine(id: string): Promise<void> {
    const record = this.#held.get(id);
    if (record === undefined) return;
    const examined = await this.#divided(await whenExamined(record));
    const latest = this.#held.get(id);
    // It was dropped, and perhaps another SSHKey of the name came after it.
    if (latest?.uid !== record.uid) return;
    const isLatest = isSameSubject(latest, examined);
    if (isLatest) this.#release(id);
    this.#o.onExamined(isLatest ? withResultsOf(latest, examined) : examined);
    this.#catchUp(record.namespace, id);
  }

  async #divideKnown(id: string): Promise<void> {
    const record = this.#o.known(id);
    const divided = record && (await this.#divided(record));
    this.#undivided.delete(id);
    const latest = this.#o.known(id);
    if (divided === undefined || latest === undefined || !isSameSubject(latest, divided)) return;
    if (divided === record && latest.observed.state !== "Compromised") return;
    this.#o.onDivided(withResultsOf(latest, { ...divided, proof: latest.proof }));
  }

  /** By the primes that are known when it ends. */
  async #divided(record: SSHKeyRecord): Promise<SSHKeyRecord> {
    for (;;) {
      const products = this.#o.primeProducts();
      const steps = dividing(record, products);
      let step = steps.next();
      for (; !step.done; step = steps.next()) await turn();
      if (products === this.#o.primeProducts()) return step.value;
    }
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
