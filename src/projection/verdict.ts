import type { SSHKeyCondition } from "../api/sshkey.generated.ts";
import type { State } from "../api/states.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import type { Sharing, Standing } from "../claims/standing.ts";
import { type Blocked, isStalled } from "./delivery.ts";

/** What the status of one SSHKey should say, besides the facts of its key. */
export interface Verdict extends Sharing {
  readonly state: State;
  /** What is wrong and what to do, or how it stands. */
  readonly message: string;
  /** Does the Secret hold the line? Unknown where it is not managed. */
  readonly projected: SSHKeyCondition["status"];
  readonly secretName: string;
  readonly duplicateOf: SSHKeyRecord | undefined;
}

/**
 * What the Secret holds of an SSHKey.
 * - `line`: the line that it should; of a key that should be out, any line of this SSHKey.
 * - `otherFormat`: of a key that should be in, its line with `expiry-time` as another configuration writes it.
 * - `outdatedLine`: of a key that should be in, another line: of an earlier key or with earlier options.
 * - `unknown`: the Secret is not managed, and may hold a line.
 */
export type Held = "line" | "otherFormat" | "outdatedLine" | "unknown" | "none";

/** What the verdict on one SSHKey follows from. */
export interface Situation {
  readonly standing: Standing;
  /** Why there is no place for the key in the Secret; undefined if there is one. */
  readonly fullMessage: string | undefined;
  readonly held: Held;
  readonly blocked: Blocked | undefined;
  readonly pendingReason: string;
  readonly secretName: string;
  /** Is there a Secret for each user? */
  readonly isKept: boolean;
}

/**
 * The rule for STATE, one for all: a key that is wanted and held is Projected, one that is neither has the state of its
 * standing; in between it is SecretConflict when a person has to act, else Pending.
 */
export function verdictOf(situation: Situation): Verdict {
  const { standing, fullMessage, held, secretName, blocked, isKept } = situation;
  const isHeld = held === "line" || held === "otherFormat";
  // The key has never been out while its line is written in another format; that this fails, a person has to know.
  const isAsWanted = held === "line" || (held === "otherFormat" && blocked === undefined);
  const isAccepted = standing.state === "InForce" && fullMessage === undefined;
  const isWanted = isAccepted && isKept;
  const duplicateOf = standing.state === "InForce" ? undefined : standing.duplicateOf;
  const rest: Omit<Verdict, "state" | "message"> = {
    projected: held === "unknown" ? "Unknown" : isHeld ? "True" : "False",
    secretName,
    duplicateOf,
    isShared: standing.state === "InForce" && standing.isShared,
    isProvenByAnother: standing.state === "InForce" && standing.isProvenByAnother,
  };
  if (isWanted && isAsWanted) {
    return { state: "Projected", message: `The key is in Secret ${secretName}.`, ...rest };
  }
  if (isWanted || isHeld || held === "unknown") return { ...conflictOrPending(situation, isWanted), ...rest };
  if (isAccepted) return { state: "Accepted", message: ACCEPTED, ...rest };
  if (standing.state !== "InForce") return { state: standing.state, message: standing.message, ...rest };
  return { state: "SecretFull", message: fullMessage ?? "", ...rest };
}

const NOT_KEPT = "There is no Secret for each user any more (secrets.perUser).";

const ACCEPTED =
  "The key is in force; there is no Secret for each user (secrets.perUser), so it is in those of AuthorizedKeys that take it.";

const BEING_WRITTEN =
  "The write is in progress; if this takes longer than ten seconds, ask a cluster administrator to check the operator's log.";

function conflictOrPending(situation: Situation, isWanted: boolean): Pick<Verdict, "state" | "message"> {
  const { standing, fullMessage, blocked, pendingReason } = situation;
  const what = isWanted ? missing(situation) : leftover(situation);
  const why = blocked?.message ?? (pendingReason || BEING_WRITTEN);
  const reason = standing.state === "InForce" ? (fullMessage ?? NOT_KEPT) : standing.message;
  const own = isWanted || reason === undefined ? "" : ` It must be removed because: ${reason}`;
  const state = blocked !== undefined && isStalled(blocked) ? "SecretConflict" : "Pending";
  return { state, message: `${what} ${why}${own}` };
}

function missing({ held, secretName }: Situation): string {
  if (held === "unknown") return `It is unknown whether Secret ${secretName} holds the key.`;
  if (held === "otherFormat")
    return `The key's line in Secret ${secretName} still has the expiry-time of an earlier secrets.expiryTimeFormat.`;
  const outdated = held === "outdatedLine" ? ", which still holds an earlier line of this SSHKey" : "";
  return `The key is not in Secret ${secretName} yet${outdated}.`;
}

function leftover({ held, secretName }: Situation): string {
  return `The key must be removed from Secret ${secretName} and ${held === "unknown" ? "may still be" : "is still"} in it.`;
}

/** Do two verdicts lead to the same status? */
export function sameVerdict(a: Verdict | undefined, b: Verdict): boolean {
  return (
    a?.state === b.state &&
    a.message === b.message &&
    a.projected === b.projected &&
    a.duplicateOf?.uid === b.duplicateOf?.uid &&
    a.isShared === b.isShared &&
    a.isProvenByAnother === b.isProvenByAnother
  );
}
