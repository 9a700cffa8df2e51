import { exactRoot, type RSANumbers, squareRoot } from "./rsanumbers.ts";

/**
 * Are the two primes so close that Fermat's method finds them? They are a ± b where a² - n = b², and a is looked for from √n
 * upward: after about (p - q)² / (8 √n) steps. So primes that agree in the upper half of their bits are found, as printers of
 * Canon and Fuji Xerox made them (CVE-2022-26320). Also true where both are the same. No false positives: it factors.
 */
export function hasClosePrimes({ modulus }: RSANumbers): boolean {
  let root = squareRoot(modulus);
  if (root * root === modulus) return true;
  root += 1n;
  let rest = root * root - modulus;
  for (let step = 0; step < STEPS; step += 1) {
    if (exactRoot(rest) !== undefined) return true;
    rest += 2n * root + 1n;
    root += 1n;
  }
  return false;
}

const STEPS = 100;
