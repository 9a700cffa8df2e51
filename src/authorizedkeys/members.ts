import { SHARE_KEYS_ANNOTATION } from "../api/names.ts";
import { type Claim, claimOrder } from "../claims/claim.ts";
import { matchingEntries } from "./matching.ts";
import type { Omission } from "./omission.ts";
import { type AuthorizedKeysRecord, type FromEntry, identityCounts } from "./record.ts";

/** What an AuthorizedKeys may take from, as far as is known. */
export interface Sources {
  /**
   * The namespaces of an entry of `from`, in the order of their names; the own one is always shared. Of a selector those
   * that are shared are enough: the others are never mentioned.
   */
  readonly namespacesOf: (
    entry: FromEntry,
  ) => readonly { readonly namespace: string; readonly isShared: boolean }[];
  /** All SSHKeys of the namespace, in force or not, in any order. */
  readonly claims: (namespace: string) => Iterable<Claim>;
  /** Does the claim hold its key in its namespace? */
  readonly isHolder: (claim: Claim) => boolean;
}

/** A user of one namespace whom an AuthorizedKeys takes. */
export interface Member {
  readonly namespace: string;
  readonly user: string;
  /** Who it is: two members with one person are one. */
  readonly person: string;
  /** The place in `from` of the entry by which the user comes in. */
  readonly entry: number;
  /** Does an entry name this user exactly? */
  readonly isNamed: boolean;
  /** The keys in force, not more than a user may have. In no particular order. */
  readonly claims: readonly Claim[];
}

/** By what one user is told from another: with `ByName` by the name alone. */
export function personOf(
  { identity }: AuthorizedKeysRecord,
  { namespace, user }: Pick<Member, "namespace" | "user">,
): string {
  return identity === "ByName" ? user : `${namespace}/${user}`;
}

/**
 * Who takes part: the users of shared namespaces who have an SSHKey, in force or not, or are named exactly. Where
 * identity counts, a name belongs to the first entry that could match it, whatever is in that entry's namespace and
 * whether it is shared; the same name of other namespaces is left out.
 */
export function membersOf(
  record: AuthorizedKeysRecord,
  sources: Sources,
  maximumKeysPerUser: number,
): { members: readonly Member[]; omissions: readonly Omission[] } {
  const namespaces = namespacesOf(record, sources);
  const places = new Places(record);
  const members = new Map<string, MutableMember>();
  const omissions: Omission[] = [...namespaces.notShared].map((namespace) =>
    notSharedOmission(record, namespace),
  );
  for (const [namespace, entries] of namespaces.shared) {
    const byUser = Map.groupBy(sources.claims(namespace), ({ record: { user } }) => user);
    for (const [user, claims] of byUser) {
      // What is no user's name is nobody's.
      if (claims.some(isOfNobody)) continue;
      const place = places.of(user, entries);
      if (place === undefined) continue;
      if (place.isElsewhere) omissions.push(elsewhereOmission(record, namespace, user, place.entry));
      else {
        const person = personOf(record, { namespace, user });
        const best = bestOf(claims, sources, maximumKeysPerUser);
        const id = `${namespace}/${user}`;
        members.set(id, { namespace, user, person, entry: place.entry, isNamed: false, claims: best });
      }
    }
  }
  addNamed(record, namespaces, places, members);
  return { members: [...members.values()], omissions };
}

/** A user who is named exactly takes part without an SSHKey too: of a selector in its first namespace. */
function addNamed(
  record: AuthorizedKeysRecord,
  { shared, first }: SharedNamespaces,
  places: Places,
  members: Map<string, MutableMember>,
): void {
  const known = Map.groupBy(members.values(), ({ person }) => person);
  for (const [entry, namespace] of first) {
    for (const user of record.from[entry]?.users?.names ?? []) {
      const place = places.of(user, shared.get(namespace) ?? []);
      if (place === undefined || place.isElsewhere) continue;
      const person = personOf(record, { namespace, user });
      const present = known.get(person);
      for (const member of present ?? []) member.isNamed = true;
      if (present !== undefined) continue;
      const member = { namespace, user, person, entry: place.entry, isNamed: true, claims: [] };
      members.set(`${namespace}/${user}`, member);
      known.set(person, [member]);
    }
  }
}

interface MutableMember extends Member {
  isNamed: boolean;
}

interface SharedNamespaces {
  /** Each with the places of the entries that take from it. */
  readonly shared: ReadonlyMap<string, readonly number[]>;
  /** By the place of an entry, the first of its namespaces. */
  readonly first: ReadonlyMap<number, string>;
  /** Those that are named, and are not shared. */
  readonly notShared: ReadonlySet<string>;
}

function namespacesOf({ from }: AuthorizedKeysRecord, sources: Sources): SharedNamespaces {
  const shared = new Map<string, number[]>();
  const first = new Map<number, string>();
  const notShared = new Set<string>();
  for (const [place, entry] of from.entries()) {
    for (const { namespace, isShared } of sources.namespacesOf(entry)) {
      if (!isShared) {
        if (entry.namespace !== undefined) notShared.add(namespace);
        continue;
      }
      if (!first.has(place)) first.set(place, namespace);
      const entries = shared.get(namespace);
      if (entries === undefined) shared.set(namespace, [place]);
      else entries.push(place);
    }
  }
  return { shared, first, notShared };
}

/** By which entry a user of a namespace comes in. */
class Places {
  readonly #from: readonly FromEntry[];
  readonly #hasOwners: boolean;

  constructor(record: AuthorizedKeysRecord) {
    this.#from = record.from;
    this.#hasOwners = record.identity === "ByNamespace" && identityCounts(record);
  }

  /** `entries`: those that take from the namespace. Undefined if none of them takes this user. */
  of(user: string, entries: readonly number[]): { entry: number; isElsewhere: boolean } | undefined {
    const matching = matchingEntries(this.#from, user);
    const own = matching.find((entry) => entries.includes(entry));
    if (own === undefined) return undefined;
    const [owner = own] = this.#hasOwners ? matching : [];
    return { entry: owner, isElsewhere: !entries.includes(owner) };
  }
}

function isOfNobody({ record }: Claim): boolean {
  return record.faults.some(({ code }) => code === "InvalidUser");
}

function bestOf(claims: readonly Claim[], sources: Sources, maximumKeysPerUser: number): readonly Claim[] {
  const inForce = claims.filter((claim) => claim.isInForce && sources.isHolder(claim));
  if (inForce.length <= maximumKeysPerUser) return inForce;
  return inForce.sort(claimOrder).slice(0, maximumKeysPerUser);
}

function notSharedOmission({ namespace: own }: AuthorizedKeysRecord, namespace: string): Omission {
  return {
    reason: "NotShared",
    namespace,
    message: `Namespace ${namespace} does not share its keys with ${own}, or does not exist; add ${own} to the annotation ${SHARE_KEYS_ANNOTATION} of Namespace ${namespace}.`,
  };
}

function elsewhereOmission(
  { from }: AuthorizedKeysRecord,
  namespace: string,
  user: string,
  owner: number,
): Omission {
  const { namespace: owning = "" } = from[owner] ?? {};
  return {
    reason: "UserElsewhere",
    namespace,
    user,
    message: `The name belongs to namespace ${owning}, since spec.from[${owner}] could match it, with or without a key there; name in users of that entry only those who are meant, or use another user name.`,
  };
}
