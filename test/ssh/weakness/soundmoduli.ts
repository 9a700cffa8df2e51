import { SMALL_PRIMES } from "../../../src/ssh/weakness/smallfactor.ts";
import type { Random } from "../random.ts";
import { bigRandom } from "./weakrsa.ts";

/** Odd numbers that are looked at one after the other: no two of them share a prime of more than 16 bits. */
const WINDOW = 2 ** 15;

/**
 * Different moduli of so many bits that no prime below 2¹⁶ divides, and no two of which share a prime. Nobody has their primes.
 * They are found by a sieve: one takes some µs.
 */
export function soundModuli(random: Random, bits: number, count: number): readonly bigint[] {
  const found: bigint[] = [];
  while (found.length < count) {
    // Its two highest bits are set, as in a product of two primes, and there is room behind it.
    const start = (3n << BigInt(bits - 2)) | (bigRandom(random, bits) >> 3n) | 1n;
    for (const [at, isDivided] of divided(start).entries())
      if (!isDivided && found.length < count) found.push(start + 2n * BigInt(at));
  }
  return found;
}

/** Of each odd number from there on, whether a small prime divides it. */
function divided(start: bigint): Uint8Array {
  const marks = new Uint8Array(WINDOW);
  for (const prime of SMALL_PRIMES) {
    const rest = Number(start % BigInt(prime));
    const first = ((prime - rest) * ((prime + 1) / 2)) % prime;
    for (let at = first; at < WINDOW; at += prime) marks[at] = 1;
  }
  return marks;
}
