import type { State } from "../api/states.ts";
import { rsaWeaknesses } from "../ssh/weakness/rsaweaknesses.ts";
import { verified, whenVerified } from "./proof.ts";
import type { KeyFacts, SSHKeyRecord } from "./record.ts";

/** What is said of a key while it is examined. */
export const BEING_EXAMINED = "The key is being examined; wait.";

/** Is all done that takes arithmetic: is its proof verified, and is its RSA key looked at? */
export function isExamined({ key, proof }: SSHKeyRecord): boolean {
  return proof?.result !== "Unverified" && !(key !== undefined && key.arithmetic === undefined);
}

/**
 * May its key be in force? Once it is examined; before that only if its proof is verified, and its status shows that this very
 * spec was acceptable before: a restart takes no line out of a Secret until there is a reason.
 */
export function mayBeInForce(record: SSHKeyRecord): boolean {
  if (isExamined(record)) return true;
  const { proof, observed, generation } = record;
  return (
    proof?.result !== "Unverified" &&
    observed.generation === generation &&
    observed.state !== "" &&
    ACCEPTABLE.includes(observed.state)
  );
}

/** Those of an SSHKey whose key was found to be acceptable. */
const ACCEPTABLE: readonly State[] = ["Projected", "Accepted", "Duplicate", "SecretConflict", "SecretFull"];

/** Do two records of one SSHKey say the same of what is examined? */
export function isSameSubject(a: SSHKeyRecord, b: SSHKeyRecord): boolean {
  return a.key?.base64 === b.key?.base64 && a.proof?.digest === b.proof?.digest;
}

/** Does at once what is not done: a few ms for a proof, half a millisecond for an RSA key of 2048 bits. */
export function examined(record: SSHKeyRecord): SSHKeyRecord {
  if (isExamined(record)) return record;
  return { ...record, key: withArithmetic(record.key), proof: record.proof && verified(record.proof) };
}

/** The same with the proof verified in libuv's thread pool. */
export async function whenExamined(record: SSHKeyRecord): Promise<SSHKeyRecord> {
  if (isExamined(record)) return record;
  return {
    ...record,
    key: withArithmetic(record.key),
    proof: record.proof && (await whenVerified(record.proof)),
  };
}

function withArithmetic(key: KeyFacts | undefined): KeyFacts | undefined {
  if (key === undefined || key.arithmetic !== undefined) return key;
  return { ...key, arithmetic: rsaWeaknesses(Buffer.from(key.base64, "base64")) };
}
