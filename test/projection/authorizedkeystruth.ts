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

const LIMITS = { bytes: 1_000_000, emptyFiles: 1000 };

/** What is known of a cluster, or what there is. */
export interface Known {
  readonly objects: readonly StoredAuthorizedKeys[];
  readonly keys: readonly KeyFact[];
  readonly namespaces: readonly NamespaceFact[];
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

export function boundsOf(
  object: StoredAuthorizedKeys,
  known: Known,
  format: Rules["expiryTimeFormat"],
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
  const unread = known.unread.map((name) => ({ name, labels: ANY_LABELS, shares: "*" }));
  const select = (namespaces: readonly NamespaceFact[]) =>
    selection(target, namespaces, known.keys, LIMITS, format);
  return {
    certain: select(withSelf(certain)),
    possible: select(withSelf([...known.namespaces, ...unread])),
  };
}

/** A namespace that nobody has read may have any. */
const ANY_LABELS = { team: "a" };

function targetFact({ metadata, spec }: StoredAuthorizedKeys): TargetFact {
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
