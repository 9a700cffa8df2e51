import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { reasonsFor, type Section } from "../../src/blocklist/blocklist.ts";
import { COMMON_WORDS } from "../../src/blocklist/commonwords.ts";
import { multiplesOfG, publicPoint } from "../../src/blocklist/ecdsamultiples.ts";
import { encodeList } from "../../src/blocklist/listfile.ts";
import { PUBLIC_FACTS, publicFacts } from "../../src/blocklist/publicfacts.ts";
import { KNOWN_KEYS, shippedLists } from "../../src/blocklist/shipped.ts";
import { FEW_LIMITS, trivialKeys } from "../../src/blocklist/trivialkeys.ts";
import { decodeKeyBlob } from "../../src/ssh/blob.ts";
import { CURVES, type CurveName } from "../../src/ssh/ecdsa.ts";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { blobOfKeyObject } from "../../src/ssh/keyobject.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { accepted } from "../ssh/refusals.ts";
import { honestEllipticKeys } from "../ssh/weakness/honestkeys.ts";

const CURVE_NAMES: readonly CurveName[] = ["nistp256", "nistp384", "nistp521"];
const LIMITS = { curves: CURVE_NAMES, multiples: 1_000, numbers: 300, words: 20 };

describe.each(CURVE_NAMES)("the multiples of G on %s", (curve) => {
  test.each([1, 200, 201, 602])("up to %i are those that OpenSSL computes", (count) => {
    const made = [...multiplesOfG(curve, count)].sort(byValue);
    expect(made).toEqual(Array.from({ length: count }, (_, i) => coordinate(curve, i + 1)).sort(byValue));
  });
});

describe("a trivial private key is known:", () => {
  let sections: readonly Section[];

  beforeAll(async () => {
    sections = await trivialKeys(LIMITS);
  });

  const ofECDSA = (curve: CurveName, privateKey: bigint) => {
    const size = 2 * CURVES[curve].coordinateBytes;
    return reasonsOf(
      ecdsaBlob(curve, Buffer.from(privateKey.toString(16).padStart(size, "0"), "hex")),
      sections,
    );
  };
  const ofSeed = (seed: Buffer) => reasonsOf(ed25519Blob(seed), sections);
  const WORD = createHash("sha256").update("password").digest();

  test.each(CURVE_NAMES)("of ECDSA on %s, a small number, and its negative", (curve) => {
    const numbers = [1n, 2n, 777n, 1_000n];
    const all = [...numbers, ...numbers.map((number) => CURVES[curve].n - number)];
    expect(all.map((number) => ofECDSA(curve, number))).toEqual(all.map(() => "TrivialPrivateKey"));
  });

  test.each(CURVE_NAMES)("of ECDSA on %s, the SHA-256 of a word, and equal bytes", (curve) => {
    const bytes = BigInt(`0x${"42".repeat(32)}`);
    expect([BigInt(`0x${WORD.toString("hex")}`), bytes].map((each) => ofECDSA(curve, each))).toEqual([
      "TrivialPrivateKey",
      "TrivialPrivateKey",
    ]);
  });

  test("of ECDSA on nistp384, equal bytes of its own length", () => {
    expect(ofECDSA("nistp384", BigInt(`0x${"42".repeat(48)}`))).toBe("TrivialPrivateKey");
  });

  test.each([
    ["zeros", Buffer.alloc(32)],
    ["equal bytes", Buffer.alloc(32, 0xaa)],
    ["bytes that count up from 0", Buffer.from(Array.from({ length: 32 }, (_, i) => i))],
    ["bytes that count up from 1", Buffer.from(Array.from({ length: 32 }, (_, i) => i + 1))],
    ["bytes that count down", Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i))],
    ["a number with its lowest byte last", Buffer.concat([Buffer.alloc(30), Buffer.of(1, 2)])],
    ["a number with its lowest byte first", Buffer.concat([Buffer.of(2, 1), Buffer.alloc(30)])],
    ["the SHA-256 of a word", WORD],
    ["a word with zeros behind it", Buffer.concat([Buffer.from("password")], 32)],
  ])("of Ed25519, a seed of %s", (_what, seed) => {
    expect(ofSeed(seed)).toBe("TrivialPrivateKey");
  });

  test("and what is beyond the limits is not", () => {
    const beyond = Buffer.concat([Buffer.alloc(30), Buffer.of(2, 1)]);
    expect([ofECDSA("nistp256", 1_001n), ofECDSA("nistp521", 5_000n), ofSeed(beyond)]).toEqual(["", "", ""]);
  });

  test("and its list says what it has", () => {
    const told = sections.map(({ source }) => source).join("\n");
    expect(told).toContain(
      "ECDSA private keys 1 to 1,000, and the order of the curve less these, on nistp256, nistp384, nistp521",
    );
    expect(told).toContain("the numbers 0 to 300 with zeros before or behind, and 20 common words");
  });

  test("and 800 honest keys are on no list", async () => {
    const all = [...sections, ...publicFacts()];
    expect(honestEllipticKeys(800).filter((blob) => reasonsOf(blob, all) !== "")).toEqual([]);
  });
});

