import { generateKeyPairSync, hash, type KeyObject, sign } from "node:crypto";
import { blobOfKeyObject } from "../../src/ssh/keyobject.ts";
import type { KeyType } from "../../src/ssh/keytype.ts";
import { encodeStrings, stringsOf } from "../../src/ssh/wire.ts";
import { mpint } from "./samples.ts";

/** A key pair that signs as OpenSSH does, and as it should not. */
export interface SigningKey {
  readonly type: KeyType;
  /** Of the public key. */
  readonly blob: Buffer;
  /** Of a hybrid key two: ML-DSA-44 and Ed25519. */
  readonly privateKeys: readonly KeyObject[];
}

/** What stands in a signature of RFC 4253 section 6.6, where it is not what an honest signer puts there. */
export interface SignatureFields {
  /** Its name, which of RSA decides the hash and of sk-ecdsa whether a browser made it. Default for RSA: rsa-sha2-512. */
  readonly algorithm?: string | undefined;
  /** Of a security key. Default: touched. */
  readonly flags?: number;
  readonly counter?: number;
  /** That the security key signs, whatever its blob says. */
  readonly application?: string;
  /** Of a browser. */
  readonly origin?: string;
  readonly clientData?: (challenge: string, origin: string) => string;
  readonly extensions?: Buffer;
}

/** The same of an SSHSIG. Signed are the namespace, the hash's name and, as OpenSSH has it, an empty reserved field. */
export interface SSHSIGFields extends SignatureFields {
  readonly version?: number;
  readonly publicKey?: Buffer;
  readonly namespace?: string;
  readonly reserved?: Buffer;
  readonly hashAlgorithm?: string;
  /** Makes the signature in place of the key, whose private half is then not needed. */
  readonly sign?: (data: Buffer) => Buffer;
  /** What becomes of the signature. */
  readonly alter?: (signature: Buffer) => Buffer;
  /** Behind the last field. */
  readonly behind?: Buffer;
}

export const NAMESPACE = "sshkey-operator.dev";
export const WEBAUTHN = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";
export const USER_PRESENT = 0x01;
export const USER_VERIFIED = 0x04;

/** Makes a key pair; bits count for RSA, the application for security keys. */
export function makeKey(type: KeyType, { bits = 2048, application = "ssh:" } = {}): SigningKey {
  switch (type) {
    case "ssh-rsa":
      return plainKey(type, generateKeyPairSync("rsa", { modulusLength: bits }));
    case "ssh-dss":
      return plainKey(type, generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 }));
    case "ssh-ed25519":
      return plainKey(type, generateKeyPairSync("ed25519"));
    case "ecdsa-sha2-nistp256":
    case "ecdsa-sha2-nistp384":
    case "ecdsa-sha2-nistp521":
      return plainKey(type, generateKeyPairSync("ec", { namedCurve: `P-${type.slice(-3)}` }));
    case "sk-ssh-ed25519@openssh.com":
      return securityKey(type, makeKey("ssh-ed25519"), application);
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      return securityKey(type, makeKey("ecdsa-sha2-nistp256"), application);
    case "ssh-mldsa44-ed25519@openssh.com": {
      const mldsa = generateKeyPairSync("ml-dsa-44");
      const ed25519 = makeKey("ssh-ed25519");
      const { pub = "" } = mldsa.publicKey.export({ format: "jwk" });
      const halves = [Buffer.from(String(pub), "base64url"), ...stringsOf(ed25519.blob).slice(1)];
      const blob = encodeStrings([Buffer.from(type), Buffer.concat(halves)]);
      return { type, blob, privateKeys: [mldsa.privateKey, ...ed25519.privateKeys] };
    }
  }
}

export function publicKeyLine({ type, blob }: SigningKey): string {
  return `${type} ${blob.toString("base64")}`;
}

/** The text for spec.proof. */
export function makeProof(key: SigningKey, user: string, fields: SSHSIGFields = {}): string {
  return armor(makeSSHSIG(key, Buffer.from(user), fields));
}

/** OpenSSH's PROTOCOL.sshsig, "Blob format". */
export function makeSSHSIG(key: SigningKey, message: Buffer, fields: SSHSIGFields = {}): Buffer {
  const { version = 1, publicKey = key.blob, namespace = NAMESPACE, reserved = EMPTY } = fields;
  const { hashAlgorithm = "sha512", alter = (signature) => signature, behind = EMPTY } = fields;
  const names = [Buffer.from(namespace), Buffer.from(hashAlgorithm)] as const;
  const signed = [names[0], EMPTY, names[1], hash(hashAlgorithm, message, "buffer")];
  const { sign = (data: Buffer) => makeSignature(key, data, fields) } = fields;
  const signature = alter(sign(Buffer.concat([MAGIC, encodeStrings(signed)])));
  const strings = encodeStrings([publicKey, names[0], reserved, names[1], signature]);
  return Buffer.concat([MAGIC, uint32(version), strings, behind]);
}

/** The lines of `ssh-keygen -Y sign`. */
export function armor(blob: Buffer): string {
  const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----", ""].join("\n");
}

