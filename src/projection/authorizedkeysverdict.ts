import type { AuthorizedKeysState } from "../api/omissions.ts";
import type { Omission } from "../authorizedkeys/omission.ts";
import { type Doubt, isDoubtful } from "./authorizedkeysdoubt.ts";
import { type AuthorizedKeysPlan, faultsOf } from "./authorizedkeysplan.ts";
import type { AuthorizedKeysTarget } from "./authorizedkeystarget.ts";
import { isStalled } from "./delivery.ts";
import { lineIdentity } from "./file.ts";
import { allLines, changedFiles, type Files, haveSameLines } from "./files.ts";

/** What the status of one AuthorizedKeys should say. */
export interface AuthorizedKeysVerdict {
  readonly state: AuthorizedKeysState;
  /** What is wrong and what to do, or how it stands. */
  readonly message: string;
  /** Undefined before there is one. */
  readonly secretName: string | undefined;
  readonly userCount: number;
  readonly keyCount: number;
  /** All of it. */
  readonly omitted: readonly Omission[];
  /** Undefined if nobody knows any more: what was last told stays. */
  readonly blockedRemovals: number | undefined;
}

export const TERMINATING = "The AuthorizedKeys is being deleted; its Secret is empty.";

/** Of an object that has no Secret. */
export function withoutSecret(state: AuthorizedKeysState, message: string): AuthorizedKeysVerdict {
  return {
    state,
    message,
    secretName: undefined,
    userCount: 0,
    keyCount: 0,
    omitted: [],
    blockedRemovals: 0,
  };
}

/** How the object stands that has the Secret. `isLate`: it has been out of sync for some time. Undefined: it is too early to say. */
export function authorizedKeysVerdict(
  target: AuthorizedKeysTarget,
  { desired, selection, doubt }: AuthorizedKeysPlan,
  isLate: boolean,
  now: number,
): AuthorizedKeysVerdict | undefined {
  const { live, secretName, record } = target;
  if (record === undefined || selection === undefined || doubt === undefined) return undefined;
  if (record.mayBeTerminating) return undefined;
  const blocked = target.blockedBy();
  const held = live?.ownership === "managed" ? (live.files ?? new Map()) : new Map<string, string>();
  // Pods that mount a Secret without its label see what it held when it had it.
  const mounted = live?.ownership === "unlabelled" ? live.files : held;
  const isInSync = live?.ownership === "managed" && haveSameLines(held, desired.files);
  const faults = faultsOf(record, now);
  const rest = {
    secretName: live?.ownership === "managed" ? secretName : undefined,
    userCount: isInSync && faults.length === 0 && !isDoubtful(doubt) ? selection.userCount : usersIn(held),
    keyCount: allLines(held).length,
    omitted: selection.omitted,
    blockedRemovals: blocked !== undefined || isLate ? mounted && leavingFrom(mounted, desired.files) : 0,
  };
  const verdict = (state: AuthorizedKeysState, message: string) => ({ state, message, ...rest });
  if (faults.length > 0) return verdict("InvalidOptions", faults.map(({ message }) => message).join(" "));
  if (blocked !== undefined && isStalled(blocked)) return verdict("SecretConflict", blocked.message);
  if (!isInSync && (blocked !== undefined || isLate))
    return verdict("Pending", blocked?.message ?? (target.pendingReason || BEING_WRITTEN));
  if (!isInSync || (doubt.isPassing && !isLate)) return undefined;
  if (isDoubtful(doubt)) return verdict("Unknown", unknownMessage(doubt));
  return verdict(
    "Projected",
    `Secret ${secretName} holds ${counted(rest.keyCount, "key")} of ${counted(rest.userCount, "user")}.`,
  );
}

/**
 * How an object stands that is being deleted: not at its end before the Secret is empty, unless that is another's by now.
 * Undefined: it is too early to say.
 */
export function leavingVerdict(
  target: AuthorizedKeysTarget,
  isLate: boolean,
): AuthorizedKeysVerdict | undefined {
  const { live, secretName, record } = target;
  const held = live === undefined || live.ownership === "copy" ? undefined : live.files;
  const keyCount = allLines(held ?? new Map()).length;
  if (record !== undefined || keyCount === 0) return withoutSecret("Terminating", TERMINATING);
  const blocked = target.blockedBy();
  if (blocked === undefined && !isLate) return undefined;
  const isManaged = live?.ownership === "managed";
  return {
    state: blocked !== undefined && isStalled(blocked) ? "SecretConflict" : "Pending",
    message: blocked?.message ?? (target.pendingReason || BEING_WRITTEN),
    secretName: isManaged ? secretName : undefined,
    userCount: isManaged ? usersIn(held ?? new Map()) : 0,
    keyCount: isManaged ? keyCount : 0,
    omitted: [],
    blockedRemovals: keyCount,
  };
}

const BEING_WRITTEN =
  "The write is in progress; if this takes longer than ten seconds, ask a cluster administrator to check the operator's log.";

function unknownMessage(doubt: Doubt): string {
  const { unreadNamespaces, unservedNamespaces, unknownKeys, isOfSelector } = doubt;
  const [unread] = unreadNamespaces;
  const [unserved] = unservedNamespaces;
  if (isOfSelector)
    return "The operator may not read all Namespaces that it serves, so it is unknown which of them namespaceSelector finds; give its account get, list and watch on namespaces, or get in each one that --namespace names. Keys that are in the Secret stay as long as they are in force.";
  if (unread !== undefined)
    return `The operator may not read Namespace ${unread}, so it is unknown whether that shares its keys; give its account get on it. Keys of it that are in the Secret stay as long as they are in force.`;
  if (unserved !== undefined)
    return `The operator serves no namespace ${unserved}, so keys of it cannot come in; name it in --namespace too, or take it out of spec.from. Keys of it that are in the Secret stay.`;
  const [unknown = ""] = unknownKeys;
  return `The SSHKeys of namespace ${unknown} cannot be read by this operator, so those of them that are in the Secret stay; give its account list and watch on sshkeys there, and let it serve the namespace.`;
}

/** How many lines should be out and are not. */
function leavingFrom(held: Files, wanted: Files): number {
  let count = 0;
  for (const { before, after } of changedFiles(held, wanted)) {
    const staying = new Set(after.map(lineIdentity));
    count += before.filter((line) => !staying.has(lineIdentity(line))).length;
  }
  return count;
}

/** In a file for each login that is as many as there are files with lines; nobody knows in a SingleFile. */
function usersIn(held: Files): number {
  return [...held.values()].filter((file) => file !== "").length;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** Do two verdicts lead to the same status? */
export function sameAuthorizedKeysVerdict(
  a: AuthorizedKeysVerdict | undefined,
  b: AuthorizedKeysVerdict | undefined,
): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
