import { isLogin } from "../api/logins.ts";
import { AUTHORIZED_KEYS_ANNOTATION, DATA_KEY } from "../api/names.ts";
import { namedLogins } from "../authorizedkeys/logins.ts";
import { inOrder, type Omission } from "../authorizedkeys/omission.ts";
import type { AuthorizedKeysRecord, FromEntry, SpecFault } from "../authorizedkeys/record.ts";
import { type Selection, select } from "../authorizedkeys/selection.ts";
import type { Claims } from "../claims/claims.ts";
import type { Policy } from "../claims/policy.ts";
import type { ExpiryTimeFormat } from "../ssh/authorizedkeys.ts";
import type { AuthorizedKeysTarget } from "./authorizedkeystarget.ts";
import { type FileLine, fileOf, lineIdentity, linesOf } from "./file.ts";
import type { Files } from "./files.ts";
import type { Namespaces } from "./namespaces.ts";
import type { DesiredSecret } from "./secret.ts";

/** What is known beside the target. */
export interface Surroundings {
  readonly claims: Claims;
  readonly namespaces: Namespaces;
  /** Are the SSHKeys of the namespace known, and known to be up to date? */
  readonly isKnown: (namespace: string) => boolean;
  /** Is it about to be known what its Namespace says and which SSHKeys it has? Undefined: of any namespace. */
  readonly isAboutToBeKnown: (namespace: string | undefined) => boolean;
  readonly policy: Policy;
  readonly expiryTimeFormat: ExpiryTimeFormat;
  /** How long a file that nobody asks for any more is kept empty, in ms. */
  readonly retention: number;
}

export interface AuthorizedKeysPlan {
  readonly desired: DesiredSecret;
  /** Undefined where no object asks for the Secret. */
  readonly selection: Selection | undefined;
  readonly doubt: Doubt;
  /** The namespaces of keys that stay in it though they are not selected: as long as they are in force there. */
  readonly keptFrom: ReadonlySet<string>;
}

/** What is not known of the sources. A doubt lets nobody in and puts nobody out. */
export interface Doubt {
  /** Whether they share their keys. */
  readonly unreadNamespaces: ReadonlySet<string>;
  /** The same of namespaces that the operator does not serve, so that it never reads them. */
  readonly unservedNamespaces: ReadonlySet<string>;
  /** Which SSHKeys they have. */
  readonly unknownKeys: ReadonlySet<string>;
  /** Namespaces are looked for by labels, and not all are known. */
  readonly isOfSelector: boolean;
  /** Is it about to be known, so that nobody need be told? */
  readonly isPassing: boolean;
}

