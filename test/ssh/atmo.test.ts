import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { Random } from "./random.ts";
import { accepted, codeOf, messageOf } from "./refusals.ts";
import { blobOf, dssSample, ecdsaSample, lineOf, rsaSample, type Sample } from "./samples.ts";

const random = new Random(1);
const FIVE: readonly Sample[] = [
  rsaSample(random, 2048),
  dssSample(random, 1024),
  ecdsaSample(random, "nistp256"),
  ecdsaSample(random, "nistp384"),
  ecdsaSample(random, "nistp521"),
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "atmo-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each(FIVE)("ATMO: a key with the prefix $type is valid", (sample) => {
  expect(accepted(parsePublicKey(lineOf(sample))).type).toBe(sample.type);
});

test("ATMO: key data with none of the known prefixes is refused", () => {
  expect(codeOf(parsePublicKey("ssh-ed448 AAAACXNzaC1lZDQ0OAAAADk= alice"))).toBe("UnknownType");
});

test("ATMO: a key above the size limit is refused", () => {
  expect(codeOf(parsePublicKey(`${lineOf(rsaSample(random, 2048))}${"x".repeat(16_384)}`))).toBe("TooLong");
});

test("ATMO: a key of 100 kB is refused", () => {
  expect(codeOf(parsePublicKey("A".repeat(100_000)))).toBe("TooLong");
});

test.each([
  ["OpenSSH", ["-t", "ed25519"]],
  ["PEM", ["-t", "rsa", "-b", "2048", "-m", "PEM"]],
  ["PKCS#8", ["-t", "ecdsa", "-m", "PKCS8"]],
  ["encrypted", ["-t", "ed25519", "-a", "1", "-N", "passphrase"]],
])("ATMO: a private key (%s) is refused and says how to get the public one", (name, args) => {
  const file = join(folder, name.replace("#", ""));
  execFileSync("ssh-keygen", ["-q", ...(args.includes("-N") ? [] : ["-N", ""]), ...args, "-f", file]);
  const refused = parsePublicKey(readFileSync(file, "utf8"));
  expect([codeOf(refused), messageOf(refused)]).toEqual([
    "PrivateKey",
    expect.stringContaining("ssh-keygen -y -f FILE"),
  ]);
});

test("ATMO: a key that exists already is known by its fingerprint, however it is spelled", () => {
  const sample = rsaSample(random, 2048);
  const padded = {
    ...sample,
    strings: sample.strings.map((value) => Buffer.concat([Buffer.alloc(3), value])),
  };
  const spellings = [
    lineOf(sample, "alice"),
    `  ssh-rsa\t${blobOf(padded).toString("base64")}`,
    `${lineOf(sample, "bob")}\n`,
  ];
  const fingerprints = spellings.map((line) => fingerprintSHA256(accepted(parsePublicKey(line)).blob));
  expect(new Set(fingerprints).size).toBe(1);
});
