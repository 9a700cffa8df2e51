import { expect, test } from "vitest";
import { exactRoot, gcd, squareRoot } from "../../../src/ssh/weakness/rsanumbers.ts";
import { Random } from "../random.ts";
import { bigRandom, gcd as gcdByEuclid } from "./weakrsa.ts";

const random = new Random(31);

/** Of up to so many bits. */
const number = (bits: number) => bigRandom(random, random.below(bits) + 1) >> BigInt(random.below(8));

test("the greatest common divisor is that of Euclid's method, of numbers of whatever lengths", () => {
  for (let n = 0; n < 3000; n += 1) {
    const common = number(300);
    const [a, b] = [number(1200) * common, number(1200) * common];
    expect([a, b, gcd(a, b)]).toEqual([a, b, gcdByEuclid(a, b)]);
  }
});

test("and of numbers whose quotients are as small or as large as there are", () => {
  let [a, b] = [1n, 1n];
  for (let n = 0; n < 1000; n += 1) {
    // Fibonacci numbers, and now and then a long quotient.
    const quotient = random.below(50) === 0 ? number(200) : 1n;
    [a, b] = [quotient * a + b, a];
    expect([a, b, gcd(a * 12n, b * 18n)]).toEqual([a, b, gcdByEuclid(a * 12n, b * 18n)]);
  }
});

test("and of powers of two and what is beside them", () => {
  for (let bits = 1; bits < 400; bits += 1) {
    for (const [more, less] of [
      [0n, 1n],
      [1n, 0n],
      [-1n, 1n],
      [1n, -1n],
    ] as const) {
      const [a, b] = [(1n << BigInt(2 * bits)) + more, (1n << BigInt(bits)) + less];
      expect([a, b, gcd(a, b)]).toEqual([a, b, gcdByEuclid(a, b)]);
    }
  }
});

test("the square root is the largest integer whose square is no larger", () => {
  for (let n = 0; n < 3000; n += 1) {
    const value = n < 100 ? BigInt(n) : number(900);
    const root = squareRoot(value);
    expect([value, root ** 2n <= value && (root + 1n) ** 2n > value]).toEqual([value, true]);
  }
});

test("and that of a square, of what is beside one, and of powers of two", () => {
  for (let bits = 2; bits < 600; bits += 1) {
    for (const root of [number(bits) + 2n, 1n << BigInt(bits), (1n << BigInt(bits)) - 1n]) {
      const square = root ** 2n;
      const roots = [square - 1n, square, square + 1n, square + 2n * root].map(squareRoot);
      expect([root, roots]).toEqual([root, [root - 1n, root, root, root]]);
    }
  }
});

test("an exact root is that of a square alone", () => {
  for (let n = 0; n < 1000; n += 1) {
    const root = number(500) + 1n;
    expect([root, exactRoot(root ** 2n), exactRoot(root ** 2n + 1n)]).toEqual([root, root, undefined]);
  }
});
