import { gcd, product } from "../ssh/weakness/rsanumbers.ts";
import { withoutSmallFactors } from "../ssh/weakness/smallfactor.ts";

/** A modulus whose primes anybody can compute who has the others. */
export interface SharedFactor {
  /** Its place among the moduli. */
  readonly at: number;
  /** That of one that shares a prime with it; undefined where there were too many to look at each. */
  readonly with: number | undefined;
}

/** What was found, and what was not looked for to the end. */
export interface SharedFactors {
  /** By place. */
  readonly found: readonly SharedFactor[];
  /** Places of moduli of which all is in others, and no proper divisor in any that was looked at: multiples of them, as a rule. */
  readonly open: readonly number[];
}

/**
 * Which of different moduli share a prime with another one: by batch gcd, as in Bernstein, "How to find smooth parts of
 * integers", 2004, and Heninger et al., "Mining Your Ps and Qs", USENIX Security 2012. A few ms a modulus, growing with the
 * logarithm of their number; the memory of about 15 times their bits.
 *
 * A modulus is found only where a proper divisor of it is in others, and no small one: whoever declares another's modulus
 * times a number has proven nothing against it, and what is no modulus at all shares small primes with many.
 */
export function sharedFactors(moduli: readonly bigint[]): SharedFactors {
  const common = commonParts(moduli);
  const suspects = common.flatMap((part, at) => (part === 1n ? [] : [at]));
  const found: SharedFactor[] = [];
  const open: number[] = [];
  let spent = 0;
  for (const at of suspects) {
    const [modulus, part] = [moduli[at] ?? 1n, common[at] ?? 1n];
    const other = suspects.find((candidate) => {
      const its = moduli[candidate] ?? 1n;
      if (candidate === at || spent >= MOST_GCDS) return false;
      // Euclid's method takes the square of their length.
      spent += Math.max(1, (its.toString(16).length / 512) ** 2);
      return splits(gcd(part, its), modulus);
    });
    if (other !== undefined || splits(part, modulus)) found.push({ at, with: other });
    else open.push(at);
  }
  return { found, open };
}

/** Of 2048 bits; each takes a fifth of a ms. */
const MOST_GCDS = 200_000;

/** Does this divisor split the modulus, apart from small primes? */
function splits(divisor: bigint, modulus: bigint): boolean {
  const long = withoutSmallFactors(divisor);
  return long !== 1n && withoutSmallFactors(modulus / long) !== 1n;
}

/** Of each modulus what it has in common with the product of all others, without small primes. */
function commonParts(moduli: readonly bigint[]): readonly bigint[] {
  if (moduli.length < 2) return moduli.map(() => 1n);
  // Products of 1, 2, 4, … of them.
  const levels: (readonly bigint[])[] = [moduli];
  for (let level = moduli; level.length > 1; ) {
    level = pairs(level).map(product);
    levels.push(level);
  }
  let remainders = levels.pop() ?? [];
  for (let level = levels.pop(); level !== undefined; level = levels.pop()) {
    const above = remainders;
    remainders = level.map((each, i) => (above[i >> 1] ?? 0n) % (each * each));
  }
  return moduli.map((modulus, i) => {
    const part = gcd(modulus, (remainders[i] ?? 0n) / modulus);
    return part === 1n ? part : withoutSmallFactors(part);
  });
}

function pairs(items: readonly bigint[]): readonly (readonly bigint[])[] {
  return Array.from({ length: Math.ceil(items.length / 2) }, (_, i) => items.slice(2 * i, 2 * i + 2));
}
