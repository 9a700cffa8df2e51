import { bigintOf, stringsOf } from "../wire.ts";

/** The numbers of an RSA public key (RFC 8017 section 3.1). */
export interface RSANumbers {
  /** The public exponent e. */
  readonly exponent: bigint;
  /** The modulus n: odd, and of `bits` bits. */
  readonly modulus: bigint;
  readonly bits: number;
}

/** Of the canonical blob of an `ssh-rsa` key (RFC 4253 section 6.6). */
export function rsaNumbers(blob: Buffer): RSANumbers {
  const [, exponent = EMPTY, modulus = EMPTY] = stringsOf(blob);
  return { exponent: bigintOf(exponent), modulus: bigintOf(modulus), bits: bitLength(modulus) };
}

/** Of an mpint without superfluous zeros. */
function bitLength(mpint: Buffer): number {
  const start = mpint[0] === 0 ? 1 : 0;
  const first = mpint[start];
  return first === undefined ? 0 : (mpint.length - start) * 8 - (Math.clz32(first) - 24);
}

/** By halves: numbers of one length are multiplied fastest. */
export function product(factors: readonly bigint[]): bigint {
  if (factors.length < 2) return factors[0] ?? 1n;
  const middle = factors.length >> 1;
  return product(factors.slice(0, middle)) * product(factors.slice(middle));
}

/**
 * The greatest common divisor of two numbers that are not negative, by Lehmer's method (Knuth, The Art of Computer Programming,
 * volume 2, section 4.5.2, algorithm L): the highest bits tell many steps of Euclid's, which are done in one. 0.1 ms for 2048
 * bits and 1.5 ms for 16,384, a tenth of what Euclid's takes.
 */
export function gcd(a: bigint, b: bigint): bigint {
  let [larger, smaller] = a < b ? [b, a] : [a, b];
  for (let shift = shiftToHead(larger); smaller !== 0n; ) {
    const rest = Number(larger >> BigInt(Math.max(0, shift)));
    shift = rest === 0 ? shiftToHead(larger) : shift - (HEAD_BITS - 1 - Math.floor(Math.log2(rest)));
    if (shift <= 0) break;
    const steps = stepsOf(Number(larger >> BigInt(shift)), Number(smaller >> BigInt(shift)));
    if (steps === undefined) [larger, smaller] = [smaller, larger % smaller];
    else {
      const [ofLarger, ofSmaller, nextOfLarger, nextOfSmaller] = steps.map(BigInt) as Four<bigint>;
      const next = nextOfLarger * larger + nextOfSmaller * smaller;
      larger = ofLarger * larger + ofSmaller * smaller;
      smaller = next;
    }
  }
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

type Four<T> = [T, T, T, T];

/** What is looked at of a number: twice as many bits as one round takes off it, and few enough to calculate exactly. */
const HEAD_BITS = 50;

/** By how much it has to be shifted so that about its HEAD_BITS highest bits are left. */
function shiftToHead(value: bigint): number {
  return value.toString(16).length * 4 - HEAD_BITS;
}

/**
 * As many steps of Euclid's method as the heads of two numbers tell for sure, as the factors of both in the two that come out;
 * undefined where they tell none.
 */
function stepsOf(larger: number, smaller: number): Four<number> | undefined {
  let [u, v] = [larger, smaller];
  let [a, b, c, d] = [1, 0, 0, 1];
  while (v + c !== 0 && v + d !== 0) {
    const quotient = Math.floor((u + a) / (v + c));
    if (quotient !== Math.floor((u + b) / (v + d))) break;
    const [nextC, nextD] = [a - quotient * c, b - quotient * d];
    // Beyond that it may not be exact.
    if (Math.abs(nextC) > 2 ** 30 || Math.abs(nextD) > 2 ** 30) break;
    [a, b, c, d] = [c, d, nextC, nextD];
    [u, v] = [v, u - quotient * v];
  }
  return b === 0 ? undefined : [a, b, c, d];
}

/**
 * The largest integer whose square is no larger than a number that is not negative, by Newton's method. Each round doubles the
 * bits of the root that are known, and takes no more of the number than these need: so the last takes most of the time, and all
 * of them 0.02 ms for 6000 bits.
 */
export function squareRoot(value: bigint): bigint {
  if (value === 0n) return 0n;
  const half = (bitLengthOf(value) - 1) >> 1;
  let [root, known] = [1n, 0];
  for (let left = 31 - Math.clz32(half); left >= 0; left -= 1) {
    const before = known;
    known = half >> left;
    root = (root << BigInt(known - before - 1)) + (value >> BigInt(2 * half - before - known + 1)) / root;
  }
  return root * root > value ? root - 1n : root;
}

function bitLengthOf(value: bigint): number {
  const hex = value.toString(16);
  return hex.length * 4 - (Math.clz32(Number.parseInt(hex.slice(0, 1), 16)) - 28);
}

/**
 * The square root of a number, or undefined where it is no square. Nearly all that are none are told by a look at their
 * remainders by 64 and 45045: of these 12 and 336 are those of squares.
 */
export function exactRoot(value: bigint): bigint | undefined {
  if (value < 0n || !SQUARES_64[Number(value & 63n)] || !SQUARES_45045[Number(value % 45045n)])
    return undefined;
  if (value < 2n) return value;
  const root = squareRoot(value);
  return root * root === value ? root : undefined;
}

function squaresModulo(modulus: number): Uint8Array {
  const squares = new Uint8Array(modulus);
  for (let root = 0; root < modulus; root += 1) squares[(root * root) % modulus] = 1;
  return squares;
}

const SQUARES_64 = squaresModulo(64);
/** 63 · 65 · 11. */
const SQUARES_45045 = squaresModulo(45045);
const EMPTY = Buffer.alloc(0);
