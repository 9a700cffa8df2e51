import { createECDH } from "node:crypto";
import { CURVES, type CurveName } from "../../src/ssh/ecdsa.ts";
import type { KeyType } from "../../src/ssh/keytype.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import type { Random } from "./random.ts";

/** A key as its parts, so that tests can spell it in other ways. */
export interface Sample {
  readonly type: KeyType;
  /** Everything in the blob behind the type's name. */
  readonly strings: readonly Buffer[];
}

export function blobOf(sample: Sample): Buffer {
  return encodeStrings([Buffer.from(sample.type), ...sample.strings]);
}

export function lineOf(sample: Sample, comment = "alice@laptop"): string {
  return `${sample.type} ${blobOf(sample).toString("base64")} ${comment}`;
}

/** Keys of each type and of many sizes, made from nothing but the random numbers; OpenSSH asks for no more. */
export function samples(random: Random): Sample[] {
  const rsaSizes = [768, 1023, 1024, 1025, 1536, 2047, 2048, 3072, 4095, 4096, 8192, 16383, 16384];
  return [
    ...rsaSizes.map((bits) => rsaSample(random, bits)),
    ...[512, 1024, 2048].map((bits) => dssSample(random, bits)),
    ...CURVE_NAMES.flatMap((curve) => [ecdsaSample(random, curve), ecdsaSample(random, curve)]),
    { type: "ssh-ed25519", strings: [random.bytes(32)] },
    { type: "ssh-ed25519", strings: [Buffer.alloc(32, 0xff)] },
    { type: "sk-ssh-ed25519@openssh.com", strings: [random.bytes(32), Buffer.from("ssh:")] },
    { type: "sk-ssh-ed25519@openssh.com", strings: [random.bytes(32), Buffer.alloc(0)] },
    securityKeySample(random),
    ...CURVE_NAMES.flatMap((curve) => extremePoints(random, curve)),
  ];
}

export function rsaSample(random: Random, bits: number): Sample {
  return { type: "ssh-rsa", strings: [mpint(Buffer.from([1, 0, 1])), integerOfBits(random, bits)] };
}

export function dssSample(random: Random, bits: number): Sample {
  const sizes = [bits, 160, bits - 1, bits - 2];
  return { type: "ssh-dss", strings: sizes.map((size) => integerOfBits(random, size)) };
}

export function ecdsaSample(random: Random, curve: CurveName): Sample {
  const ecdh = createECDH(OPENSSL_NAMES[curve]);
  ecdh.setPrivateKey(random.bytes(31));
  return { type: `ecdsa-sha2-${curve}`, strings: [Buffer.from(curve), ecdh.getPublicKey()] };
}

export function securityKeySample(random: Random): Sample {
  const { strings } = ecdsaSample(random, "nistp256");
  return { type: "sk-ecdsa-sha2-nistp256@openssh.com", strings: [...strings, Buffer.from("ssh:work")] };
}

/** The canonical mpint of an unsigned number. */
export function mpint(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start += 1;
  const trimmed = bytes.subarray(start);
  return ((trimmed[0] ?? 0) & 0x80) === 0 ? trimmed : Buffer.concat([Buffer.of(0), trimmed]);
}

function integerOfBits(random: Random, bits: number): Buffer {
  const bytes = random.bytes(Math.ceil(bits / 8));
  const top = (bits - 1) % 8;
  bytes[0] = ((bytes[0] ?? 0) & ((1 << top) - 1)) | (1 << top);
  return mpint(bytes);
}

/** Points of the curve on either side of the limits that OpenSSH sets to coordinates. */
function extremePoints(random: Random, name: CurveName): Sample[] {
  const { bits, n, p } = CURVES[name];
  const half = 1n << BigInt(bits >> 1);
  return [1n, half - 8n, half, n - 40n, n - 1n, n + 7n, p - 40n, half + BigInt(random.below(1000))].map(
    (x) => ({
      type: `ecdsa-sha2-${name}`,
      strings: [Buffer.from(name), pointFrom(name, x)],
    }),
  );
}

/** The first point of the curve whose x is not below the given one, or past the field's end a false one. */
function pointFrom(name: CurveName, from: bigint): Buffer {
  const { p, b, coordinateBytes } = CURVES[name];
  for (let x = from; x < p; x += 1n) {
    const square = ((((x * x - 3n) * x + b) % p) + p) % p;
    const y = power(square, (p + 1n) / 4n, p);
    if ((y * y) % p === square) return uncompressed(x, y, coordinateBytes);
  }
  return uncompressed(p, 1n, coordinateBytes);
}

function uncompressed(x: bigint, y: bigint, size: number): Buffer {
  return Buffer.from(
    `04${[x, y].map((value) => value.toString(16).padStart(size * 2, "0")).join("")}`,
    "hex",
  );
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % modulus) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
  }
  return result;
}

const CURVE_NAMES: readonly CurveName[] = ["nistp256", "nistp384", "nistp521"];
const OPENSSL_NAMES: Readonly<Record<CurveName, string>> = {
  nistp256: "prime256v1",
  nistp384: "secp384r1",
  nistp521: "secp521r1",
};
