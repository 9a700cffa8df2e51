import type { KeyBlob } from "./blob.ts";
import { stringsOf } from "./wire.ts";

/**
 * The numbers of a key whose private half opens it, whatever stands around them: the modulus of RSA with any e, x of an ECDSA
 * point and its negative, y of DSA, the point of Ed25519, in security keys and hybrids too. Big-endian without zeros in front;
 * an ML-DSA key as its bytes. These are what badkeys hashes, so its lists are found by them.
 */
export function keyNumbers({ type, blob }: Pick<KeyBlob, "type" | "blob">): readonly Buffer[] {
  const [, first = EMPTY, second = EMPTY, , fourth = EMPTY] = stringsOf(blob);
  switch (type) {
    case "ssh-rsa":
      return [withoutZeros(second)];
    case "ssh-dss":
      return [withoutZeros(fourth)];
    case "ssh-ed25519":
    case "sk-ssh-ed25519@openssh.com":
      return [withoutZeros(first)];
    case "ssh-mldsa44-ed25519@openssh.com":
      return [first.subarray(0, MLDSA44_BYTES), withoutZeros(first.subarray(MLDSA44_BYTES))];
    default: {
      // SEC 1 section 2.3.3: 04, x, y, both of the same length.
      const x = second.subarray(1, (second.length + 1) / 2);
      return [withoutZeros(x)];
    }
  }
}

/**
 * Of an Ed25519 point, as keyNumbers gives it, its negative: the same with the other sign bit (RFC 8032 section 5.1.2). Whoever
 * has the private number of one can sign for the other, by its negative: OpenSSH has no file for that, and a program of a few
 * lines needs none. An ECDSA point and its negative have one number.
 */
export function negativePoint(point: Buffer): Buffer {
  const other = Buffer.from(point);
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 0x80;
  return withoutZeros(other);
}

function withoutZeros(bytes: Buffer): Buffer {
  let start = 0;
  while (bytes[start] === 0) start += 1;
  return bytes.subarray(start);
}

const MLDSA44_BYTES = 1312;
const EMPTY = Buffer.alloc(0);
