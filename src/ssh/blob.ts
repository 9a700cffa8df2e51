import { KEY_FORMATS } from "./keyformat.ts";
import { blobType, isCertificateType, KEY_TYPES, type KeyType } from "./keytype.ts";
import { accept, type Result, refuse } from "./refusal.ts";
import { encodeStrings, WireReader } from "./wire.ts";

export interface KeyBlob {
  readonly type: KeyType;
  /** The canonical encoding: two spellings of one key have the same. */
  readonly blob: Buffer;
  /** As `ssh-keygen -l` prints it. */
  readonly bits: number;
}

/**
 * Reads the binary form of a public key, the part of a key line that is written in base64. Refuses what OpenSSH's
 * sshkey_from_blob refuses, and certificates. The result may share memory with the input.
 */
export function decodeKeyBlob(bytes: Buffer): Result<KeyBlob> {
  const reader = new WireReader(bytes);
  const name = reader.text().toString("latin1");
  if (reader.refusal !== undefined) return { ok: false, refusal: reader.refusal };
  const type = blobType(name);
  if (type === undefined) return isCertificateType(name) ? refuseCertificate() : refuseUnknownType();
  const { bits, strings } = KEY_FORMATS[type](reader);
  reader.end();
  if (reader.refusal !== undefined) return { ok: false, refusal: reader.refusal };
  return accept({ type, blob: canonical(bytes, name, type, strings), bits });
}

function canonical(bytes: Buffer, name: string, type: KeyType, strings: readonly Buffer[]): Buffer {
  const size = strings.reduce((sum, string) => sum + 4 + string.length, 4 + type.length);
  // Reading only ever shortens a string: with the same name and as many bytes, nothing was spelled otherwise.
  if (name === type && size === bytes.length) return bytes;
  return encodeStrings([Buffer.from(type), ...strings]);
}

export function refuseCertificate<T>(): Result<T> {
  return refuse(
    "Certificate",
    "This is an OpenSSH certificate, which expires and is trusted through its authority; give the plain key, the .pub file without -cert in its name.",
  );
}

export function refuseUnknownType<T>(): Result<T> {
  return refuse(
    "UnknownType",
    `The key is of no type known here; give a key of one of these types: ${KEY_TYPES.join(", ")}.`,
  );
}
