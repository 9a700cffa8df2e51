import type { AuthorizedKeysRecord } from "../authorizedkeys/record.ts";
import { type AuthorizedKeysVerdict, TERMINATING, withoutSecret } from "./authorizedkeysverdict.ts";

/** How many AuthorizedKeys of one namespace get a Secret: each costs a write whenever a key of its sources changes. */
export const MAXIMUM_TARGETS = 100;

/** What becomes of an object: the name of the Secret that it asks for, or that it leaves, or why it gets none. */
export type Assignment =
  | { readonly secretName: string }
  | { readonly leaves: string }
  | { readonly refused: AuthorizedKeysVerdict };

/** All AuthorizedKeys, by namespace and name. */
export class AuthorizedKeysObjects {
  readonly #namespaces = new Map<string, Map<string, AuthorizedKeysRecord>>();
  readonly #prefix: string;
  #blockedRemovals = 0;

  /** `prefix`: of the names of users' Secrets. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get(namespace: string, name: string): AuthorizedKeysRecord | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  *all(namespace?: string): Iterable<AuthorizedKeysRecord> {
    const namespaces = namespace === undefined ? this.#namespaces.keys() : [namespace];
    for (const each of namespaces) yield* this.#namespaces.get(each)?.values() ?? [];
  }

  /** How many keys should be out and are in, as all statuses say together. */
  get blockedRemovals(): number {
    return this.#blockedRemovals;
  }

  put(record: AuthorizedKeysRecord): void {
    const { namespace, name, observed } = record;
    const before = this.get(namespace, name)?.observed.blockedRemovals ?? 0;
    this.#blockedRemovals += observed.blockedRemovals - before;
    const known = this.#namespaces.get(namespace);
    if (known === undefined) this.#namespaces.set(namespace, new Map([[name, record]]));
    else known.set(name, record);
  }

  delete(namespace: string, name: string): void {
    const known = this.#namespaces.get(namespace);
    this.#blockedRemovals -= known?.get(name)?.observed.blockedRemovals ?? 0;
    known?.delete(name);
    if (known?.size === 0) this.#namespaces.delete(namespace);
  }

  /** What becomes of each object of the namespace. */
  assignments(namespace: string): ReadonlyMap<AuthorizedKeysRecord, Assignment> {
    return assignSecrets(this.all(namespace), this.#prefix);
  }
}

/** What becomes of these, which are all of a namespace. `prefix`: of the names of users' Secrets; undefined where it is not known. */
export function assignSecrets(
  records: Iterable<AuthorizedKeysRecord>,
  prefix?: string,
): ReadonlyMap<AuthorizedKeysRecord, Assignment> {
  const assignments = new Map<AuthorizedKeysRecord, Assignment>();
  let count = 0;
  for (const record of [...records].sort(byAge)) {
    const { secretName } = record;
    const isOfUser = prefix !== undefined && secretName.startsWith(prefix);
    const refused = refusal(record, isOfUser ? prefix : undefined, count);
    if (record.isTerminating && !isOfUser) assignments.set(record, { leaves: secretName });
    else if (refused !== undefined) assignments.set(record, { refused });
    else {
      count += 1;
      assignments.set(record, { secretName });
    }
  }
  return assignments;
}

/** `prefix`: where its Secret would have the name of a user's. */
function refusal(
  { isTerminating }: AuthorizedKeysRecord,
  prefix: string | undefined,
  older: number,
): AuthorizedKeysVerdict | undefined {
  if (isTerminating) return withoutSecret("Terminating", TERMINATING);
  if (prefix !== undefined) {
    return withoutSecret(
      "SecretConflict",
      `Names that begin with ${prefix} are those of users' Secrets; create an AuthorizedKeys with another spec.secretName.`,
    );
  }
  if (older < MAXIMUM_TARGETS) return undefined;
  return withoutSecret(
    "TooMany",
    `The namespace has ${MAXIMUM_TARGETS} older AuthorizedKeys, the most that get a Secret; delete one that is not needed.`,
  );
}

/** The older comes first. */
export function byAge(a: AuthorizedKeysRecord, b: AuthorizedKeysRecord): number {
  return a.createdAt - b.createdAt || (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0);
}
