import { hash } from "node:crypto";
import type { AuthorizedKeysCondition, AuthorizedKeysStatus } from "../api/authorizedkeys.generated.ts";

/** The conditions of an AuthorizedKeys. `Stalled` is there only while a person has to act. */
const AUTHORIZED_KEYS_CONDITION_TYPES = ["Ready", "Complete", "Stalled"] as const;

/** What is kept of a stored status. */
export interface ObservedAuthorizedKeysStatus {
  /** Digest of all fields and conditions that the operator owns, without lastTransitionTime; "" before the first status. */
  readonly digest: string;
  /** The reason of Ready, "" before the first status. */
  readonly state: string;
  readonly blockedRemovals: number;
  /** Status and last transition (s since the epoch) of each condition, by type. */
  readonly transitions: Readonly<Record<string, { readonly status: string; readonly at: number }>>;
}

/** A status without the times of its conditions. */
export type UndatedAuthorizedKeysStatus = Omit<AuthorizedKeysStatus, "conditions"> & {
  readonly conditions?: readonly Omit<AuthorizedKeysCondition, "lastTransitionTime">[];
};

export function toObservedAuthorizedKeysStatus(
  status: AuthorizedKeysStatus | undefined,
): ObservedAuthorizedKeysStatus {
  const own = ownConditions(status);
  return {
    digest: authorizedKeysStatusDigest(status),
    state: own.find(({ type }) => type === "Ready")?.reason ?? "",
    blockedRemovals: status?.blockedRemovals ?? 0,
    transitions: Object.fromEntries(
      own.map((c) => [
        c.type,
        { status: c.status, at: Math.floor(Date.parse(c.lastTransitionTime) / 1000) || 0 },
      ]),
    ),
  };
}

/** What others write beside the operator's fields and conditions counts for nothing. */
export function authorizedKeysStatusDigest(status: UndatedAuthorizedKeysStatus | undefined): string {
  if (status === undefined || (status.observedGeneration ?? -1) < 0) return "";
  const { observedGeneration, secretName, userCount, keyCount, omittedCount, blockedRemovals } = status;
  const omitted = status.omitted?.map((o) => [o.namespace, o.user, o.sshKey, o.reason, o.message]);
  const conditions = ownConditions(status).map((c) => [c.type, c.status, c.reason, c.message]);
  const text = JSON.stringify([
    observedGeneration,
    secretName,
    userCount,
    keyCount,
    omittedCount,
    blockedRemovals,
    omitted ?? [],
    conditions,
  ]);
  return hash("sha256", text, "base64url");
}

function ownConditions<C extends Pick<AuthorizedKeysCondition, "type">>(
  status: { readonly conditions?: readonly C[] } | undefined,
): readonly C[] {
  return AUTHORIZED_KEYS_CONDITION_TYPES.flatMap(
    (type) => status?.conditions?.find((condition) => condition.type === type) ?? [],
  );
}
