import { gcd, type RSANumbers } from "./rsanumbers.ts";

/**
 * Is one of these primes a factor of the modulus? `products` are products of primes that studies have found in several keys,
 * so that anybody can divide by them. No false positives: it factors. Costs 1 ms for 80 kB of primes.
 */
export function hasKnownPrime({ modulus }: RSANumbers, products: readonly bigint[]): boolean {
  return products.some((product) => gcd(modulus, product % modulus) !== 1n);
}
