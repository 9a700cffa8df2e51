import { hash, type KeyObject, verify } from "node:crypto";
import { promisify } from "node:util";
import type { KeyBlob } from "./blob.ts";
import { publicKeyOf } from "./keyobject.ts";
import { isSecurityKeyType, type SecurityKeyType } from "./keytype.ts";
import { accept, type Result } from "./refusal.ts";
import { stringsOf, WireReader } from "./wire.ts";

/** A signature of RFC 4253 section 6.6 by a certain key, as it was read: whether it is one, only its checks tell. */
export interface KeySignature {
  /** What the authenticator of a security key says of this signature; undefined for other keys. */
  readonly authenticator: AuthenticatorFlags | undefined;
  /**
   * What libcrypto has to confirm, all of it, if these bytes were signed; undefined where they were not, or where
   * libcrypto cannot read the key. The key is read here: what waits to be verified holds none.
   */
  checksOf(signed: Buffer): readonly SignatureCheck[] | undefined;
}

/** WebAuthn level 2 section 6.1, and the words of OpenSSH's options for them. */
export interface AuthenticatorFlags {
  /** User presence, `touch-required`. */
  readonly touched: boolean;
  /** User verification by PIN or biometric, `verify-required`. */
  readonly userVerified: boolean;
}

/** One call of `crypto.verify`. */
export interface SignatureCheck {
  readonly algorithm: "sha256" | "sha384" | "sha512" | null;
  readonly data: Buffer;
  readonly key: Parameters<typeof verify>[2];
  readonly signature: Buffer;
}

/** Why a signature is none: `Malformed`, or `Unsupported` where no other by this key is read either (see unsupportedBecause). */
export interface SignatureRefusal {
  readonly code: "Malformed" | "Unsupported";
  /** A clause that follows "the signature". */
  readonly message: string;
}

/**
 * Reads a signature as OpenSSH's ssh-rsa.c, ssh-ecdsa.c, ssh-ecdsa-sk.c, ssh-ed25519.c, ssh-ed25519-sk.c and
 * ssh-mldsa-eddsa.c do for the type of this key; nothing may follow its last field. SHA-1 is refused.
 */
export function readSignature(key: KeyBlob, bytes: Buffer): Result<KeySignature, SignatureRefusal> {
  const unsupported = unsupportedBecause(key);
  if (unsupported !== undefined) return { ok: false, refusal: { code: "Unsupported", message: unsupported } };
  const reader = new WireReader(bytes);
  const algorithm = reader.text();
  const value = reader.bytes();
  if (isSecurityKeyType(key.type)) return readSecurityKey(key, key.type, algorithm, value, reader);
  reader.end();
  if (reader.refusal !== undefined) return malformed("is damaged");
  if (key.type === "ssh-rsa") return readRSA(key, algorithm, value);
  if (algorithm !== key.type) return malformed("is of another algorithm than the key");
  if (key.type === "ssh-mldsa44-ed25519@openssh.com") return readHybrid(key, value);
  if (key.type === "ssh-ed25519") {
    const [, point = EMPTY] = stringsOf(key.blob);
    if (value.length !== ED25519_BYTES) return malformed("has another length than an Ed25519 signature");
    return plain((signed) => checkEd25519(point, signed, value));
  }
  return readECDSA(key, value);
}

/**
 * Why no signature by this key is read, as a clause that follows "the signature"; undefined for a key whose signatures are.
 * Those of ssh-dss use SHA-1. With an RSA exponent of more than 32 bits a check could take longer than a few ms.
 */
export function unsupportedBecause({ type, blob }: Pick<KeyBlob, "type" | "blob">): string | undefined {
  if (type === "ssh-dss") return "is by a DSA key, and such signatures use SHA-1";
  const [, first = EMPTY] = stringsOf(blob);
  if (type === "ssh-rsa" && unsigned(first).length > LONGEST_EXPONENT_BYTES)
    return "is by an RSA key with a public exponent of more than 32 bits";
  if (type === "ssh-mldsa44-ed25519@openssh.com" && !KNOWS_MLDSA44)
    return "is by an ML-DSA key, which this installation's libcrypto does not know";
  return undefined;
}

/** Does libcrypto confirm all of it? What it cannot calculate with is not confirmed. */
export function isConfirmed(checks: readonly SignatureCheck[] | undefined): boolean {
  return (
    checks?.every(({ algorithm, data, key, signature }) => {
      try {
        return verify(algorithm, data, key, signature);
      } catch {
        return false;
      }
    }) ?? false
  );
}

/** The same in libuv's thread pool. */
export async function whenConfirmed(checks: readonly SignatureCheck[] | undefined): Promise<boolean> {
  if (checks === undefined) return false;
  for (const { algorithm, data, key, signature } of checks) {
    if (!(await verifyInPool(algorithm, data, key, signature).catch(() => false))) return false;
  }
  return true;
}

