import type { State } from "../api/sshkey.ts";
import type { Affected } from "../keyring/affected.ts";
import type { Keyring } from "../keyring/keyring.ts";
import type { Plan } from "../keyring/plan.ts";
import type { KeyRecord } from "../keyring/record.ts";
import {
  collectionTime,
  type DesiredSecret,
  isRevocation,
  type SecretWrite,
  secretWrite,
  withoutAdditions,
} from "../keyring/secret.ts";
import { statusWrite } from "../keyring/status.ts";
import type { Verdict } from "../keyring/verdict.ts";
import { ApiError } from "../kube/apierror.ts";
import { Pace } from "./pace.ts";
import type { SecretOutcome, SecretWriter } from "./secretwriter.ts";
import type { StatusWriter } from "./statuswriter.ts";

/** The status of an SSHKey says the verdict, acknowledged. */
export interface StatusWritten {
  readonly record: KeyRecord;
  readonly verdict: Verdict;
  /** The STATE before, "" for none. */
  readonly previousState: State | "";
}

/** What one pass over a unit came to. */
export interface Pass {
  /** Look at the unit again after so many ms though nothing has changed; undefined if there is no need. */
  readonly againAfter: number | undefined;
}

export interface ReconcilerOptions {
  readonly keyring: Keyring;
  readonly secrets: SecretWriter;
  readonly statuses: StatusWriter;
  /** How long an empty Secret of a user without SSHKeys is kept, in ms. */
  readonly secretRetention: number;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly onAffected: (affected: Affected) => void;
  readonly onStatusWritten: (written: StatusWritten) => void;
}

/** How often a Secret that could not be written because of a conflict is tried again. Nothing tells when it is gone. */
const CONFLICT_RETRY_MS = 60_000;

/** Brings one unit to what the keyring plans for it: first its Secret, then, acknowledged, its statuses. */
export class Reconciler {
  readonly #o: ReconcilerOptions;
  readonly #pace = new Pace();

  constructor(options: ReconcilerOptions) {
    this.#o = options;
  }

