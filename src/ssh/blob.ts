import { KEY_FORMATS } from "./keyformat.ts";
import { blobType, isCertificateType, KEY_TYPES, type KeyType } from "./keytype.ts";
import { accept, type Result, refuse } from "./refusal.ts";
import { encodeStrings, WireReader } from "./wire.ts";

export interface KeyBlob {
  readonly type: KeyType;
  /** The canonical encoding: two encodings of one key have the same. */
  readonly blob: Buffer;
  /** As `ssh-keygen -l` prints it. */
  readonly bits: number;
}

/**
 * Reads the binary form of a public key, the part of a key line that is written in base64. Refuses what OpenSSH's
 * sshkey_from_blob refuses, and certificates. The result may share memory with the input. The type that is most
 * likely, where one is known, makes it faster and changes nothing else.
 */
export function decodeKeyBlob(bytes: Buffer, likely?: KeyType): Result<KeyBlob> {
  const reader = new WireReader(bytes);
  const type = readType(reader, likely);
  if (!type.ok) return type;
  const bits = KEY_FORMATS[type.value](reader);
  reader.end();
  if (reader.refusal !== undefined) return { ok: false, refusal: reader.refusal };
  return accept({ type: type.value, blob: reader.canonical(), bits });
}

function readType(reader: WireReader, likely: KeyType | undefined): Result<KeyType> {
  // Comparing the bytes is several times faster than making a string of them and looking that up.
  const encoded = likely && ENCODED_NAMES.get(likely);
  if (likely !== undefined && encoded !== undefined && reader.skip(encoded)) return accept(likely);
  const name = reader.text();
  if (reader.refusal !== undefined) return { ok: false, refusal: reader.refusal };
  const type = blobType(name);
  if (type === undefined) return isCertificateType(name) ? refuseCertificate() : refuseUnknownType();
  if (name !== type) reader.replaceField(Buffer.from(type));
  return accept(type);
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

const ENCODED_NAMES: ReadonlyMap<KeyType, Buffer> = new Map(
  KEY_TYPES.map((type) => [type, encodeStrings([Buffer.from(type)])]),
);
