import { hash } from "node:crypto";
import { lastUse } from "../api/lastused.ts";
import type { SSHKeyCondition, SSHKeyStatus } from "../api/sshkey.generated.ts";
import { CONDITION_TYPES, STATES, type State } from "../api/states.ts";

/** What is kept of a stored status: a digest to compare with, and the values the next status carries over. */
export interface ObservedStatus {
  /** Digest of all fields and conditions that the operator owns, without lastTransitionTime. */
  readonly digest: string;
  /** status.observedGeneration, -1 before the first status. */
  readonly generation: number;
  /** status.claimedSince, in ms since the epoch. */
  readonly claimedSince: number | undefined;
  /** The day that status.lastUsed has of the key that the status speaks of, in ms since the epoch; it may not have come yet. */
  readonly lastUsed: number | undefined;
  /** "" before the first status, and for a word that is none. */
  readonly state: State | "";
  /** Status and last transition (s since the epoch) of each condition, in the order of CONDITION_TYPES. */
  readonly transitions: readonly Transition[];
}

export type Transition = { readonly status: string; readonly at: number } | undefined;

/** A status without the times of its conditions. */
export type UndatedStatus = Omit<SSHKeyStatus, "conditions"> & {
  readonly conditions?: readonly Omit<SSHKeyCondition, "lastTransitionTime">[];
};

/** Reads what matters of a status as the API server holds it. */
export function toObservedStatus(status: SSHKeyStatus | undefined): ObservedStatus {
  return status === undefined ? NO_STATUS : observed(status);
}

const NO_STATUS: ObservedStatus = {
  digest: "",
  generation: -1,
  claimedSince: undefined,
  lastUsed: undefined,
  state: "",
  transitions: CONDITION_TYPES.map(() => undefined),
};

function observed(status: SSHKeyStatus): ObservedStatus {
  const conditions = ownConditions(status);
  const state = conditions[CONDITION_TYPES.indexOf("Ready")]?.reason ?? "";
  return {
    digest: statusDigest(status, conditions),
    generation: status.observedGeneration ?? -1,
    claimedSince: Date.parse(status.claimedSince ?? "") || undefined,
    lastUsed: lastUse(status, Number.POSITIVE_INFINITY),
    state: Object.hasOwn(STATES, state) ? (state as State) : "",
    transitions: intern(
      conditions.map(
        (c) => c && { status: c.status, at: Math.floor(Date.parse(c.lastTransitionTime) / 1000) || 0 },
      ),
    ),
  };
}

/** The fields of a status that the operator owns beside `observedGeneration`, `duplicateOf`, `proof` and `conditions`. */
export const OWN_FIELDS = [
  "type",
  "length",
  "fingerprint",
  "fingerprintMD5",
  "comment",
  "secretName",
  "claimedSince",
] as const satisfies readonly (keyof SSHKeyStatus)[];

/** A digest of the fields and conditions that the operator owns; what others write beside them counts for nothing. */
export function statusDigest(status: UndatedStatus | undefined, own = ownConditions(status)): string {
  if (status === undefined || (status.observedGeneration ?? -1) < 0) return "";
  const conditions = own.map((c) => c && [c.status, c.reason, c.message, c.observedGeneration]);
  const facts = OWN_FIELDS.map((field) => status[field]);
  // Others may have stored its members in another order.
  const holder = [status.duplicateOf?.namespace, status.duplicateOf?.name];
  const proof = [status.proof?.touched, status.proof?.userVerified];
  const text = JSON.stringify([status.observedGeneration, facts, holder, proof, conditions]);
  return hash("sha256", text, "base64url");
}

/** The conditions that the operator owns, in the order of CONDITION_TYPES. */
function ownConditions<C extends Pick<SSHKeyCondition, "type">>(
  status: { readonly conditions?: readonly C[] } | undefined,
): readonly (C | undefined)[] {
  return CONDITION_TYPES.map((type) => status?.conditions?.find((condition) => condition.type === type));
}

const MAXIMUM_INTERNED = 4096;
const interned = new Map<string, readonly Transition[]>();

/** Interned: one array for all SSHKeys whose conditions changed in the same second. */
export function intern(transitions: readonly Transition[]): readonly Transition[] {
  const name = transitions.map((t) => t && `${t.status}${t.at}`).join();
  const known = interned.get(name);
  if (known !== undefined) return known;
  if (interned.size >= MAXIMUM_INTERNED) interned.clear();
  interned.set(name, transitions);
  return transitions;
}
