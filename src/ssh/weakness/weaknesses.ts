import type { KeyBlob } from "../blob.ts";
import { bigintOf, stringsOf } from "../wire.ts";
import { type Weakness, weakness } from "./classes.ts";
import { isSmallOrder } from "./smallorder.ts";

/**
 * The weaknesses of a key that was parsed which its bytes alone show, in a few microseconds; the Compromised ones first, empty
 * for an honestly generated key. Takes the canonical blob as decodeKeyBlob returns it. See rsaWeaknesses for those that take
 * arithmetic.
 *
 * OpenSSH, `ssh-keygen -l` included, takes all of these keys for valid, and sshd lets anyone log in with those that
 * are Compromised: for them a signature can be made without a private key.
 */
export function weaknesses(key: Pick<KeyBlob, "type" | "blob">): readonly Weakness[] {
  switch (key.type) {
    case "ssh-ed25519":
    case "sk-ssh-ed25519@openssh.com": {
      const [, point = EMPTY] = stringsOf(key.blob);
      return isSmallOrder(point) ? [SMALL_ORDER] : NONE;
    }
    case "ssh-rsa":
      return ofExponentAndModulus(key.blob);
    case "ssh-dss":
      return isDegenerateDSA(key.blob) ? [DEGENERATE_DSA] : NONE;
    case "ssh-mldsa44-ed25519@openssh.com":
      return ofHalves(key.blob);
    default:
      // ECDSA on the NIST curves has no such keys: the cofactor is 1, and the parser checks the point.
      return NONE;
  }
}

/** RFC 8017 section 5.2.2: a signature s is valid when s^e mod n is the padded hash; with e = 1 it is that hash. */
function ofExponentAndModulus(blob: Buffer): readonly Weakness[] {
  const [, exponent = EMPTY, modulus = EMPTY] = stringsOf(blob);
  const found: Weakness[] = [];
  if (exponent.length === 1 && exponent[0] === 1) found.push(EXPONENT_ONE);
  // An honest e is prime to φ(n), which is even, and an honest n is a product of odd primes.
  if (isEven(exponent)) found.push(EXPONENT_EVEN);
  if (isEven(modulus)) found.push(MODULUS_EVEN);
  if (exponent.length > SHORT_EXPONENT_BYTES && isTooLong(exponent, modulus)) found.push(EXPONENT_TOO_LONG);
  return found.length === 0 ? NONE : found;
}

/** Also true for zero, whose mpint is empty. */
function isEven(mpint: Buffer): boolean {
  return ((mpint.at(-1) ?? 0) & 1) === 0;
}

/** OpenSSL's rsa_ossl.c, rsa_ossl_public_decrypt: e below n, and of 64 bits at most where n has more than 3072. */
function isTooLong(exponent: Buffer, modulus: Buffer): boolean {
  const e = bigintOf(exponent);
  const n = bigintOf(modulus);
  return e >= n || (n >> 3072n !== 0n && e >> 64n !== 0n);
}

/** FIPS 186-4 section 4.7: v = (g^u1 · y^u2 mod p) mod q. Where g or y is 0 or ±1, r and s can be chosen to fit. */
function isDegenerateDSA(blob: Buffer): boolean {
  const [, p = EMPTY, , g = EMPTY, y = EMPTY] = stringsOf(blob);
  const prime = bigintOf(p);
  return [g, y].some((mpint) => {
    const value = prime === 0n ? bigintOf(mpint) : bigintOf(mpint) % prime;
    return value <= 1n || value === prime - 1n;
  });
}

/** draft-miller-sshm-mldsa44-ed25519-composite-sigs: both halves sign, so each alone should keep a forger out. */
function ofHalves(blob: Buffer): readonly Weakness[] {
  const [, key = EMPTY] = stringsOf(blob);
  // FIPS 204 section 7.2: the ML-DSA key is ρ, 32 bytes, and t1. With t1 = 0 any short z with its own hash verifies.
  const isMLDSAOpen = key.subarray(RHO_BYTES, MLDSA44_BYTES).every((byte) => byte === 0);
  const isEd25519Open = isSmallOrder(key.subarray(MLDSA44_BYTES));
  if (isMLDSAOpen && isEd25519Open) return [HYBRID_OPEN];
  if (isMLDSAOpen) return [weakness("HybridHalfOpen", "ML-DSA")];
  if (isEd25519Open) return [weakness("HybridHalfOpen", "Ed25519")];
  return NONE;
}

const NONE: readonly Weakness[] = [];
const SMALL_ORDER = weakness("AnyoneCanSign", "it is one of the Ed25519 points of small order");
const EXPONENT_ONE = weakness("AnyoneCanSign", "its RSA public exponent is 1");
const DEGENERATE_DSA = weakness("AnyoneCanSign", "its DSA numbers are degenerate");
const HYBRID_OPEN = weakness("AnyoneCanSign", "both of its halves are degenerate");
const EXPONENT_EVEN = weakness("UnusableKey", "its public exponent is even");
const MODULUS_EVEN = weakness("UnusableKey", "its modulus is even");
const EXPONENT_TOO_LONG = weakness("UnusableKey", "its public exponent is too long");
/** Of an mpint: no e of 64 bits is refused for its length. */
const SHORT_EXPONENT_BYTES = 8;
const RHO_BYTES = 32;
const MLDSA44_BYTES = 1312;
const EMPTY = Buffer.alloc(0);
