import { authorizedKeysPath } from "../api/paths.ts";
import { matchingEntries } from "../authorizedkeys/matching.ts";
import {
  type AuthorizedKeysRecord,
  type StoredAuthorizedKeys,
  toAuthorizedKeysRecord,
} from "../authorizedkeys/record.ts";
import { printable } from "../ssh/unprintable.ts";
import { type Cluster, ClusterError } from "./cluster.ts";
import { type SSHKeyObject, stateOf } from "./sshkeys.ts";

/** What has a key now and loses it with its SSHKey, as far as the person may read it. */
export class Losers {
  readonly #targets: readonly AuthorizedKeysRecord[];
  /** What of the AuthorizedKeys could not be read, as the end of a sentence; empty for nothing. */
  readonly #unread: string;

  private constructor(targets: readonly AuthorizedKeysRecord[], unread: string) {
    this.#targets = targets;
    this.#unread = unread;
  }

  /** Reads the AuthorizedKeys of all namespaces or, if that is not allowed, of those of the keys. */
  static async of(cluster: Cluster, keys: readonly SSHKeyObject[]): Promise<Losers> {
    if (!keys.some(isInForce)) return new Losers([], "");
    const everywhere = await listed(cluster, undefined);
    if (everywhere !== undefined) return new Losers(everywhere, "");
    const namespaces = [...new Set(keys.map(({ metadata }) => metadata.namespace ?? cluster.namespace))];
    const found: AuthorizedKeysRecord[] = [];
    const unreadable: string[] = [];
    for (const namespace of namespaces) {
      const here = await listed(cluster, namespace);
      if (here === undefined) unreadable.push(namespace);
      else found.push(...here);
    }
    const isReadHere = unreadable.length === 0;
    return new Losers(found, `; those ${isReadHere ? "of other namespaces " : ""}you may not read`);
  }

  /** As in "Secret sshkeys-alice; AuthorizedKeys bastion/bastion". */
  toldOf(key: SSHKeyObject): string {
    if (!isInForce(key)) return `is ${stateOf(key)}, nothing loses it`;
    const { secretName } = key.status ?? {};
    const targets = this.#targets.filter((target) => mayTake(target, key));
    const names = targets.map(({ namespace, name }) => `${namespace}/${name}`);
    return [
      secretName === undefined ? "no Secret of its user" : `Secret ${printable(secretName)}`,
      `AuthorizedKeys that take it: ${names.length === 0 ? "none" : names.join(", ")}${this.#unread}`,
    ].join("; ");
  }
}

function isInForce(key: SSHKeyObject): boolean {
  const state = stateOf(key);
  return state === "Projected" || state === "Accepted" || state === "Pending" || state === "SecretConflict";
}

/** Undefined where the person may not list them. */
async function listed(
  cluster: Cluster,
  namespace: string | undefined,
): Promise<readonly AuthorizedKeysRecord[] | undefined> {
  try {
    const objects = await cluster.list<StoredAuthorizedKeys>(authorizedKeysPath(namespace));
    return objects.map((object) => toAuthorizedKeysRecord(object));
  } catch (error) {
    // An operator without AuthorizedKeys has no such resource.
    if (error instanceof ClusterError && error.code === "NotFound") return [];
    if (error instanceof ClusterError && error.code === "Forbidden") return undefined;
    throw error;
  }
}

/** Do its `from` entries have a place for this user of this namespace? What a selector finds is taken to be found. */
function mayTake({ from }: AuthorizedKeysRecord, { metadata, spec }: SSHKeyObject): boolean {
  return matchingEntries(from, spec.user).some((place) => {
    const entry = from[place];
    return entry?.matchLabels !== undefined || entry?.namespace === metadata.namespace;
  });
}
