import { createPublicKey, type KeyObject } from "node:crypto";
import { decodeBase64 } from "./base64.ts";
import { decodeKeyBlob, type KeyBlob } from "./blob.ts";
import { blobOfKeyObject } from "./keyobject.ts";

/** A public key in another format than OpenSSH's one line, or what else is known of such a text. */
export interface Foreign {
  /** What it is, as the beginning of a sentence. */
  readonly what: string;
  /** The key; undefined where it is damaged, of no SSH type, or nothing that becomes a key. */
  readonly key: KeyBlob | undefined;
  /** What the format itself says of the key, as RFC 4716 does; otherwise empty. */
  readonly comment: string;
  /** What to do where there is no key, as the end of a sentence. */
  readonly advice: string;
}

/**
 * Says, in one sentence, what a text in another format than OpenSSH's one line is; undefined where no format is
 * recognised. A public key is given as the OpenSSH line it amounts to. Line breaks may have been folded into spaces.
 * To be asked after describePrivateKey: this one looks for public keys only.
 */
export function describeForeign(text: string): string | undefined {
  const foreign = readForeign(text);
  if (foreign === undefined) return undefined;
  const { what, key, advice } = foreign;
  if (key === undefined) return `${what}${advice}`;
  return `${what}; as an OpenSSH line it is: ${key.type} ${key.blob.toString("base64")}`;
}

/** The same as its parts. */
export function readForeign(text: string): Foreign | undefined {
  return readSSH2(text) ?? readPEM(text) ?? readJWK(text) ?? readDER(text);
}

/** RFC 4716: header lines with a colon, then the base64 of the blob. */
function readSSH2(text: string): Foreign | undefined {
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
  const header = lines.find((line) => /^comment:/i.test(line))?.slice("comment:".length) ?? "";
  const comment = header.trim().replace(/^"(.*)"$/, "$1");
  const foreign = keyOr(
    "This is an RFC 4716 (ssh.com) public key",
    decodeBase64(base64),
    convertedWith("ssh-keygen -i -f FILE"),
  );
  return { ...foreign, comment: isMadeUp(comment) ? "" : comment };
}

/** Is it what `ssh-keygen -e` puts in place of the key's comment? */
function isMadeUp(comment: string): boolean {
  return comment.includes(", converted by ") && comment.endsWith(" from OpenSSH");
}

function readPEM(text: string): Foreign | undefined {
  for (const { label, name, type, convert } of PEM_LABELS) {
    const body = between(text, `-----BEGIN ${label}-----`, "-----END");
    if (body === undefined) continue;
    const der = Buffer.from(body, "base64");
    return keyOr(`This is a public key in PEM form (${name})`, blobOfDER(der, type), convertedWith(convert));
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) {
    return {
      what: "This is an X.509 certificate and not an SSH key",
      advice: "; give the line of your .pub file, which ssh-keygen makes with each key.",
      ...NO_KEY,
    };
  }
  if (text.includes("-----BEGIN PGP PUBLIC KEY")) {
    return {
      what: "This is an OpenPGP public key",
      advice: "; print the SSH key of its authentication subkey with: gpg --export-ssh-key USER",
      ...NO_KEY,
    };
  }
  return undefined;
}

/** RFC 7517: a JSON object with "kty". */
function readJWK(text: string): Foreign | undefined {
  if (!text.includes('"kty"')) return undefined;
  const blob = quietly(() => blobOfKeyObject(createPublicKey({ key: JSON.parse(text), format: "jwk" })));
  return keyOr("This is a JSON Web Key", blob, "give the line of your .pub file instead.");
}

/** PEM without its head and foot: base64 of a SEQUENCE (0x30, so it begins with M) and nothing else. */
function readDER(text: string): Foreign | undefined {
  const word = text.trim();
  if (!word.startsWith("M")) return undefined;
  const der = decodeBase64(word.replaceAll(/[ \t]/g, ""));
  if (der === undefined) return undefined;
  for (const { name, type, convert } of PEM_LABELS) {
    const blob = blobOfDER(der, type);
    if (blob !== undefined)
      return keyOr(
        `This is the base64 of a public key (${name}) without its PEM header`,
        blob,
        convertedWith(convert),
      );
  }
  return undefined;
}

function keyOr(what: string, bytes: Buffer | undefined, whatToDo: string): Foreign {
  const decoded = bytes && decodeKeyBlob(bytes);
  const advice = ` that is damaged or of no SSH type; ${whatToDo}`;
  return { what, key: decoded?.ok ? decoded.value : undefined, comment: "", advice };
}

function convertedWith(command: string): string {
  return `convert the original with: ${command}`;
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

const NO_KEY = { key: undefined, comment: "" } as const;
