import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { readPasted } from "../../../../src/portal/sshkeys/pastedkey.ts";
import { growth, LINEAR } from "../../../growth.ts";
import { freshKey, freshRSAKey } from "../../../operator/publickeys.ts";
import { HOSTILE } from "../../../ssh/hostile.ts";

const [KEY, OTHER, THIRD] = [freshKey(), freshKey(), freshKey()];
const RSA = freshRSAKey(3072);
const [TYPE = "", BASE64 = ""] = RSA.split(" ");
const ED25519_BASE64 = KEY.split(" ")[1] ?? "";

/** The line that the form goes on with, and whether somebody has to look at it first. */
function read(text: string) {
  const { first, others } = readPasted(text);
  if ("code" in first) return { code: first.code, others };
  return {
    line: first.line,
    isChanged: first.change !== undefined,
    others,
    ...(first.options.length === 0 ? {} : { options: first.options }),
  };
}

function wrapped(text: string, columns: number, lineBreak = "\r\n"): string {
  return text.replaceAll(new RegExp(`.{${columns}}`, "g"), `$&${lineBreak}`);
}

describe("one key is taken as it stands", () => {
  test.each([
    ["with a newline at the end", `${KEY} alice@laptop\r\n`],
    ["with blank lines around", `\r\n\r\n${KEY} alice@laptop\r\n\r\n`],
    ["with spaces at the ends", `  ${KEY} alice@laptop  `],
    ["with two spaces between", `${KEY.replace(" ", "  ")}  alice@laptop`],
    ["with a tab between", `${KEY.replace(" ", "\t")}\talice@laptop`],
    ["below a comment", `# my laptop\r\n${KEY} alice@laptop`],
  ])("%s", (_, text) => {
    expect(read(text)).toEqual({ line: `${KEY} alice@laptop`, isChanged: false, others: [] });
  });

  test("with quotes and commas in its comment", () => {
    const line = `${KEY} "Al" O'Neil, laptop`;
    expect(read(line)).toEqual({ line, isChanged: false, others: [] });
  });
});

describe("a broken key is joined, to be looked at", () => {
  test.each([20, 64, 76, 80])("after column %i", (columns) => {
    expect(read(wrapped(`${RSA} alice@laptop`, columns))).toMatchObject({ isChanged: true, others: [] });
    expect(read(wrapped(RSA, columns))).toMatchObject({ line: RSA });
  });

  test("with the comment it has on its last line", () => {
    const text = `${TYPE} ${BASE64.slice(0, 80)}\r\n${BASE64.slice(80)} alice@laptop`;
    expect(read(text)).toMatchObject({ line: `${RSA} alice@laptop`, isChanged: true });
  });

  test("between the type and the base64", () => {
    expect(read(`${TYPE}\n${BASE64}`)).toMatchObject({ line: RSA, isChanged: true });
  });

  test("between the base64 and the comment", () => {
    expect(read(`${RSA}\nalice@laptop`)).toMatchObject({ line: `${RSA} alice@laptop`, isChanged: true });
  });

  test("by spaces", () => {
    expect(read(`${TYPE} ${BASE64.slice(0, 80)} ${BASE64.slice(80)}`)).toMatchObject({ line: RSA });
  });

  test("beside whole ones", () => {
    const broken = wrapped(RSA, 80);
    expect(read(`${broken}\n${KEY} b`)).toMatchObject({ line: RSA, others: [`${KEY} b`] });
  });

  test("never from pieces that make no key", () => {
    expect(read(`${TYPE} ${BASE64.slice(0, 80)}\n${BASE64.slice(90)}`)).toMatchObject({ others: [] });
    expect(read(`${TYPE} ${BASE64.slice(0, 80)}\n${BASE64.slice(90)}`)).not.toHaveProperty("line");
  });
});

describe("several keys", () => {
  test("are the first and the others, none lost", () => {
    expect(read(`${KEY} a\r\n${OTHER} b\r\n${THIRD} c\r\n`)).toEqual({
      line: `${KEY} a`,
      isChanged: false,
      others: [`${OTHER} b`, `${THIRD} c`],
    });
  });

  test("are counted with their comments left out", () => {
    expect(read(`# one\n${KEY}\n# two\n${OTHER}`)).toMatchObject({ line: KEY, others: [OTHER] });
  });

  test("keep one that is no good for its own turn", () => {
    expect(read(`${KEY}\nssh-ed25519 AAAA`)).toMatchObject({ line: KEY, others: ["ssh-ed25519 AAAA"] });
  });

  test("on one line are told", () => {
    expect(read(`${KEY} ${OTHER}`)).toMatchObject({ code: "SeveralKeys" });
  });
});

