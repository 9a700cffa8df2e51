import { describe, expect, test } from "vitest";
import { sharedFactors } from "../../src/blocklist/sharedfactors.ts";
import { Random } from "../ssh/random.ts";
import { bigRandom, prime } from "../ssh/weakness/weakrsa.ts";

// Shorter ones than OpenSSH takes: what holds does not depend on the length.
const primes = Array.from({ length: 60 }, () => prime(256));
const p = (at: number) => primes[at] ?? 1n;
/** Moduli that share nothing. */
const alone = Array.from({ length: 20 }, (_, i) => p(20 + 2 * i) * p(21 + 2 * i));
const random = new Random(5);

function found(...moduli: bigint[]): string[] {
  return sharedFactors([...moduli, ...alone]).found.map(({ at, with: other }) => `${at} with ${other}`);
}

describe("moduli that share a prime are found, each with one that has it:", () => {
  test("two", () => {
    expect(found(p(0) * p(1), p(0) * p(2))).toEqual(["0 with 1", "1 with 0"]);
  });

  test("a chain, of which the middle one shares both of its primes", () => {
    expect(found(p(0) * p(1), p(1) * p(2), p(2) * p(3)).length).toBe(3);
  });

  test("three with one prime", () => {
    expect(found(p(0) * p(1), p(0) * p(2), p(0) * p(3)).length).toBe(3);
  });

  test("every pair of three primes", () => {
    expect(found(p(0) * p(1), p(1) * p(2), p(2) * p(0)).length).toBe(3);
  });

  test("the same as by trying each pair", () => {
    for (let round = 0; round < 30; round += 1) {
      const some = Array.from({ length: 12 }, () => p(random.below(16)) * p(random.below(16)));
      const moduli = [...new Set(some)];
      const byPairs = moduli.flatMap((n, at) =>
        moduli.some((m, i) => i !== at && gcd(n, m) !== 1n && gcd(n, m) !== n) ? [at] : [],
      );
      expect(sharedFactors(moduli).found.map(({ at }) => at)).toEqual(byPairs);
    }
  });
});

describe("nobody condemns another's modulus", () => {
  const victim = p(0) * p(1);

  test.each([
    ["a multiple of it", [victim * p(5)]],
    ["many multiples of it", [victim * p(5), victim * p(6), victim * p(7)]],
    ["its square", [victim * victim]],
    ["a small multiple of it", [victim * 3n]],
    ["a multiple by a random number", [victim * (bigRandom(random, 256) | 1n)]],
  ])("by declaring %s", (_what, declared) => {
    expect(found(victim, ...declared).filter((each) => each.startsWith("0 "))).toEqual([]);
  });

  test("by hiding what it shares with a third one behind a multiple", () => {
    const moduli = [victim, p(0) * p(2), victim * p(5)];
    expect(found(...moduli)).toContain("0 with 1");
  });
});

test("what is no modulus and shares small primes with others is not found", () => {
  const garbage = Array.from({ length: 30 }, () => bigRandom(random, 512) | 1n);
  expect(sharedFactors(garbage).found).toEqual([]);
});

test("none, one and two alone have nothing in common", () => {
  expect(
    [sharedFactors([]), sharedFactors([p(0)]), sharedFactors(alone)].flatMap(({ found: f }) => f),
  ).toEqual([]);
});

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}
