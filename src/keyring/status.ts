import { CONDITION_TYPES, type SSHKeyCondition, type SSHKeyStatus, type State } from "../api/sshkey.ts";
import { fingerprintMD5, fingerprintSHA256 } from "../ssh/fingerprint.ts";
import type { KeyRecord } from "./record.ts";
import { type SeenStatus, share, statusDigest } from "./seenstatus.ts";
import type { Verdict } from "./verdict.ts";

type Judgement = Pick<SSHKeyCondition, "status" | "reason" | "message">;

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
  const due = conditionsFor(record, verdict);
  const seconds = Math.floor(now / 1000);
  const transitions = CONDITION_TYPES.map((type, i) => {
    const judgement = due[type];
    if (judgement === undefined) return undefined;
    const before = record.seen.transitions[i];
    return { status: judgement.status, at: before?.status === judgement.status ? before.at : seconds };
  });
  const conditions = CONDITION_TYPES.flatMap((type, i): SSHKeyCondition[] => {
    const judgement = due[type];
    if (judgement === undefined) return [];
    const lastTransitionTime = `${new Date((transitions[i]?.at ?? seconds) * 1000).toISOString().slice(0, 19)}Z`;
    return [{ type, ...judgement, observedGeneration: record.generation, lastTransitionTime }];
  });
  const status: SSHKeyStatus = {
    observedGeneration: record.generation,
    ...factsOf(record),
    ...(verdict.state === "Projected" ? { secretName: verdict.secretName } : {}),
    ...(verdict.duplicateOf === undefined ? {} : { duplicateOf: verdict.duplicateOf }),
    conditions,
  };
  const digest = statusDigest(status);
  if (digest === record.seen.digest) return undefined;
  return {
    status,
    seen: { digest, state: verdict.state, transitions: share(transitions) },
    previousState: record.seen.state,
  };
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

function conditionsFor(
  { refusal }: KeyRecord,
  { state, message }: Verdict,
): Record<(typeof CONDITION_TYPES)[number], Judgement | undefined> {
  const valid: Judgement =
    refusal === undefined
      ? { status: "True", reason: "Valid", message: "The key is valid and acceptable." }
      : { status: "False", reason: refusal.code, message: refusal.message };
  return {
    Valid: valid,
    Unique: uniqueness(state, message),
    Ready: { status: state === "Projected" ? "True" : "False", reason: state, message },
    Stalled: STALLED.has(state) ? { status: "True", reason: state, message } : undefined,
  };
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
