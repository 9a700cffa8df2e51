import type { Sources } from "../authorizedkeys/members.ts";
import type { AuthorizedKeysRecord, FromEntry } from "../authorizedkeys/record.ts";
import { type Selection, select } from "../authorizedkeys/selection.ts";
import type { Claims } from "../claims/claims.ts";
import type { Policy } from "../claims/policy.ts";
import type { ExpiryTimeFormat } from "../ssh/authorizedkeys.ts";
import { byName, type FileLine, fileOf, lineIdentity, linesOf } from "./file.ts";
import { allLines, type Files } from "./files.ts";
import type { Namespaces } from "./namespaces.ts";
import type { LiveSecret } from "./secret.ts";

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

/** What is known of the cluster, and how its keys are written. */
export interface ClusterView {
  readonly claims: Claims;
  readonly namespaces: Namespaces;
  /** Are the SSHKeys of the namespace known, and known to be up to date? */
  readonly isKnown: (namespace: string) => boolean;
  /** Is it about to be known what its Namespace says and which SSHKeys it has? Undefined: of any namespace. */
  readonly isAboutToBeKnown: (namespace: string | undefined) => boolean;
  readonly policy: Policy;
  readonly expiryTimeFormat: ExpiryTimeFormat;
}

export interface SelectedInDoubt {
  /** What those give of whom everything is known. */
  readonly selection: Selection;
  /** What the Secret should hold: beside the selection what nobody knows to be wrong in it. */
  readonly files: Map<string, string>;
  readonly doubt: Doubt;
  /** The namespaces of lines that stay without being selected. */
  readonly keptFrom: ReadonlySet<string>;
}

/**
 * Selects by what is known, and keeps of what the Secret holds whatever it would hold too if those who are in doubt gave all
 * that is known of them. What comes in is what it would hold either way.
 */
export function selectInDoubt(
  record: AuthorizedKeysRecord,
  cluster: ClusterView,
  live: LiveSecret | undefined,
): SelectedInDoubt {
  const doubt: MutableDoubt = {
    unreadNamespaces: new Set(),
    unservedNamespaces: new Set(),
    unknownKeys: new Set(),
    isOfSelector: false,
    isPassing: false,
  };
  const { policy, expiryTimeFormat } = cluster;
  const selection = select(record, certainSources(record, cluster, doubt), policy, expiryTimeFormat);
  if (!isDoubtful(doubt)) return { selection, files: new Map(selection.files), doubt, keptFrom: new Set() };
  const held = live?.files ?? new Map<string, string>();
  const possible = select(record, possibleSources(record, cluster, held), policy, expiryTimeFormat);
  const isUnknown = ({ namespace }: FileLine) => doubt.unknownKeys.has(namespace);
  const emptyFiles = new Set(live?.emptyFiles);
  const files = new Map<string, string>();
  const keptFrom = new Set<string>();
  for (const dataKey of new Set([...selection.files.keys(), ...possible.files.keys(), ...held.keys()])) {
    const certain = linesByIdentity(selection.files.get(dataKey));
    const lines = merge(
      certain,
      linesByIdentity(possible.files.get(dataKey)),
      linesByIdentity(held.get(dataKey)),
      isUnknown,
      record.layout === "SingleFile",
    );
    const isAskedFor =
      selection.files.has(dataKey) || (possible.files.has(dataKey) && emptyFiles.has(dataKey));
    if (lines.length === 0 && !isAskedFor) continue;
    files.set(dataKey, fileOf(lines.map(({ text }) => text)));
    for (const line of lines) if (!certain.has(lineIdentity(line))) keptFrom.add(line.namespace);
  }
  return { selection, files, doubt, keptFrom };
}

export function isDoubtful({ isOfSelector, ...doubt }: Doubt): boolean {
  return (
    isOfSelector || doubt.unreadNamespaces.size + doubt.unservedNamespaces.size + doubt.unknownKeys.size > 0
  );
}

type Lines = ReadonlyMap<string, FileLine>;

/** The lines of one file, by the name of their SSHKey. */
function merge(
  certain: Lines,
  possible: Lines,
  held: Lines,
  isUnknown: (line: FileLine) => boolean,
  isSingleFile: boolean,
): readonly FileLine[] {
  const lines = new Map<string, FileLine>();
  const keys = new Set<string>();
  let hasUnknown = false;
  for (const [id, line] of held) {
    const known = certain.get(id) ?? possible.get(id);
    if (known === undefined && !isUnknown(line)) continue;
    hasUnknown ||= known === undefined;
    lines.set(id, known ?? line);
    keys.add(line.base64);
  }
  for (const [id, line] of certain) {
    if (lines.has(id)) continue;
    // Whoever has the key now, or the login if it is in doubt whose that is, is not put out of it.
    const isTaken = isSingleFile ? keys.has(line.base64) : hasUnknown || !possible.has(id);
    if (!isTaken) lines.set(id, line);
  }
  return [...lines.values()].sort(byName);
}

function linesByIdentity(file = ""): Lines {
  return new Map(linesOf(file).map((line) => [lineIdentity(line), line]));
}

/** Those of which everything is known. Notes which are not. */
function certainSources(
  { namespace: own }: AuthorizedKeysRecord,
  { claims, namespaces, isKnown, isAboutToBeKnown }: ClusterView,
  doubt: MutableDoubt,
): Sources {
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
        if (isShared !== false && !isKnown(each)) doubt.unknownKeys.add(each);
        const isSure = isShared === false || (isShared && isKnown(each));
        if (!isSure && isAboutToBeKnown(each)) doubt.isPassing = true;
        return isSure ? [{ namespace: each, isShared }] : [];
      });
    },
    claims: (namespace: string) => claims.all(namespace),
    isHolder: claims.isHolder.bind(claims),
  };
}

/** All that may be among them. A selector may find every namespace that nobody has read. */
function possibleSources(
  { namespace: own }: AuthorizedKeysRecord,
  { claims, namespaces }: ClusterView,
  held: Files,
): Sources {
  const unread = new Set([own, ...allLines(held).map(({ namespace }) => namespace)]);
  for (const namespace of unread)
    if (namespaces.isSearchable || namespaces.isRead(namespace)) unread.delete(namespace);
  return {
    namespacesOf: ({ namespace, matchLabels = {} }: FromEntry) => {
      const found =
        namespace === undefined ? [...namespaces.withLabels(matchLabels), ...unread].sort() : [namespace];
      return found.map((each) => ({ namespace: each, isShared: namespaces.isShared(each, own) !== false }));
    },
    claims: (namespace: string) => claims.all(namespace),
    isHolder: claims.isHolder.bind(claims),
  };
}
