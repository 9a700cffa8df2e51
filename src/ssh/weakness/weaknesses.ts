import type { KeyBlob } from "../blob.ts";
import { bigintOf, stringsOf } from "../wire.ts";
import { isSmallOrder } from "./smallorder.ts";

/** Something that makes a well-formed key worthless, whatever the policy says. */
export interface Weakness {
  /** Compromised: somebody else can log in with it. Weak: nobody can, not even its owner. */
  readonly state: "Compromised" | "Weak";
  /** A stable word for programs. */
  readonly code: WeaknessCode;
  /** One sentence: what is wrong, then what to do. Never quotes the key. */
  readonly message: string;
}

export type WeaknessCode = "AnyoneCanSign" | "HybridHalfOpen" | "UnusableKey";

/**
 * Finds every weakness of a key that was parsed, the Compromised ones first; empty for an honestly generated key.
 * Takes the canonical blob as decodeKeyBlob returns it, and a few microseconds.
 *
 * OpenSSH, `ssh-keygen -l` included, takes all of these keys for valid, and sshd lets anyone log in with those that
 * are Compromised: for them a signature can be made without a private key.
 */
export function weaknesses(key: Pick<KeyBlob, "type" | "blob">): readonly Weakness[] {
  switch (key.type) {
    case "ssh-ed25519":
    case "sk-ssh-ed25519@openssh.com": {
      const [, point = EMPTY] = stringsOf(key.blob);
      return isSmallOrder(point) ? [SMALL_ORDER] : [];
    }
    case "ssh-rsa":
      return rsaWeaknesses(key.blob);
    case "ssh-dss":
      return isDegenerateDSA(key.blob) ? [DEGENERATE_DSA] : [];
    case "ssh-mldsa44-ed25519@openssh.com":
      return hybridWeaknesses(key.blob);
    default:
      // ECDSA on the NIST curves has no such keys: the cofactor is 1, and the parser checks the point.
      return [];
  }
}

/** RFC 8017 section 5.2.2: a signature s is valid when s^e mod n is the padded hash; with e = 1 it is that hash. */
function rsaWeaknesses(blob: Buffer): readonly Weakness[] {
  const [, exponent = EMPTY, modulus = EMPTY] = stringsOf(blob);
  const found: Weakness[] = [];
  if (exponent.length === 1 && exponent[0] === 1) found.push(EXPONENT_ONE);
  // An honest e is prime to φ(n), which is even, and an honest n is a product of odd primes.
  if (isEven(exponent)) found.push(unusable("public exponent"));
  if (isEven(modulus)) found.push(unusable("modulus"));
  return found;
}

/** Also true for zero, whose mpint is empty. */
function isEven(mpint: Buffer): boolean {
  return ((mpint.at(-1) ?? 0) & 1) === 0;
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
function hybridWeaknesses(blob: Buffer): readonly Weakness[] {
  const [, key = EMPTY] = stringsOf(blob);
  // FIPS 204 section 7.2: the ML-DSA key is ρ, 32 bytes, and t1. With t1 = 0 any short z with its own hash verifies.
  const isMLDSAOpen = key.subarray(RHO_BYTES, MLDSA44_BYTES).every((byte) => byte === 0);
  const isEd25519Open = isSmallOrder(key.subarray(MLDSA44_BYTES));
  if (isMLDSAOpen && isEd25519Open) return [HYBRID_OPEN];
  if (isMLDSAOpen) return [halfOpen("ML-DSA")];
  if (isEd25519Open) return [halfOpen("Ed25519")];
  return [];
}

function anyoneCanSign(why: string): Weakness {
  return {
    state: "Compromised",
    code: "AnyoneCanSign",
    message: `Anyone can log in with this key without its private key, because ${why}; ${NEW_KEY}`,
  };
}

function halfOpen(half: string): Weakness {
  return {
    state: "Compromised",
    code: "HybridHalfOpen",
    message: `Anyone can sign for the ${half} half of this hybrid key, so only its other half protects it; ${NEW_KEY}`,
  };
}

function unusable(part: string): Weakness {
  return {
    state: "Weak",
    code: "UnusableKey",
    message: `No server accepts a signature by this RSA key, because its ${part} is even; ${NEW_KEY}`,
  };
}

const NEW_KEY = "make a new key with: ssh-keygen -t ed25519";
const SMALL_ORDER = anyoneCanSign("it is one of the Ed25519 points of small order");
const EXPONENT_ONE = anyoneCanSign("its RSA public exponent is 1");
const DEGENERATE_DSA = anyoneCanSign("its DSA numbers are degenerate");
const HYBRID_OPEN = anyoneCanSign("both of its halves are degenerate");
const RHO_BYTES = 32;
const MLDSA44_BYTES = 1312;
const EMPTY = Buffer.alloc(0);
