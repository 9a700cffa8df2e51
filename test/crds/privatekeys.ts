import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Fresh private keys by name of their file format, each as the text of its file. */
export function privateKeys(): Record<string, string> {
  const ed25519 = generateKeyPairSync("ed25519").privateKey;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const ec521 = generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey;
  const encrypted = { format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "secret" } as const;
  return {
    "OpenSSH ed25519": sshKeygen("ed25519").privateKey,
    "OpenSSH ed25519, encrypted": sshKeygen("ed25519", "-N", "secret").privateKey,
    "OpenSSH rsa": sshKeygen("rsa").privateKey,
    "OpenSSH ecdsa": sshKeygen("ecdsa").privateKey,
    "PKCS #8 ed25519": ed25519.export({ format: "pem", type: "pkcs8" }).toString(),
    "PKCS #8 rsa": rsa.export({ format: "pem", type: "pkcs8" }).toString(),
    "PKCS #8 ecdsa": ec.export({ format: "pem", type: "pkcs8" }).toString(),
    "PKCS #8 ed25519, encrypted": ed25519.export(encrypted).toString(),
    "PKCS #8 rsa, encrypted": rsa.export(encrypted).toString(),
    "PKCS #1 rsa": rsa.export({ format: "pem", type: "pkcs1" }).toString(),
    "SEC 1 P-256": ec.export({ format: "pem", type: "sec1" }).toString(),
    "SEC 1 P-521": ec521.export({ format: "pem", type: "sec1" }).toString(),
  };
}

/** Files of formats that nothing here can write: true headers around random material. */
export function privateKeyLookalikes(): Record<string, string> {
  const body = randomBytes(192)
    .toString("base64")
    .replaceAll(/(.{64})/g, "$1\n");
  return {
    "PuTTY 3": `PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: alice\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 4\n${body}\nPrivate-MAC: ${randomBytes(32).toString("hex")}\n`,
    "RFC 4716, encrypted": `---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: "alice"\n${body}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n`,
    "PEM of DSA": `-----BEGIN DSA PRIVATE KEY-----\n${body}\n-----END DSA PRIVATE KEY-----\n`,
    "SSH 1": `SSH PRIVATE KEY FILE FORMAT 1.1\n${body}`,
  };
}

/** What becomes of a file on its way into a YAML field. */
export const MANGLINGS: Readonly<Record<string, (file: string) => string>> = {
  "as it is": (file) => file,
  "with CRLF": (file) => file.replaceAll("\n", "\r\n"),
  indented: (file) => file.replaceAll(/^/gm, "    "),
  "folded into one line": (file) => file.trim().replaceAll(/\s+/g, " "),
  "joined without spaces": (file) => file.replaceAll("\n", ""),
  "with \\n spelled out": (file) => file.replaceAll("\n", "\\n"),
  "in quotes": (file) => `"${file}"`,
  "below a line of text": (file) => `my key:\n${file}`,
  "URL-encoded": (file) => encodeURIComponent(file),
  "in base64": (file) => Buffer.from(file).toString("base64"),
  "in base64 with a space in front": (file) => Buffer.from(` ${file}`).toString("base64"),
  "in base64 with two spaces in front": (file) => Buffer.from(`  ${file}`).toString("base64"),
};

/** The base64 between the armour of a PEM-like file, joined. */
export function pemBody(file: string): string {
  return file.replaceAll(/-----[^-]+-----|\s/g, "");
}

/** What `ssh-keygen -t TYPE...` writes, both files as text, without a passphrase unless `-N` gives one. */
export function sshKeygen(...type: string[]): { privateKey: string; publicKey: string } {
  const dir = mkdtempSync(join(tmpdir(), "privatekeys-"));
  const file = join(dir, "key");
  const passphrase = type.includes("-N") ? [] : ["-N", ""];
  try {
    execFileSync("ssh-keygen", ["-q", "-f", file, "-C", "", ...passphrase, "-t", ...type]);
    return { privateKey: readFileSync(file, "utf8"), publicKey: readFileSync(`${file}.pub`, "utf8") };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
