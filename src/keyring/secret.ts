import { hash } from "node:crypto";

export const MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";
export const MANAGED_BY = "sshkey-operator";
export const USER_ANNOTATION = "sshkey-operator.dev/user";
/** Since when the file has been empty, RFC 3339: the retention counts from here. */
export const EMPTY_SINCE_ANNOTATION = "sshkey-operator.dev/empty-since";
export const DATA_KEY = "authorized_keys";

/** What is kept of one managed Secret. */
export interface SecretRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** ms since the epoch. */
  readonly createdAt: number;
  readonly user: string | undefined;
  readonly fileDigest: string;
  /** The canonical blobs in the file, base64. */
  readonly keys: readonly string[];
  /** Data keys that do not belong there. */
  readonly strayData: readonly string[];
  /** ms since the epoch. */
  readonly emptySince: number | undefined;
}

/** The parts of a core/v1 Secret that are read. */
export interface SecretObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
}

/** A write to a Secret that is due. Everything but `create` carries UID and resourceVersion of what was seen. */
export type SecretWrite =
  | { readonly kind: "create"; readonly object: Record<string, unknown> }
  | { readonly kind: "update"; readonly patch: Record<string, unknown> }
  | { readonly kind: "collect"; readonly preconditions: { uid: string; resourceVersion: string } };

export function readSecret(object: SecretObject): SecretRecord {
  const { metadata, data = {} } = object;
  const file = fileOf(object);
  const since = Date.parse(metadata.annotations?.[EMPTY_SINCE_ANNOTATION] ?? "");
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    createdAt: Date.parse(metadata.creationTimestamp ?? "") || 0,
    user: metadata.annotations?.[USER_ANNOTATION],
    // A Secret without the data key is not one with an empty file: pods that name the key would wait for it.
    fileDigest: DATA_KEY in data ? fileDigest(file) : "",
    keys: keysOf(file),
    strayData: Object.keys(data).filter((name) => name !== DATA_KEY),
    emptySince: Number.isNaN(since) ? undefined : since,
  };
}

/** The file that a Secret holds, empty without the data key. */
export function fileOf({ data = {} }: SecretObject): string {
  return Buffer.from(data[DATA_KEY] ?? "", "base64").toString("utf8");
}

/** The canonical blobs in a file that the operator wrote, base64. */
export function keysOf(file: string): readonly string[] {
  return file.split("\n").flatMap((line) => line.split(" ").at(-2) ?? []);
}

export function fileDigest(file: string): string {
  return hash("sha256", file, "base64url");
}

/** What a Secret should hold. */
export interface DesiredSecret {
  readonly namespace: string;
  readonly name: string;
  /** Undefined for a Secret that no SSHKey names and that does not say whose it was. */
  readonly user: string | undefined;
  readonly file: string;
  /** Does any SSHKey still name the user? */
  readonly isNamed: boolean;
}

/**
 * The write that brings the live Secret to what it should hold, or undefined when it is there. A Secret is made
 * with a user's first accepted key; an empty one is kept, and collected when no SSHKey has named the user and
 * its file has been empty for `retention` ms.
 */
export function secretWrite(
  desired: DesiredSecret,
  live: SecretRecord | undefined,
  retention: number,
  now: number,
): SecretWrite | undefined {
  const isEmpty = desired.file === "";
  const data = { [DATA_KEY]: Buffer.from(desired.file, "utf8").toString("base64") };
  if (live === undefined) {
    if (isEmpty) return undefined;
    const { namespace, name, user = "" } = desired;
    const metadata = {
      name,
      namespace,
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
      annotations: { [USER_ANNOTATION]: user },
    };
    return { kind: "create", object: { apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data } };
  }
  // Labelled by somebody: nothing says whose it is, and what it holds was not put there by the operator.
  if (desired.user === undefined) return undefined;
  const { uid, resourceVersion } = live;
  const isRight =
    live.fileDigest === fileDigest(desired.file) &&
    live.user === desired.user &&
    live.strayData.length === 0 &&
    (live.emptySince !== undefined) === isEmpty;
  if (!isRight) {
    const emptySince = isEmpty ? `${new Date(live.emptySince ?? now).toISOString().slice(0, 19)}Z` : null;
    const annotations = { [USER_ANNOTATION]: desired.user, [EMPTY_SINCE_ANNOTATION]: emptySince };
    const strays = Object.fromEntries(live.strayData.map((name) => [name, null]));
    return {
      kind: "update",
      patch: { metadata: { uid, resourceVersion, annotations }, data: { ...strays, ...data } },
    };
  }
  const collectAt = collectionTime(desired, live, retention);
  if (collectAt !== undefined && collectAt <= now) {
    return { kind: "collect", preconditions: { uid, resourceVersion } };
  }
  return undefined;
}

/** Is the Secret something else than what was written, as a mutating webhook makes it? */
export function isAltered(desired: DesiredSecret, written: SecretRecord): boolean {
  return secretWrite(desired, written, Number.POSITIVE_INFINITY, written.createdAt) !== undefined;
}

/** Does the write take keys out of the live Secret and put none in? Such a one must never wait. */
export function isRevocation(desired: Pick<DesiredSecret, "file">, live: SecretRecord | undefined): boolean {
  const [before, after] = [new Set(live?.keys), keysOf(desired.file)];
  return after.length < before.size && after.every((key) => before.has(key));
}

/** When an empty, unnamed Secret is to be collected, in ms since the epoch; undefined if not at all. */
export function collectionTime(
  desired: Pick<DesiredSecret, "file" | "isNamed">,
  live: SecretRecord | undefined,
  retention: number,
): number | undefined {
  if (desired.file !== "" || desired.isNamed || live?.emptySince === undefined) return undefined;
  return live.emptySince + retention;
}
