import type { State } from "../api/states.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import type { Standing } from "../claims/standing.ts";
import { type Blocked, isStalled } from "./delivery.ts";

/** What its status says of one SSHKey beside the facts. */
export interface Verdict {
  readonly state: State;
  /** What is wrong and what to do, or how it stands. */
  readonly message: string;
  /** Does the Secret hold the line? Unknown where it is not the operator's own. */
  readonly isProjected: boolean | "unknown";
  readonly secretName: string;
  readonly duplicateOf: SSHKeyRecord | undefined;
  /** Has another user the same key? */
  readonly isShared: boolean;
}

/**
 * What the Secret holds of an SSHKey.
 * - `line`: the line that it should; of a key that should be out, any line of this SSHKey.
 * - `formerLine`: of a key that should be in, another line: of an earlier key or with earlier options.
 * - `maybe`: it is not the operator's own Secret, and may hold a line.
 */
export type Held = "line" | "formerLine" | "maybe" | "nothing";

/** What the verdict on one SSHKey follows from. */
export interface Situation {
  readonly standing: Standing;
  /** Why there is no place for the key in the Secret; undefined if there is one. */
  readonly full: string | undefined;
  readonly held: Held;
  readonly blocked: Blocked | undefined;
  readonly pendingReason: string;
  readonly secretName: string;
}

/**
 * The rule for STATE, one for all: a key that is wanted and held is Projected, one that is neither has the state of its
 * own, and between the two it is SecretConflict when a person has to act, else Pending.
 */
export function verdictOf(situation: Situation): Verdict {
  const { standing, full, held, secretName } = situation;
  const isHeld = held === "line";
  const isWanted = standing.state === "InForce" && full === undefined;
  const duplicateOf = standing.state === "InForce" ? undefined : standing.duplicateOf;
  const rest = {
    isProjected: held === "maybe" ? ("unknown" as const) : isHeld,
    secretName,
    duplicateOf,
    isShared: standing.state === "InForce" && standing.isShared,
  };
  if (isWanted && isHeld) {
    return { state: "Projected", message: `The key is in Secret ${secretName}.`, ...rest };
  }
  if (isWanted || isHeld || held === "maybe") return { ...between(situation, isWanted), ...rest };
  if (standing.state !== "InForce") return { state: standing.state, message: standing.message, ...rest };
  return { state: "SecretFull", message: full ?? "", ...rest };
}

const BEING_WRITTEN =
  "The write is in progress; if this takes longer than ten seconds, ask a cluster administrator to check the operator's log.";

function between(situation: Situation, isWanted: boolean): Pick<Verdict, "state" | "message"> {
  const { standing, full, blocked, pendingReason } = situation;
  const what = isWanted ? missing(situation) : leftover(situation);
  const why = blocked?.message ?? (pendingReason || BEING_WRITTEN);
  const reason = standing.state === "InForce" ? full : standing.message;
  const own = isWanted || reason === undefined ? "" : ` It must be removed because: ${reason}`;
  const state = blocked !== undefined && isStalled(blocked) ? "SecretConflict" : "Pending";
  return { state, message: `${what} ${why}${own}` };
}

function missing({ held, secretName }: Situation): string {
  if (held === "maybe") return `It is unknown whether Secret ${secretName} holds the key.`;
  const former = held === "formerLine" ? ", which still holds an earlier line of this SSHKey" : "";
  return `The key is not in Secret ${secretName} yet${former}.`;
}

function leftover({ held, secretName }: Situation): string {
  return `The key must be removed from Secret ${secretName} and ${held === "maybe" ? "may still be" : "is still"} in it.`;
}

/** Do two verdicts lead to the same status? */
export function sameVerdict(a: Verdict | undefined, b: Verdict): boolean {
  return (
    a?.state === b.state &&
    a.message === b.message &&
    a.isProjected === b.isProjected &&
    a.duplicateOf?.uid === b.duplicateOf?.uid &&
    a.isShared === b.isShared
  );
}
