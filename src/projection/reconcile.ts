import { type AccessReport, hasForeignData, takeAccessReport } from "./accesschanges.ts";
import {
  type Answer,
  attempts,
  type Blocked,
  IDLE,
  lastBlock,
  wouldBeAlteredAgain,
  written,
} from "./delivery.ts";
import { areEmpty, changedFiles, type Files, haveSameLines, sizeOf } from "./files.ts";
import type { Projection } from "./projection.ts";
import {
  buildCreate,
  buildDelete,
  buildUpdate,
  type DesiredSecret,
  isAsDesired,
  isEmpty,
  type LiveSecret,
  type SecretWrite,
  UNREAD,
} from "./secret.ts";
import { NOBODY, soonest, type Target } from "./target.ts";

/** What a reconcile asks of the API server. */
export type SecretRequest =
  /** The Secret of this name if it has the installation's label, data included. */
  | { readonly kind: "listManaged"; readonly namespace: string; readonly name: string }
  /** Whatever Secret has this name, without data. */
  | { readonly kind: "listMetadata"; readonly namespace: string; readonly name: string }
  | SecretWrite;

/**
 * Takes the budget for a write from one of the namespaces that have caused it, or returns how long to wait. `isRemoval`: the
 * write adds no key and changes no line.
 */
export type TakeBudget = (causes: ReadonlySet<string>, isRemoval: boolean, bytes: number) => Wait | undefined;

export interface Wait {
  readonly ms: number;
  /** A sentence. */
  readonly reason: string;
}

/** How a reconcile ended (controller-runtime: reconcile.Result). */
export type ReconcileResult = Outcome & {
  /** Who gained or lost access since the last reconcile. */
  readonly access?: AccessReport;
};

type Outcome =
  /** The Secret is as it should be. `requeueAt`: look again then, in ms since the epoch. */
  | { readonly kind: "done"; readonly requeueAt: number | undefined }
  /** It cannot be, until something changes. `isWatched`: the watch will show that change. */
  | { readonly kind: "blocked"; readonly blocked: Blocked; readonly isWatched: boolean }
  | { readonly kind: "requeue"; readonly afterMs: number }
  | { readonly kind: "retry" };

/** The largest part of a stored Secret beside its files, in bytes. */
const SECRET_OVERHEAD_BYTES = 2048;

const DONE: Outcome = { kind: "done", requeueAt: undefined };
const RETRY: Outcome = { kind: "retry" };

/**
 * Reconciles one target: makes its Secret equal to the plan. All decisions are made here; the caller only sends the
 * requests, one after another, and never runs two reconciles of one target at a time. `now` in ms since the epoch.
 */
export function* reconcile(
  projection: Projection,
  id: string,
  now: () => number,
  takeBudget: TakeBudget,
): Generator<SecretRequest, ReconcileResult, Answer> {
  const target = projection.target(id);
  if (target === undefined) return DONE;
  target.initLoggedFiles();
  const outcome = yield* bringAbout(projection, target, now, takeBudget);
  return { ...outcome, access: takeAccessReport(target, projection.claims, outcome.kind === "done") };
}

function* bringAbout(
  projection: Projection,
  target: Target,
  now: () => number,
  takeBudget: TakeBudget,
): Generator<SecretRequest, Outcome, Answer> {
  if (target.delivery.at === "sent" && !(yield* readBack(projection, target))) return RETRY;
  projection.advance(now());
  if (target.live?.ownership === "unlabelled" && !(yield* listMetadata(projection, target))) return RETRY;
  let desired = projection.plan(target, now());
  // A Secret of the name may hold a key that should be out, and have lost its label unseen.
  if (target.live === undefined && target.mayExistUnlabelled && target.isAnyOut(desired)) {
    if (!(yield* listMetadata(projection, target))) return RETRY;
    desired = projection.plan(target, now());
  }
  const { live } = target;
  if (live !== undefined && live.ownership !== "managed") {
    const concernsNobody = !target.isNamed && (live.ownership === "copy" || isEmpty(live));
    if (!concernsNobody) return endOf(projection, target, now());
    // Nothing shows when it goes, and nothing depends on it.
    if (live.ownership === "unlabelled") projection.removeSecret(target, live.resourceVersion);
    projection.forgetIfEmpty(target);
    return DONE;
  }
  if (live === undefined ? desired.isOptional && areEmpty(desired.files) : isAsDesired(live, desired)) {
    return yield* deleteIfDue(projection, target, now, takeBudget);
  }
  if (live !== undefined && wouldBeAlteredAgain(target.delivery, desired, live, now()))
    return endOf(projection, target, now());
  return yield* write(projection, target, desired, now, takeBudget);
}

