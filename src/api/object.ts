/** What every object of the API has, whatever its kind. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** The part of metadata.k8s.io ObjectMeta that a controller works with. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
  /** Left out of lists unless they are asked for. */
  readonly managedFields?: readonly { readonly manager?: string; readonly time?: string }[];
}

/** What is known of an object that is gone. `namespace` is empty for a cluster-scoped object. */
export interface ObjectRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** True for a value with the identity that every stored object has: name, uid and a comparable resourceVersion. */
export function isKubeObject(value: unknown): value is KubeObject {
  if (typeof value !== "object" || value === null || !("metadata" in value)) {
    return false;
  }
  const metadata = value.metadata;
  return (
    typeof metadata === "object" &&
    metadata !== null &&
    "name" in metadata &&
    isNonEmptyString(metadata.name) &&
    "uid" in metadata &&
    isNonEmptyString(metadata.uid) &&
    "resourceVersion" in metadata &&
    isResourceVersion(metadata.resourceVersion) &&
    (!("namespace" in metadata) || typeof metadata.namespace === "string")
  );
}

/** True for what JSON calls an object: no list, and not null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The identity of `object` alone. */
export function refOf(object: KubeObject): ObjectRef {
  const { namespace = "", name, uid, resourceVersion } = object.metadata;
  return { namespace, name, uid, resourceVersion };
}

function isNonEmptyString(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** When the object was created, in ms since the epoch; 0 where it does not say. */
export function createdAt({ creationTimestamp }: ObjectMeta): number {
  return Date.parse(creationTimestamp ?? "") || 0;
}

/** When any client last changed it, in ms since the epoch, as far as its managedFields are there and tell. */
export function writtenAt({ managedFields = [] }: ObjectMeta): number | undefined {
  const times = managedFields.map(({ time }) => Date.parse(time ?? "")).filter((time) => time > 0);
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.max(a, b));
}

/** Anything with a resourceVersion. */
interface Versioned {
  readonly resourceVersion: string;
}

/** True for a decimal number without leading zeros and above zero, of any length (KEP-5504). */
export function isResourceVersion(value: unknown): value is string {
  return typeof value === "string" && /^[1-9][0-9]*$/.test(value);
}

/**
 * Negative when `a` is older than `b`, 0 when equal, positive when newer.
 * Only versions of the same resource type can be compared (KEP-5504, Kubernetes 1.35 and later state it as API;
 * older servers behave the same). Throws a RangeError when either is not a resourceVersion.
 */
export function compareResourceVersions(a: string, b: string): number {
  if (!isResourceVersion(a) || !isResourceVersion(b)) {
    throw new RangeError("not a resourceVersion: a decimal number above zero, without leading zeros");
  }
  if (a.length !== b.length) {
    return a.length - b.length;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Is the first strictly newer? */
export function isNewer(a: Versioned, b: Versioned): boolean {
  return compareResourceVersions(a.resourceVersion, b.resourceVersion) > 0;
}

/** Older than every resourceVersion that an API server gives. */
export const OLDEST = "1";

/** `namespace/name`, by which objects are queued, looked up and logged. */
export function namespacedName({ namespace, name }: Pick<ObjectRef, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

/** The namespace in `namespace/name`, whatever follows. */
export function namespaceOf(id: string): string {
  return id.slice(0, id.indexOf("/"));
}
