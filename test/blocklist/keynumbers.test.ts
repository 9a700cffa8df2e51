import { createHash, createPrivateKey, createPublicKey, hash, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { hashesOf, mergeSections, REASONS, reasonsFor, type Section } from "../../src/blocklist/blocklist.ts";
import { HashList } from "../../src/blocklist/hashlist.ts";
import { CURVES, type CurveName } from "../../src/ssh/ecdsa.ts";
import { type PublicKey, parsePublicKey } from "../../src/ssh/publickey.ts";
import { Random } from "../ssh/random.ts";
import { accepted } from "../ssh/refusals.ts";
import { blobOf, dssSample, ecdsaSample, lineOf, mpint, rsaSample, type Sample } from "../ssh/samples.ts";
import { numberHashes, sectionOf } from "./samplelists.ts";

const random = new Random(5);
const SSH = Buffer.from("ssh:");

/** As badkeys would list it: the SHA-256 of a number as bytes without zeros in front. */
function listOf(number: Buffer): readonly Section[] {
  return [sectionOf("PublishedKey", [sha256(number)])];
}

describe("a key is found by the number that its private key is for:", () => {
  const { strings: rsa } = rsaSample(random, 2048);
  const modulus = (rsa[1] ?? Buffer.alloc(0)).subarray(1);

  test.each([3n, 17n, 35n, 65537n, (1n << 63n) | 1n])("an RSA key with e = %i, by its modulus", (e) => {
    const exponent = mpint(Buffer.from(e.toString(16).padStart(16, "0"), "hex"));
    expect(found({ type: "ssh-rsa", strings: [exponent, rsa[1] ?? modulus] }, modulus)).toBe(true);
  });

  test("an Ed25519 key, plain and in a security key, whatever its application", () => {
    const point = random.bytes(32);
    const keys: Sample[] = [
      { type: "ssh-ed25519", strings: [point] },
      { type: "sk-ssh-ed25519@openssh.com", strings: [point, SSH] },
      { type: "sk-ssh-ed25519@openssh.com", strings: [point, Buffer.from("ssh:other")] },
    ];
    expect(keys.map((key) => found(key, point))).toEqual([true, true, true]);
  });

  test("an Ed25519 key that begins with zeros, as badkeys takes it for a number", () => {
    const point = random.bytes(32).fill(0, 0, 2);
    expect(found({ type: "ssh-ed25519", strings: [point] }, point.subarray(2))).toBe(true);
  });

  test.each<CurveName>(["nistp256", "nistp384", "nistp521"])(
    "an ECDSA key on %s, and its negative, by x",
    (curve) => {
      const key = ecdsaSample(random, curve);
      const [name = SSH, point = SSH] = key.strings;
      const { p, coordinateBytes: size } = CURVES[curve];
      const y = BigInt(`0x${point.toString("hex", 1 + size)}`);
      const negative = Buffer.concat([
        point.subarray(0, 1 + size),
        Buffer.from((p - y).toString(16).padStart(2 * size, "0"), "hex"),
      ]);
      const x = withoutZeros(point.subarray(1, 1 + size));
      expect([key, { ...key, strings: [name, negative] }].map((each) => found(each, x))).toEqual([
        true,
        true,
      ]);
    },
  );

  test("an ECDSA key in a security key, by x", () => {
    const { strings } = ecdsaSample(random, "nistp256");
    const x = withoutZeros((strings[1] ?? SSH).subarray(1, 33));
    const key: Sample = { type: "sk-ecdsa-sha2-nistp256@openssh.com", strings: [...strings, SSH] };
    expect(found(key, x)).toBe(true);
  });

  test("a DSA key, by y", () => {
    const key = dssSample(random, 1024);
    expect(found(key, withoutZeros(key.strings[3] ?? SSH))).toBe(true);
  });

  test.each([
    ["ML-DSA", 0, 1312],
    ["Ed25519", 1312, 1344],
  ])("a hybrid key, by its half of %s", (_half, start, end) => {
    const both = random.bytes(1344);
    const key: Sample = { type: "ssh-mldsa44-ed25519@openssh.com", strings: [both] };
    expect(found(key, both.subarray(start, end))).toBe(true);
  });

  test.each([
    ["plain", (point: Buffer): Sample => ({ type: "ssh-ed25519", strings: [point] })],
    [
      "in a security key",
      (point: Buffer): Sample => ({ type: "sk-ssh-ed25519@openssh.com", strings: [point, SSH] }),
    ],
    [
      "in a hybrid",
      (point: Buffer): Sample => ({
        type: "ssh-mldsa44-ed25519@openssh.com",
        strings: [Buffer.concat([random.bytes(1312), point])],
      }),
    ],
  ])("an Ed25519 key whose negative is listed, %s", (_where, sampleOf) => {
    const points = [random.bytes(32), random.bytes(32).fill(0, 0, 2)];
    expect(points.map((point) => found(sampleOf(negative(point)), withoutZeros(point)))).toEqual([
      true,
      true,
    ]);
  });

  test("a hybrid key whose half of ML-DSA begins with zeros, by all of its bytes", () => {
    const both = random.bytes(1344).fill(0, 0, 3);
    const key: Sample = { type: "ssh-mldsa44-ed25519@openssh.com", strings: [both] };
    expect(found(key, both.subarray(0, 1312))).toBe(true);
  });
});

describe("a key is found by its blob", () => {
  const sample: Sample = { type: "ssh-ed25519", strings: [random.bytes(32)] };

  test.each(["sha256", "sha1"])("hashed with %s", (algorithm) => {
    const hash = createHash(algorithm).update(blobOf(sample)).digest();
    const of = algorithm === "sha1" ? "sha1" : "fingerprint";
    const section: Section = { reason: "BlockedKey", of, source: "", hashes: HashList.of([hash]) };
    expect(reasonsFor(parsed(sample), [section])).toEqual(["BlockedKey"]);
  });

  test("and by what is hashed alone: a number is no fingerprint", () => {
    const key = parsed(sample);
    const section: Section = {
      reason: "BlockedKey",
      of: "fingerprint",
      source: "",
      hashes: HashList.of(hashesOf(key, "number")),
    };
    expect(reasonsFor(key, [section])).toEqual([]);
  });
});

describe("the reasons of a key", () => {
  const sample: Sample = { type: "ssh-ed25519", strings: [random.bytes(32)] };
  const hashes = [sha256(sample.strings[0] ?? SSH)];

  test("are all, each once and the worst first, whatever the order of the lists", () => {
    const sections = [...REASONS]
      .reverse()
      .flatMap((reason) => [sectionOf(reason, hashes), sectionOf(reason, hashes)]);
    expect(reasonsFor(parsed(sample), sections)).toEqual(REASONS);
  });

  test("are none without lists", () => {
    expect(reasonsFor(parsed(sample), [])).toEqual([]);
  });
});

describe("lists are merged", () => {
  test("by reason and source, and have each key once", async () => {
    const merged = await mergeSections([
      sectionOf("PublishedKey", numberHashes(1, 10), "a"),
      sectionOf("PublishedKey", numberHashes(5, 20), "a"),
      sectionOf("PublishedKey", numberHashes(1, 3), "b"),
      sectionOf("BlockedKey", numberHashes(1, 4), "a"),
    ]);
    expect(merged.map(({ reason, source, hashes: { size } }) => [reason, source, size])).toEqual([
      ["PublishedKey", "a", 20],
      ["PublishedKey", "b", 3],
      ["BlockedKey", "a", 4],
    ]);
  });
});

test("whoever has the private half of an Ed25519 key can sign for its negative", () => {
  const [key, nonce] = [ed25519(random.bytes(32)), ed25519(random.bytes(32))];
  const message = Buffer.from("let me in");
  const publicKey = negative(key.point);
  const h = littleEnd(sha512(nonce.point, publicKey, message));
  const s = (nonce.scalar + h * (ORDER - (key.scalar % ORDER))) % ORDER;
  const signature = Buffer.concat([
    nonce.point,
    Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse(),
  ]);
  const jwk = { kty: "OKP", crv: "Ed25519", x: publicKey.toString("base64url") };
  expect(verify(null, message, createPublicKey({ key: jwk, format: "jwk" }), signature)).toBe(true);
});

/** RFC 8032 section 5.1. */
const ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;

/** RFC 8032 section 5.1.5: the private number of a seed, and its point. */
function ed25519(seed: Buffer): { readonly scalar: bigint; readonly point: Buffer } {
  const half = sha512(seed).subarray(0, 32);
  half[0] = (half[0] ?? 0) & 0xf8;
  half[31] = ((half[31] ?? 0) & 0x7f) | 0x40;
  const key = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const { x = "" } = createPublicKey(createPrivateKey({ key, format: "der", type: "pkcs8" })).export({
    format: "jwk",
  });
  return { scalar: littleEnd(half), point: Buffer.from(x, "base64url") };
}

function littleEnd(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

function sha512(...parts: readonly Buffer[]): Buffer {
  return hash("sha512", Buffer.concat(parts), "buffer");
}

/** The other sign bit. */
function negative(point: Buffer): Buffer {
  const other = Buffer.from(point);
  other[31] = (other[31] ?? 0) ^ 0x80;
  return other;
}

function found(sample: Sample, number: Buffer): boolean {
  return reasonsFor(parsed(sample), listOf(number)).join() === "PublishedKey";
}

function parsed(sample: Sample): PublicKey {
  return accepted(parsePublicKey(lineOf(sample)));
}

function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function withoutZeros(bytes: Buffer): Buffer {
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
}
