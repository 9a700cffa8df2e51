import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeForeign } from "../../src/ssh/foreign.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { codeOf, messageOf } from "./refusals.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "foreign-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A new key's file, and its OpenSSH line without the comment. */
function generate(type: string): { readonly file: string; readonly line: string } {
  const file = join(folder, type);
  rmSync(file, { force: true });
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "", "-f", file]);
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
    ["PKCS#1", () => newRSA().export({ type: "pkcs1", format: "pem" }).toString()],
    [
      "encrypted PKCS#8",
      () =>
        newRSA().export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString(),
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
  expect(describeForeign("PuTTY-User-Key-File-2: ssh-rsa")).toContain("puttygen FILE -O public-openssh");
});

test("an X.509 certificate is named", () => {
  expect(describeForeign("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")).toContain("X.509");
});

test("an OpenSSH line is no foreign format", () => {
  expect(describeForeign(generate("ed25519").line)).toBeUndefined();
});

test("importing the parser does not load sshpk", () => {
  const parser = new URL("../../src/ssh/publickey.ts", import.meta.url).href;
  const script = `await import(${JSON.stringify(parser)});
    const { createRequire } = await import("node:module");
    process.stdout.write(String(Object.keys(createRequire(${JSON.stringify(parser)}).cache).length));`;
  expect(execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" })).toBe(
    "0",
  );
});

function newRSA() {
  return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
}

const BODY = "AAAAC3NzaC1lZDI1NTE5AAAAIBrNsRCISAtKXV5OVxqV6unVcdis5Uh3oiC6B7CMB7HQ";
