import { hash } from "node:crypto";
import { CONDITION_TYPES, type SSHKeyCondition, type SSHKeyStatus, type State } from "../api/sshkey.ts";

/** Of a status on the API server: a digest to compare with, and what the next status carries on. */
export interface SeenStatus {
  readonly digest: string;
  readonly state: State | "";
  /** Status and last transition (s since the epoch) of each condition, in the order of CONDITION_TYPES. */
  readonly transitions: readonly Transition[];
  /** The object's resourceVersion that showed this status. */
  readonly resourceVersion: string;
}

export type Transition = { readonly status: string; readonly at: number } | undefined;

/** A status without the times of its conditions. */
export type Observed = Omit<SSHKeyStatus, "conditions"> & {
  readonly conditions?: readonly Omit<SSHKeyCondition, "lastTransitionTime">[];
};

const MAXIMUM_SHARED = 4096;
const shared = new Map<string, readonly Transition[]>();

/** One copy for all SSHKeys whose conditions changed in the same second, as they do by the thousand. */
export function share(transitions: readonly Transition[]): readonly Transition[] {
  const name = transitions.map((t) => t && `${t.status}${t.at}`).join();
  const known = shared.get(name);
  if (known !== undefined) return known;
  if (shared.size >= MAXIMUM_SHARED) shared.clear();
  shared.set(name, transitions);
  return transitions;
}

/** Reads what matters of a status as the API server holds it. */
export function readStatus(status: SSHKeyStatus | undefined, resourceVersion: string): SeenStatus {
  const conditions = CONDITION_TYPES.map((type) => status?.conditions?.find((c) => c.type === type));
  return {
    digest: statusDigest(status),
    state: (conditions[CONDITION_TYPES.indexOf("Ready")]?.reason ?? "") as State | "",
    transitions: share(
      conditions.map(
        (c) => c && { status: c.status, at: Math.floor(Date.parse(c.lastTransitionTime) / 1000) },
      ),
    ),
    resourceVersion,
  };
}

/**
 * A digest of all that the operator writes on a status except transition times. Conditions of other writers
 * count for nothing, so that two controllers never take turns.
 */
export function statusDigest(status: Observed | undefined): string {
  if (status === undefined) return "";
  const conditions = CONDITION_TYPES.map((type) => {
    const c = status.conditions?.find((condition) => condition.type === type);
    return c && [c.status, c.reason, c.message, c.observedGeneration];
  });
  const { type, length, fingerprint, fingerprintMD5, comment, secretName, duplicateOf, observedGeneration } =
    status;
  const fields = [type, length, fingerprint, fingerprintMD5, comment, secretName, observedGeneration];
  const text = JSON.stringify([fields, duplicateOf?.namespace, duplicateOf?.name, conditions]);
  return hash("sha256", text, "base64url");
}
