import { describe, expect, test } from "vitest";
import { parsePublicKey } from "../../../src/ssh/publickey.ts";
import { weaknesses } from "../../../src/ssh/weakness/weaknesses.ts";
import { Random } from "../random.ts";
import { accepted } from "../refusals.ts";
import { dssSample, lineOf, mpint, rsaSample, type Sample, samples } from "../samples.ts";
import { smallOrderEncodings } from "./ed25519.ts";

const random = new Random(3);
const SMALL_ORDER = smallOrderEncodings();
const IDENTITY = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);

/** What is said of a key that the parser takes. */
function codes(sample: Sample): string[] {
  return weaknesses(accepted(parsePublicKey(lineOf(sample)))).map(({ state, code }) => `${state} ${code}`);
}

describe("a key that anyone can sign for", () => {
  test("is each of the 14 encodings of the Ed25519 points of small order", () => {
    expect(SMALL_ORDER).toHaveLength(14);
    const found = SMALL_ORDER.map((point) => codes({ type: "ssh-ed25519", strings: [point] }));
    expect(found).toEqual(SMALL_ORDER.map(() => ["Compromised AnyoneCanSign"]));
  });

  test("is each of them in a security key", () => {
    const strings = (point: Buffer) => [point, Buffer.from("ssh:")];
    const found = SMALL_ORDER.map((point) =>
      codes({ type: "sk-ssh-ed25519@openssh.com", strings: strings(point) }),
    );
    expect(found).toEqual(SMALL_ORDER.map(() => ["Compromised AnyoneCanSign"]));
  });

  test("is an RSA key with e = 1", () => {
    expect(codes(rsa(Buffer.of(1)))).toEqual(["Compromised AnyoneCanSign"]);
  });

  test("is an RSA key with e = 1, spelled with zeros in front", () => {
    expect(codes(rsa(Buffer.of(0, 0, 1)))).toEqual(["Compromised AnyoneCanSign"]);
  });

  const dss = dssSample(random, 1024);
  const [p = Buffer.alloc(0), q = Buffer.alloc(0), g = Buffer.alloc(0), y = Buffer.alloc(0)] = dss.strings;
  const prime = BigInt(`0x${p.toString("hex")}`);
  const values = [0n, 1n, prime - 1n, prime, prime + 1n, 2n * prime - 1n].map((value) =>
    mpint(Buffer.from(value.toString(16).padStart(258, "0"), "hex")),
  );

  test("is a DSA key whose y or g is 0, 1 or -1 modulo p", () => {
    const made = values.flatMap((value) => [
      [p, q, value, y],
      [p, q, g, value],
    ]);
    expect(made.map((strings) => codes({ ...dss, strings }))).toEqual(
      made.map(() => ["Compromised AnyoneCanSign"]),
    );
  });

  test("is a DSA key of zeros, which is no division by zero", () => {
    const strings = Array.from({ length: 4 }, () => Buffer.alloc(0));
    expect(codes({ type: "ssh-dss", strings })).toEqual(["Compromised AnyoneCanSign"]);
  });
});

describe("a hybrid key", () => {
  const open = Buffer.concat([random.bytes(32), Buffer.alloc(1280)]);
  const closed = random.bytes(1312);

  test("with an ML-DSA half of t1 = 0 is half open", () => {
    expect(codes(hybrid(open, random.bytes(32)))).toEqual(["Compromised HybridHalfOpen"]);
  });

  test("with an Ed25519 half of small order is half open", () => {
    expect(SMALL_ORDER.map((point) => codes(hybrid(closed, point)))).toEqual(
      SMALL_ORDER.map(() => ["Compromised HybridHalfOpen"]),
    );
  });

  test("with both is open to anyone", () => {
    expect(codes(hybrid(open, IDENTITY))).toEqual(["Compromised AnyoneCanSign"]);
  });
});

describe("an RSA key that nobody can use", () => {
  const even = mpint(Buffer.concat([Buffer.of(0xc0), random.bytes(254), Buffer.of(0)]));

  test.each([
    ["e = 0", Buffer.alloc(0)],
    ["e = 2", Buffer.of(2)],
    ["e = 65536", Buffer.of(1, 0, 0)],
  ])("has %s", (_what, exponent) => {
    expect(codes(rsa(exponent))).toEqual(["Weak UnusableKey"]);
  });

  test("has an even modulus", () => {
    expect(codes(rsa(Buffer.of(3), even))).toEqual(["Weak UnusableKey"]);
  });

  test("is told of every finding, the worst first", () => {
    expect(codes(rsa(Buffer.of(1), even))).toEqual(["Compromised AnyoneCanSign", "Weak UnusableKey"]);
  });
});

test("keys of each type with nothing wrong have no weakness", () => {
  const sound = samples(random).filter(({ type }) => type !== "ssh-rsa");
  const odd = [3, 35, 37, 65537].map((e) => rsa(mpint(Buffer.of(e >> 16, (e >> 8) & 0xff, e & 0xff))));
  const keys = [...sound, ...odd, hybrid(random.bytes(1312), random.bytes(32))].flatMap((sample) => {
    const parsed = parsePublicKey(lineOf(sample));
    return parsed.ok ? [parsed.value] : [];
  });
  expect(keys.length).toBeGreaterThan(15);
  expect(keys.flatMap(weaknesses)).toEqual([]);
});

test("the neighbours of the points of small order have no weakness", () => {
  const known = new Set(SMALL_ORDER.map((point) => point.toString("hex")));
  for (const point of SMALL_ORDER) {
    for (let bit = 0; bit < 256; bit += 1) {
      const moved = Buffer.from(point);
      moved[bit >> 3] = (moved[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const expected = known.has(moved.toString("hex")) ? 1 : 0;
      expect(codes({ type: "ssh-ed25519", strings: [moved] })).toHaveLength(expected);
    }
  }
});

test("each says what is wrong, in a sentence that what to do can follow, and quotes nothing", () => {
  const even = mpint(Buffer.concat([Buffer.of(0xc0), random.bytes(254), Buffer.of(0)]));
  for (const { meaning } of weaknesses(accepted(parsePublicKey(lineOf(rsa(Buffer.of(1), even)))))) {
    expect(meaning).toMatch(/^[A-Z][^\n;]+[^.\n;]$/);
  }
});

function rsa(exponent: Buffer, modulus?: Buffer): Sample {
  const [, n = Buffer.alloc(0)] = rsaSample(random, 2048).strings;
  const odd = Buffer.from(n);
  odd[odd.length - 1] = (odd.at(-1) ?? 0) | 1;
  return { type: "ssh-rsa", strings: [exponent, modulus ?? odd] };
}

function hybrid(mldsa: Buffer, ed25519: Buffer): Sample {
  return { type: "ssh-mldsa44-ed25519@openssh.com", strings: [Buffer.concat([mldsa, ed25519])] };
}
