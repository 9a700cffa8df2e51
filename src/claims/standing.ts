import type { State } from "../api/states.ts";
import { formatRFC3339 } from "../api/time.ts";
import type { Claim } from "./claim.ts";
import { latestExpiry } from "./judgement.ts";
import type { Policy } from "./policy.ts";
import type { SSHKeyRecord } from "./record.ts";

/** Whether the key of an SSHKey is in force, and if not, why; whatever any Secret holds. */
export type Standing =
  /** `isShared`: another user of the namespace has the same key, which the scope `User` allows. */
  | { readonly state: "InForce"; readonly isShared: boolean }
  | {
      readonly state: NotInForceState;
      readonly message: string;
      /** The SSHKey that holds the key instead. */
      readonly duplicateOf?: SSHKeyRecord;
    };

export type NotInForceState = Extract<
  State,
  "Terminating" | "Disabled" | "Expired" | "Invalid" | "Compromised" | "Revoked" | "Weak" | "Duplicate"
>;

/**
 * The standing of a claim. `holder`: the claim that holds the key, `claim` itself if it does. Only the first reason is
 * reported; of findings, all.
 */
export function standingOf(claim: Claim, holder: Claim, isShared: boolean, policy: Policy): Standing {
  const { record, findings, isExpired } = claim;
  const [worst] = findings;
  const out = (state: NotInForceState, message: string): Standing => ({
    state,
    message: message + staysInForce(claim, holder),
  });
  if (record.isTerminating)
    return out("Terminating", "The SSHKey is being deleted; its key is no longer in force.");
  if (record.disabled) return out("Disabled", "spec.disabled is true; set it to false to put the key back.");
  if (isExpired) return out("Expired", expiredMessage(record, policy));
  if (worst !== undefined) return out(worst.state, findings.map(({ message }) => message).join(" "));
  if (holder !== claim) {
    const message = duplicateMessage(holder.record, record);
    return { state: "Duplicate", message, duplicateOf: holder.record };
  }
  return { state: "InForce", isShared };
}

/** A user who takes out one SSHKey of a key may have another one that takes its place. */
function staysInForce(claim: Claim, holder: Claim): string {
  return holder === claim || holder.record.user !== claim.record.user
    ? ""
    : ` The same key stays in force for this user through SSHKey ${holder.record.name}; disable or delete that one too to revoke the key.`;
}

function expiredMessage(record: SSHKeyRecord, policy: Policy): string {
  const latest = latestExpiry(record, policy);
  return latest === undefined
    ? "spec.expiresAt has passed; set a later one or delete the SSHKey."
    : `spec.expiresAt has passed; set a later time, at most ${formatRFC3339(latest)} (maximumLifetime). After that, delete this SSHKey and create a new one.`;
}

function duplicateMessage(holder: SSHKeyRecord, own: SSHKeyRecord): string {
  return holder.user === own.user
    ? `SSHKey ${holder.name} of the same user holds this key; delete one of the two, or use another key. To use one key from several addresses, put them all into one from="…".`
    : `SSHKey ${holder.name} of another user holds this key; use another key, or, if this one is yours, ask an administrator of the namespace to delete that SSHKey.`;
}
