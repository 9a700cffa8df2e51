import { exactRoot, type RSANumbers } from "./rsanumbers.ts";

/**
 * Is the private exponent d below n^¼ / 3? Then k/d with e·d = 1 + k·φ(n) is among the convergents of the continued fraction
 * of e/n. Wiener, "Cryptanalysis of Short RSA Secret Exponents", IEEE Transactions on Information Theory 36, 1990. It costs
 * nothing unless e is nearly as long as n, as it then has to be: then up to 6 ms. Of a key whose e is too long to be used at all
 * (UnusableKey) nothing is computed. No false positives: it factors.
 */
export function hasSmallPrivateExponent({ exponent, modulus, bits }: RSANumbers): boolean {
  if (bits > MOST_BITS || exponent >= modulus || exponent >> BigInt((bits * 3) >> 2) === 0n) return false;
  const limit = 1n << BigInt(bits >> 2);
  let [numerator, denominator] = [exponent, modulus];
  // Two convergents k/d, one after the other.
  let [k, d, lastK, lastD] = [1n, 0n, 0n, 1n];
  while (denominator !== 0n && d < limit) {
    const quotient = numerator / denominator;
    [numerator, denominator] = [denominator, numerator - quotient * denominator];
    [k, lastK] = [quotient * k + lastK, k];
    [d, lastD] = [quotient * d + lastD, d];
    // Where d was made modulo the least common multiple of p - 1 and q - 1, k/d comes with their common divisor.
    if (k !== 0n && isTotient((exponent * d - 1n) / k, modulus)) return true;
  }
  return false;
}

/** Is φ(n) = (p - 1)(q - 1) for the two prime factors of n? Then p and q are the roots of x² - (n - φ + 1) x + n. */
function isTotient(totient: bigint, modulus: bigint): boolean {
  const sum = modulus - totient + 1n;
  return sum > 1n && exactRoot(sum * sum - 4n * modulus) !== undefined;
}

/** OpenSSL's OPENSSL_RSA_SMALL_MODULUS_BITS: beyond it no exponent of more than 64 bits is used. */
const MOST_BITS = 3072;
