import { createHash, generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { fingerprintMD5, fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { KEY_TYPES } from "../../src/ssh/keytype.ts";
import { describePrivateKey } from "../../src/ssh/privatekey.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import type { RefusalCode } from "../../src/ssh/refusal.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { HARMLESS } from "./privatekeys.ts";
import { Random } from "./random.ts";
import { accepted, codeOf, messageOf } from "./refusals.ts";
import { blobOf, ecdsaSample, lineOf, rsaSample, type Sample } from "./samples.ts";

const ALICE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ alice@laptop";
const [TYPE = "", BASE64 = ""] = ALICE.split(" ");
const random = new Random(7);
const ED25519: Sample = { type: "ssh-ed25519", strings: [random.bytes(32)] };
const RSA = rsaSample(random, 2048);
const RSA_BASE64 = blobOf(RSA).toString("base64");

function changed(sample: Sample, change: (strings: readonly Buffer[]) => readonly Buffer[]): string {
  return lineOf({ ...sample, strings: change(sample.strings) });
}

describe("an accepted key", () => {
  test("has the fingerprint that ssh-keygen prints", () => {
    const expected = "SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg";
    expect(fingerprintSHA256(accepted(parsePublicKey(ALICE)).blob)).toBe(expected);
  });

  test("has type, bits and comment", () => {
    expect(accepted(parsePublicKey(ALICE))).toMatchObject({ type: TYPE, bits: 256, comment: "alice@laptop" });
  });

  test("of one of nine types is told by its full name", () => {
    expect([...KEY_TYPES].sort()).toHaveLength(9);
  });

  test("may have no comment", () => {
    expect(accepted(parsePublicKey(`${TYPE} ${BASE64}`)).comment).toBe("");
  });

  test("keeps the spaces inside its comment", () => {
    expect(accepted(parsePublicKey(`${TYPE} ${BASE64}   alice  of  team a `)).comment).toBe(
      "alice  of  team a",
    );
  });

  test.each([
    ["direction marks", "a\u202e\u2066b\u200f", "ab"],
    ["a zero width space and a byte order mark", "a\u200bb\ufeff", "ab"],
    ["default-ignorable characters", "a\u3164\u034f\ufe0fb\u{e0041}", "ab"],
    ["line and paragraph separators", "a\u2028\u2029b", "ab"],
    ["lone surrogates", "a\ud800b", "ab"],
  ])("loses %s from its comment", (_what, comment, kept) => {
    expect(accepted(parsePublicKey(`${TYPE} ${BASE64} ${comment}`)).comment).toBe(kept);
  });

  test("may have 16384 characters, of which an emoji is one", () => {
    const emoji = "\u{1f511}".repeat(16_384 - ALICE.length);
    expect(codeOf(parsePublicKey(ALICE + emoji))).toBeUndefined();
    expect(codeOf(parsePublicKey(`${ALICE}x${emoji}`))).toBe("TooLong");
  });

  test("loses control characters from its comment", () => {
    expect(accepted(parsePublicKey(`${TYPE} ${BASE64} a\u001b[31m\tb\u0085`)).comment).toBe("a[31m b");
  });

  test("may stand between blank lines", () => {
    expect(codeOf(parsePublicKey(`\n  \r\n${ALICE}\r\n\n`))).toBeUndefined();
  });

  test("under a signature algorithm's name is of the type behind it", () => {
    const line = lineOf(RSA).replace("ssh-rsa", "rsa-sha2-512");
    expect(accepted(parsePublicKey(line)).type).toBe("ssh-rsa");
  });

  test("with other mpint spellings gets the canonical blob", () => {
    const padded = changed(RSA, (strings) => strings.map((value) => Buffer.concat([Buffer.alloc(2), value])));
    expect(accepted(parsePublicKey(padded)).blob).toEqual(blobOf(RSA));
  });

  test("with zeros in place of a shorter type name gets the canonical blob", () => {
    const strings = RSA.strings.map((value, index) => Buffer.concat([Buffer.alloc(index * 4), value]));
    const blob = encodeStrings([Buffer.from("rsa"), ...strings]);
    expect(accepted(parsePublicKey(`ssh-rsa ${blob.toString("base64")}`)).blob).toEqual(blobOf(RSA));
  });

  test("with a shorter type name that ends in a zero byte gets the canonical blob", () => {
    const blob = encodeStrings([Buffer.from("rsa\0"), ...RSA.strings]);
    expect(accepted(parsePublicKey(`ssh-rsa ${blob.toString("base64")}`)).blob).toEqual(blobOf(RSA));
  });

  test("of type ssh-dss with a p of zero, however long, has 0 bits as ssh-keygen prints them", () => {
    const strings = [Buffer.alloc(3), Buffer.of(5), Buffer.of(5), Buffer.of(5)];
    expect(accepted(parsePublicKey(lineOf({ type: "ssh-dss", strings }))).bits).toBe(0);
  });

  test("of the post-quantum type has 256 bits and fingerprints over type and key", () => {
    const type = "ssh-mldsa44-ed25519@openssh.com";
    const key = random.bytes(1312 + 32);
    const blob = Buffer.concat([Buffer.of(0, 0, 0, 31), Buffer.from(type), Buffer.of(0, 0, 5, 0x40), key]);
    const parsed = accepted(parsePublicKey(`${type} ${blob.toString("base64")}`));
    const md5 = createHash("md5").update(blob).digest("hex");
    expect([parsed.bits, fingerprintMD5(parsed.blob).replaceAll(":", "")]).toEqual([256, md5]);
  });
});

describe("a refused key", () => {
  const trailing = (bytes: number) =>
    `${TYPE} ${Buffer.concat([blobOf(ED25519), Buffer.alloc(bytes)]).toString("base64")}`;
  const certificate = encodeStrings([Buffer.from("ssh-ed25519-cert-v01@openssh.com"), Buffer.alloc(32)]);
  const p256 = ecdsaSample(random, "nistp256");
  const offCurve = changed(p256, ([curve = Buffer.alloc(0), point = Buffer.alloc(0)]) => {
    const moved = Buffer.from(point);
    moved[40] = (moved[40] ?? 0) ^ 1;
    return [curve, moved];
  });

  const cases: readonly (readonly [string, RefusalCode, string])[] = [
    ["nothing", "Empty", ""],
    ["white space", "Empty", " \t\r\n \n"],
    ["a comment line", "Empty", `# ${ALICE}`],
    ["more than 16 KiB", "TooLong", `${ALICE}${" ".repeat(16_384)}`],
    ["a zero byte", "NulCharacter", `${ALICE}\0`],
    ["two keys on two lines", "SeveralKeys", `${ALICE}\n${lineOf(RSA)}`],
    ["two keys folded into one line", "SeveralKeys", `${ALICE} ${lineOf(RSA)}`],
    ["a key wrapped over lines", "SeveralLines", `${TYPE} ${BASE64.slice(0, 30)}\n${BASE64.slice(30)}`],
    ["a key and a line of text", "SeveralLines", `${ALICE}\nhello`],
    ["options before the key", "OptionsInKey", `restrict,command="echo \\"a b\\"" ${ALICE}`],
    ["options behind spaces", "OptionsInKey", ` \trestrict ${ALICE}`],
    ["a host name before the key", "OptionsInKey", `host.example.com ${ALICE}`],
    ["a type before the key", "OptionsInKey", `ssh-rsa ${ALICE}`],
    ["a key without its type", "MissingType", BASE64],
    ["a cut key without its type", "MissingType", BASE64.slice(0, 41)],
    ["in double quotes", "QuotedKey", `"${ALICE}"`],
    ["in single quotes", "QuotedKey", `'${ALICE}'`],
    ["in typographic quotes", "QuotedKey", `\u201c${ALICE}\u201d`],
    ["behind a byte order mark", "BadCharacter", `\ufeff${ALICE}`],
    ["parted by a no-break space", "BadCharacter", `${TYPE}\u00a0${BASE64}`],
    [
      "parted by a zero width space",
      "BadCharacter",
      `${TYPE} ${BASE64.slice(0, 30)}\u200b${BASE64.slice(30)}`,
    ],
    ["with another hyphen in its type", "BadCharacter", `ssh\u2011ed25519 ${BASE64}`],
    ["with a Cyrillic letter in its base64", "BadCharacter", `${TYPE} ${BASE64.replace("C", "\u0421")}`],
    ["base64 of the whole line", "EncodedKey", Buffer.from(`${ALICE}\n`).toString("base64")],
    ["with a space in its base64", "BadBase64", `${TYPE} ${BASE64.slice(0, 45)} ${BASE64.slice(45)} alice`],
    [
      "folded where it was wrapped",
      "BadBase64",
      `ssh-rsa ${RSA_BASE64.replaceAll(/.{64}/g, "$& ")} alice@laptop`,
    ],
    ["a type that is not known", "UnknownType", `ssh-ed448 ${BASE64}`],
    ["a word", "UnknownType", "hello"],
    ["another type on the line than in the key", "TypeMismatch", `ssh-rsa ${BASE64}`],
    [
      "one curve on the line and another in the key",
      "TypeMismatch",
      lineOf(p256).replace("nistp256", "nistp384"),
    ],
    ["a certificate", "Certificate", `ssh-ed25519-cert-v01@openssh.com ${certificate.toString("base64")}`],
    ["a certificate under a plain type", "Certificate", `ssh-ed25519 ${certificate.toString("base64")}`],
    ["a type and nothing else", "Truncated", "ssh-ed25519"],
    ["half a key", "Truncated", `${TYPE} ${BASE64.slice(0, 40)}`],
    ["base64 cut at an odd place", "BadBase64", `${TYPE} ${BASE64.slice(0, 41)}`],
    [
      "base64 without its padding",
      "BadBase64",
      lineOf({ ...ED25519, strings: [random.bytes(33)] }).replace("=", ""),
    ],
    ["base64 for web addresses", "BadBase64", `${TYPE} ${BASE64.slice(0, -1)}_`],
    ["four bytes too many", "TrailingBytes", trailing(4)],
    [
      "a name with a zero byte inside",
      "BadString",
      `${TYPE} ${encodeStrings([Buffer.from("ssh\0ed"), Buffer.alloc(32)]).toString("base64")}`,
    ],
    [
      "a negative modulus",
      "NegativeInteger",
      changed(RSA, ([e = Buffer.alloc(0), n = Buffer.alloc(0)]) => [e, n.subarray(1)]),
    ],
    ["a modulus of 16392 bits", "IntegerTooLong", lineOf(rsaSample(random, 16_392))],
    ["an RSA key of 1023 bits", "RSABelowOpenSSHMinimum", lineOf(rsaSample(random, 1023))],
    [
      "a key that names another curve",
      "CurveMismatch",
      changed(p256, ([, point = Buffer.alloc(0)]) => [Buffer.from("nistp384"), point]),
    ],
    [
      "a compressed point",
      "PointNotUncompressed",
      changed(p256, ([curve = Buffer.alloc(0), point = Buffer.alloc(0)]) => [
        curve,
        Buffer.concat([Buffer.of(2), point.subarray(1, 33)]),
      ]),
    ],
    ["a point off the curve", "PointNotOnCurve", offCurve],
    [
      "an Ed25519 key of 31 bytes",
      "BadKeyLength",
      changed(ED25519, ([key = Buffer.alloc(0)]) => [key.subarray(1)]),
    ],
    [
      "a protocol 1 key",
      "ForeignFormat",
      "1024 65537 135066410865995223349603216278805969938881475605667027524485 alice",
    ],
  ];

  test.each(cases)("that is %s has the code %s", (_what, code, text) => {
    expect(codeOf(parsePublicKey(text))).toBe(code);
  });

  test.each(cases)("that is %s is told in one sentence what to do", (_what, _code, text) => {
    expect(messageOf(parsePublicKey(text))).toMatch(/^[A-Z][^\n]+[;,] [^\n]+$/);
  });

  test.each(cases.filter(([, code]) => code !== "MissingType"))(
    "that is %s is not repeated in the message",
    (_what, _code, text) => {
      const message = messageOf(parsePublicKey(text));
      expect(text.split(/\s/).filter((word) => word.length > 40 && message.includes(word))).toEqual([]);
    },
  );

  test.each([
    ["U+FEFF", 1, `\ufeff${ALICE}`],
    ["U+00A0", 12, `${TYPE}\u00a0${BASE64}`],
    ["U+200B", 43, `${TYPE} ${BASE64.slice(0, 30)}\u200b${BASE64.slice(30)}`],
    ["U+2011", 4, `ssh\u2011ed25519 ${BASE64}`],
    ["U+1F511", 1, `\u{1f511}${ALICE}`],
  ])("is told which character is wrong, %s, and that it is number %i", (name, position, text) => {
    expect(messageOf(parsePublicKey(text))).toMatch(
      new RegExp(`^Character ${position} is ${name.replace("+", "\\+")},`),
    );
  });

  test("with a space in its base64 is told where", () => {
    const text = `${TYPE} ${BASE64.slice(0, 45)} ${BASE64.slice(45)} alice`;
    expect(messageOf(parsePublicKey(text))).toContain("behind its first 45 characters");
  });

  test("with a foreign letter in its comment is not told of that one", () => {
    expect(codeOf(parsePublicKey(`${TYPE} ${BASE64.slice(0, 41)} \u00e4lice`))).toBe("BadBase64");
  });

  test("without its type is told the type", () => {
    expect(messageOf(parsePublicKey(`${BASE64} alice`))).toContain("ssh-ed25519");
  });
});

test("a private key in the comment of a good key is refused", () => {
  const line = `${ALICE} -----BEGIN OPENSSH PRIVATE KEY----- b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ`;
  expect(codeOf(parsePublicKey(line))).toBe("PrivateKey");
});

describe("words about private keys are no private key", () => {
  test.each(HARMLESS)("%s", (text) => {
    expect(describePrivateKey(text)).toBeUndefined();
    expect(codeOf(parsePublicKey(`${ALICE} ${text}`))).toBeUndefined();
  });
});

test.each(["pkcs8", "sec1"] as const)(
  "the base64 of a private key (%s) behind a type is refused as what it is",
  (type) => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const der = privateKey.export({ type, format: "der" });
    expect(codeOf(parsePublicKey(`ssh-ed25519 ${der.toString("base64")}`))).toBe("PrivateKey");
  },
);
