import { isLogin } from "../api/logins.ts";
import { AUTHORIZED_KEYS_ANNOTATION, DATA_KEY } from "../api/names.ts";
import { namedLogins } from "../authorizedkeys/logins.ts";
import { inOrder, type Omission } from "../authorizedkeys/omission.ts";
import type { AuthorizedKeysRecord, SpecFault } from "../authorizedkeys/record.ts";
import type { Selection } from "../authorizedkeys/selection.ts";
import type { Claims } from "../claims/claims.ts";
import { type ClusterView, type Doubt, selectInDoubt } from "./authorizedkeysdoubt.ts";
import type { AuthorizedKeysTarget } from "./authorizedkeystarget.ts";
import { type FileLine, fileOf, linesOf } from "./file.ts";
import type { DesiredSecret } from "./secret.ts";

/** What is known beside the target. */
export interface Surroundings extends ClusterView {
  /** How long a file that nobody asks for any more is kept empty, in ms. */
  readonly retention: number;
}

export interface AuthorizedKeysPlan {
  readonly desired: DesiredSecret;
  /** Undefined where no object asks for the Secret. */
  readonly selection: Selection | undefined;
  /** The same. */
  readonly doubt: Doubt | undefined;
  /** The namespaces of keys that stay in it though they are not selected: as long as they are in force there. */
  readonly keptFrom: ReadonlySet<string>;
}

/** How many files that nobody asks for are kept empty; beyond that those that have been for longest go first. */
const MAXIMUM_EMPTIED = 1000;

/** What makes the object mean nothing for sure at this time. */
export function faultsOf({ faults, options }: AuthorizedKeysRecord, now: number): readonly SpecFault[] {
  const expiresAt = options?.expiresAt;
  if (faults.length > 0 || expiresAt === undefined || expiresAt > now) return faults;
  return [
    {
      code: "BadOptionValue",
      message:
        "The expiry-time in spec.options has passed, so sshd refuses every line; set a later one or remove it.",
    },
  ];
}

/**
 * Plans the Secret of an AuthorizedKeys. The same facts give the same plan, but for `target.emptySince`, which remembers
 * when a file became empty. `now` in ms since the epoch.
 */
export function planAuthorizedKeys(
  target: AuthorizedKeysTarget,
  surroundings: Surroundings,
  now: number,
): AuthorizedKeysPlan {
  const { namespace, secretName, record } = target;
  // Of options that are none, or that sshd refuses by now, nothing is known but who must not be in any more.
  const isFaulty = record !== undefined && faultsOf(record, now).length > 0;
  const expiresAt = record?.options?.expiresAt ?? 0;
  target.nextExpiry = expiresAt > now ? expiresAt : undefined;
  const selected = record && selectInDoubt(record, surroundings, target.live);
  // One that is being deleted perhaps has lost its keys already: a process that has just begun does not bring them back.
  const isKept = isFaulty || record?.mayBeTerminating === true;
  const { files, keptFrom } = isKept ? keepGood(target, surroundings) : (selected ?? nothing());
  const rejected = takeOutRejected(files, target, now);
  // Nobody knows then which files are asked for, and those of a Secret that goes as a whole need not go before it.
  const isForGood = record === undefined || isFaulty;
  const retention = isForGood ? Number.POSITIVE_INFINITY : surroundings.retention;
  keepEmptied(files, target, retention, now);
  if (target.live === undefined && record === undefined) files.set(DATA_KEY, "");
  const desired: DesiredSecret = {
    namespace,
    name: secretName,
    forWhom: record && { annotation: AUTHORIZED_KEYS_ANNOTATION, value: record.name },
    files,
    isOptional: record === undefined || isKept,
  };
  return {
    desired,
    selection: selected && withRejected(selected.selection, rejected, surroundings.claims),
    doubt: selected?.doubt,
    keptFrom,
  };
}

