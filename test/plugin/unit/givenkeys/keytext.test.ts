import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { lineOf, readKeys } from "../../../../src/plugin/givenkeys/keytext.ts";
import { blobOfKeyObject } from "../../../../src/ssh/keyobject.ts";
import { freshKey } from "../../../operator/publickeys.ts";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const RSA_LINE = `ssh-rsa ${blobOfKeyObject(publicKey)?.toString("base64")}`;

function linesOf(text: string): readonly string[] {
  return readKeys(text, "FILE").map(lineOf);
}

describe("the keys of a text", () => {
  const [key, other] = [freshKey(), freshKey()];

  test.each([
    ["the line of a .pub file", `${key} alice@laptop\n`, [`${key} alice@laptop`]],
    ["lines of Windows", `${key} a\r\n${other} b\r\n`, [`${key} a`, `${other} b`]],
    ["lines between comments and blank ones", `# keys\n\n${key}\n  # x\n`, [key]],
    [
      "a comment with characters that cannot be seen, without them",
      `${key} al\u202eice\u001b[1m`,
      [`${key} alice[1m`],
    ],
  ])("are %s", (_, text, lines) => {
    expect(linesOf(text)).toEqual(lines);
  });

  test.each([
    ["PKCS#8", publicKey.export({ format: "pem", type: "spki" })],
    ["PKCS#1", publicKey.export({ format: "pem", type: "pkcs1" })],
    ["JSON Web Key", JSON.stringify(publicKey.export({ format: "jwk" }))],
    [
      "RFC 4716",
      `---- BEGIN SSH2 PUBLIC KEY ----\n${RSA_LINE.split(" ")[1]}\n---- END SSH2 PUBLIC KEY ----\n`,
    ],
  ])("are converted from %s, and that is told", (format, text) => {
    const [read] = readKeys(String(text), "FILE");
    expect(read && lineOf(read)).toBe(RSA_LINE);
    expect(read?.convertedFrom).toContain(format);
  });

  test("keep the comment that RFC 4716 has for them", () => {
    const text = `---- BEGIN SSH2 PUBLIC KEY ----\nComment: "rsa-key-20260101"\n${RSA_LINE.split(" ")[1]}\n---- END SSH2 PUBLIC KEY ----\n`;
    expect(linesOf(text)).toEqual([`${RSA_LINE} rsa-key-20260101`]);
  });
});

test("a comment that ssh-keygen -e made up is none", () => {
  const text = `---- BEGIN SSH2 PUBLIC KEY ----\nComment: "2048-bit RSA, converted by alice@laptop from OpenSSH"\n${RSA_LINE.split(" ")[1]}\n---- END SSH2 PUBLIC KEY ----\n`;
  expect(linesOf(text)).toEqual([RSA_LINE]);
});

describe("of what is no public key it says what to give:", () => {
  test.each([
    ["nothing at all", "\n# x\n", "FILE: there is no key in it: give the .pub file"],
    ["options before the key", `restrict ${freshKey()}`, "--option restrict"],
    ["the third line", `${freshKey()}\n\nssh-ed25519 AAAA\n`, "FILE, line 3: "],
  ])("%s", (_, text, said) => {
    expect(() => readKeys(text, "FILE")).toThrow(said);
  });

  test("a private key, in no word of which it is repeated", () => {
    const pem = String(privateKey.export({ format: "pem", type: "pkcs8" }));
    expect(() => readKeys(pem, "id_rsa")).toThrow(
      /^id_rsa is a private key \(PEM\); it was read no further and sent nowhere: .*: ssh-keygen -y -f id_rsa$/,
    );
  });
});
