import type { RSANumbers } from "./rsanumbers.ts";

/**
 * Were the primes made of words that random bits fill in part? Then the modulus is a polynomial with small coefficients in a
 * power of 2, which has factors that are found at once. Keegan Ryan, "Factoring short-sleeve RSA keys with polynomials", Trail
 * of Bits, 2026; keys of CompleteFTP before 2024, with 8 random bits in each 32, and others in words of 128.
 *
 * True where an eighth of the places is zero in every word of 32, 64 or 128 bits, by chance once in 2¹⁷⁰ moduli of 2048 bits;
 * or where fewer than two of five bits are one, in all of the modulus and in its lower half, once in 2⁶².
 */
export function isShortSleeve({ modulus, bits }: RSANumbers): boolean {
  const words = wordsOf(modulus);
  return WIDTHS.some((width) => hasEmptyPlaces(words, width)) || hasFewOnes(words, bits);
}

/** In 32-bit words. */
const WIDTHS = [1, 2, 4];

/** The lowest word is left out: the search for the next prime changes it. */
function hasEmptyPlaces(words: Uint32Array, width: number): boolean {
  const places = new Uint32Array(width);
  for (let at = width; at < words.length; at += 1) {
    const place = at % width;
    places[place] = (places[place] ?? 0) | (words[at] ?? 0);
  }
  return onesOf(places) <= width * 28;
}

function hasFewOnes(words: Uint32Array, bits: number): boolean {
  const lower = words.subarray(0, words.length >> 1);
  return onesOf(words) < bits * FEW && onesOf(lower) < lower.length * 32 * FEW;
}

const FEW = 0.4;

function onesOf(words: Uint32Array): number {
  let ones = 0;
  for (let word of words) for (; word !== 0; word &= word - 1) ones += 1;
  return ones;
}

/** The lowest first. */
function wordsOf(modulus: bigint): Uint32Array {
  const hex = modulus.toString(16);
  return Uint32Array.from({ length: Math.ceil(hex.length / 8) }, (_, word) => {
    const end = hex.length - 8 * word;
    return Number.parseInt(hex.slice(Math.max(0, end - 8), end), 16);
  });
}
