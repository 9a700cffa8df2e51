import type { Omission } from "../api/authorizedkeys.generated.ts";
import { AUTHORIZED_KEYS_ANNOTATION, MANAGED_LABEL, SECRET_ANNOTATION } from "../api/names.ts";
import type { KubeObject } from "../api/object.ts";
import { authorizedKeysPath, secretsPath } from "../api/paths.ts";
import { matchingEntries } from "../authorizedkeys/matching.ts";
import {
  type AuthorizedKeysRecord,
  type StoredAuthorizedKeys,
  toAuthorizedKeysRecord,
} from "../authorizedkeys/record.ts";
import type { Cluster } from "./cluster.ts";
import { listReadable } from "./readable.ts";
import { blobOf, type SSHKeyObject } from "./sshkeys.ts";

/** A Secret of the operator's, or a copy of one, that holds a line of one of the keys. */
export interface KeyPlace {
  readonly namespace: string;
  /** Of the Secret. */
  readonly name: string;
  /** The data keys whose value has the line. */
  readonly files: readonly string[];
  /** The AuthorizedKeys of the same namespace whose Secret it is. */
  readonly authorizedKeys?: string;
  /** Somebody copied it: what the operator takes out of the original stays in here. */
  readonly isCopy: boolean;
  /** By the status alone: the Secret itself may not be read. */
  readonly isFromStatus: boolean;
}

/** An AuthorizedKeys that says of one of the keys why it is left out. */
export interface LeftOut extends Omission {
  /** Of the AuthorizedKeys, as NAMESPACE/NAME. */
  readonly authorizedKeys: string;
}

/** Where keys stand, as far as the person may see. */
export interface KeyPlaces {
  readonly places: readonly KeyPlace[];
  readonly leftOut: readonly LeftOut[];
  /** What could not be read and which right is missing; a sentence each. */
  readonly unread: readonly string[];
}

/** Looks for the keys in all namespaces, or only in their own where more is forbidden. */
export async function findKeyPlaces(cluster: Cluster, keys: readonly SSHKeyObject[]): Promise<KeyPlaces> {
  const own = [...new Set(keys.map(({ metadata }) => metadata.namespace ?? ""))];
  const [secrets, targets] = await Promise.all([
    listWherePossible<SecretObject>(cluster, own, secretsPath, "secrets", { labelSelector: MANAGED_LABEL }),
    listWherePossible<StoredAuthorizedKeys>(
      cluster,
      own,
      authorizedKeysPath,
      "authorizedkeys.sshkey-operator.dev",
    ),
  ]);
  const blobs = keys.map(blobOf).filter((blob) => blob !== undefined);
  const found = secrets.items.flatMap((secret) => placeOf(secret, blobs));
  const told = keys.flatMap(placeByStatus).filter((place) => !secrets.readable(place.namespace));
  return {
    places: [...found, ...told],
    leftOut: targets.items.flatMap((target) => leftOutOf(target, keys)),
    unread: [
      ...secrets.unread,
      ...targets.unread,
      ...targets.items
        .filter(({ metadata }) => !secrets.readable(metadata.namespace ?? ""))
        .flatMap((target) => mayHold(target, keys)),
    ],
  };
}

interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** What a list in all namespaces, or else in these, has given. */
interface Listed<T> {
  readonly items: readonly T[];
  readonly unread: readonly string[];
  readonly readable: (namespace: string) => boolean;
}

async function listWherePossible<T extends KubeObject>(
  cluster: Cluster,
  namespaces: readonly string[],
  path: (namespace?: string) => string,
  resource: string,
  query: Readonly<Record<string, string>> = {},
): Promise<Listed<T>> {
  const { items, namespaces: seen } = await listReadable<T>(cluster, path, namespaces, query);
  if (seen === undefined) return { items, unread: [], readable: () => true };
  const where = seen.length === 0 ? "none were looked at" : `only those in ${seen.join(", ")} were looked at`;
  return {
    items,
    unread: [`you may not list ${resource} in all namespaces: ${where}`],
    readable: (namespace) => seen.includes(namespace),
  };
}

function placeOf({ metadata, data = {} }: SecretObject, blobs: readonly string[]): readonly KeyPlace[] {
  const files = Object.entries(data)
    .filter(([, value]) => holdsOne(Buffer.from(value, "base64").toString("utf8"), blobs))
    .map(([name]) => name);
  if (files.length === 0) return [];
  const { namespace = "", name, annotations = {} } = metadata;
  const target = annotations[AUTHORIZED_KEYS_ANNOTATION];
  return [
    {
      namespace,
      name,
      files,
      ...(target === undefined ? {} : { authorizedKeys: target }),
      isCopy: annotations[SECRET_ANNOTATION] !== `${namespace}/${name}`,
      isFromStatus: false,
    },
  ];
}

/** The operator writes blobs as they are compared here; none begins with another one, since it says how long it is. */
function holdsOne(file: string, blobs: readonly string[]): boolean {
  return blobs.some((blob) => file.includes(` ${blob}`));
}

function placeByStatus({ metadata, status = {} }: SSHKeyObject): readonly KeyPlace[] {
  const isIn = status.conditions?.some(({ type, status }) => type === "Projected" && status === "True");
  if (isIn !== true || status.secretName === undefined) return [];
  const { namespace = "" } = metadata;
  const files = ["authorized_keys"];
  return [{ namespace, name: status.secretName, files, isCopy: false, isFromStatus: true }];
}

/** What a spec tells of a target whose Secret may not be read: it asks for these users, and more is not known. */
function mayHold(target: StoredAuthorizedKeys, keys: readonly SSHKeyObject[]): readonly string[] {
  const record = toAuthorizedKeysRecord(target);
  const { namespace, name } = record;
  const users = keys.filter((key) => mayTake(record, key)).map(({ spec }) => spec.user);
  return [...new Set(users)].map(
    (user) =>
      `AuthorizedKeys ${namespace}/${name} asks for keys of ${user}, and you may not list secrets in ${namespace}: whether it holds them is not known`,
  );
}

/** Do its `from` entries have a place for this user of this namespace? What a selector finds is taken to be found. */
export function mayTake({ from }: AuthorizedKeysRecord, { metadata, spec }: SSHKeyObject): boolean {
  return matchingEntries(from, spec.user).some((place) => {
    const entry = from[place];
    return entry?.matchLabels !== undefined || entry?.namespace === metadata.namespace;
  });
}

function leftOutOf(
  { metadata, status = {} }: StoredAuthorizedKeys,
  keys: readonly SSHKeyObject[],
): LeftOut[] {
  const isAbout = ({ namespace, user, sshKey }: Omission) =>
    keys.some(
      (key) =>
        namespace === key.metadata.namespace &&
        (user === undefined || user === key.spec.user) &&
        (sshKey === undefined || sshKey === key.metadata.name),
    );
  return (status.omitted ?? [])
    .filter(isAbout)
    .map((omission) => ({ ...omission, authorizedKeys: `${metadata.namespace}/${metadata.name}` }));
}
