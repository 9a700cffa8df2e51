import { authorizedKeysPath } from "../api/paths.ts";
import {
  type AuthorizedKeysRecord,
  type StoredAuthorizedKeys,
  toAuthorizedKeysRecord,
} from "../authorizedkeys/record.ts";
import { printable } from "../ssh/unprintable.ts";
import { type Cluster, ClusterError } from "./cluster.ts";
import { mayTake } from "./keyplaces.ts";
import { listReadable, type Readable } from "./readable.ts";
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
    const namespaces = new Set(keys.map(({ metadata }) => metadata.namespace ?? cluster.namespace));
    const { items, namespaces: readable } = await listTargets(cluster, namespaces);
    const targets = items.map((object) => toAuthorizedKeysRecord(object));
    if (readable === undefined) return new Losers(targets, "");
    const isReadHere = readable.length === namespaces.size;
    return new Losers(targets, `; those ${isReadHere ? "of other namespaces " : ""}you may not read`);
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

async function listTargets(
  cluster: Cluster,
  namespaces: ReadonlySet<string>,
): Promise<Readable<StoredAuthorizedKeys>> {
  try {
    return await listReadable(cluster, authorizedKeysPath, namespaces);
  } catch (error) {
    // An operator without AuthorizedKeys has no such resource.
    if (error instanceof ClusterError && error.code === "NotFound")
      return { items: [], namespaces: undefined };
    throw error;
  }
}
