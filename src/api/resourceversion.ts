/** What one version of an object showed. */
export interface Versioned {
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
