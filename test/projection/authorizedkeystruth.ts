import type { StoredAuthorizedKeys } from "../../src/authorizedkeys/record.ts";
import { type Fact, oracle, type Rules } from "../oracle/oracle.ts";
import {
  isSharedWith,
  type KeyFact,
  type NamespaceFact,
  type OwnOptions,
  type SelectionOutcome,
  selection,
  type TargetFact,
} from "../oracle/selection.ts";
import { PREFIX } from "./installation.ts";
import { linesOf } from "./secretserver.ts";

const LIMITS = { bytes: 1_000_000, emptyFiles: 1000 };

type Texts = Readonly<Record<string, string>>;

/** What is known of a cluster, or what there is. */
export interface Known {
  readonly objects: readonly StoredAuthorizedKeys[];
  readonly keys: readonly KeyFact[];
  readonly namespaces: readonly NamespaceFact[];
  /** Have all Namespaces been listed? */
  readonly areAllRead: boolean;
  /** Namespaces of which nobody knows whether they share their keys, nor what labels they have. */
  readonly unread: readonly string[];
  /** Namespaces of which nobody knows which SSHKeys they have. */
  readonly unlisted: readonly string[];
}

/** What an AuthorizedKeys gives if those in doubt give nothing, and if they give all that is known of them. */
export interface Bounds {
  readonly certain: SelectionOutcome;
  readonly possible: SelectionOutcome;
}

/** The object that has the Secret `NAMESPACE/NAME`. */
export function ownerOf(
  secret: string,
  objects: readonly StoredAuthorizedKeys[],
): StoredAuthorizedKeys | undefined {
  return objects.filter((object) => secretOf(object) === secret && !isTerminating(object)).sort(byAge)[0];
}

/** The Secret that an object asks for. */
export function secretOf({ metadata, spec }: StoredAuthorizedKeys): string {
  return `${metadata.namespace}/${spec?.secretName ?? metadata.name}`;
}

export function isTerminating({ metadata }: StoredAuthorizedKeys): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Is it not about any Secret that an AuthorizedKeys may have? */
export function isRefusedName(secret: string): boolean {
  return secret.split("/")[1]?.startsWith(PREFIX) === true;
}

function byAge(a: StoredAuthorizedKeys, b: StoredAuthorizedKeys): number {
  const [one, other] = [a, b].map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? "")) as [
    number,
    number,
  ];
  return one - other || (a.metadata.uid < b.metadata.uid ? -1 : 1);
}

/** Has it options that are none? */
export function isFaulty({ spec }: StoredAuthorizedKeys): boolean {
  return spec?.options?.includes(NO_OPTION) === true;
}

export const NO_OPTION = "no-such-option";

/** `held`: what the Secret holds. */
export function boundsOf(
  object: StoredAuthorizedKeys,
  known: Known,
  format: Rules["expiryTimeFormat"],
  held: Texts = {},
): Bounds {
  const target = targetFact(object);
  const own = object.metadata.namespace ?? "";
  const inDoubt = [...known.unread, ...known.unlisted];
  const certain = known.namespaces.filter(({ name }) => !inDoubt.includes(name));
  // The own namespace shares its keys with itself, whether anybody has read it or not.
  const self = { name: own, labels: {}, shares: "" };
  const withSelf = (namespaces: readonly NamespaceFact[]) =>
    known.unlisted.includes(own) || namespaces.some(({ name }) => name === own)
      ? namespaces
      : [...namespaces, self];
  // A namespace that nobody has read may have any labels: that of a key which is in there has had them.
  const lines = Object.values(held).flatMap(linesOf);
  const unread = known.unread.map((name) => {
    const isHeld = name === own || lines.some((line) => namespaceOf(line) === name);
    return { name, labels: isHeld ? ANY_LABELS : {}, shares: "*" };
  });
  const select = (namespaces: readonly NamespaceFact[]) =>
    selection(target, namespaces, known.keys, LIMITS, format);
  return {
    certain: select(withSelf(certain)),
    possible: select(withSelf([...known.namespaces, ...unread])),
  };
}

const ANY_LABELS = { team: "a" };

/**
 * What the Secret should hold by what is known: of what it holds all that may be right; of what it does not hold what is
 * right whatever comes out, and puts out nobody.
 */
