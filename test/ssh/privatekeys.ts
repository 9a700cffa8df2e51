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

/** What people write of keys, and public keys of other kinds: none of it is a private key. */
export const HARMLESS: readonly string[] = [
  "FRONT-END PRIVATE KEY (old laptop)",
  "BACK-END PRIVATE KEY",
  "my PRIVATE KEY -- laptop",
  "my private key: END of year, backend-private-key",
  "PRIVATE KEY - the other half is on the token",
  "BEGIN to use this instead of the PRIVATE KEY of 2019",
  "PuTTY-User-Key-File converted in May",
  "Private-Lines: none here",
  "SSH private key file format: OpenSSH",
  "ssh2 private key of the old laptop",
  "openssh-key-v1",
  "private key \u2013 see the vault",
  '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
  'echo "d": "short"',
];

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
  "in lower case": (file) => file.toLowerCase(),
  "in upper case": (file) => file.toUpperCase(),
  "with the dashes of a word processor": (file) => file.replaceAll("-----", "\u2014\u2013"),
  "with a NUL beside each letter": (file) => Buffer.from(file, "utf16le").toString("latin1"),
  "in hexadecimal": (file) => Buffer.from(file).toString("hex"),
  "in base64 of UTF-16": (file) => Buffer.from(file, "utf16le").toString("base64"),
  "in base64 of UTF-16 with a byte order mark": (file) =>
    Buffer.from(`\ufeff${file}`, "utf16le").toString("base64"),
  "in base64 of UTF-16, big end first": (file) =>
    Buffer.from(`\ufeff${file}`, "utf16le").swap16().toString("base64"),
  "in base64 with two spaces in front": (file) => Buffer.from(`  ${file}`).toString("base64"),
};

/** JSON Web Keys with their private members, as text. */
export function privateJWKs(): Record<string, string> {
  const pairs = {
    ed25519: generateKeyPairSync("ed25519"),
    rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
    "P-256": generateKeyPairSync("ec", { namedCurve: "P-256" }),
  };
  return Object.fromEntries(
    Object.entries(pairs).flatMap(([name, { privateKey }]) => {
      const jwk = privateKey.export({ format: "jwk" });
      return [
        [`JWK ${name}`, JSON.stringify(jwk)],
        [`JWK ${name}, indented`, JSON.stringify(jwk, null, 2)],
        [`JWK ${name}, in a string`, JSON.stringify(JSON.stringify(jwk))],
        [`JWK ${name}, URL-encoded`, encodeURIComponent(JSON.stringify(jwk))],
        [`JWK ${name}, in base64`, Buffer.from(JSON.stringify(jwk)).toString("base64")],
        [`JWK ${name}, indented, in base64`, Buffer.from(JSON.stringify(jwk, null, 2)).toString("base64")],
        [
          `JWK ${name}, as Python prints it`,
          JSON.stringify(jwk).replaceAll('"', "'").replaceAll(/[:,]/g, "$& "),
        ],
      ];
    }),
  );
}

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
