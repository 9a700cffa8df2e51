import { describe, expect, test } from "vitest";
import { type SharedFactors, sharedFactors } from "../../src/blocklist/sharedfactors.ts";
import { Random } from "../ssh/random.ts";
import { bigRandom, nextPrime, prime } from "../ssh/weakness/weakrsa.ts";

// Shorter ones than OpenSSH takes: what holds does not depend on the length.
const primes = Array.from({ length: 60 }, () => prime(256));
const p = (at: number) => primes[at] ?? 1n;
/** Moduli that share nothing. */
const alone = Array.from({ length: 20 }, (_, i) => p(20 + 2 * i) * p(21 + 2 * i));
const random = new Random(5);

async function found(...moduli: bigint[]): Promise<string[]> {
  const { found } = await sharedFactors([...moduli, ...alone]);
  return found.map(({ at, with: other }) => `${at} with ${other}`);
}

describe("moduli that share a prime are found, each with one that has it:", () => {
  test("two", async () => {
    expect(await found(p(0) * p(1), p(0) * p(2))).toEqual(["0 with 1", "1 with 0"]);
  });

  test("a chain, of which the middle one shares both of its primes", async () => {
    expect((await found(p(0) * p(1), p(1) * p(2), p(2) * p(3))).length).toBe(3);
  });

  test("three with one prime", async () => {
    expect((await found(p(0) * p(1), p(0) * p(2), p(0) * p(3))).length).toBe(3);
  });

  test("every pair of three primes", async () => {
    expect((await found(p(0) * p(1), p(1) * p(2), p(2) * p(0))).length).toBe(3);
  });

  test("a modulus that is a prime of another one: that of the other is public", async () => {
    expect(await found(p(0) * p(1), p(0))).toEqual(["0 with 1"]);
  });

  test("the same as by trying each pair", async () => {
    for (let round = 0; round < 30; round += 1) {
      const some = Array.from({ length: 12 }, () => p(random.below(16)) * p(random.below(16)));
      const moduli = [...new Set(some)];
      const byPairs = moduli.flatMap((n, at) =>
        moduli.some((m, i) => i !== at && gcd(n, m) !== 1n && gcd(n, m) !== n) ? [at] : [],
      );
      const { found, unfinished } = await sharedFactors(moduli);
      expect([found.map(({ at }) => at), unfinished]).toEqual([byPairs, []]);
    }
  });
});

const victim = p(0) * p(1);
const MULTIPLES: readonly (readonly [what: string, declared: readonly bigint[]])[] = [
  ["a multiple of it", [victim * p(5)]],
  ["many multiples of it", [victim * p(5), victim * p(6), victim * p(7)]],
  ["its square", [victim * victim]],
  ["a small multiple of it", [victim * 3n]],
  ["a multiple by a prime that is hardly long", [victim * 65537n]],
  ["a multiple by a random number", [victim * (bigRandom(random, 256) | 1n)]],
  ["its product with others' moduli", [alone.reduce((product, n) => product * n, victim)]],
  ["two products that have it and others in common", [victim * (alone[0] ?? 1n), victim * (alone[1] ?? 1n)]],
];

describe("nobody condemns another's modulus", () => {
  test.each(MULTIPLES)("by declaring %s", async (_what, declared) => {
    expect((await found(victim, ...declared)).filter((each) => each.startsWith("0 "))).toEqual([]);
  });

  test.each(MULTIPLES)("nor the others that are in it, by declaring %s", async (_what, declared) => {
    const others = await found(victim, ...declared);
    expect(others.map((each) => Number(each.split(" ")[0])).filter((at) => at > declared.length)).toEqual([]);
  });

  test("by a number that has a small prime of it, as a damaged key may have", async () => {
    const damaged = 65_521n * 3n * p(0);
    expect(await found(damaged, 65_521n * p(5), 3n * p(6))).toEqual([]);
  });

  test("and what is a multiple is told", async () => {
    const { inMultiples } = await sharedFactors([victim, victim * p(5), ...alone]);
    expect(inMultiples).toEqual([0]);
  });
});

describe("nobody hides what another's modulus shares with a third one", () => {
  const partner = p(0) * p(2);

  test.each(MULTIPLES)("by declaring %s", async (_what, declared) => {
    expect(await found(victim, partner, ...declared)).toContain("0 with 1");
  });

  test("by declaring multiples of many others, which take up the work", async () => {
    const declared = alone.map((n) => n * victim * nextPrime(bigRandom(random, 64)));
    const { found, unfinished } = await sharedFactors(
      [victim, partner, ...declared, ...alone],
      undefined,
      9e9,
    );
    expect(found.find(({ at }) => at === 0)).toEqual({ at: 0, with: 1 });
    expect(unfinished.length).toBeGreaterThan(0);
  });
});

test("what is found by itself is found where no work may be spent on the others", async () => {
  const { found }: SharedFactors = await sharedFactors([p(0) * p(1), p(0) * p(2)], undefined, 0);
  expect(found).toEqual([
    { at: 0, with: undefined },
    { at: 1, with: undefined },
  ]);
});

test("what is no modulus and shares small primes with others is not found", async () => {
  const garbage = Array.from({ length: 30 }, () => bigRandom(random, 512) | 1n);
  expect((await sharedFactors(garbage)).found).toEqual([]);
});

test("none, one and two alone have nothing in common", async () => {
  const some = await Promise.all([[], [p(0)], alone].map((moduli) => sharedFactors(moduli)));
  expect(some.flatMap(({ found }) => found)).toEqual([]);
});

test("a signal ends it between two numbers, however many there are", async () => {
  const many = Array.from({ length: 3000 }, () => bigRandom(random, 2048) | 1n);
  const stop = new AbortController();
  const running = sharedFactors(many, stop.signal);
  setTimeout(() => stop.abort(new Error("stopped")), 50);
  await expect(running).rejects.toThrow("stopped");
});

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}
