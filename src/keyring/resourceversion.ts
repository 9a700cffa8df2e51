/** What one version of an object showed. */
export interface Versioned {
  readonly resourceVersion: string;
}

/** Is the first strictly newer? resourceVersions of one resource type are ordered as integers (KEP-5504). */
export function isNewer(a: Versioned, b: Versioned): boolean {
  return Number(a.resourceVersion) > Number(b.resourceVersion);
}