const verifyInPool = promisify<SignatureCheck["algorithm"], Buffer, SignatureCheck["key"], Buffer, boolean>(
  (algorithm, data, key, signature, done) => verify(algorithm, data, key, signature, done),
);

/** RFC 8332: the hash is in the name. */
function readRSA({ blob }: KeyBlob, name: string, value: Buffer): Result<KeySignature, SignatureRefusal> {
  const algorithm = RSA_HASHES.get(name);
  if (name === "ssh-rsa") return malformed("uses SHA-1");
  if (algorithm === undefined) return malformed("is of another algorithm than the key");
  const [, e = EMPTY, n = EMPTY] = stringsOf(blob);
  const size = unsigned(n).length;
  if (value.length > size) return malformed("is longer than the key");
  // OpenSSH puts back zeros that were left out in front.
  const signature = Buffer.concat([Buffer.alloc(size - value.length), value]);
  return plain((data) =>
    checked(publicKeyOf({ kty: "RSA", e, n }), (key) => ({ algorithm, data, key, signature })),
  );
}

/** RFC 5656 section 3.1.2: mpint r, mpint s. */
function readECDSA(key: KeyBlob, value: Buffer): Result<KeySignature, SignatureRefusal> {
  const [, curve = EMPTY, point = EMPTY] = stringsOf(key.blob);
  const signature = pairOf(value, (point.length - 1) / 2);
  if (signature === undefined) return malformed("holds no pair of numbers of the curve");
  return plain((signed) => checkECDSA(curve.toString("latin1"), point, signed, signature));
}

/** draft-miller-sshm-mldsa44-ed25519-composite-sigs: both halves sign the same text, made of a hash of what is signed. */
function readHybrid({ blob }: KeyBlob, value: Buffer): Result<KeySignature, SignatureRefusal> {
  const [, keys = EMPTY] = stringsOf(blob);
  if (value.length !== MLDSA44_BYTES + ED25519_BYTES) {
    return malformed("has another length than one of ML-DSA-44 with Ed25519");
  }
  return plain((signed) => {
    // No context: one byte for its length.
    const data = Buffer.concat([
      COMPOSITE_PREFIX,
      COMPOSITE_LABEL,
      Buffer.of(0),
      hash("sha512", signed, "buffer"),
    ]);
    const mldsa = checked(
      publicKeyOf({ kty: "ML-DSA-44", key: keys.subarray(0, -ED25519_KEY_BYTES) }),
      (key) => ({
        algorithm: null,
        data,
        key: { key, context: COMPOSITE_LABEL },
        signature: value.subarray(0, MLDSA44_BYTES),
      }),
    );
    const ed25519 = checkEd25519(keys.subarray(-ED25519_KEY_BYTES), data, value.subarray(MLDSA44_BYTES));
    return mldsa && ed25519 && [...mldsa, ...ed25519];
  });
}

/**
 * OpenSSH's PROTOCOL.u2f, "SSH U2F signatures": flags and counter follow the signature, which is over the hash of the
 * application, both of them, and the hash of the data. In the form that browsers make, the data's hash is a challenge
 * inside the clientData that is hashed in its place.
 */
function readSecurityKey(
  key: KeyBlob,
  type: SecurityKeyType,
  algorithm: string,
  value: Buffer,
  reader: WireReader,
): Result<KeySignature, SignatureRefusal> {
  const isWebAuthn = algorithm === "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";
  const flags = reader.byte();
  const counter = Buffer.alloc(4);
  counter.writeUInt32BE(reader.uint32());
  const browser = isWebAuthn
    ? { origin: reader.text(), clientData: reader.bytes(), extensions: reader.bytes() }
    : undefined;
  reader.end();
  if (reader.refusal !== undefined) return malformed("is damaged");
  if (algorithm !== type && !(isWebAuthn && type === "sk-ecdsa-sha2-nistp256@openssh.com")) {
    return malformed("is of another algorithm than the key");
  }
  if (browser !== undefined && !isConsistent(browser, flags))
    return malformed("has flags that do not fit it");
  const strings = stringsOf(key.blob);
  const application = hash("sha256", strings.at(-1) ?? EMPTY, "buffer");
  const head = Buffer.concat([application, Buffer.of(flags), counter, browser?.extensions ?? EMPTY]);
  const authenticator = {
    touched: (flags & USER_PRESENT) !== 0,
    userVerified: (flags & USER_VERIFIED) !== 0,
  };
  if (type === "sk-ssh-ed25519@openssh.com") {
    const [, point = EMPTY] = strings;
    if (value.length !== ED25519_BYTES) return malformed("has another length than an Ed25519 signature");
    const checksOf = (data: Buffer) =>
      checkEd25519(point, Buffer.concat([head, hash("sha256", data, "buffer")]), value);
    return accept({ authenticator, checksOf });
  }
  const [, curve = EMPTY, point = EMPTY] = strings;
  const signature = pairOf(value, (point.length - 1) / 2);
  if (signature === undefined) return malformed("holds no pair of numbers of the curve");
  const checksOf = (data: Buffer) => {
    if (browser !== undefined && !holdsChallenge(browser, data)) return undefined;
    const message = hash("sha256", browser?.clientData ?? data, "buffer");
    return checkECDSA(curve.toString("latin1"), point, Buffer.concat([head, message]), signature);
  };
  return accept({ authenticator, checksOf });
}

