import { createECDH } from "node:crypto";
import { CURVES, type CurveName } from "../ssh/ecdsa.ts";
import { bigintOf } from "../ssh/wire.ts";

/** As OpenSSL names the curves. */
const OPENSSL_CURVES: Readonly<Record<CurveName, string>> = {
  nistp256: "prime256v1",
  nistp384: "secp384r1",
  nistp521: "secp521r1",
};

interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/**
 * The coordinates x of k·G for k from 1 to `count`, in no order: those of the public keys of the private keys k and n - k.
 *
 * Around each of a row of points all those at a distance of up to AROUND·G are made by one division: P + Q and P - Q share it,
 * and the divisors of one row are inverted together (Montgomery's trick). Of these points x alone is computed.
 */
export function* multiplesOfG(curve: CurveName, count: number): Generator<bigint> {
  const { p } = CURVES[curve];
  const near = Array.from({ length: Math.min(AROUND, count) }, (_, i) => multiple(curve, i + 1));
  yield* near.map(({ x }) => x);
  for (let k = 2 * AROUND + 1; k - AROUND <= count; k += 2 * AROUND + 1) {
    const middle = multiple(curve, k);
    if (k <= count) yield middle.x;
    const inverses = invertAll(
      near.map(({ x }) => modulo(middle.x - x, p)),
      p,
    );
    for (const [i, other] of near.entries()) {
      const inverse = inverses[i] ?? 0n;
      if (k + i + 1 <= count) yield chordX(middle, other.x, middle.y - other.y, inverse, p);
      if (k - i - 1 <= count) yield chordX(middle, other.x, middle.y + other.y, inverse, p);
    }
  }
}

/** x of the sum of two points: SEC 1 section 2.2.1, with the chord's slope as rise over run. */
function chordX({ x }: Point, otherX: bigint, rise: bigint, inverseOfRun: bigint, p: bigint): bigint {
  const slope = modulo(rise * inverseOfRun, p);
  return modulo(slope * slope - x - otherX, p);
}

function multiple(curve: CurveName, k: number): Point {
  const point = publicPoint(curve, Buffer.from(k.toString(16).padStart(8, "0"), "hex"));
  const half = (point.length + 1) / 2;
  return { x: bigintOf(point.subarray(1, half)), y: bigintOf(point.subarray(half)) };
}

/** The point of a private key, uncompressed. Throws for a number that is none: zero, or not below n. */
export function publicPoint(curve: CurveName, privateKey: Buffer): Buffer {
  const ecdh = createECDH(OPENSSL_CURVES[curve]);
  ecdh.setPrivateKey(privateKey);
  return ecdh.getPublicKey();
}

/** One inversion, and three products for each: prefix products, then back. */
function invertAll(values: readonly bigint[], p: bigint): bigint[] {
  const prefixes: bigint[] = [];
  let product = 1n;
  for (const value of values) {
    prefixes.push(product);
    product = (product * value) % p;
  }
  let rest = inverse(product, p);
  const inverses: bigint[] = [];
  for (let i = values.length - 1; i >= 0; i -= 1) {
    inverses[i] = (rest * (prefixes[i] ?? 0n)) % p;
    rest = (rest * (values[i] ?? 0n)) % p;
  }
  return inverses;
}

/** By Euclid's algorithm; the value is prime to p. */
function inverse(value: bigint, p: bigint): bigint {
  let [a, b, x, y] = [value, p, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return modulo(x, p);
}

function modulo(value: bigint, p: bigint): bigint {
  const rest = value % p;
  return rest < 0n ? rest + p : rest;
}

const AROUND = 200;