/** Tries what is planned, and less of it for as long as they are refused or have to wait. */
function* write(
  projection: Projection,
  target: Target,
  desired: DesiredSecret,
  now: () => number,
  takeBudget: TakeBudget,
): Generator<SecretRequest, Outcome, Answer> {
  if (target.live?.isImmutable) {
    target.delivery = { at: "blocked", reason: "rejected", message: immutableMessage(target) };
    return endOf(projection, target, now());
  }
  let wait: number | undefined;
  let isProgress = false;
  for (const files of attempts(desired.files, target.live, target.search?.most)) {
    const { live } = target;
    // Looked at again after a write that failed: it may be another hand's by now.
    if (live !== undefined && live.ownership !== "managed") break;
    const part = { ...desired, files };
    const isWhole = files === desired.files;
    const { added, isRemoval } = changeTo(files, live);
    const isAddition = added.length > 0;
    const bytes = sizeOf(files) + SECRET_OVERHEAD_BYTES;
    const { causes } = target;
    const pause = takeBudget(causes, isRemoval, bytes);
    target.pendingReason = pause?.reason ?? "";
    if (pause !== undefined) {
      wait ??= pause.ms;
      continue;
    }
    const before = lastBlock(target.delivery);
    if (live !== undefined && hasForeignData(live)) target.hadForeignData = true;
    target.delivery = { at: "sent", blocked: before };
    // What is caused from now on is not in it.
    target.causes = NOBODY;
    const answer: Answer = yield live === undefined
      ? buildCreate(part, projection.settings.installation, now())
      : buildUpdate(part, live, now());
    if (answer.kind === "written") {
      const secret = projection.toLiveSecret(answer.object);
      target.delivery = written(before, desired, part, secret, now());
      projection.applyResponse(target, secret);
      if (isWhole) target.outOfSyncSince = undefined;
      else for (const cause of causes) target.addCause(cause);
      if (isAddition) target.search?.accepted(isWhole);
      isProgress = isAddition && !isWhole && target.search !== undefined;
      break;
    }
    for (const cause of causes) target.addCause(cause);
    if (answer.kind === "lost") return RETRY;
    if (answer.kind === "refused") {
      target.delivery = { at: "blocked", reason: answer.reason, message: answer.message };
      if (answer.reason === "rejected" && isAddition)
        isProgress = target.search?.rejected(added, now()) === true;
      else if (answer.reason === "rejected") {
        target.search?.rejectedAll(now());
        isProgress = false;
      }
      // A server that fails may have carried it out all the same.
      if (answer.reason === "server-error" && !(yield* readBack(projection, target))) return RETRY;
      projection.advance(now());
      // An SSHKey that is gone meanwhile must not come in with less; another reconcile is due.
      if (!haveSameLines(projection.plan(target, now()).files, desired.files)) break;
      continue;
    }
    if (answer.kind === "missing" && live !== undefined) {
      target.delivery = IDLE;
      projection.removeSecret(target, live.resourceVersion);
      return RETRY;
    }
    if (answer.kind === "exists") {
      target.delivery = IDLE;
      const isKnown = yield* listMetadata(projection, target);
      return isKnown && target.live !== undefined ? endOf(projection, target, now()) : RETRY;
    }
    target.delivery = before ?? IDLE;
    return answer.kind === "namespace-gone" ? DONE : RETRY;
  }
  const outcome = endOf(projection, target, now());
  if (wait !== undefined) return { kind: "requeue", afterMs: wait };
  // The rest is tried at once; the budget of the Secret says how soon that is.
  return isProgress ? { kind: "requeue", afterMs: 1 } : outcome;
}