interface Browser {
  readonly origin: string;
  readonly clientData: Buffer;
  readonly extensions: Buffer;
}

/** webauthn_check_prepare_hash in ssh-ecdsa-sk.c: no quotation mark in the origin, no attestation, extensions as flagged. */
function isConsistent({ origin, extensions }: Browser, flags: number): boolean {
  const hasExtensions = (flags & EXTENSION_DATA) !== 0;
  return !origin.includes('"') && (flags & ATTESTED_DATA) === 0 && hasExtensions === extensions.length > 0;
}

/** The same: clientData begins with these members in this order, and what follows counts for nothing. */
function holdsChallenge({ origin, clientData }: Browser, data: Buffer): boolean {
  const challenge = data.toString("base64url");
  const start = Buffer.from(
    `{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}"`,
    "latin1",
  );
  return clientData.subarray(0, start.length).equals(start);
}

/** Two mpints and nothing else, as IEEE P1363 has them: side by side, each in so many bytes. */
function pairOf(bytes: Buffer, size: number): Buffer | undefined {
  const reader = new WireReader(bytes);
  const bits = [reader.mpintBits(), reader.mpintBits()];
  reader.end();
  if (reader.refusal !== undefined || bits.some((each) => each > size * 8)) return undefined;
  return Buffer.concat(
    stringsOf(reader.canonical())
      .map(unsigned)
      .flatMap((number) => [Buffer.alloc(size - number.length), number]),
  );
}

/** The number of a canonical mpint. */
function unsigned(mpint: Buffer): Buffer {
  return mpint[0] === 0 ? mpint.subarray(1) : mpint;
}

function checkECDSA(
  curve: string,
  point: Buffer,
  data: Buffer,
  signature: Buffer,
): readonly SignatureCheck[] | undefined {
  return checked(publicKeyOf({ kty: "EC", curve, point }), (key) => ({
    algorithm: CURVE_HASHES.get(curve) ?? "sha256",
    data,
    key: { key, dsaEncoding: "ieee-p1363" },
    signature,
  }));
}

function checkEd25519(point: Buffer, data: Buffer, signature: Buffer): readonly SignatureCheck[] | undefined {
  return checked(publicKeyOf({ kty: "Ed25519", point }), (key) => ({
    algorithm: null,
    data,
    key,
    signature,
  }));
}

function checked(
  key: KeyObject | undefined,
  check: (key: KeyObject) => SignatureCheck,
): readonly SignatureCheck[] | undefined {
  return key && [check(key)];
}

function plain(checksOf: KeySignature["checksOf"]): Result<KeySignature, SignatureRefusal> {
  return accept({ authenticator: undefined, checksOf });
}

export function malformed<T>(message: string): Result<T, SignatureRefusal> {
  return { ok: false, refusal: { code: "Malformed", message } };
}

const RSA_HASHES: ReadonlyMap<string, "sha256" | "sha512"> = new Map([
  ["rsa-sha2-256", "sha256"],
  ["rsa-sha2-512", "sha512"],
]);
/** RFC 5656 section 6.2.1. */
const CURVE_HASHES: ReadonlyMap<string, "sha256" | "sha384" | "sha512"> = new Map([
  ["nistp256", "sha256"],
  ["nistp384", "sha384"],
  ["nistp521", "sha512"],
]);
const LONGEST_EXPONENT_BYTES = 4;
const ED25519_BYTES = 64;
const ED25519_KEY_BYTES = 32;
const MLDSA44_BYTES = 2420;
/** Any 1312 bytes are a key (FIPS 204, pkDecode). */
const KNOWS_MLDSA44 = publicKeyOf({ kty: "ML-DSA-44", key: Buffer.alloc(1312) }) !== undefined;
const COMPOSITE_PREFIX = Buffer.from("CompositeAlgorithmSignatures2025");
const COMPOSITE_LABEL = Buffer.from("COMPSIG-MLDSA44-Ed25519-SHA512");
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const ATTESTED_DATA = 0x40;
const EXTENSION_DATA = 0x80;
const EMPTY = Buffer.alloc(0);
