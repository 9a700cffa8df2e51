import type { SSHKeyCondition, SSHKeyStatus } from "../api/sshkey.generated.ts";
import { CONDITION_TYPES, type ConditionType, STATES, type State } from "../api/states.ts";
import { formatRFC3339 } from "../api/time.ts";
import type { Claim } from "../claims/claim.ts";
import {
  intern,
  type ObservedStatus,
  OWN_FIELDS,
  statusDigest,
  type Transition,
} from "../claims/observedstatus.ts";
import { newKeyCommand, type Policy } from "../claims/policy.ts";
import { toldPossession } from "../claims/possession.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import { fingerprintMD5, fingerprintSHA256 } from "../ssh/fingerprint.ts";
import { adviceText } from "../ssh/weakness/advice.ts";
import type { Verdict } from "./verdict.ts";

type ConditionText = Pick<SSHKeyCondition, "status" | "reason" | "message">;
type Undated = ConditionText & { readonly type: ConditionType; readonly observedGeneration: number };

/** A status to write. */
export interface StatusWrite {
  /** Every field and condition that the operator owns; what others own beside them is not named. */
  readonly status: SSHKeyStatus;
  /** What the API server holds once it is acknowledged. */
  readonly observed: ObservedStatus;
  /** The STATE that the API server held before, "" for none. */
  readonly previousState: State | "";
}

/** The status write that the verdict calls for, or undefined when the API server holds that status already. */
export function statusWrite(
  claim: Claim,
  verdict: Verdict,
  policy: Policy,
  now: number,
): StatusWrite | undefined {
  const { record } = claim;
  const { state, projected, secretName, duplicateOf } = verdict;
  const conditions = conditionsFor(claim, verdict, policy);
  const desired = {
    observedGeneration: record.generation,
    ...factsOf(record),
    ...(record.key === undefined ? {} : { claimedSince: formatRFC3339(claim.since) }),
    ...(projected === "True" ? { secretName } : {}),
    ...authenticatorOf(record),
    ...(duplicateOf === undefined
      ? {}
      : { duplicateOf: { namespace: duplicateOf.namespace, name: duplicateOf.name } }),
    conditions,
  };
  const digest = statusDigest(desired);
  if (digest === record.observed.digest) return undefined;
  const seconds = Math.floor(now / 1000);
  const transitions = CONDITION_TYPES.map((type, i) => {
    const condition = conditions.find((c) => c.type === type);
    if (condition === undefined) return undefined;
    const before = record.observed.transitions[i];
    return { status: condition.status, at: before?.status === condition.status ? before.at : seconds };
  });
  return {
    status: { ...desired, conditions: conditions.map((condition) => dated(condition, transitions)) },
    observed: {
      digest,
      generation: record.generation,
      claimedSince: record.key === undefined ? undefined : claim.since,
      lastUsed: record.observed.lastUsed,
      state,
      transitions: intern(transitions),
    },
    previousState: record.observed.state,
  };
}

/**
 * What another client has put into the stored status under the operator's names, and the desired status has not: an apply
 * takes out only what its own manager owns. Empty for none; else a patch of the object that fails when the status is
 * another one by now.
 */
export function strayFields(stored: SSHKeyStatus, desired: SSHKeyStatus): JSONPatch {
  const fields = ([...OWN_FIELDS, "duplicateOf", "proof"] as const).filter(
    (field) => stored[field] !== undefined && desired[field] === undefined,
  );
  const isDesired = (type: string) =>
    desired.conditions?.some((condition) => condition.type === type) === true;
  const conditions = (stored.conditions ?? []).flatMap(({ type }, index) =>
    CONDITION_TYPES.some((own) => own === type) && !isDesired(type) ? [{ type, index }] : [],
  );
  return [
    ...fields.map((field) => ({ op: "remove" as const, path: `/status/${field}` })),
    // The last one first: those before it keep their places.
    ...conditions.reverse().flatMap(({ type, index }) => [
      { op: "test" as const, path: `/status/conditions/${index}/type`, value: type },
      { op: "remove" as const, path: `/status/conditions/${index}` },
    ]),
  ];
}

