import { gcd } from "../ssh/weakness/rsanumbers.ts";
import { SMALL_PRIME_PRODUCTS } from "../ssh/weakness/smallfactor.ts";
import { Turns } from "../turns.ts";
import { REASONS, type Reason, type Section } from "./blocklist.ts";
import { copyHash, HASH_BYTES, HashList, isSorted } from "./hashlist.ts";
import { ListError } from "./listerror.ts";

/** A record of badkeys' blocklist.dat: 15 bytes of the SHA-256 of a number, and the id of a list. */
const RECORD_BYTES = 16;

/** Its lists are counted from 1, and there are 16 of them. */
const HIGHEST_ID = 64;

/** The lists that have a reason of their own; all others are of published keys. */
const REASON_OF_ID: Readonly<Record<number, Reason>> = { 1: "DebianWeakKey", 2: "KeypairWeakKey" };

/** badkeys' blocklist.dat: half of its bytes are kept. Rejects with a ListError whose message goes on from "it". */
export async function decodeBadkeys(bytes: Buffer): Promise<readonly Section[]> {
  if (bytes.length % RECORD_BYTES !== 0) throw new ListError("was cut off: its length is no multiple of 16");
  const reasonOf = Array.from(
    { length: HIGHEST_ID + 1 },
    (_, id): Reason => REASON_OF_ID[id] ?? "PublishedKey",
  );
  const counts = new Map<Reason, number>();
  const turns = new Turns();
  for (let at = RECORD_BYTES - 1; at < bytes.length; at += RECORD_BYTES) {
    if (turns.areOver) await turns.next();
    const id = bytes[at] ?? 0;
    const reason = reasonOf[id];
    if (reason === undefined || id === 0)
      throw new ListError(`names the list ${id}, and badkeys has none of that number`);
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  if (!(await isSorted(bytes, RECORD_BYTES))) throw new ListError("is not sorted");
  const kept = new Map(
    Array.from(counts, ([reason, of]) => [
      reason,
      { bytes: Buffer.allocUnsafeSlow(of * HASH_BYTES), end: 0 },
    ]),
  );
  const keptOf = reasonOf.map((reason) => kept.get(reason));
  for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
    if (turns.areOver) await turns.next();
    const list = keptOf[bytes[at + RECORD_BYTES - 1] ?? 0];
    if (list === undefined) continue;
    copyHash(bytes, at, list.bytes, list.end);
    list.end += HASH_BYTES;
  }
  return REASONS.flatMap((reason) => {
    const list = kept.get(reason);
    if (list === undefined) return [];
    return { reason, of: "number", source: "badkeys", hashes: new HashList(list.bytes) } as const;
  });
}

/** gmpy2.to_binary: the type of an integer, its sign, and then its bytes, the lowest first. */
const POSITIVE_INTEGER = Buffer.of(1, 1);

/**
 * badkeys' primes*.dat: the product of many primes as gmpy2 writes it. Rejects with a ListError for what small numbers divide
 * as they do a number of random bytes: it is no such product.
 */
export async function decodePrimes(bytes: Buffer): Promise<bigint> {
  if (bytes.length <= POSITIVE_INTEGER.length || !bytes.subarray(0, 2).equals(POSITIVE_INTEGER))
    throw new ListError("it is no file of primes as badkeys has them: gmpy2's binary form of an integer");
  if (bytes.length > PRIMES_MOST_BYTES)
    throw new ListError(`it has more than ${PRIMES_MOST_BYTES} bytes, and would be divided for each RSA key`);
  const value = BigInt(`0x${Buffer.from(bytes.subarray(POSITIVE_INTEGER.length)).reverse().toString("hex")}`);
  const turns = new Turns();
  let isDivisible = value < 2n || (value & 1n) === 0n;
  for (const small of SMALL_PRIME_PRODUCTS) {
    if (isDivisible) break;
    isDivisible = gcd(small, value % small) !== 1n;
    await turns.next();
  }
  if (isDivisible)
    throw new ListError("it is no product of long primes, since small numbers divide it: it was damaged");
  return value;
}

/** badkeys' largest has a quarter of it. A key costs 10 ms with so many. */
const PRIMES_MOST_BYTES = 2 ** 20;