type MutableDoubt = {
  -readonly [K in keyof Doubt]: Doubt[K] extends ReadonlySet<string> ? Set<string> : Doubt[K];
};

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
  const doubt: MutableDoubt = {
    unreadNamespaces: new Set(),
    unservedNamespaces: new Set(),
    unknownKeys: new Set(),
    isOfSelector: false,
    isPassing: false,
  };
  const selection =
    record &&
    select(
      record,
      sourcesOf(namespace, surroundings, doubt),
      surroundings.policy,
      surroundings.expiryTimeFormat,
    );
  // Of options that are none, or that sshd refuses by now, nothing is known but who must not be in any more.
  const isFaulty = record !== undefined && faultsOf(record, now).length > 0;
  const expiresAt = record?.options?.expiresAt ?? 0;
  target.nextExpiry = expiresAt > now ? expiresAt : undefined;
  const isKept = isFaulty
    ? (line: FileLine) => isStillGood(line, namespace, surroundings)
    : (line: FileLine) => isInDoubt(line, namespace, surroundings, doubt);
  const files = new Map(selection?.files);
  const keptFrom =
    isFaulty || isDoubtful(doubt) ? keepHeld(files, target.live?.files, isKept) : new Set<string>();
  const rejected = takeOutRejected(files, target, now);
  const retention = record === undefined ? Number.POSITIVE_INFINITY : surroundings.retention;
  keepEmptied(files, target, retention, now);
  if (target.live === undefined && record === undefined) files.set(DATA_KEY, "");
  const desired: DesiredSecret = {
    namespace,
    name: secretName,
    forWhom: record && { annotation: AUTHORIZED_KEYS_ANNOTATION, value: record.name },
    files,
    isOptional: record === undefined || isFaulty,
  };
  return {
    desired,
    selection: selection && withRejected(selection, rejected, surroundings.claims),
    doubt,
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

/** Is there anything that is not known of the sources? */
export function isDoubtful({ isOfSelector, ...doubt }: Doubt): boolean {
  return (
    isOfSelector || doubt.unreadNamespaces.size + doubt.unservedNamespaces.size + doubt.unknownKeys.size > 0
  );
}

function sourcesOf(
  own: string,
  { claims, namespaces, isKnown, isAboutToBeKnown }: Surroundings,
  doubt: MutableDoubt,
) {
  return {
    namespacesOf: ({ namespace, matchLabels = {} }: FromEntry) => {
      if (namespace === undefined && !namespaces.isSearchable) {
        doubt.isOfSelector = true;
        if (isAboutToBeKnown(undefined)) doubt.isPassing = true;
      }
      const found = namespace === undefined ? namespaces.withLabels(matchLabels) : [namespace];
      return found.flatMap((each) => {
        const isShared = namespaces.isShared(each, own);
        if (isShared === undefined) {
          if (namespaces.isServed(each)) doubt.unreadNamespaces.add(each);
          else doubt.unservedNamespaces.add(each);
        }
        if (isShared && !isKnown(each)) doubt.unknownKeys.add(each);
        const isSure = isShared === false || (isShared && isKnown(each));
        if (!isSure && isAboutToBeKnown(each)) doubt.isPassing = true;
        return isSure ? [{ namespace: each, isShared }] : [];
      });
    },
    claims: (namespace: string) => claims.all(namespace),
    isHolder: claims.isHolder.bind(claims),
  };
}

/** Of a line that the Secret holds: is it in force where it lives, and may it be taken from there? */
function isStillGood({ namespace, name, base64 }: FileLine, own: string, around: Surroundings): boolean {
  if (around.namespaces.isShared(namespace, own) === false) return false;
  return !around.isKnown(namespace) || isInForce(namespace, name, base64, around.claims);
}

/** Of a line that the Secret holds: does nobody know whether it should be there? */
function isInDoubt(line: FileLine, own: string, around: Surroundings, doubt: Doubt): boolean {
  const { namespace } = line;
  const isUnread =
    doubt.unreadNamespaces.has(namespace) ||
    doubt.unservedNamespaces.has(namespace) ||
    (doubt.isOfSelector && around.namespaces.isShared(namespace, own) === undefined);
  if (isUnread) return isStillGood(line, own, around);
  return doubt.unknownKeys.has(namespace);
}

function isInForce(namespace: string, name: string, base64: string, claims: Claims): boolean {
  const claim = claims.get(namespace, name);
  return claim?.record.key?.base64 === base64 && claim.isInForce && claims.isHolder(claim);
}

/** Returns the namespaces of those that are kept. */
function keepHeld(
  files: Map<string, string>,
  held: Files | undefined,
  isKept: (line: FileLine) => boolean,
): ReadonlySet<string> {
  const keptFrom = new Set<string>();
  for (const [dataKey, file] of held ?? []) {
    const kept = linesOf(file).filter(isKept);
    if (kept.length === 0) continue;
    const wanted = linesOf(files.get(dataKey) ?? "");
    const known = new Set(wanted.map(lineIdentity));
    const lines = [...wanted, ...kept.filter((line) => !known.has(lineIdentity(line)))];
    lines.sort((a, b) => compare(idOf(a), idOf(b)));
    files.set(dataKey, fileOf(lines.map(({ text }) => text)));
    for (const { namespace } of kept) keptFrom.add(namespace);
  }
  return keptFrom;
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
    (dataKey) => !files.has(dataKey) && (dataKey === DATA_KEY || isLogin(dataKey)),
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

function idOf({ namespace, name }: FileLine): string {
  return `${namespace}/${name}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
