import type { AuthorizedKeysCondition, AuthorizedKeysStatus } from "../api/authorizedkeys.generated.ts";
import { AUTHORIZED_KEYS_LIMITS } from "../api/logins.ts";
import { AUTHORIZED_KEYS_STATES } from "../api/omissions.ts";
import { formatRFC3339 } from "../api/time.ts";
import {
  authorizedKeysStatusDigest,
  type ObservedAuthorizedKeysStatus,
} from "../authorizedkeys/observedstatus.ts";
import type { Omission } from "../authorizedkeys/omission.ts";
import type { AuthorizedKeysRecord } from "../authorizedkeys/record.ts";
import type { AuthorizedKeysVerdict } from "./authorizedkeysverdict.ts";

/** A status of an AuthorizedKeys to write. */
export interface AuthorizedKeysStatusWrite {
  readonly status: AuthorizedKeysStatus;
  /** What the API server holds once it is acknowledged. */
  readonly observed: ObservedAuthorizedKeysStatus;
}

/** The status write that the verdict calls for, or undefined when the API server holds that status already. */
export function authorizedKeysStatusWrite(
  record: AuthorizedKeysRecord,
  verdict: AuthorizedKeysVerdict,
  now: number,
): AuthorizedKeysStatusWrite | undefined {
  const { secretName, userCount, keyCount, omitted, state } = verdict;
  const { observed } = record;
  const blockedRemovals = verdict.blockedRemovals ?? observed.blockedRemovals;
  const conditions = conditionsOf(record, verdict);
  const desired = {
    observedGeneration: record.generation,
    ...(secretName === undefined ? {} : { secretName }),
    userCount,
    keyCount,
    omitted: omitted.slice(0, AUTHORIZED_KEYS_LIMITS.omitted).map(toStatus),
    omittedCount: omitted.length,
    blockedRemovals,
    conditions,
  };
  const digest = authorizedKeysStatusDigest(desired);
  if (digest === observed.digest) return undefined;
  const seconds = Math.floor(now / 1000);
  const transitions = Object.fromEntries(
    conditions.map(({ type, status }) => {
      const before = observed.transitions[type];
      return [type, { status, at: before?.status === status ? before.at : seconds }];
    }),
  );
  const dated = conditions.map((condition) => ({
    ...condition,
    lastTransitionTime: formatRFC3339((transitions[condition.type]?.at ?? 0) * 1000),
  }));
  return {
    status: { ...desired, conditions: dated },
    observed: { digest, state, blockedRemovals, transitions },
  };
}

function toStatus({ namespace, user, sshKey, reason, message }: Omission) {
  return {
    namespace,
    ...(user === undefined ? {} : { user }),
    ...(sshKey === undefined ? {} : { sshKey }),
    reason,
    message,
  };
}

function conditionsOf(
  { generation: observedGeneration }: AuthorizedKeysRecord,
  { state, message, omitted }: AuthorizedKeysVerdict,
): readonly Omit<AuthorizedKeysCondition, "lastTransitionTime">[] {
  const { ready, stalled } = AUTHORIZED_KEYS_STATES[state];
  return [
    { type: "Ready", status: ready, reason: state, message, observedGeneration },
    { type: "Complete", ...completeness(omitted), observedGeneration },
    ...(stalled
      ? [{ type: "Stalled", status: "True" as const, reason: state, message, observedGeneration }]
      : []),
  ];
}

function completeness(
  omitted: readonly Omission[],
): Pick<AuthorizedKeysCondition, "status" | "reason" | "message"> {
  if (omitted.length === 0)
    return { status: "True", reason: "Complete", message: "Nothing that the spec asks for is left out." };
  const counts = Object.entries(Object.groupBy(omitted, ({ reason }) => reason))
    .map(([reason, those]) => `${those.length} ${reason}`)
    .join(", ");
  return { status: "False", reason: "Omitted", message: `Left out: ${counts}. See status.omitted.` };
}
