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
  for (const parts of partsOf(products)) {
    let rest = 0n;
    for (const part of parts) {
      yield;
      rest = ((rest << PART_BITS) | part) % modulus;
    }
    all = (all * rest) % modulus;
  }
  return gcd(modulus, all) !== 1n;
}

export function hasKnownPrime(key: RSANumbers, products: readonly bigint[]): boolean {
  return atOnce(lookingForKnownPrime(key, products));
}

/** What comes of the steps, where no other work has to have its turn in between. */
export function atOnce<T>(steps: Generator<undefined, T, undefined>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** What is divided by 16,384 bits in 3 ms. */
const PART_BITS = 2n ** 19n;

/** Of each list that was given: they are made once, since such long numbers are a lot of garbage. */
const PARTS = new WeakMap<readonly bigint[], readonly (readonly bigint[])[]>();

/** Of each product, the highest first. */
function partsOf(products: readonly bigint[]): readonly (readonly bigint[])[] {
  const known = PARTS.get(products);
  if (known !== undefined) return known;
  const parts = products.map((product) => {
    const ofProduct: bigint[] = [];
    for (let rest = product; rest !== 0n; rest >>= PART_BITS)
      ofProduct.unshift(BigInt.asUintN(Number(PART_BITS), rest));
    return ofProduct;
  });
  PARTS.set(products, parts);
  return parts;
}
