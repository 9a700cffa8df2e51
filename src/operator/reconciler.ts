import type { State } from "../api/sshkey.ts";
import type { Affected } from "../keyring/affected.ts";
import type { Keyring } from "../keyring/keyring.ts";
import type { Plan } from "../keyring/plan.ts";
import type { KeyRecord } from "../keyring/record.ts";
import { isToLose, retreats, withoutChanges } from "../keyring/retreats.ts";
import {
  collectionTime,
  type DesiredSecret,
  fileOf,
  isAltered,
  isRevocation,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  readSecret,
  type SecretWrite,
  secretWrite,
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

/**
 * Statuses of one unit that are written at once. A user may have a thousand: all that is sent after them, revocations of
 * others and the renewal of the Lease too, would wait until they are written.
 */
export const STATUSES_AT_ONCE = 8;

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
      const outcome = await this.#sendOrRevoke(id, write, plan.secret, signal);
      if (outcome.kind === "namespaceGone") return { againAfter: undefined };
      if (outcome.kind === "conflict") return await this.#refused(id, outcome.message, signal);
      if (outcome.kind === "written" && isAltered(plan.secret, outcome.secret))
        return await this.#altered(id, now, signal);
    }
    await this.#bringStatuses(plan.keys, now, signal);
    return { againAfter: this.#collectAfter(id, plan, now) };
  }

  /** The API server has refused the file; `message` says why. */
  async #refused(id: string, message: string, signal: AbortSignal): Promise<Pass> {
    const { keyring, onAffected } = this.#o;
    const now = this.#o.now();
    const plan = keyring.plan(id, now, message);
    if (plan === undefined) return { againAfter: undefined };
    const { outcome, file } = await this.#retreat(id, plan.secret, now, signal);
    if (outcome === "namespaceGone") return { againAfter: undefined };
    if (outcome === "conflict") onAffected(keyring.writeRefused(id, file));
    await this.#bringStatuses((keyring.plan(id, now, message) ?? plan).keys, now, signal);
    return { againAfter: CONFLICT_RETRY_MS };
  }

  /** The API server has taken the write and made something else of it. */
  async #altered(id: string, now: number, signal: AbortSignal): Promise<Pass> {
    const message =
      "Something changes the Secret while it is written; exclude Secrets with the label " +
      `${MANAGED_BY_LABEL}=${MANAGED_BY} from mutating webhooks and policies.`;
    const plan = this.#o.keyring.plan(id, now, message);
    if (plan !== undefined) await this.#bringStatuses(plan.keys, now, signal);
    return { againAfter: CONFLICT_RETRY_MS };
  }

  /** Sends the write; when the API server fails, as it may for a part of it only, keys that are to go are taken out. */
  async #sendOrRevoke(
    id: string,
    write: SecretWrite,
    desired: DesiredSecret,
    signal: AbortSignal,
  ): Promise<SecretOutcome> {
    try {
      return await this.#send(id, write, desired, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status >= 500) await this.#revoke(id, signal);
      throw error;
    }
  }

  /** Takes out the keys that are to go, and says so, whatever becomes of the others. */
  async #revoke(id: string, signal: AbortSignal): Promise<void> {
    const { keyring, secretRetention } = this.#o;
    await this.#settle(id, signal);
    const now = this.#o.now();
    const plan = keyring.plan(id, now);
    if (plan === undefined) return;
    const file = await this.#fileToLoseFrom(id, plan.secret, signal);
    const rest = file === undefined ? plan.secret : withoutChanges(plan.secret, file);
    if (rest.file === plan.secret.file) return;
    const write = secretWrite(rest, keyring.secretOf(id), secretRetention, now);
    if (write === undefined || (await this.#send(id, write, rest, signal)).kind !== "written") return;
    const held = new Set(keyring.secretOf(id)?.keys);
    const out = plan.keys.filter(
      ({ record, verdict }) => verdict?.state !== "Projected" && !held.has(record.key?.base64 ?? ""),
    );
    await this.#bringStatuses(out, now, signal);
  }

  /** Writes the most that can be written in the place of the desired file. Gives what was tried last, and its outcome. */
  async #retreat(
    id: string,
    desired: DesiredSecret,
    now: number,
    signal: AbortSignal,
  ): Promise<{ readonly outcome: SecretOutcome["kind"]; readonly file: string }> {
    const { keyring, secretRetention } = this.#o;
    const live = keyring.secretOf(id);
    const file = await this.#fileToLoseFrom(id, desired, signal);
    let last: { outcome: SecretOutcome["kind"]; file: string } = { outcome: "conflict", file: desired.file };
    for (const rest of retreats(desired, live, file)) {
      const write = secretWrite(rest, live, secretRetention, now);
      if (write === undefined) break;
      const outcome = await this.#send(id, write, rest, signal);
      last = { outcome: outcome.kind, file: rest.file };
      if (outcome.kind !== "conflict") break;
    }
    return last;
  }

  /** What the Secret holds, if it is to lose a key. Only a digest of it is kept. */
  async #fileToLoseFrom(
    id: string,
    desired: DesiredSecret,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { keyring, secrets } = this.#o;
    if (!isToLose(desired, keyring.secretOf(id))) return undefined;
    const found = await secrets.read(desired.namespace, desired.name, signal);
    return typeof found === "string" ? undefined : fileOf(found);
  }

  /** A write before this pass whose answer was lost may have happened: looks what the Secret holds. */
  async #settle(id: string, signal: AbortSignal): Promise<void> {
    const { keyring, secrets, onAffected } = this.#o;
    const underway = keyring.underway(id);
    if (underway === undefined) return;
    const { namespace, name } = underway;
    const found = await secrets.read(namespace, name, signal);
    if (typeof found === "string") onAffected(keyring.removeSecret(namespace, name, found));
    else onAffected(keyring.putSecret(readSecret(found)));
    onAffected(keyring.writeEnds(id));
  }

  /** Sends the write, and keeps the keyring informed of what the Secret holds, or may hold, all the while. */
  async #send(
    id: string,
    write: SecretWrite,
    desired: DesiredSecret,
    signal: AbortSignal,
  ): Promise<SecretOutcome> {
    const { keyring, secrets } = this.#o;
    keyring.writeBegins(id, desired.file);
    try {
      const outcome = await secrets.send(write, desired, signal);
      if (outcome.kind === "written") {
        this.#pace.wrote(id);
        this.#tellOthers(id, keyring.putSecret(outcome.secret));
      }
      if (outcome.kind === "collected") {
        const { namespace, name, resourceVersion } = outcome;
        this.#tellOthers(id, keyring.removeSecret(namespace, name, resourceVersion));
      }
      this.#tellOthers(id, keyring.writeEnds(id));
      return outcome;
    } catch (error) {
      if (error instanceof ApiError && error.status >= 500)
        this.#tellOthers(id, keyring.writeFailed(id, desired.file, this.#o.now()));
      if (!mayHaveHappened(error)) this.#tellOthers(id, keyring.writeEnds(id));
      throw error;
    }
  }

  /** The unit itself is being brought to its plan: what it has just written is no reason to look at it again. */
  #tellOthers(id: string, affected: Affected): void {
    this.#o.onAffected(new Map([...affected].filter(([other]) => other !== id)));
  }

  /** Every status is tried; the first failure is thrown when all have been. */
  async #bringStatuses(keys: Plan["keys"], now: number, signal: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    const waiting = keys.values();
    const bringNext = async () => {
      for (const { record, verdict } of waiting) {
        await this.#bringStatus(record, verdict, now, signal).catch((error) => failures.push(error));
      }
    };
    await Promise.all(Array.from({ length: STATUSES_AT_ONCE }, bringNext));
    if (failures.length > 0) throw failures[0];
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
