import {
  CONDITION_TYPES,
  type ConditionType,
  type SSHKeyCondition,
  type SSHKeyStatus,
  type State,
} from "../api/sshkey.ts";
import { fingerprintMD5, fingerprintSHA256 } from "../ssh/fingerprint.ts";
import type { KeyRecord } from "./record.ts";
import { type SeenStatus, share, statusDigest, type Transition } from "./seenstatus.ts";
import type { Verdict } from "./verdict.ts";

type Judgement = Pick<SSHKeyCondition, "status" | "reason" | "message">;
type Undated = Judgement & { readonly type: ConditionType; readonly observedGeneration: number };

/** A status write that is due, and what the API server will hold once it is acknowledged. */
export interface StatusWrite {
  /** The whole status: what is not in it is to go, whoever set it. */
  readonly status: SSHKeyStatus;
  readonly seen: Omit<SeenStatus, "resourceVersion">;
  /** The state that the API server held before, "" for none. */
  readonly previousState: State | "";
}

/** The status write that the verdict calls for, or undefined when the API server holds that status already. */
export function statusWrite(record: KeyRecord, verdict: Verdict, now: number): StatusWrite | undefined {
  const conditions = conditionsFor(record, verdict);
  const due = {
    observedGeneration: record.generation,
    ...factsOf(record),
    ...(verdict.state === "Projected" ? { secretName: verdict.secretName } : {}),
    ...(verdict.duplicateOf === undefined ? {} : { duplicateOf: verdict.duplicateOf }),
    conditions,
  };
  const digest = statusDigest(due);
  if (digest === record.seen.digest) return undefined;
  const seconds = Math.floor(now / 1000);
  const transitions = CONDITION_TYPES.map((type, i) => {
    const condition = conditions.find((c) => c.type === type);
    if (condition === undefined) return undefined;
    const before = record.seen.transitions[i];
    return { status: condition.status, at: before?.status === condition.status ? before.at : seconds };
  });
  return {
    status: { ...due, conditions: conditions.map((condition) => dated(condition, transitions)) },
    seen: { digest, state: verdict.state, transitions: share(transitions) },
    previousState: record.seen.state,
  };
}

function dated(condition: Undated, transitions: readonly Transition[]): SSHKeyCondition {
  const at = transitions[CONDITION_TYPES.indexOf(condition.type)]?.at ?? 0;
  return { ...condition, lastTransitionTime: `${new Date(at * 1000).toISOString().slice(0, 19)}Z` };
}

function factsOf({ key }: KeyRecord): SSHKeyStatus {
  if (key === undefined) return {};
  const blob = Buffer.from(key.base64, "base64");
  return {
    type: key.type,
    length: key.bits,
    fingerprint: fingerprintSHA256(blob),
    fingerprintMD5: fingerprintMD5(blob),
    ...(key.comment === "" ? {} : { comment: key.comment }),
  };
}

/** States in which nothing changes until a person acts; kstatus reads Stalled as failed. */
const STALLED: ReadonlySet<State> = new Set<State>([
  "Invalid",
  "Weak",
  "Duplicate",
  "Expired",
  "SecretConflict",
  "SecretFull",
]);

function conditionsFor({ refusal, generation }: KeyRecord, { state, message }: Verdict): Undated[] {
  const valid: Judgement =
    refusal === undefined
      ? { status: "True", reason: "Valid", message: "The key is valid and acceptable." }
      : { status: "False", reason: refusal.code, message: refusal.message };
  const ready: Judgement = { status: state === "Projected" ? "True" : "False", reason: state, message };
  const observedGeneration = generation;
  const conditions: Undated[] = [
    { type: "Valid", ...valid, observedGeneration },
    { type: "Unique", ...uniqueness(state, message), observedGeneration },
    { type: "Ready", ...ready, observedGeneration },
  ];
  if (STALLED.has(state)) {
    conditions.push({ type: "Stalled", status: "True", reason: state, message, observedGeneration });
  }
  return conditions;
}

function uniqueness(state: State, message: string): Judgement {
  switch (state) {
    case "Duplicate":
      return { status: "False", reason: state, message };
    case "Invalid":
    case "Weak":
    case "Expired":
    case "Disabled":
      return {
        status: "Unknown",
        reason: state,
        message: "Duplicates are looked for among keys that are in force.",
      };
    default:
      return { status: "True", reason: "Unique", message: "No other SSHKey holds this key." };
  }
}
