import { isResourceVersion } from "../api/resourceversion.ts";

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

/** The identity of `object` alone. */
export function refOf(object: KubeObject): ObjectRef {
  const { namespace = "", name, uid, resourceVersion } = object.metadata;
  return { namespace, name, uid, resourceVersion };
}

function isNonEmptyString(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** `milliseconds` since the epoch as metav1.MicroTime: RFC 3339 in UTC with exactly six decimals. */
export function microTime(milliseconds: number): string {
  const whole = Math.floor(milliseconds);
  const micros = Math.floor((milliseconds - whole) * 1000);
  return `${new Date(whole).toISOString().slice(0, -1)}${String(micros).padStart(3, "0")}Z`;
}