describe("options before the key", () => {
  test("are found, one an entry", () => {
    expect(read(`command="echo \\"hi\\", x",restrict ${KEY} alice`)).toEqual({
      line: `${KEY} alice`,
      isChanged: false,
      others: [],
      options: ['command="echo \\"hi\\", x"', "restrict"],
    });
  });

  test("are none in a line of known_hosts", () => {
    const { first } = readPasted(`host.example,192.0.2.1 ${KEY}`);
    expect("message" in first && first.message).toContain("known_hosts");
  });
});

describe("what is no OpenSSH line", () => {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

  test.each(["spki", "pkcs1"] as const)("is converted from PEM (%s)", (type) => {
    const text = publicKey.export({ type, format: "pem" }).toString();
    expect(read(text)).toMatchObject({ line: expect.stringMatching(/^ssh-rsa AAAA/), isChanged: true });
  });

  test("is converted from RFC 4716, which PuTTY writes, with its comment", () => {
    const body = `Comment: "ed25519-key-20260101"\r\n${wrapped(ED25519_BASE64, 40)}`;
    const text = `---- BEGIN SSH2 PUBLIC KEY ----\r\n${body}\r\n---- END SSH2 PUBLIC KEY ----\r\n`;
    expect(read(text)).toMatchObject({ line: `${KEY} ed25519-key-20260101`, isChanged: true });
  });

  test("is taken out of quotes", () => {
    expect(read(`"${KEY} alice",`)).toMatchObject({ line: `${KEY} alice`, isChanged: true });
  });

  test("is taken out of a letter", () => {
    expect(read(`Here is my key:\n${KEY} alice`)).toMatchObject({ line: `${KEY} alice`, isChanged: true });
  });

  test.each([
    ["nothing", " \r\n", "Missing"],
    ["comments alone", "# my key", "Missing"],
    ["a fingerprint", `256 SHA256:${"a".repeat(43)} alice@laptop (ED25519)`, "Fingerprint"],
    ["an MD5 fingerprint", `2048 MD5:${"ab:".repeat(15)}ab alice@laptop (RSA)`, "Fingerprint"],
    [
      "a fingerprint and its picture",
      `256 SHA256:${"a".repeat(43)} alice (ED25519)\n+--[ED25519 256]--+`,
      "Fingerprint",
    ],
    ["a certificate", "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5 alice", "Certificate"],
    ["a CA", `@cert-authority *.example ${KEY}`, "OptionsInKey"],
    ["a name", "id_ed25519.pub", "UnknownType"],
    ["an X.509 certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "ForeignFormat"],
  ])("is told: %s", (_, text, code) => {
    expect(read(text)).toEqual({ code, others: [] });
  });
});

describe("readPasted takes at most its share for twice the text:", () => {
  const pieces: Readonly<Record<string, (size: number) => string>> = {
    "a key in many pieces": (size) => `${TYPE} ${"AAAA ".repeat(size / 5)}`,
    "a key on many lines": (size) => `${TYPE} ${BASE64.slice(0, 64)}\n${"AAAA\n".repeat(size / 5)}`,
    "many keys": (size) => `${TYPE}\n`.repeat(size / 8),
    "many quotes": (size) => `"${KEY}${'"'.repeat(size)}x`,
    "a long option": (size) => `a="${'\\"'.repeat(size / 2)}" ${KEY}`,
    ...HOSTILE,
  };

  test.each(Object.entries(pieces))("%s", (_, make) => {
    const [short, long] = [make(20_000), make(40_000)].map((text) => JSON.parse(JSON.stringify(text)));
    expect(
      growth(
        () => readPasted(short),
        () => readPasted(long),
      ),
    ).toBeLessThan(LINEAR);
  });
});

test("what is far too long is told without a look at it", () => {
  expect(read(`${KEY} ${"x".repeat(100_000)}`)).toEqual({ code: "TooLong", others: [] });
});
