import type { Access, Outcome, Stand } from "./forecast.ts";

/** How one object stood and will stand; undefined where there is none. */
export interface StandChange {
  readonly kind: "SSHKey" | "AuthorizedKeys";
  /** `namespace/name`. */
  readonly id: string;
  readonly before: Stand | undefined;
  readonly after: Stand | undefined;
}

/** What is different between two outcomes. */
export interface OutcomeChange {
  readonly gained: readonly Access[];
  readonly lost: readonly Access[];
  /** The same key of the same SSHKey in the same file, with other options. */
  readonly altered: readonly { readonly before: Access; readonly after: Access }[];
  /** Objects whose STATE changes, that come or that go. */
  readonly stands: readonly StandChange[];
}

export function outcomeChange(before: Outcome, after: Outcome): OutcomeChange {
  const were = byIdentity(before.access);
  const are = byIdentity(after.access);
  return {
    gained: [...are].filter(([id]) => !were.has(id)).map(([, access]) => access),
    lost: [...were].filter(([id]) => !are.has(id)).map(([, access]) => access),
    altered: [...are].flatMap(([id, now]) => {
      const then = were.get(id);
      return then === undefined || then.line === now.line ? [] : [{ before: then, after: now }];
    }),
    stands: [
      ...standChanges("SSHKey", before.sshKeys, after.sshKeys),
      ...standChanges("AuthorizedKeys", before.authorizedKeys, after.authorizedKeys),
    ],
  };
}

/** In the order in which people look for them: by user, then by Secret. */
function byIdentity(access: readonly Access[]): ReadonlyMap<string, Access> {
  const order = ({ user, secret, file, sshKey }: Access) => [user, secret, file, sshKey].join("\n");
  const sorted = access.toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
  return new Map(sorted.map((each) => [identity(each), each]));
}

function identity({ secret, file, sshKey, fingerprint }: Access): string {
  return [secret, file, sshKey, fingerprint].join("\n");
}

function standChanges(
  kind: StandChange["kind"],
  before: ReadonlyMap<string, Stand>,
  after: ReadonlyMap<string, Stand>,
): readonly StandChange[] {
  const ids = [...new Set([...before.keys(), ...after.keys()])].sort();
  return ids
    .map((id) => ({ kind, id, before: before.get(id), after: after.get(id) }))
    .filter((change) => change.before?.state !== change.after?.state);
}
