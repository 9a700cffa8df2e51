import type { State } from "../api/states.ts";
import type { AdviceCode } from "../ssh/weakness/advice.ts";
import type { Fault, SSHKeyRecord } from "./record.ts";

/** A reason why a key is not acceptable: the STATE it leads to, a stable code, a sentence with the next step. */
export interface Finding extends Fault {
  readonly state: Extract<State, "Invalid" | "Compromised" | "Revoked" | "Weak" | "Unproven">;
}

/** One SSHKey and its claim to its key. Changed by `Claims` alone. */
export interface Claim {
  readonly record: SSHKeyRecord;
  /** What makes the key unacceptable, the worst first. */
  readonly findings: readonly Finding[];
  /** What is told of the key although it is no reason to refuse it. */
  readonly advice: readonly AdviceCode[];
  /** Has the user of this SSHKey proven to have the private key? */
  readonly isProven: boolean;
  /** Since when this SSHKey has had this key, in ms since the epoch. */
  readonly since: number;
  /** Has `spec.expiresAt` passed? */
  readonly isExpired: boolean;
  /** May the key be used as far as this SSHKey alone decides? Only such SSHKeys compete for a key. */
  readonly isInForce: boolean;
  /** Does this claim hold the key? */
  readonly isHolder: boolean;
}

/**
 * The one order that decides who has a key, and whose line has a place: proven before unproven, then the older claim,
 * then the lower UID. Negative when `a` comes first; never 0 for two claims.
 */
export function claimOrder(a: Claim, b: Claim): number {
  if (a.isProven !== b.isProven) return a.isProven ? -1 : 1;
  if (a.since !== b.since) return a.since - b.since;
  return a.record.uid < b.record.uid ? -1 : a.record.uid > b.record.uid ? 1 : 0;
}
