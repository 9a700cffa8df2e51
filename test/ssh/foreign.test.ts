import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sshpk from "sshpk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeForeign } from "../../src/ssh/foreign.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { codeOf, messageOf } from "./refusals.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "foreign-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A key's file, and its OpenSSH line without the comment; one of each type, since a prime takes its time. */
function generate(type: string): { readonly file: string; readonly line: string } {
  const file = join(folder, type);
  if (!existsSync(file)) execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "", "-f", file]);
  return { file, line: readFileSync(`${file}.pub`, "utf8").trim() };
}

function exported(file: string, format: string): string {
  return execFileSync("ssh-keygen", ["-e", "-m", format, "-f", `${file}.pub`], { encoding: "utf8" });
}

describe("a public key", () => {
  test.each([
    ["rsa", "PEM"],
    ["rsa", "PKCS8"],
    ["rsa", "RFC4716"],
    ["ecdsa", "PKCS8"],
    ["ecdsa", "RFC4716"],
    ["ed25519", "RFC4716"],
    ["dsa", "PKCS8"],
  ])("of type %s exported as %s is given as its OpenSSH line", (type, format) => {
    const { file, line } = generate(type);
    const message = messageOf(parsePublicKey(exported(file, format)));
    expect(message.slice(message.lastIndexOf(": ") + 2)).toBe(line);
  });

  test("whose line breaks became spaces is still read", () => {
    const { file, line } = generate("rsa");
    expect(describeForeign(exported(file, "PKCS8").replaceAll("\n", " "))).toContain(line);
  });

  test("is refused with the code of a foreign format", () => {
    expect(codeOf(parsePublicKey(exported(generate("rsa").file, "RFC4716")))).toBe("ForeignFormat");
  });

  test("of no SSH type is named without a line", () => {
    const { publicKey } = generateKeyPairSync("x25519");
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    expect(describeForeign(pem)).toMatch(/^This is a public key in PEM form .* damaged or of no SSH type/);
  });
});

describe("a private key", () => {
  const keys: readonly (readonly [string, () => string])[] = [
    ["OpenSSH", () => readFileSync(generate("ed25519").file, "utf8")],
    [
      "PKCS#8",
      () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    ],
    ["PKCS#1", () => anRSA().export({ type: "pkcs1", format: "pem" }).toString()],
    [
      "encrypted PKCS#8",
      () =>
        anRSA().export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString(),
    ],
    [
      "PuTTY",
      () => `PuTTY-User-Key-File-3: ssh-ed25519\nPublic-Lines: 2\n${BODY}\nPrivate-Lines: 1\n${BODY}\n`,
    ],
    [
      "ssh.com",
      () => `---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n${BODY}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----`,
    ],
    [
      "OpenPGP",
      () => `-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n${BODY}\n-----END PGP PRIVATE KEY BLOCK-----`,
    ],
  ];

  test.each(keys)("in the form of %s is refused as private", (_name, text) => {
    expect(codeOf(parsePublicKey(text()))).toBe("PrivateKey");
  });

  test.each(keys)("in the form of %s is not repeated, not even its public half", (_name, text) => {
    const key = text();
    const message = messageOf(parsePublicKey(key));
    expect(key.split(/\s+/).filter((word) => word.length > 12 && message.includes(word))).toEqual([]);
  });
});

test("PuTTY's owner is told PuTTY's command", () => {
  expect(messageOf(parsePublicKey("PuTTY-User-Key-File-2: ssh-rsa"))).toContain(
    "puttygen FILE -O public-openssh",
  );
});

test("an X.509 certificate is named", () => {
  expect(describeForeign("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")).toContain("X.509");
});

test("an OpenSSH line is no foreign format", () => {
  expect(describeForeign(generate("ed25519").line)).toBeUndefined();
});

describe("a JSON Web Key", () => {
  test.each(["rsa", "ecdsa", "ed25519"])("of type %s is given as its OpenSSH line", (type) => {
    const { file, line } = generate(type);
    const jwk = publicJWK(file, line);
    expect(codeOf(parsePublicKey(jwk))).toBe("ForeignFormat");
    expect(messageOf(parsePublicKey(jwk))).toContain(line);
  });

  test("that is no key is told without a line", () => {
    expect(messageOf(parsePublicKey('{"kty": "OKP"}'))).toMatch(
      /^This is a JSON Web Key that is damaged or of no SSH type; give the line of your \.pub file/,
    );
  });

  test("with its private member is a private key", () => {
    const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
    expect(codeOf(parsePublicKey(JSON.stringify(jwk)))).toBe("PrivateKey");
  });
});

test.each([
  ["rsa", "PKCS8"],
  ["rsa", "PEM"],
  ["ecdsa", "PKCS8"],
  ["dsa", "PKCS8"],
])("the base64 alone of a public key (%s as %s) is given as its OpenSSH line", (type, format) => {
  const { file, line } = generate(type);
  const base64 = exported(file, format).replaceAll(/-----[^-]+-----|\s/g, "");
  expect([codeOf(parsePublicKey(base64)), messageOf(parsePublicKey(base64))]).toEqual([
    "ForeignFormat",
    expect.stringContaining(line),
  ]);
});

test("PEM keys become the lines that sshpk makes of them", () => {
  const pairs = [
    ...[1024, 2048, 3000].map((modulusLength) => generateKeyPairSync("rsa", { modulusLength })),
    ...["P-256", "P-384", "P-521"].map((namedCurve) => generateKeyPairSync("ec", { namedCurve })),
    generateKeyPairSync("ed25519"),
    generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 }),
  ];
  for (const { publicKey } of pairs) {
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    const theirs = sshpk.parseKey(pem, "pem").toBuffer("rfc4253", {}).toString("base64");
    expect(describeForeign(pem)).toContain(` ${theirs}`);
  }
});

function publicJWK(file: string, line: string): string {
  if (line.startsWith("ssh-ed25519 ")) {
    const point = Buffer.from(line.split(" ")[1] ?? "", "base64").subarray(-32);
    return JSON.stringify({ kty: "OKP", crv: "Ed25519", x: point.toString("base64url") });
  }
  return JSON.stringify(createPublicKey(exported(file, "PKCS8")).export({ format: "jwk" }));
}

let rsa: KeyObject | undefined;

function anRSA(): KeyObject {
  rsa ??= generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  return rsa;
}

const BODY = "AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ";