/** RFC 4253 section 6.6; OpenSSH's PROTOCOL.u2f for security keys. */
export function makeSignature(key: SigningKey, data: Buffer, fields: SignatureFields = {}): Buffer {
  const { algorithm = key.type === "ssh-rsa" ? "rsa-sha2-512" : key.type } = fields;
  const name = Buffer.from(algorithm);
  if (key.type !== "sk-ssh-ed25519@openssh.com" && key.type !== "sk-ecdsa-sha2-nistp256@openssh.com") {
    return encodeStrings([name, rawSignature(key, algorithm, data)]);
  }
  const { flags = USER_PRESENT, counter = 1, origin = "https://keys.example.com" } = fields;
  const { application = stringsOf(key.blob).at(-1)?.toString() ?? "" } = fields;
  const { clientData = browserData, extensions = EMPTY } = fields;
  const isBrowser = algorithm === WEBAUTHN;
  const message = isBrowser ? Buffer.from(clientData(data.toString("base64url"), origin)) : data;
  const head = Buffer.concat([Buffer.of(flags), uint32(counter)]);
  const sha256 = (bytes: string | Buffer) => hash("sha256", bytes, "buffer");
  const signed = [sha256(application), head, ...(isBrowser ? [extensions] : []), sha256(message)];
  const value = rawSignature(key, algorithm, Buffer.concat(signed));
  const tail = isBrowser ? encodeStrings([Buffer.from(origin), message, extensions]) : EMPTY;
  return Buffer.concat([encodeStrings([name, value]), head, tail]);
}

export interface SignatureParts {
  readonly algorithm: Buffer;
  readonly value: Buffer;
  /** Of security keys: flags, counter and what a browser adds. */
  readonly tail: Buffer;
}

/** Alters a signature of RFC 4253 section 6.6 in its parts. */
export function inParts(
  change: (parts: SignatureParts) => Partial<SignatureParts>,
): (signature: Buffer) => Buffer {
  return (signature) => {
    const [algorithm = EMPTY, value = EMPTY] = stringsOf(signature);
    const parts = { algorithm, value, tail: signature.subarray(8 + algorithm.length + value.length) };
    const changed = { ...parts, ...change(parts) };
    return Buffer.concat([encodeStrings([changed.algorithm, changed.value]), changed.tail]);
  };
}

function rawSignature({ type, privateKeys }: SigningKey, algorithm: string, data: Buffer): Buffer {
  const [key, second = key] = privateKeys;
  if (key === undefined || second === undefined) throw new Error("a key pair without a private key");
  switch (type) {
    case "ssh-rsa":
      return sign(RSA_HASHES[algorithm] ?? "sha512", data, key);
    case "ssh-dss":
      return sign("sha1", data, { key, dsaEncoding: "ieee-p1363" });
    case "ssh-ed25519":
    case "sk-ssh-ed25519@openssh.com":
      return sign(null, data, key);
    case "ssh-mldsa44-ed25519@openssh.com": {
      const signed = Buffer.concat([COMPOSITE, LABEL, Buffer.of(0), hash("sha512", data, "buffer")]);
      return Buffer.concat([sign(null, signed, { key, context: LABEL }), sign(null, signed, second)]);
    }
    default: {
      const pair = sign(ECDSA_HASHES[type], data, { key, dsaEncoding: "ieee-p1363" });
      const [r, s] = [pair.subarray(0, pair.length / 2), pair.subarray(pair.length / 2)];
      return encodeStrings([mpint(r), mpint(s)]);
    }
  }
}

function plainKey(
  type: KeyType,
  { publicKey, privateKey }: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
): SigningKey {
  return { type, blob: blobOfKeyObject(publicKey) ?? EMPTY, privateKeys: [privateKey] };
}

function securityKey(type: KeyType, { blob, privateKeys }: SigningKey, application: string): SigningKey {
  const strings = [Buffer.from(type), ...stringsOf(blob).slice(1), Buffer.from(application)];
  return { type, blob: encodeStrings(strings), privateKeys };
}

/** As browsers write it: WebAuthn level 2 section 5.8.1.1. */
function browserData(challenge: string, origin: string): string {
  return `{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}","crossOrigin":false}`;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const EMPTY = Buffer.alloc(0);
const MAGIC = Buffer.from("SSHSIG");
const COMPOSITE = Buffer.from("CompositeAlgorithmSignatures2025");
const LABEL = Buffer.from("COMPSIG-MLDSA44-Ed25519-SHA512");
const RSA_HASHES: Readonly<Record<string, string>> = {
  "ssh-rsa": "sha1",
  "rsa-sha2-256": "sha256",
  "rsa-sha2-512": "sha512",
};
const ECDSA_HASHES = {
  "ecdsa-sha2-nistp256": "sha256",
  "ecdsa-sha2-nistp384": "sha384",
  "ecdsa-sha2-nistp521": "sha512",
  "sk-ecdsa-sha2-nistp256@openssh.com": "sha256",
} as const;
