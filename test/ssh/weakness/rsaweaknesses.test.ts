import { generatePrimeSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { decodeKeyBlob } from "../../../src/ssh/blob.ts";
import { hasKnownPrime } from "../../../src/ssh/weakness/knownprime.ts";
import { product as productOf, rsaNumbers } from "../../../src/ssh/weakness/rsanumbers.ts";
import { rsaWeaknesses } from "../../../src/ssh/weakness/rsaweaknesses.ts";
import { withoutSmallFactors } from "../../../src/ssh/weakness/smallfactor.ts";
import { weaknesses } from "../../../src/ssh/weakness/weaknesses.ts";
import { Random } from "../random.ts";
import { accepted } from "../refusals.ts";
import { honestEllipticKeys, honestRSAKeys } from "./honestkeys.ts";
import { soundModuli } from "./soundmoduli.ts";
import {
  bigRandom,
  closePrimes,
  firstPrimes,
  honest,
  likePowers,
  longestFraction,
  type MadeKey,
  power,
  prime,
  roca,
  rsaBlob,
  shortSleeve,
  smallPrivateExponent,
} from "./weakrsa.ts";

const random = new Random(17);

/** What is found of a key that the parser takes. */
function codes(key: MadeKey): string[] {
  const { type, blob } = accepted(decodeKeyBlob(rsaBlob(key)));
  return [...weaknesses({ type, blob }), ...rsaWeaknesses(blob)].map(({ code }) => code);
}

describe("ROCA", () => {
  test.each([1024, 2048, 4096])("is found in a key of %i bits made as the chips made them", (bits) => {
    expect(codes(roca(random, bits))).toEqual(["ROCA"]);
  });

  const moduli = firstPrimes(39).slice(1);
  const product = moduli.reduce((m, p) => m * p, 1n);

  test("is found in every number that is a power of 65537 modulo the primes", () => {
    for (let n = 0; n < 200; n += 1) {
      const modulus = power(65537n, bigRandom(random, 64), product) + product * (1n << 900n);
      expect(codes({ modulus: modulus | 1n, exponent: 3n }).includes("ROCA")).toBe(modulus % 2n === 1n);
    }
  });

  test("is not found where each prime's remainder is a power of 65537 and no exponent fits all", () => {
    for (let n = 0; n < 200; n += 1) {
      const exponent = bigRandom(random, 64);
      const [of, other] = [moduli[n % 38] ?? 3n, moduli[(n * 7 + 1) % 38] ?? 5n];
      // Only where the group of the prime has an element of even order does one step more contradict the others.
      if (of === other || power(65537n, order(of) / 2n, of) === 1n || order(of) % 2n === 1n) continue;
      const rest = product / of;
      const wanted = power(65537n, exponent + 1n, of);
      const base = power(65537n, exponent, product);
      const shift = ((wanted - (base % of) + of) * power(rest % of, of - 2n, of)) % of;
      const modulus = base + rest * shift + product * 2n * (1n << 900n);
      const odd = modulus % 2n === 1n ? modulus : modulus + product;
      expect(codes({ modulus: odd, exponent: 3n })).not.toContain("ROCA");
    }
  });

  function order(of: bigint): bigint {
    let k = 1n;
    for (let power = 65537n % of; power !== 1n; power = (power * 65537n) % of) k += 1n;
    return k;
  }
});

describe("close primes", () => {
  test.each([1024, 2048, 4096])("are found in %i bits where one is the next after the other", (bits) => {
    expect(codes(closePrimes(bits, 2n))).toEqual(["ClosePrimes"]);
  });

  // (p - q)² / (8 √n) steps, with √n of half the bits.
  test("are found where they differ in the lower half of their bits and a little more", () => {
    expect(codes(closePrimes(2048, 1n << 516n))).toEqual(["ClosePrimes"]);
  });

  test("are not looked for where they differ by more", () => {
    expect(codes(closePrimes(2048, 1n << 524n))).toEqual([]);
  });

  test("are found where both are the same", () => {
    const p = prime(1024);
    expect(codes({ modulus: p * p, exponent: 65537n })).toEqual(["ClosePrimes"]);
  });
});

describe("a power", () => {
  const [short = 3n, other = 3n] = [prime(130), prime(131)];

  test.each([3, 5, 6, 7, 9, 15])("of a prime is found: %i", (exponent) => {
    const root = prime(Math.ceil(2048 / exponent));
    expect(codes({ modulus: root ** BigInt(exponent), exponent: 65537n })).toContain("PowerModulus");
  });

  test("of a short prime is found, with the highest exponent that leaves small factors out", () => {
    expect(codes({ modulus: 65_537n ** 120n, exponent: 3n })).toContain("PowerModulus");
  });

  test("of a product of primes is found", () => {
    expect(codes({ modulus: (short * other) ** 5n, exponent: 3n })).toContain("PowerModulus");
  });

  test.each([2, 4, 8])("whose root is a square root is found as close primes: %i", (exponent) => {
    const root = prime(2048 / exponent);
    expect(codes({ modulus: root ** BigInt(exponent), exponent: 65537n })).toContain("ClosePrimes");
  });

  test.each([2n, -2n])("is none where %i is added", (step) => {
    const cube = prime(683) ** 3n;
    expect(codes({ modulus: cube + step, exponent: 65537n })).not.toContain("PowerModulus");
  });

  test("is none where only a part is one", () => {
    expect(codes({ modulus: prime(400) ** 3n * prime(848), exponent: 65537n })).toEqual([]);
  });
});

describe("a small factor", () => {
  test.each([3n, 5n, 251n, 32749n, 65521n])("is found: %i", (factor) => {
    expect(codes({ modulus: factor * prime(2048), exponent: 65537n })).toEqual(["SmallFactor"]);
  });

  test("is none that has more than 16 bits", () => {
    expect(codes({ modulus: 65537n * prime(2048), exponent: 65537n })).toEqual([]);
  });

  test("is every one below 2¹⁶ and nothing else of what the modulus is divided by", () => {
    for (let n = 0; n < 50; n += 1) {
      const rest = generatePrimeSync(512, { bigint: true });
      const small = 3n ** BigInt(random.below(40)) * 65521n ** BigInt(random.below(3)) * 101n;
      expect(withoutSmallFactors(small * rest)).toBe(rest);
    }
  });
});

describe("a small private exponent", () => {
  test.each([1024, 2048, 3072])("is found in %i bits below a third of the fourth root", (bits) => {
    expect(codes(smallPrivateExponent(bits, (1n << BigInt(bits / 4)) / 5n))).toEqual([
      "SmallPrivateExponent",
    ]);
  });

  test("is found where it was made modulo the least common multiple", () => {
    for (let n = 0; n < 5; n += 1) {
      const atLeast = 1n << 480n;
      expect(codes(smallPrivateExponent(2048, atLeast, "λ"))).toEqual(["SmallPrivateExponent"]);
    }
  });

  test("is not looked for where no program uses so long a public exponent", () => {
    expect(codes(smallPrivateExponent(4096, 3n))).toEqual(["UnusableKey"]);
  });

  test("is found where it is 3", () => {
    expect(codes(smallPrivateExponent(2048, 3n))).toEqual(["SmallPrivateExponent"]);
  });

  test("is none of a key with a long public exponent and a long private one", () => {
    expect(codes(smallPrivateExponent(2048, 1n << 700n))).toEqual([]);
  });
});

describe("short-sleeve primes", () => {
  test.each([
    ["8 random bits in each 32", 32, 8],
    ["16 random bits in each 64", 64, 16],
    ["16 random bits in each 128", 128, 16],
  ])("are found: %s", (_what, word, bits) => {
    expect(codes(shortSleeve(random, 2048, word, bits))).toEqual(["ShortSleeve"]);
  });
});

describe("a known prime", () => {
  const known = [prime(1024), prime(1024), prime(1024)];
  const product = productOf(known);
  const [first = 3n, second = 3n] = known;
  const isFound = (modulus: bigint, products = [5n, product]) =>
    hasKnownPrime(rsaNumbers(rsaBlob({ modulus, exponent: 3n })), products);

  test("is found with an unknown one beside it", () => {
    expect(isFound(first * prime(1024))).toBe(true);
  });

  test("is found where both are known", () => {
    expect(isFound(first * second)).toBe(true);
  });

  test("is found among a thousand others, wherever it stands in their product", () => {
    const others = productOf(soundModuli(random, 1024, 1000));
    expect(
      [others * first, first * others * others].map((each) => isFound(first * prime(1024), [each])),
    ).toEqual([true, true]);
    expect(isFound(honest(2048).modulus, [others])).toBe(false);
  });

  test("is not found in another key", () => {
    expect(isFound(honest(2048).modulus)).toBe(false);
  });
});

test.each<[string, () => MadeKey]>([
  ["with the longest continued fraction", () => longestFraction(honest(3072).modulus)],
  ["whose remainders are those of powers", () => likePowers(16_384)],
])("a key %s holds others up for no more than 20 ms", (_what, made) => {
  const blob = rsaBlob(made());
  const spent = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  const took = Array.from({ length: 5 }, () => {
    const before = spent();
    rsaWeaknesses(blob);
    return spent() - before;
  });
  expect(Math.min(...took)).toBeLessThan(20);
});

test("honestly generated keys have no weakness", async () => {
  const keys = [...(await honestRSAKeys()), ...honestEllipticKeys(8000)];
  const found = keys.flatMap((bytes) => {
    const { type, blob } = accepted(decodeKeyBlob(bytes));
    return [...weaknesses({ type, blob }), ...(type === "ssh-rsa" ? rsaWeaknesses(blob) : [])];
  });
  expect(keys.length).toBe(8381);
  expect(found).toEqual([]);
});

test("a key with an even modulus is told as that alone", () => {
  expect(codes({ modulus: 6n * prime(2048), exponent: 65537n })).toEqual(["UnusableKey"]);
});

test.each([
  ["no shorter than the modulus", 2048, (n: bigint) => n + 2n],
  ["of more than 64 bits beside a modulus of more than 3072", 4096, () => (1n << 64n) + 1n],
])("a public exponent %s is unusable", (_what, bits, exponentOf) => {
  const { modulus } = honest(bits);
  expect(codes({ modulus, exponent: exponentOf(modulus) | 1n })).toEqual(["UnusableKey"]);
});

test.each([
  ["of 64 bits beside a modulus of 4096", 4096, (1n << 64n) - 1n],
  ["of 65 bits beside a modulus of 3072", 3072, (1n << 64n) + 1n],
])("a public exponent %s is usable", (_what, bits, exponent) => {
  expect(codes({ ...honest(bits), exponent })).toEqual([]);
});

test("the numbers of a key are those of its blob", () => {
  for (const bits of [1023, 1024, 1025, 2047, 2048, 16384]) {
    const modulus = (1n << BigInt(bits - 1)) | 1n;
    expect(rsaNumbers(rsaBlob({ modulus, exponent: 17n }))).toEqual({ modulus, exponent: 17n, bits });
  }
});
