import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { encodeStrings } from "./wire.ts";

/** The SSH blob (RFC 4253 section 6.6) of a public key that Node read; undefined if it is of no SSH type. */
export function blobOfKeyObject(key: KeyObject): Buffer | undefined {
  switch (key.asymmetricKeyType) {
    case "rsa":
    case "ec":
    case "ed25519":
      return blobOfJWK(key.export({ format: "jwk" }));
    case "dsa":
      return blobOfDSA(key.export({ format: "der", type: "spki" }));
    default:
      return undefined;
  }
}

/**
 * A key as Node verifies with it, by its numbers; undefined where libcrypto refuses them, or does not know the algorithm
 * (ML-DSA before OpenSSL 3.5). Bytes as in the SSH blob: an mpint may have its leading zero.
 */
export function publicKeyOf(numbers: PublicNumbers): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwkOf(numbers), format: "jwk" });
  } catch {
    return undefined;
  }
}

export type PublicNumbers =
  | { readonly kty: "RSA"; readonly e: Buffer; readonly n: Buffer }
  | { readonly kty: "EC"; readonly curve: string; readonly point: Buffer }
  | { readonly kty: "Ed25519"; readonly point: Buffer }
  | { readonly kty: "ML-DSA-44"; readonly key: Buffer };

/** RFC 7517 and 7518; RFC 8037 for Ed25519; draft-ietf-cose-dilithium for ML-DSA. */
function jwkOf(numbers: PublicNumbers): JsonWebKey {
  switch (numbers.kty) {
    case "RSA":
      return { kty: "RSA", e: encode(numbers.e), n: encode(numbers.n) };
    case "EC": {
      const size = (numbers.point.length - 1) / 2;
      const [x, y] = [numbers.point.subarray(1, 1 + size), numbers.point.subarray(1 + size)];
      const [crv = ""] = [...CURVE_NAMES].find(([, name]) => name === numbers.curve) ?? [];
      return { kty: "EC", crv, x: encode(x), y: encode(y) };
    }
    case "Ed25519":
      return { kty: "OKP", crv: "Ed25519", x: encode(numbers.point) };
    case "ML-DSA-44":
      return { kty: "AKP", alg: "ML-DSA-44", pub: encode(numbers.key) };
  }
}

function encode(bytes: Buffer): string {
  return bytes.toString("base64url");
}

function blobOfJWK({ kty, crv = "", n, e, x, y }: JsonWebKey): Buffer | undefined {
  if (kty === "RSA" && n !== undefined && e !== undefined) {
    return encodeStrings([Buffer.from("ssh-rsa"), mpint(decode(e)), mpint(decode(n))]);
  }
  if (kty === "OKP" && crv === "Ed25519" && x !== undefined) {
    return encodeStrings([Buffer.from("ssh-ed25519"), decode(x)]);
  }
  const curve = CURVE_NAMES.get(crv);
  if (kty === "EC" && curve !== undefined && x !== undefined && y !== undefined) {
    const point = Buffer.concat([Buffer.of(UNCOMPRESSED), decode(x), decode(y)]);
    return encodeStrings([Buffer.from(`ecdsa-sha2-${curve}`), Buffer.from(curve), point]);
  }
  return undefined;
}

/**
 * RFC 3279 section 2.3.2: SEQUENCE { SEQUENCE { OID, SEQUENCE { p, q, g } }, BIT STRING { y } }. There is no JWK of
 * a DSA key. Node wrote this DER, so nothing in it has to be checked; four numbers are found or none is.
 */
function blobOfDSA(der: Buffer): Buffer | undefined {
  const numbers: Buffer[] = [];
  for (let at = 0; at < der.length; ) {
    const tag = der[at];
    const { start, length } = derLength(der, at + 1);
    // Of what holds others only the head is passed; a BIT STRING begins with the number of its unused bits.
    if (tag === SEQUENCE) at = start;
    else if (tag === BIT_STRING) at = start + 1;
    else {
      if (tag === INTEGER) numbers.push(der.subarray(start, start + length));
      at = start + length;
    }
  }
  return numbers.length === 4 ? encodeStrings([Buffer.from("ssh-dss"), ...numbers]) : undefined;
}

function derLength(der: Buffer, at: number): { readonly start: number; readonly length: number } {
  const first = der[at] ?? 0;
  if (first < 0x80) return { start: at + 1, length: first };
  const start = at + 1 + (first & 0x7f);
  return { start, length: Number.parseInt(der.toString("hex", at + 1, start), 16) };
}

/** RFC 4251 section 5: no zeros in front but one where the next bit is set. */
function mpint(bytes: Buffer): Buffer {
  let start = 0;
  while (bytes[start] === 0) start += 1;
  const shortest = bytes.subarray(start);
  return ((shortest[0] ?? 0) & 0x80) === 0 ? shortest : Buffer.concat([Buffer.of(0), shortest]);
}

function decode(base64url: string): Buffer {
  return Buffer.from(base64url, "base64url");
}

const CURVE_NAMES: ReadonlyMap<string, string> = new Map([
  ["P-256", "nistp256"],
  ["P-384", "nistp384"],
  ["P-521", "nistp521"],
]);
const UNCOMPRESSED = 4;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const SEQUENCE = 0x30;
