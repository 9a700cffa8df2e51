import { microTime } from "./microtime.ts";
import type { KubeObject } from "./object.ts";

/** coordination.k8s.io/v1 Lease, as far as leader election uses it. */
export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number | null;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
    readonly leaseTransitions?: number | null;
  };
}

/** The spec that says `identity` holds the lease from now on, or still holds it. */
export function heldBy(
  identity: string,
  durationMs: number,
  before: Lease | undefined,
): NonNullable<Lease["spec"]> {
  const now = microTime(Date.now());
  const held = before?.spec?.holderIdentity === identity;
  const transitions = before?.spec?.leaseTransitions ?? 0;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: (held ? before?.spec?.acquireTime : undefined) ?? now,
    renewTime: now,
    leaseTransitions: before === undefined || held ? transitions : transitions + 1,
  };
}

/** The spec that lets the next candidate in at once, as client-go releases a lease. */
export function released(before: Lease): NonNullable<Lease["spec"]> {
  const now = microTime(Date.now());
  return {
    holderIdentity: "",
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: before.spec?.leaseTransitions ?? 0,
  };
}
