import { withoutSmallFactors } from "../ssh/weakness/smallfactor.ts";
import type { Reason, Section } from "./blocklist.ts";
import { HASH_BYTES, HashList, inPieces, isSorted } from "./hashlist.ts";
import { ListError } from "./listerror.ts";

/** A record of badkeys' blocklist.dat: 15 bytes of the SHA-256 of a number, and the id of a list. */
const RECORD_BYTES = 16;

/** The lists that have a reason of their own; all others are of published keys. */
const REASON_OF_ID: Readonly<Record<number, Reason>> = { 1: "DebianWeakKey", 2: "KeypairWeakKey" };

/** Could these be the bytes of a blocklist.dat? It has no mark of its own. */
export function looksLikeBadkeys(bytes: Buffer): boolean {
  return bytes.length > 0 && bytes.length % RECORD_BYTES === 0;
}

/** badkeys' blocklist.dat: half of its bytes are kept. Rejects with a ListError. */
export async function decodeBadkeys(bytes: Buffer): Promise<readonly Section[]> {
  if (!(await isSorted(bytes, RECORD_BYTES)))
    throw new ListError("it is in none of the known forms: as badkeys' blocklist.dat it would be sorted");
  const count = bytes.length / RECORD_BYTES;
  const kept = new Map<Reason, { bytes: Buffer; end: number }>();
  const counts = new Map<Reason, number>();
  const reasonAt = (record: number) =>
    REASON_OF_ID[bytes[record * RECORD_BYTES + RECORD_BYTES - 1] ?? 0] ?? "PublishedKey";
  await inPieces(count, (record) => {
    const reason = reasonAt(record);
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    return true;
  });
  for (const [reason, of] of counts)
    kept.set(reason, { bytes: Buffer.allocUnsafeSlow(of * HASH_BYTES), end: 0 });
  await inPieces(count, (record) => {
    const list = kept.get(reasonAt(record));
    const at = record * RECORD_BYTES;
    if (list !== undefined) list.end += bytes.copy(list.bytes, list.end, at, at + HASH_BYTES);
    return true;
  });
  return Array.from(kept, ([reason, list]) => ({
    reason,
    of: "number",
    source: "badkeys",
    hashes: new HashList(list.bytes),
  }));
}

/** Of gmpy2.to_binary: an integer above zero. */
const GMPY2_INTEGER = Buffer.of(1, 1);

export function looksLikePrimes(bytes: Buffer): boolean {
  return bytes.subarray(0, 2).equals(GMPY2_INTEGER);
}

/**
 * badkeys' primes*.dat: the product of many primes as gmpy2 writes it, little end first. Throws a ListError for what has
 * factors that an honest modulus may have by chance, and so is no such product.
 */
export function decodePrimes(bytes: Buffer): bigint {
  const value = BigInt(`0x${Buffer.from(bytes.subarray(2)).reverse().toString("hex")}`);
  if ((value & 1n) === 0n || withoutSmallFactors(value) !== value)
    throw new ListError("it is no product of long primes: small numbers divide it");
  return value;
}
