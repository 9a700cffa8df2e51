import type { RSANumbers } from "./rsanumbers.ts";

/**
 * Were the primes made by the library of Infineon's chips (TPMs, YubiKey 4, identity cards)? They are k · M + (65537^a mod M)
 * with M the product of the first primes, so the modulus is a power of 65537 modulo M, and Coppersmith's method finds them.
 * Nemec et al., "The Return of Coppersmith's Attack", CCS 2017; CVE-2017-15361. M has 39 primes for the shortest keys and
 * more for others, so 39 are looked at for all. Finds every such key; one of 2¹⁵⁴ others.
 */
export function isROCA({ modulus }: RSANumbers): boolean {
  const rest = modulus % PRODUCT;
  // What the exponent is modulo the order of 65537, by each prime.
  const logarithms: number[] = [];
  for (const { prime, logarithmOf } of GROUPS) {
    const logarithm = logarithmOf[Number(rest % prime)] ?? NONE;
    if (logarithm === NONE) return false;
    logarithms.push(logarithm);
  }
  // There is one exponent for all of them exactly if each two agree modulo what their orders share.
  return GROUPS.every(({ order }, i) =>
    GROUPS.every((other, j) => {
      const shared = gcd(order, other.order);
      return j >= i || (logarithms[i] ?? 0) % shared === (logarithms[j] ?? 0) % shared;
    }),
  );
}

/** The powers of 65537 modulo a prime. */
interface Group {
  readonly prime: bigint;
  /** How many there are. */
  readonly order: number;
  /** Of each remainder its exponent, or NONE. */
  readonly logarithmOf: Int16Array;
}

const NONE = -1;

/** The odd primes up to 167; modulo 2 there is nothing to tell. */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
  109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
const PRODUCT = PRIMES.reduce((product, prime) => product * BigInt(prime), 1n);

const GROUPS: readonly Group[] = PRIMES.map((prime) => {
  const logarithmOf = new Int16Array(prime).fill(NONE);
  let order = 0;
  for (let power = 1; logarithmOf[power] === NONE; power = (power * 65537) % prime) {
    logarithmOf[power] = order;
    order += 1;
  }
  return { prime: BigInt(prime), order, logarithmOf };
});

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