function* deleteIfDue(
  projection: Projection,
  target: Target,
  now: () => number,
  takeBudget: TakeBudget,
): Generator<SecretRequest, Outcome, Answer> {
  const wasBlocked = target.delivery.at === "blocked";
  target.delivery = IDLE;
  target.causes = NOBODY;
  // What could not be written need not be any more, and the statuses have to say so.
  if (wasBlocked) projection.plan(target, now());
  const { live } = target;
  const at = projection.deletionTime(target);
  if (live === undefined || at === undefined || at > now()) {
    projection.forgetIfEmpty(target);
    return { kind: "done", requeueAt: soonest(at, target.changesAt) };
  }
  const pause = takeBudget(NOBODY, true, 0);
  if (pause !== undefined) return { kind: "requeue", afterMs: pause.ms };
  target.delivery = { at: "sent", blocked: undefined };
  const answer: Answer = yield buildDelete(live);
  if (answer.kind === "lost") return RETRY;
  target.delivery = IDLE;
  if (answer.kind !== "deleted" && answer.kind !== "missing") return RETRY;
  projection.removeSecret(target, live.resourceVersion);
  projection.forgetIfEmpty(target);
  return DONE;
}

/**
 * Lists the metadata of whatever Secret has this name, managed or not. False when the answer decides nothing: a Secret with
 * the label is about to arrive by the watch.
 */
function* listMetadata(projection: Projection, target: Target): Generator<SecretRequest, boolean, Answer> {
  const answer: Answer = yield { kind: "listMetadata", namespace: target.namespace, name: target.secretName };
  if (answer.kind !== "found") return false;
  const secret = answer.object && projection.toLiveSecret(answer.object);
  if (secret === undefined) projection.removeSecret(target, answer.resourceVersion);
  else if (secret.ownership === "unlabelled") projection.applyResponse(target, secret);
  else return false;
  return true;
}

/** The result after a write, or after none was possible; plans again, so that the statuses say so. */
function endOf(projection: Projection, target: Target, now: number): Outcome {
  projection.plan(target, now);
  const blocked = target.blockedBy();
  if (blocked === undefined)
    return { kind: "done", requeueAt: soonest(projection.deletionTime(target), target.changesAt) };
  const { live } = target;
  const isWatched =
    live !== undefined && live.ownership !== "unlabelled" && (live.ownership === "copy" || live.isImmutable);
  return { kind: "blocked", blocked, isWatched };
}

/** Reads the Secret back after a write whose response was lost. False when that fails. */
function* readBack(projection: Projection, target: Target): Generator<SecretRequest, boolean, Answer> {
  const { namespace, secretName: name, delivery } = target;
  const blocked = lastBlock(delivery);
  // What the watch shows until then may be the own write.
  target.delivery = { at: "sent", blocked };
  const answer: Answer = yield { kind: "listManaged", namespace, name };
  if (answer.kind !== "found") return false;
  target.delivery = blocked ?? IDLE;
  if (answer.object !== undefined) {
    projection.applyResponse(target, projection.toLiveSecret(answer.object));
    return true;
  }
  if (target.live?.ownership === "managed")
    projection.secretDisappeared(namespace, name, answer.resourceVersion);
  // The write may have come through and lost its label on the way: then nobody knows what the Secret holds.
  if (target.live === undefined) target.mayExistUnlabelled = true;
  else if (target.live.ownership === "unlabelled") {
    target.live = { ...target.live, files: undefined, digest: UNREAD };
  }
  return true;
}

function immutableMessage({ namespace, secretName: name }: Target): string {
  return `Secret ${name} is immutable, so its keys cannot be changed; run: kubectl delete secret -n ${namespace} ${name}. The operator recreates it within seconds; then restart the pods that mount it.`;
}

/** What a write of these files changes in the live Secret. */
function changeTo(files: Files, live: LiveSecret | undefined): Change {
  const added: string[] = [];
  let isLess = false;
  for (const { dataKey, before, after } of changedFiles(live?.files ?? new Map(), files)) {
    const held = new Set(before.map(({ text }) => text));
    for (const { text } of after) if (!held.has(text)) added.push(`${dataKey} ${text}`);
    isLess ||= after.length < held.size;
  }
  return { added, isRemoval: added.length === 0 && isLess };
}

interface Change {
  /** The lines that the Secret does not hold, as RejectionSearch tells them. */
  readonly added: readonly string[];
  /** Does it only take lines out? Such a write must never wait for others. */
  readonly isRemoval: boolean;
}
