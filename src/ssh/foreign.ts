import { createRequire } from "node:module";
import type sshpk from "sshpk";
import { decodeBase64 } from "./base64.ts";
import { decodeKeyBlob } from "./blob.ts";
import { describePrivateKey } from "./privatekey.ts";

/**
 * Says, in one sentence, what a text in another format than OpenSSH's one line is; undefined where no format is
 * recognised. A public key is given as the OpenSSH line it amounts to; of a private key nothing is repeated.
 * Line breaks may have been folded into spaces. The first PEM key of a process takes about 50 ms to load sshpk.
 */
export function describeForeign(text: string): string | undefined {
  return describePrivateKey(text) ?? describeSSH2(text) ?? describePEM(text);
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
  for (const { label, name, convert } of PEM_LABELS) {
    const body = between(text, `-----BEGIN ${label}-----`, "-----END");
    if (body === undefined) continue;
    return withLine(`This is a public key in PEM form (${name})`, blobOfPEM(label, body), convert);
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) {
    return "This is an X.509 certificate and not an SSH key; give the line of your .pub file, which comes with a key made by: ssh-keygen -t ed25519";
  }
  if (text.includes("-----BEGIN PGP PUBLIC KEY")) {
    return "This is an OpenPGP public key; print the SSH key of its authentication subkey with: gpg --export-ssh-key USER";
  }
  return undefined;
}

function withLine(what: string, bytes: Buffer | undefined, convert: string): string {
  const decoded = bytes && decodeKeyBlob(bytes);
  if (!decoded?.ok) return `${what} that is damaged or of no SSH type; convert the original with: ${convert}`;
  const { type, blob } = decoded.value;
  return `${what}; as an OpenSSH line it is: ${type} ${blob.toString("base64")}`;
}

/** The blob of a PEM public key as sshpk reads it, or undefined where it can't. */
function blobOfPEM(label: string, body: string): Buffer | undefined {
  const base64 = body.replaceAll(/\s/g, "");
  const lines = base64.match(/.{1,64}/g) ?? [];
  const pem = [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
  const { parseKey } = loadSSHPK();
  try {
    return parseKey(pem, "pem").toBuffer("rfc4253", {});
  } catch {
    // sshpk throws whatever its parsers meet; the caller says that the key is unreadable.
    return undefined;
  }
}

function between(text: string, begin: string, end: string): string | undefined {
  const start = text.indexOf(begin);
  if (start === -1) return undefined;
  const stop = text.indexOf(end, start + begin.length);
  return text.slice(start + begin.length, stop === -1 ? undefined : stop);
}

/** sshpk takes 40 ms and 11 MB to load: only those who paste such a key pay. */
function loadSSHPK(): typeof sshpk {
  // A bundler sees the first call and packs the module; plain Node has no `require` in an ES module.
  return typeof require === "function" ? require("sshpk") : createRequire(import.meta.url)("sshpk");
}

const PEM_LABELS = [
  { label: "PUBLIC KEY", name: "PKCS#8", convert: "ssh-keygen -i -m PKCS8 -f FILE" },
  { label: "RSA PUBLIC KEY", name: "PKCS#1", convert: "ssh-keygen -i -m PEM -f FILE" },
] as const;
