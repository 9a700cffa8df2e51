import type { State } from "../api/states.ts";
import { atOnce } from "../ssh/weakness/knownprime.ts";
import { primeWeaknesses, rsaWeaknesses } from "../ssh/weakness/rsaweaknesses.ts";
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
const ACCEPTABLE: readonly State[] = ["Projected", "Accepted", "Duplicate", "SecretFull"];

/** Do two records of one SSHKey say the same of what is examined? */
export function isSameSubject(a: SSHKeyRecord, b: SSHKeyRecord): boolean {
  return a.key?.base64 === b.key?.base64 && a.proof?.digest === b.proof?.digest;
}

/** The record with what the other one of the same subject was found to be; itself where that is the same. */
export function withResultsOf(record: SSHKeyRecord, { key, proof }: SSHKeyRecord): SSHKeyRecord {
  if (record.key?.arithmetic === key?.arithmetic && record.proof === proof) return record;
  return { ...record, key: record.key && { ...record.key, arithmetic: key?.arithmetic }, proof };
}

/**
 * Does at once what is not done: a few ms for a proof, a third of one for an RSA key of 2048 bits. `primeProducts`:
 * those of Knowledge.
 */
export function examined(record: SSHKeyRecord, primeProducts: readonly bigint[] = NONE): SSHKeyRecord {
  if (isExamined(record)) return record;
  const { key, proof } = record;
  const first = { ...record, key: withArithmetic(key), proof: proof && verified(proof) };
  return atOnce(dividing(first, primeProducts));
}

/** The same with the proof verified in libuv's thread pool, and without looking for public primes: see dividing. */
export async function whenExamined(record: SSHKeyRecord): Promise<SSHKeyRecord> {
  if (isExamined(record)) return record;
  return {
    ...record,
    key: withArithmetic(record.key),
    proof: record.proof && (await whenVerified(record.proof)),
  };
}

/**
 * The record with what these products find in its RSA key, in place of what others have found; itself where that is the same. In
 * steps of a few ms.
 */
export function* dividing(
  record: SSHKeyRecord,
  primeProducts: readonly bigint[],
): Generator<undefined, SSHKeyRecord, undefined> {
  const { key } = record;
  if (key?.type !== "ssh-rsa" || key.arithmetic === undefined) return record;
  const others = key.arithmetic.filter(({ code }) => code !== "KnownPrime");
  const found = yield* primeWeaknesses(Buffer.from(key.base64, "base64"), primeProducts);
  if (others.length + found.length === key.arithmetic.length) return record;
  return { ...record, key: { ...key, arithmetic: [...others, ...found] } };
}

function withArithmetic(key: KeyFacts | undefined): KeyFacts | undefined {
  if (key === undefined || key.arithmetic !== undefined) return key;
  return { ...key, arithmetic: rsaWeaknesses(Buffer.from(key.base64, "base64")) };
}

const NONE: readonly bigint[] = [];