test("the common words are a thousand, each once, and as people type them", () => {
  expect(COMMON_WORDS.length).toBeGreaterThan(1_000);
  expect(new Set(COMMON_WORDS).size).toBe(COMMON_WORDS.length);
  expect(COMMON_WORDS.filter((word) => !/^[a-z0-9_-]{1,31}$/.test(word))).toEqual([]);
});

describe("the public facts", () => {
  test.each(PUBLIC_FACTS)("have a source and a date: $source", ({ source }) => {
    expect(source).toMatch(/ 20\d\d[^:]*: https:\/\/\S+$/);
  });

  test("have GitHub's old host key, by the fingerprint that it was known by", () => {
    const [{ keys: [key = ""] = [] } = { keys: [] }] = PUBLIC_FACTS;
    expect(fingerprintSHA256(Buffer.from(key, "base64"))).toBe(
      "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
    );
    expect(reasonsOf(Buffer.from(key, "base64"), publicFacts())).toBe("PublishedKey");
  });

  // GitLab bans the RSA key of Vagrant as well, which makes each a check of the other.
  test("have the fingerprint of a key that GitLab bans", () => {
    const keys = PUBLIC_FACTS.flatMap((fact) => fact.keys ?? []).map((key) =>
      fingerprintSHA256(Buffer.from(key, "base64")),
    );
    const banned = PUBLIC_FACTS.flatMap((fact) => fact.fingerprints ?? []);
    expect(keys.filter((key) => banned.includes(key))).toEqual([
      "SHA256:1M4RzhMyWuFS/86uPY/ce2prh/dVTHW7iD2RhpquOZA",
    ]);
  });

  test("are thirteen keys", () => {
    expect(publicFacts().map(({ hashes: { size } }) => size)).toEqual([1, 2, 10]);
  });
});

describe("the shipped lists", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sshkey-shipped-"));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test("are the facts and what stands in the file beside the bundle", async () => {
    const made = await trivialKeys({ ...FEW_LIMITS, multiples: 3 });
    writeFileSync(join(folder, KNOWN_KEYS), encodeList(made));
    expect(sources(await shippedLists(folder))).toEqual(sources([...publicFacts(), ...made]));
  });

  test("are the facts and a few keys where the file is missing", async () => {
    const few = await trivialKeys(FEW_LIMITS);
    expect(sources(await shippedLists(join(folder, "missing")))).toEqual(sources([...publicFacts(), ...few]));
  });

  test("are none where the file is damaged, which is told with what to do", async () => {
    const file = join(folder, KNOWN_KEYS);
    writeFileSync(file, encodeList(await trivialKeys({ ...FEW_LIMITS, multiples: 3 })).subarray(0, -1));
    await expect(shippedLists(folder)).rejects.toThrow(
      `${file} cannot be used, it ends within its checksum: it was not copied to its end: install again`,
    );
  });
});

function sources(sections: readonly Section[]): string[] {
  return sections.map(({ source, hashes }) => `${source}: ${hashes.size}`);
}

function reasonsOf(blob: Buffer, sections: readonly Section[]): string {
  return reasonsFor(accepted(decodeKeyBlob(blob)), sections).join();
}

function coordinate(curve: CurveName, k: number): bigint {
  const point = publicPoint(curve, Buffer.from(k.toString(16).padStart(8, "0"), "hex"));
  return BigInt(`0x${point.toString("hex", 1, (point.length + 1) / 2)}`);
}

function byValue(a: bigint, b: bigint): number {
  return a < b ? -1 : 1;
}

function ecdsaBlob(curve: CurveName, privateKey: Buffer): Buffer {
  const strings = [`ecdsa-sha2-${curve}`, curve].map((each) => Buffer.from(each));
  return encodeStrings([...strings, publicPoint(curve, privateKey)]);
}

function ed25519Blob(seed: Buffer): Buffer {
  const key = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  return blobOfKeyObject(createPublicKey(createPrivateKey({ key, format: "der", type: "pkcs8" }))) ?? seed;
}
