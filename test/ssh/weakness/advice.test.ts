import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { decodeKeyBlob } from "../../../src/ssh/blob.ts";
import { blobOfKeyObject } from "../../../src/ssh/keyobject.ts";
import { ADVICE_CLASSES, type AdviceCode, adviceOf, adviceText } from "../../../src/ssh/weakness/advice.ts";
import { rsaWeaknesses } from "../../../src/ssh/weakness/rsaweaknesses.ts";
import { weaknesses } from "../../../src/ssh/weakness/weaknesses.ts";
import { Random } from "../random.ts";
import { accepted } from "../refusals.ts";
import { blobOf, dssSample, ecdsaSample, rsaSample, type Sample, securityKeySample } from "../samples.ts";
import { honestEllipticKeys, honestRSAKeys } from "./honestkeys.ts";
import { type MadeKey, prime, rsaBlob, vanity } from "./weakrsa.ts";

const random = new Random(65537);

function advice(blob: Buffer): readonly AdviceCode[] {
  return adviceOf(accepted(decodeKeyBlob(blob)));
}

/** The same of a key that nothing refuses, as its test shows. */
function ofGoodKey(key: MadeKey): readonly AdviceCode[] {
  const blob = rsaBlob(key);
  expect([...weaknesses({ type: "ssh-rsa", blob }), ...rsaWeaknesses(blob)]).toEqual([]);
  return advice(blob);
}

test("honestly generated keys of usual sizes have no advice", async () => {
  const keys = await honestRSAKeys();
  expect(keys.length).toBe(381);
  expect(keys.flatMap(advice)).toEqual([]);
});

test("of elliptic keys those of nistp521 have advice, and no others", () => {
  const given = honestEllipticKeys(400).map((blob) => {
    const { type } = accepted(decodeKeyBlob(blob));
    return `${type} ${advice(blob)}`;
  });
  expect(new Set(given)).toEqual(
    new Set(["ssh-ed25519 ", "ecdsa-sha2-nistp256 ", "ecdsa-sha2-nistp384 ", "ecdsa-sha2-nistp521 NISTP521"]),
  );
});

test.each<Sample>([
  { type: "sk-ssh-ed25519@openssh.com", strings: [random.bytes(32), Buffer.from("ssh:")] },
  securityKeySample(random),
  dssSample(random, 1024),
  { type: "ssh-mldsa44-ed25519@openssh.com", strings: [random.bytes(1344)] },
])("a key of type $type has none", (sample) => {
  expect(advice(blobOf(sample))).toEqual([]);
});

test.each([3, 35, 37, 65539])("the public exponent %i is unusual", (publicExponent) => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent });
  expect(advice(blobOfKeyObject(publicKey) ?? Buffer.of())).toEqual(["UnusualExponent"]);
});

describe("the size of an RSA key", () => {
  test.each([2047, 2049, 2050, 2056])("is unusual: %i bits", (bits) => {
    // Both primes have their two highest bits set, so the product has the bits of both.
    const modulus = prime(1024) * prime(bits - 1024);
    expect(ofGoodKey({ modulus, exponent: 65537n })).toEqual(["UnusualSize"]);
  });

  test.each([1024, 2560, 6144, 7680, 16_383])("is unusual: %i bits, of any number", (bits) => {
    expect(advice(blobOf(rsaSample(random, bits)))).toEqual(["UnusualSize"]);
  });

  test.each([2048, 3072, 4096, 8192, 16_384])("is usual: %i bits", (bits) => {
    expect(advice(blobOf(rsaSample(random, bits)))).toEqual([]);
  });
});

describe("a modulus that somebody chose", () => {
  const beginning = (...middle: readonly number[]) => Buffer.of(0xc5, 0x3a, ...middle, 0x96, 0x5b);

  test("has sixteen equal bytes in a row", () => {
    expect(ofGoodKey(vanity(random, beginning(...Array<number>(16).fill(0x2a))))).toEqual(["RepeatedBytes"]);
  });

  test("may have fifteen", () => {
    expect(ofGoodKey(vanity(random, beginning(...Array<number>(15).fill(0x2a))))).toEqual([]);
  });

  const half = (one: number, other: number) =>
    Buffer.from(Array.from({ length: 100 }, (_, i) => (i % 2 ? one : other)));

  test.each([
    ["ones", half(0xff, 0xfe)],
    ["zeros", half(0x00, 0x80)],
  ])("has many %s in its upper half", (_what, start) => {
    expect(ofGoodKey(vanity(random, start))).toEqual(["UnevenBits"]);
  });

  /** A number of so many bits, of which so many are one, the highest and the lowest among them. */
  function withOnes(bits: number, ones: number): bigint {
    const places = new Set([0, bits - 1]);
    while (places.size < ones) places.add(random.below(bits));
    return [...places].reduce((sum, place) => sum | (1n << BigInt(place)), 0n);
  }

  test.each([
    [2048, 820, 1228],
    [3072, 1229, 1843],
    [4096, 1639, 2457],
    [2000, 760, 1240],
  ])("of %i bits may have %i to %i ones", (bits, least, most) => {
    const isTold = [least - 1, least, most, most + 1].map((ones) =>
      advice(rsaBlob({ modulus: withOnes(bits, ones), exponent: 65537n })).includes("UnevenBits"),
    );
    expect(isTold).toEqual([true, false, false, true]);
  });
});

test("all that is unusual is told, the worst first", () => {
  const modulus = BigInt(`0x${"fe".repeat(300)}ff`);
  const all = advice(rsaBlob({ modulus, exponent: 35n }));
  expect([...all, ...advice(blobOf(ecdsaSample(random, "nistp521")))]).toEqual(Object.keys(ADVICE_CLASSES));
});

test("equal answers are one object, so that a thousand keys cost no more than one", () => {
  const [one, other] = [35n, 37n].map((exponent) => advice(rsaBlob({ modulus: prime(2048), exponent })));
  expect(one).toBe(other);
});

describe("what people read", () => {
  const codes = Object.keys(ADVICE_CLASSES) as AdviceCode[];

  test.each(codes)("of %s begins with that the key is not refused, and ends with what to do", (code) => {
    const text = adviceText([code], "ssh-keygen -t ecdsa");
    expect(text).toMatch(
      /^This is advice, and no key is refused for it\. [A-Z].*; .*: ssh-keygen -t ecdsa\.$/,
    );
  });

  test("of all classes together is as long as the portal keeps it", () => {
    expect(adviceText(codes.slice(0, 4), "ssh-keygen -t ed25519").length).toBeLessThan(1024);
  });
});
