import type { State } from "../api/states.ts";
import { formatRFC3339 } from "../api/time.ts";
import { type Claim, claimOrder } from "./claim.ts";
import { BEING_EXAMINED, mayBeInForce } from "./examination.ts";
import { latestExpiry } from "./judgement.ts";
import { newKeyCommand, type Policy } from "./policy.ts";
import { asksForNewKey, BEING_VERIFIED, howToProve, isProofRequired, possessionOf } from "./possession.ts";
import { isProvable } from "./proof.ts";
import type { SSHKeyRecord } from "./record.ts";

/** Whether the key of an SSHKey is in force, and if not, why; whatever any Secret holds. */
export type Standing =
  | ({ readonly state: "InForce" } & Sharing)
  | {
      readonly state: NotInForceState;
      readonly message: string;
      /** The SSHKey that holds the key instead. */
      readonly duplicateOf?: SSHKeyRecord;
    };

/** What else is known of a key in force. */
export interface Sharing {
  /** Another user of the namespace has the same key, which the scope `User` allows. */
  readonly isShared: boolean;
  /** Another user of the namespace has proven to have the private key. */
  readonly isProvenByAnother: boolean;
}

export type NotInForceState = Extract<
  State,
  | "Terminating"
  | "Disabled"
  | "Expired"
  | "Invalid"
  | "Compromised"
  | "Revoked"
  | "Weak"
  | "Unproven"
  | "Pending"
  | "Duplicate"
>;

/**
 * The standing of a claim. `holder`: the claim that holds the key, `claim` itself if it does. Only the first reason is
 * reported; of findings, all.
 */
export function standingOf(claim: Claim, holder: Claim, policy: Policy, sharing: Sharing): Standing {
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
  const next = isProofRequired(record, policy) ? NEW_KEY_NEEDS_PROOF : "";
  if (worst !== undefined) {
    const message = findings.map(({ message }) => message).join(" ");
    return out(worst.state, message + (findings.some(asksForNewKey) ? next : ""));
  }
  if (!mayBeInForce(record)) {
    const isUnverified = record.proof?.result === "Unverified";
    return out("Pending", isUnverified ? BEING_VERIFIED : BEING_EXAMINED);
  }
  if (holder !== claim) {
    const message = duplicateMessage(holder, claim, policy) + next;
    return { state: "Duplicate", message, duplicateOf: holder.record };
  }
  return { state: "InForce", ...sharing };
}

const NEW_KEY_NEEDS_PROOF = " Give another key with its own proof in the same edit (spec.proof).";

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

/** Tells how to win by a proof, if one would. */
function duplicateMessage(holder: Claim, own: Claim, policy: Policy): string {
  const { name, user } = holder.record;
  const isByProof = holder.isProven && !own.isProven;
  const wouldWin = claimOrder({ ...own, isProven: true }, holder) < 0;
  if (user === own.record.user) {
    const why = isByProof ? " because of its proof of possession (spec.proof)" : "";
    const orProof =
      isByProof && wouldWin
        ? "; or put the same proof into this one, which is older, to have it hold the key"
        : "";
    return `SSHKey ${name} of the same user holds this key${why}; delete this one, or use another key${orProof}. To use one key from several addresses, put them all into one from="…".`;
  }
  if (own.isProven) {
    return `SSHKey ${name} of another user holds this key: both users have proven to have its private key, and that one has the older claim. A private key belongs to one person; make a new one with: ${newKeyCommand(policy)}`;
  }
  if (isByProof && !wouldWin && policy.duplicateScope === "Namespace") {
    return `SSHKey ${name} of another user holds this key: that user has proven to have its private key and has the older claim. Use another key.`;
  }
  const why = isByProof ? ", who has proven to have its private key," : "";
  if (own.record.key === undefined || !isProvable(own.record.key)) {
    return `SSHKey ${name} of another user${why} holds this key. Use another key; this one cannot be proven.`;
  }
  const next = possessionOf(own.record, policy)?.message ?? howToProve(own.record, policy);
  return `SSHKey ${name} of another user${why} holds this key. Use another key or, if you have its private key, prove that. ${next}`;
}
