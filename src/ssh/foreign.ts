import { createPublicKey, type KeyObject } from "node:crypto";
import { decodeBase64 } from "./base64.ts";
import { decodeKeyBlob } from "./blob.ts";
import { blobOfKeyObject } from "./keyobject.ts";

/**
 * Says, in one sentence, what a text in another format than OpenSSH's one line is; undefined where no format is
 * recognised. A public key is given as the OpenSSH line it amounts to. Line breaks may have been folded into spaces.
 * To be asked after describePrivateKey: this one looks for public keys only.
 */
export function describeForeign(text: string): string | undefined {
  return describeSSH2(text) ?? describePEM(text) ?? describeJWK(text) ?? describeDER(text);
}

/** RFC 4716: header lines with a colon, then the base64 of the blob. */
function describeSSH2(text: string): string | undefined {
  const body = between(text, "---- BEGIN SSH2 PUBLIC KEY ----", "---- END");
  if (body === undefined) return undefined;
  const lines = body
    .replaceAll("\\\n", "")
    .replaceAll("\\\r\n", "")
    .split(/[\r\n]+/);
  const base64 = lines
    .filter((line) => !line.includes(":"))
    .join("")
    .replaceAll(/[ \t]/g, "");
  return withLine("This is an RFC 4716 (ssh.com) public key", decodeBase64(base64), "ssh-keygen -i -f FILE");
}

function describePEM(text: string): string | undefined {
  for (const { label, name, type, convert } of PEM_LABELS) {
    const body = between(text, `-----BEGIN ${label}-----`, "-----END");
    if (body === undefined) continue;
    const der = Buffer.from(body, "base64");
    return withLine(`This is a public key in PEM form (${name})`, blobOfDER(der, type), convert);
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) {
    return "This is an X.509 certificate and not an SSH key; give the line of your .pub file, which comes with a key made by: ssh-keygen -t ed25519";
  }
  if (text.includes("-----BEGIN PGP PUBLIC KEY")) {
    return "This is an OpenPGP public key; print the SSH key of its authentication subkey with: gpg --export-ssh-key USER";
  }
  return undefined;
}

/** RFC 7517: a JSON object with "kty". */
function describeJWK(text: string): string | undefined {
  if (!text.includes('"kty"')) return undefined;
  const blob = quietly(() => blobOfKeyObject(createPublicKey({ key: JSON.parse(text), format: "jwk" })));
  return withLine("This is a JSON Web Key", blob, "a .pub file made by: ssh-keygen -t ed25519");
}

/** PEM without its head and foot: base64 of a SEQUENCE (0x30, so it begins with M) and nothing else. */
function describeDER(text: string): string | undefined {
  const word = text.trim();
  if (!word.startsWith("M")) return undefined;
  const der = decodeBase64(word.replaceAll(/[ \t]/g, ""));
  if (der === undefined) return undefined;
  for (const { name, type, convert } of PEM_LABELS) {
    const blob = blobOfDER(der, type);
    if (blob !== undefined) {
      return withLine(`This is the base64 of a public key (${name}) without its PEM header`, blob, convert);
    }
  }
  return undefined;
}

function withLine(what: string, bytes: Buffer | undefined, convert: string): string {
  const decoded = bytes && decodeKeyBlob(bytes);
  if (!decoded?.ok) return `${what} that is damaged or of no SSH type; convert the original with: ${convert}`;
  const { type, blob } = decoded.value;
  return `${what}; as an OpenSSH line it is: ${type} ${blob.toString("base64")}`;
}

function blobOfDER(der: Buffer, type: "spki" | "pkcs1"): Buffer | undefined {
  return quietly(() => blobOfKeyObject(publicKeyOf(der, type)));
}

function publicKeyOf(key: Buffer, type: "spki" | "pkcs1"): KeyObject {
  return createPublicKey({ key, format: "der", type });
}

/** Node throws what OpenSSL or its JSON reader met; the caller says that the key is unreadable. */
function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function between(text: string, begin: string, end: string): string | undefined {
  const start = text.indexOf(begin);
  if (start === -1) return undefined;
  const stop = text.indexOf(end, start + begin.length);
  return text.slice(start + begin.length, stop === -1 ? undefined : stop);
}

const PEM_LABELS = [
  { label: "PUBLIC KEY", name: "PKCS#8", type: "spki", convert: "ssh-keygen -i -m PKCS8 -f FILE" },
  { label: "RSA PUBLIC KEY", name: "PKCS#1", type: "pkcs1", convert: "ssh-keygen -i -m PEM -f FILE" },
] as const;
