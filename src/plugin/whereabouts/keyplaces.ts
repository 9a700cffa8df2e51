import type { Omission } from "../../api/authorizedkeys.generated.ts";
import { AUTHORIZED_KEYS_ANNOTATION, MANAGED_LABEL, SECRET_ANNOTATION } from "../../api/names.ts";
import type { KubeObject } from "../../api/object.ts";
import { authorizedKeysPath, secretsPath } from "../../api/paths.ts";
import { type StoredAuthorizedKeys, toAuthorizedKeysRecord } from "../../authorizedkeys/record.ts";
import type { SecretObject } from "../../projection/secret.ts";
import type { HoldingSecret } from "../../whereabouts/podmounts.ts";
import { type Candidate, isLeftOutBy, mayTake } from "../../whereabouts/targets.ts";
import { type Cluster, ClusterError } from "../cluster/cluster.ts";
import { listReadable } from "../cluster/readable.ts";
import { blobOf, idOf, type SSHKeyObject } from "../cluster/sshkeys.ts";
import { readHeldLine } from "./heldline.ts";

/** A Secret of the operator's, or a copy of one, that holds a line of one of the keys. */
export interface KeyPlace extends HoldingSecret {
  /** The SSHKeys in whose name the lines are written, as NAMESPACE/NAME: a key may stand there for another one than was asked. */
  readonly sshKeys: readonly string[];
  /** The AuthorizedKeys of the same namespace whose Secret it is. */
  readonly authorizedKeys?: string;
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
  const blobs = new Set(keys.map(blobOf).filter((blob) => blob !== undefined));
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

/** For a person: which Secret it is, and what is to be known of it. */
export function toldPlace(place: KeyPlace): string {
  const { namespace, name, files, authorizedKeys, isCopy, isFromStatus } = place;
  const whose = authorizedKeys === undefined ? "" : ` of AuthorizedKeys ${namespace}/${authorizedKeys}`;
  const how = isCopy ? ": a copy, from which nobody takes it out" : isFromStatus ? ", says the status" : "";
  return `Secret ${namespace}/${name} (${files.join(", ")})${whose}${how}`;
}

/** In the name of whom the key stands there, if that is none of these: it then stays when they are deleted. */
export function othersIn({ sshKeys }: KeyPlace, keys: readonly SSHKeyObject[]): readonly string[] {
  const own = new Set(keys.map(idOf));
  return sshKeys.some((sshKey) => own.has(sshKey)) ? [] : sshKeys;
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
  const listed = await orNoResource(listReadable<T>(cluster, path, namespaces, query));
  if (listed === undefined) return { items: [], unread: [], readable: () => true };
  const { items, namespaces: seen } = listed;
  if (seen === undefined) return { items, unread: [], readable: () => true };
  const where = seen.length === 0 ? "none were looked at" : `only those in ${seen.join(", ")} were looked at`;
  return {
    items,
    unread: [`you may not list ${resource} in all namespaces: ${where}`],
    readable: (namespace) => seen.includes(namespace),
  };
}

/** What was listed; undefined where the cluster has no such resource, as with an operator without AuthorizedKeys. */
async function orNoResource<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ClusterError && error.code === "NotFound") return undefined;
    throw error;
  }
}

function placeOf({ metadata, data = {} }: SecretObject, blobs: ReadonlySet<string>): readonly KeyPlace[] {
  const lines = Object.entries(data).flatMap(([file, value]) =>
    linesWith(blobs, Buffer.from(value, "base64").toString("utf8")).map((sshKey) => ({ file, sshKey })),
  );
  if (lines.length === 0) return [];
  const { namespace = "", name, annotations = {} } = metadata;
  const target = annotations[AUTHORIZED_KEYS_ANNOTATION];
  return [
    {
      namespace,
      name,
      files: [...new Set(lines.map(({ file }) => file))],
      sshKeys: [...new Set(lines.map(({ sshKey }) => sshKey).filter((sshKey) => sshKey !== ""))],
      ...(target === undefined ? {} : { authorizedKeys: target }),
      isCopy: annotations[SECRET_ANNOTATION] !== `${namespace}/${name}`,
      isFromStatus: false,
    },
  ];
}

/** Of each line with one of the keys, the SSHKey that it names; "" where it names none. */
function linesWith(blobs: ReadonlySet<string>, file: string): readonly string[] {
  if (![...blobs].some((blob) => file.includes(blob))) return [];
  return file
    .split("\n")
    .map(readHeldLine)
    .flatMap((line) => (line !== undefined && blobs.has(line.base64) ? [line.sshKey] : []));
}

function placeByStatus(key: SSHKeyObject): readonly KeyPlace[] {
  const { metadata, status = {} } = key;
  const isIn = status.conditions?.some(({ type, status }) => type === "Projected" && status === "True");
  if (isIn !== true || status.secretName === undefined) return [];
  const { namespace = "" } = metadata;
  const files = ["authorized_keys"];
  const sshKeys = [idOf(key)];
  return [{ namespace, name: status.secretName, files, sshKeys, isCopy: false, isFromStatus: true }];
}

/** What a spec tells of a target whose Secret may not be read: it asks for these users, and more is not known. */
function mayHold(target: StoredAuthorizedKeys, keys: readonly SSHKeyObject[]): readonly string[] {
  const record = toAuthorizedKeysRecord(target);
  const { namespace, name } = record;
  const users = keys.filter((key) => mayTake(record, candidateOf(key))).map(({ spec }) => spec.user);
  return [...new Set(users)].map(
    (user) =>
      `AuthorizedKeys ${namespace}/${name} asks for keys of ${user}, and you may not list secrets in ${namespace}: whether it holds them is not known`,
  );
}

function leftOutOf(
  { metadata, status = {} }: StoredAuthorizedKeys,
  keys: readonly SSHKeyObject[],
): LeftOut[] {
  const isAbout = (omission: Omission) => keys.some((key) => isLeftOutBy(omission, candidateOf(key)));
  return (status.omitted ?? [])
    .filter(isAbout)
    .map((omission) => ({ ...omission, authorizedKeys: `${metadata.namespace}/${metadata.name}` }));
}

function candidateOf({ metadata, spec }: SSHKeyObject): Candidate {
  return { namespace: metadata.namespace ?? "", name: metadata.name, user: spec.user };
}