/** Takes out the lines with which the API server rejects the Secret, and returns them. */
function takeOutRejected(
  files: Map<string, string>,
  { search }: AuthorizedKeysTarget,
  now: number,
): readonly FileLine[] {
  const rejected: FileLine[] = [];
  if (!search.hasRejected) return rejected;
  for (const [dataKey, file] of files) {
    const lines = linesOf(file);
    const isRejected = (line: FileLine) => search.isRejected(`${dataKey} ${line.text}`, now);
    const out = lines.filter(isRejected);
    if (out.length === 0) continue;
    rejected.push(...out);
    const staying = lines.filter((line) => !out.includes(line));
    files.set(dataKey, fileOf(staying.map(({ text }) => text)));
  }
  return rejected;
}

function withRejected(selection: Selection, rejected: readonly FileLine[], claims: Claims): Selection {
  if (rejected.length === 0) return selection;
  const omitted = rejected.map(({ namespace, name }): Omission => {
    const user = claims.get(namespace, name)?.record.user;
    return {
      reason: "Rejected",
      namespace,
      ...(user === undefined ? {} : { user }),
      sshKey: name,
      message:
        "The API server rejects the Secret with this key in it, and takes it without; look for an admission webhook or policy that does, or use another key. It is tried again every five minutes.",
    };
  });
  const keyCount = selection.keyCount - rejected.length;
  return { ...selection, keyCount, omitted: inOrder([...selection.omitted, ...omitted]) };
}

/** Of a line that the Secret holds: is it in force where it lives, and may it be taken from there? */
function isStillGood({ namespace, name, base64 }: FileLine, own: string, around: Surroundings): boolean {
  if (around.namespaces.isShared(namespace, own) === false) return false;
  return !around.isKnown(namespace) || isInForce(namespace, name, base64, around.claims);
}

function isInForce(namespace: string, name: string, base64: string, claims: Claims): boolean {
  const claim = claims.get(namespace, name);
  return claim?.record.key?.base64 === base64 && claim.isInForce && claims.isHolder(claim);
}

function nothing() {
  return { files: new Map<string, string>(), keptFrom: new Set<string>() };
}

/** What the Secret holds and nothing else, as far as it is in force. No file goes. */
function keepGood({ namespace, live }: AuthorizedKeysTarget, surroundings: Surroundings) {
  const { files, keptFrom } = nothing();
  for (const dataKey of live?.emptyFiles ?? []) if (isDataKey(dataKey)) files.set(dataKey, "");
  for (const [dataKey, file] of live?.files ?? []) {
    const kept = linesOf(file).filter((line) => isStillGood(line, namespace, surroundings));
    if (kept.length > 0 || isDataKey(dataKey)) files.set(dataKey, fileOf(kept.map(({ text }) => text)));
    for (const line of kept) keptFrom.add(line.namespace);
  }
  return { files, keptFrom };
}

/**
 * A file that nobody asks for any more becomes empty and stays for the retention, or for as long as a user of it is named: a pod that mounts it by `items` without
 * `optional` would get no update of the volume at all when it went.
 */
function keepEmptied(
  files: Map<string, string>,
  target: AuthorizedKeysTarget,
  retention: number,
  now: number,
): void {
  const { live, emptySince } = target;
  // What else is in there is not the operator's, and goes at once.
  const left = [...(live?.files?.keys() ?? []), ...(live?.emptyFiles ?? [])].filter(
    (dataKey) => !files.has(dataKey) && isDataKey(dataKey),
  );
  const isLeft = new Set(left);
  for (const dataKey of emptySince.keys()) if (!isLeft.has(dataKey)) emptySince.delete(dataKey);
  const empty = new Set(live?.emptyFiles);
  const named = target.record === undefined ? new Set() : namedLogins(target.record);
  for (const dataKey of left) {
    if (named.has(dataKey)) files.set(dataKey, "");
    else if (!empty.has(dataKey)) emptySince.delete(dataKey);
    else if (!emptySince.has(dataKey)) emptySince.set(dataKey, now);
  }
  const kept = [...emptySince].sort(([, a], [, b]) => b - a).slice(0, MAXIMUM_EMPTIED);
  const staying = new Map(kept.filter(([, since]) => since + retention > now));
  for (const dataKey of left) if (staying.has(dataKey) || !empty.has(dataKey)) files.set(dataKey, "");
  const soonest = Math.min(...staying.values());
  target.nextRemoval = Number.isFinite(soonest + retention) ? soonest + retention : undefined;
}

function isDataKey(text: string): boolean {
  return text === DATA_KEY || isLogin(text);
}