/** RFC 6902. */
export type JSONPatch = readonly {
  readonly op: "add" | "replace" | "remove" | "test";
  readonly path: string;
  readonly value?: unknown;
}[];

function dated(condition: Undated, transitions: readonly Transition[]): SSHKeyCondition {
  const at = transitions[CONDITION_TYPES.indexOf(condition.type)]?.at ?? 0;
  return { ...condition, lastTransitionTime: formatRFC3339(at * 1000) };
}

function factsOf({ key }: SSHKeyRecord): SSHKeyStatus {
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

/** What the proof of a security key shows of the authenticator. */
function authenticatorOf({ proof }: SSHKeyRecord): Pick<SSHKeyStatus, "proof"> {
  return proof?.result !== "Proven" || proof.authenticator === undefined
    ? {}
    : { proof: { ...proof.authenticator } };
}

function conditionsFor(claim: Claim, verdict: Verdict, policy: Policy): Undated[] {
  const { state, message } = verdict;
  const { ready, stalled } = STATES[state];
  const observedGeneration = claim.record.generation;
  const possession = toldPossession(claim, policy);
  const conditions: Undated[] = [
    { type: "Valid", ...validity(claim), observedGeneration },
    { type: "Unique", ...uniqueness(claim, verdict, policy), observedGeneration },
    ...(possession === undefined ? [] : [{ type: "Proven" as const, ...possession, observedGeneration }]),
    { type: "Projected", ...projectedText(verdict), observedGeneration },
    { type: "Ready", status: ready, reason: state, message, observedGeneration },
  ];
  if (stalled)
    conditions.push({ type: "Stalled", status: "True", reason: state, message, observedGeneration });
  const [reason] = claim.advice;
  if (reason !== undefined) {
    const text = adviceText(claim.advice, newKeyCommand(policy));
    conditions.push({ type: "Advice", status: "True", reason, message: text, observedGeneration });
  }
  return conditions;
}

/** Whether the line is a public key as `ssh-keygen -l` has it, with options and dates that sshd understands. */
function validity({ findings }: Claim): ConditionText {
  const invalid = findings.filter(({ state }) => state === "Invalid");
  const [first] = invalid;
  return first === undefined
    ? { status: "True", reason: "Valid", message: "The key is valid." }
    : { status: "False", reason: first.code, message: invalid.map(({ message }) => message).join(" ") };
}

function uniqueness({ isInForce }: Claim, verdict: Verdict, policy: Policy): ConditionText {
  const { duplicateOf, isShared, isProvenByAnother, message } = verdict;
  if (duplicateOf !== undefined) return { status: "False", reason: "Duplicate", message };
  if (!isInForce) {
    return {
      status: "Unknown",
      reason: "NotInForce",
      message: "Not checked: only keys in force are compared for duplicates.",
    };
  }
  if (isShared) {
    return {
      status: "False",
      reason: "SharedKey",
      message: `Another user of the namespace has the same key; this is allowed here (duplicateScope: User, which self-service namespaces have).${isProvenByAnother ? ` ${provenByAnother(policy)}` : ""}`,
    };
  }
  if (isProvenByAnother)
    return { status: "True", reason: "ProvenByAnother", message: provenByAnother(policy) };
  return { status: "True", reason: "Unique", message: "No other SSHKey of the namespace holds this key." };
}

function provenByAnother(policy: Policy): string {
  return `Another user of the namespace has proven to have the private key too; a private key belongs to one person, so make a new one with: ${newKeyCommand(policy)}`;
}

function projectedText({ projected: status, state: reason, secretName }: Verdict): ConditionText {
  const messages = {
    True: `Secret ${secretName} holds the key.`,
    False: `Secret ${secretName} does not hold the key.`,
    Unknown: `Secret ${secretName} may hold the key; its content is unknown because it is not a managed Secret.`,
  };
  return { status, reason, message: messages[status] };
}