  /** Throws ApiError for what another attempt may mend; everything else ends in a status. */
  async reconcile(id: string, signal: AbortSignal): Promise<Pass> {
    const { keyring } = this.#o;
    await this.#settle(id, signal);
    const now = this.#o.now();
    this.#o.onAffected(keyring.advance(now));
    const plan = keyring.plan(id, now);
    if (plan === undefined) return { againAfter: undefined };
    const live = keyring.secretOf(id);
    const write = secretWrite(plan.secret, live, this.#o.secretRetention, now);
    if (write !== undefined) {
      const wait = isRevocation(plan.secret, live) ? 0 : this.#pace.wait(id);
      if (wait > 0) return { againAfter: wait };
      const outcome = await this.#send(id, write, plan.secret, signal);
      if (outcome.kind === "namespaceGone") return { againAfter: undefined };
      if (outcome.kind === "conflict")
        return await this.#withoutAdditions(id, plan.secret.file, outcome.message, signal);
      this.#pace.wrote(id);
    }
    await this.#bringStatuses(plan, now, signal);
    return { againAfter: this.#collectAfter(id, plan, now) };
  }

  /**
   * The API server has refused the file. A key that cannot come in must not hold up one that is to go: whatever can be
   * written without it is, at once.
   */
  async #withoutAdditions(id: string, file: string, message: string, signal: AbortSignal): Promise<Pass> {
    const { keyring, onAffected } = this.#o;
    const now = this.#o.now();
    const plan = keyring.plan(id, now, message);
    if (plan === undefined) return { againAfter: undefined };
    const live = keyring.secretOf(id);
    const rest = withoutAdditions(plan.secret, live);
    const isLess = rest.file !== plan.secret.file;
    const write = isLess ? secretWrite(rest, live, this.#o.secretRetention, now) : undefined;
    let refused: string | undefined = file;
    if (write !== undefined) {
      // The unit itself does not come up again for this write: it would try the refused file once more.
      const tellOthers = (affected: Affected) =>
        onAffected(new Map([...affected].filter(([other]) => other !== id)));
      const outcome = await this.#send(id, write, rest, signal, tellOthers);
      if (outcome.kind === "namespaceGone") return { againAfter: undefined };
      refused = outcome.kind === "conflict" ? rest.file : undefined;
      if (refused === undefined) this.#pace.wrote(id);
    }
    if (refused !== undefined) onAffected(keyring.writeRefused(id, refused));
    await this.#bringStatuses(keyring.plan(id, now, message) ?? plan, now, signal);
    return { againAfter: CONFLICT_RETRY_MS };
  }

  /** A write before this pass whose answer was lost may have happened: looks what the Secret holds. */
  async #settle(id: string, signal: AbortSignal): Promise<void> {
    const { keyring, secrets, onAffected } = this.#o;
    const underway = keyring.underway(id);
    if (underway === undefined) return;
    const { namespace, name } = underway;
    const found = await secrets.read(namespace, name, signal);
    if (typeof found === "string") onAffected(keyring.removeSecret(namespace, name, found));
    else onAffected(keyring.putSecret(found));
    onAffected(keyring.writeEnds(id));
  }

  /** Sends the write, and keeps the keyring informed of what the Secret holds, or may hold, all the while. */
  async #send(
    id: string,
    write: SecretWrite,
    desired: DesiredSecret,
    signal: AbortSignal,
    onAffected = this.#o.onAffected,
  ): Promise<SecretOutcome> {
    const { keyring, secrets } = this.#o;
    keyring.writeBegins(id, desired.file);
    try {
      const outcome = await secrets.send(write, desired, signal);
      if (outcome.kind === "written") onAffected(keyring.putSecret(outcome.secret));
      if (outcome.kind === "collected") {
        onAffected(keyring.removeSecret(outcome.namespace, outcome.name, outcome.resourceVersion));
      }
      onAffected(keyring.writeEnds(id));
      return outcome;
    } catch (error) {
      if (error instanceof ApiError && error.status >= 500)
        onAffected(keyring.writeFailed(id, desired.file, this.#o.now()));
      if (!mayHaveHappened(error)) onAffected(keyring.writeEnds(id));
      throw error;
    }
  }

  /** Every status is tried; the first failure is thrown when all have been. */
  async #bringStatuses(plan: Plan, now: number, signal: AbortSignal): Promise<void> {
    const results = await Promise.allSettled(
      plan.keys.map(({ record, verdict }) => this.#bringStatus(record, verdict, now, signal)),
    );
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #bringStatus(
    record: KeyRecord,
    verdict: Verdict | undefined,
    now: number,
    signal: AbortSignal,
  ): Promise<void> {
    // A record that was replaced since the plan was made has a plan of its own coming.
    if (verdict === undefined || this.#o.keyring.key(record.namespace, record.name) !== record) return;
    const write = statusWrite(record, verdict, now);
    if (write === undefined) return;
    const resourceVersion = await this.#o.statuses.write(record, write.status, signal);
    if (resourceVersion === undefined) return;
    this.#o.keyring.statusWritten(record, { ...write.seen, resourceVersion });
    this.#o.onStatusWritten({ record, verdict, previousState: write.previousState });
  }

  #collectAfter(id: string, plan: Plan, now: number): number | undefined {
    const at = collectionTime(plan.secret, this.#o.keyring.secretOf(id), this.#o.secretRetention);
    return at === undefined ? undefined : Math.max(0, at - now);
  }
}

/** Can a write that failed so have been carried out all the same? */
function mayHaveHappened(error: unknown): boolean {
  if (!(error instanceof ApiError)) return true;
  if (error.code === "Unreachable" || error.code === "Credentials") return false;
  return error.status < 400 || error.status >= 500;
}