export function knownFiles(
  object: StoredAuthorizedKeys,
  known: Known,
  format: Rules["expiryTimeFormat"],
  held: Texts,
): Texts {
  const { certain, possible } = boundsOf(object, known, format, held);
  const from = targetFact(object).from.map(({ namespace }) => namespace);
  const result: Record<string, string> = {};
  for (const dataKey of new Set(
    [certain.files, possible.files, held].flatMap((files) => Object.keys(files)),
  )) {
    const [sure, maybe, present] = [certain.files, possible.files, held].map((files) =>
      linesOf(files[dataKey] ?? ""),
    ) as [readonly string[], readonly string[], readonly string[]];
    const right = (line: string) => [...sure, ...maybe].find((each) => keyOf(each) === keyOf(line));
    const unlisted = present.filter(
      (line) => isUnlisted(line, object, known, from) && right(line) === undefined,
    );
    const staying = [...present.flatMap((line) => right(line) ?? []), ...unlisted];
    const coming = sure.filter((line) =>
      targetFact(object).layout === "SingleFile"
        ? !staying.some((each) => blobOf(each) === blobOf(line))
        : maybe.some((each) => keyOf(each) === keyOf(line)) && unlisted.length === 0,
    );
    const lines = [...new Set([...staying, ...coming])];
    lines.sort((a, b) => (idIn(a) < idIn(b) ? -1 : 1));
    result[dataKey] = lines.map((line) => `${line}\n`).join("");
  }
  return result;
}

/** May it take keys from the namespace, whatever that says? */
export function mayTakeFrom(object: StoredAuthorizedKeys, name: string): boolean {
  return targetFact(object).from.some(
    ({ namespace, matchLabels }) => matchLabels !== undefined || namespace === name,
  );
}

/** Is anything not known of where it takes keys from? */
export function isInDoubt(object: StoredAuthorizedKeys, known: Known): boolean {
  const { from, namespace: own } = targetFact(object);
  return from.some(({ namespace, matchLabels }) => {
    if (matchLabels !== undefined && !known.areAllRead) return true;
    if (namespace !== own && known.unread.includes(namespace ?? "")) return true;
    const found = known.namespaces.filter(({ name, labels }) =>
      matchLabels === undefined ? name === namespace : labels.team === "a",
    );
    return found.some(
      ({ name, shares }) => known.unlisted.includes(name) && (name === own || isSharedWith(shares, own)),
    );
  });
}

/** Is it a line of a namespace that shares its keys, of which nobody knows which these are? */
function isUnlisted(
  line: string,
  { metadata }: StoredAuthorizedKeys,
  known: Known,
  from: readonly (string | undefined)[],
): boolean {
  const own = metadata.namespace ?? "";
  const source = known.namespaces.find(({ name }) => name === namespaceOf(line));
  if (!known.unlisted.includes(namespaceOf(line))) return false;
  if (namespaceOf(line) === own) return true;
  const isAskedFor = from.includes(namespaceOf(line)) || source?.labels.team === "a";
  return source !== undefined && isAskedFor && isSharedWith(source.shares, own);
}

/** BASE64 and the SSHKey's name. */
export function keyOf(line: string): string {
  return line.split(" ").slice(-2).join(" ");
}

function blobOf(line: string): string {
  return line.split(" ").at(-2) ?? "";
}

function idIn(line: string): string {
  return line.split(" ").at(-1) ?? "";
}

function namespaceOf(line: string): string {
  return idIn(line).split("/")[0] ?? "";
}

/** The object as the oracle knows it. */
export function targetFact({ metadata, spec }: StoredAuthorizedKeys): TargetFact {
  const { from, identity = "ByNamespace", layout = "FilePerLogin", logins, options = [] } = spec ?? {};
  return {
    namespace: metadata.namespace ?? "",
    from: (from ?? [{}]).map(({ namespace, namespaceSelector, users }) => ({
      ...(namespaceSelector === undefined
        ? { namespace: namespace ?? metadata.namespace ?? "" }
        : { matchLabels: namespaceSelector.matchLabels ?? {} }),
      ...(users === undefined ? {} : { users }),
    })),
    identity,
    layout,
    rule: logins?.rule ?? "User",
    map: (logins?.map ?? []).map(({ namespace = "", ...rest }) => ({ namespace, ...rest })),
    options: options.join(","),
  };
}

/** Which SSHKeys are in force where they live: of those that claim a key, the ones that stand in their users' files. */
export function keyFacts(
  all: readonly Fact[],
  claiming: readonly Fact[],
  rules: Rules,
  now: number,
): readonly KeyFact[] {
  const { states } = oracle(claiming, rules, now);
  return all.map((fact) => ({
    ...fact,
    options: fact.options as OwnOptions,
    inForce: states[`${fact.namespace}/${fact.name}`] === "Projected",
  }));
}

/** Is the line that of an SSHKey in force, whose namespace shares its keys with this one, as far as is known? */
export function isStillGood(line: string, own: string, known: Known): boolean {
  const [base64, id = ""] = line.split(" ").slice(-2);
  const namespace = id.split("/")[0] ?? "";
  const shares = known.namespaces.find(({ name }) => name === namespace)?.shares ?? "";
  const isShared = namespace === own || known.unread.includes(namespace) || isSharedWith(shares, own);
  if (!isShared) return false;
  if (known.unlisted.includes(namespace)) return true;
  return known.keys.some(
    (key) => key.inForce && key.base64 === base64 && `${key.namespace}/${key.name}` === id,
  );
}
