import { checkPrimeSync, generatePrimeSync } from "node:crypto";
import { squareRoot } from "../../../src/ssh/weakness/rsanumbers.ts";
import { SMALL_PRIMES } from "../../../src/ssh/weakness/smallfactor.ts";
import { encodeStrings } from "../../../src/ssh/wire.ts";
import type { Random } from "../random.ts";
import { mpint } from "../samples.ts";

/** RSA keys that are weak in one way each, made as those who made such keys made them. */

export interface MadeKey {
  readonly modulus: bigint;
  readonly exponent: bigint;
}

/** The canonical blob of an `ssh-rsa` key. */
export function rsaBlob({ modulus, exponent }: MadeKey): Buffer {
  return encodeStrings([Buffer.from("ssh-rsa"), mpint(bytesOf(exponent)), mpint(bytesOf(modulus))]);
}

export function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
}

/** A prime with its two highest bits set, so that the product of two has twice the bits. */
export function prime(bits: number): bigint {
  return generatePrimeSync(bits, { bigint: true });
}

export function honest(bits: number): MadeKey {
  return { modulus: prime(bits / 2) * prime(bits / 2), exponent: 65537n };
}

/** Infineon's primes: k · M + (65537^a mod M), M the product of as many of the first primes as that size takes. */
export function roca(random: Random, bits: number): MadeKey {
  const half = bits / 2;
  const product = firstPrimes(ROCA_PRIMES[bits] ?? 39).reduce((m, p) => m * p, 1n);
  const made = () => {
    const spread = (1n << BigInt(half)) / product;
    for (;;) {
      // The upper half of what fits, so that the length is right.
      const k = spread - 1n - (bigRandom(random, half) % (spread / 4n));
      const candidate = k * product + power(65537n, bigRandom(random, 64), product);
      if (checkPrimeSync(candidate)) return candidate;
    }
  };
  return { modulus: made() * made(), exponent: 65537n };
}

/** Nemec et al., section 2.1. */
const ROCA_PRIMES: Readonly<Record<number, number>> = { 512: 39, 1024: 71, 2048: 126, 4096: 225 };

/** Two primes that differ by about so much. */
export function closePrimes(bits: number, difference: bigint): MadeKey {
  const p = prime(bits / 2);
  return { modulus: p * nextPrime(p + difference), exponent: 65537n };
}

/**
 * Of primes with this private exponent, or the next one that is prime to φ(n). It is made modulo φ(n), or modulo the least
 * common multiple of p - 1 and q - 1, as newer programs do.
 */
export function smallPrivateExponent(bits: number, atLeast: bigint, modulo: "φ" | "λ" = "φ"): MadeKey {
  const p = prime(bits / 2);
  const q = prime(bits / 2);
  const product = (p - 1n) * (q - 1n);
  const totient = modulo === "φ" ? product : product / gcd(p - 1n, q - 1n);
  for (let d = atLeast | 1n; ; d += 2n) {
    const exponent = inverse(d, totient);
    if (exponent !== undefined) return { modulus: p * q, exponent };
  }
}

/**
 * Of about this modulus of 3072 bits, the one in which it takes longest to look for a small private exponent. The continued
 * fraction of the golden ratio is the longest there is, and modulo 45045 each candidate looks like a square.
 */
export function longestFraction(modulus: bigint): MadeKey {
  const multiple = (modulus / 90_090n) * 90_090n - 45_045n;
  const exponent = (multiple * (squareRoot(5n << 6144n) - (1n << 3072n))) >> 3073n;
  return { modulus: multiple, exponent: exponent | 1n };
}

/**
 * For each odd prime k whose k-th power may be a modulus without small factors, and each of the first three primes that are 1
 * modulo k: modulo such a prime this one is 1, and so the remainder of a k-th power.
 */
export function likePowers(bits: number): MadeKey {
  const primes = SMALL_PRIMES;
  const told = primes
    .filter((k) => k * 16 <= bits)
    .flatMap((k) => primes.filter((each) => each % k === 1).slice(0, 3));
  const product = [...new Set(told)].reduce((m, p) => m * BigInt(p), 2n);
  const shortest = 1n << BigInt(bits - 1);
  return { modulus: shortest + product - (shortest % product) + 1n, exponent: 65537n };
}

/** Primes of words with `random` random bits in each `word`, but for the highest, whose top bits are set. */
export function shortSleeve(random: Random, bits: number, word: number, randomBits: number): MadeKey {
  const made = () => {
    for (;;) {
      let value = 0n;
      for (let at = 0; at < bits / 2; at += word)
        value |= (bigRandom(random, randomBits) & ((1n << BigInt(randomBits)) - 1n)) << BigInt(at);
      value |= 3n << BigInt(bits / 2 - 2);
      const found = nextPrime(value);
      if (found - value < 4096n) return found;
    }
  };
  return { modulus: made() * made(), exponent: 65537n };
}

/** Of 2048 bits and two primes, with a modulus that begins with these bytes: 100 at most, the first of which is 128 or more. */
export function vanity(random: Random, start: Buffer): MadeKey {
  const p = prime(1024);
  const wanted = Buffer.concat([start, random.bytes(256 - start.length)]);
  return { modulus: p * nextPrime(BigInt(`0x${wanted.toString("hex")}`) / p), exponent: 65537n };
}

export function nextPrime(from: bigint): bigint {
  for (let candidate = from | 1n; ; candidate += 2n) if (checkPrimeSync(candidate)) return candidate;
}

export function bigRandom(random: Random, bits: number): bigint {
  return BigInt(`0x${random.bytes(Math.ceil(bits / 8)).toString("hex")}`);
}

export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

export function firstPrimes(count: number): bigint[] {
  const primes: bigint[] = [];
  for (let candidate = 2n; primes.length < count; candidate += 1n)
    if (primes.every((each) => candidate % each !== 0n)) primes.push(candidate);
  return primes;
}

export function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

/** Undefined where there is none. */
function inverse(value: bigint, modulus: bigint): bigint | undefined {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  if (a !== 1n) return undefined;
  return ((x % modulus) + modulus) % modulus;
}
