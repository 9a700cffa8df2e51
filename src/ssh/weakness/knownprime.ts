import { gcd, type RSANumbers } from "./rsanumbers.ts";

/**
 * Is one of these primes a factor of the modulus? `products` are products of primes that studies have found in several keys,
 * so that anybody can divide by them. No false positives: it factors. Costs 1 ms for 80 kB of primes and 2048 bits, and twice
 * as much for twice as many bits. It is done in steps of 3 ms at most, so that other work can have its turn in between.
 */
export function* lookingForKnownPrime(
  { modulus }: RSANumbers,
  products: readonly bigint[],
): Generator<undefined, boolean, undefined> {
  // Of all of them together there is one greatest common divisor to be found, which takes as long as a product of 30 kB.
  let all = 1n;
  for (const product of products) {
    let rest = 0n;
    for (const part of partsOf(product)) {
      yield;
      rest = ((rest << PART_BITS) | part) % modulus;
    }
    all = (all * rest) % modulus;
  }
  return gcd(modulus, all) !== 1n;
}

export function hasKnownPrime(key: RSANumbers, products: readonly bigint[]): boolean {
  const steps = lookingForKnownPrime(key, products);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** What is divided by 16,384 bits in 3 ms. */
const PART_BITS = 2n ** 19n;

/** The highest first. */
function* partsOf(product: bigint): Generator<bigint, void, undefined> {
  let shift = 0n;
  while (product >> (shift + PART_BITS) !== 0n) shift += PART_BITS;
  for (; shift >= 0n; shift -= PART_BITS) yield BigInt.asUintN(Number(PART_BITS), product >> shift);
}
