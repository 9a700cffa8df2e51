import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fingerprintMD5, fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import { keygenAnswers } from "./keygen.ts";
import { accepted, codeOf } from "./refusals.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "keygen-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function generate(type: string, bits: string): string {
  const file = join(mkdtempSync(join(folder, "key-")), "id");
  execFileSync("ssh-keygen", ["-q", "-t", type, "-b", bits, "-N", "", "-C", "alice@laptop", "-f", file]);
  return file;
}

test.each([
  ["rsa", "1024"],
  ["rsa", "2048"],
  ["rsa", "3072"],
  ["dsa", "1024"],
  ["ecdsa", "256"],
  ["ecdsa", "384"],
  ["ecdsa", "521"],
  ["ed25519", "256"],
])("a new %s key of %s bits gets bits and fingerprints as ssh-keygen -l prints them", async (type, bits) => {
  const line = readFileSync(`${generate(type, bits)}.pub`, "utf8").trimEnd();
  const [[sha256], [md5]] = await Promise.all([
    keygenAnswers([line], "sha256"),
    keygenAnswers([line], "md5"),
  ]);
  const key = accepted(parsePublicKey(line));
  expect([key.bits, fingerprintSHA256(key.blob), `MD5:${fingerprintMD5(key.blob)}`]).toEqual([
    sha256?.bits,
    sha256?.fingerprint,
    md5?.fingerprint,
  ]);
});

test("a certificate that ssh-keygen signed is refused as one", () => {
  const authority = generate("ed25519", "256");
  const key = generate("ecdsa", "384");
  execFileSync("ssh-keygen", ["-q", "-s", authority, "-I", "alice", "-n", "alice", `${key}.pub`]);
  expect(codeOf(parsePublicKey(readFileSync(`${key}-cert.pub`, "utf8")))).toBe("Certificate");
});
