import { randomBytes } from "node:crypto";
import { withoutSmallFactors } from "../../src/ssh/weakness/smallfactor.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { Random } from "../ssh/random.ts";
import {
  blobOf,
  dssSample,
  ecdsaSample,
  mpint,
  rsaSample,
  type Sample,
  securityKeySample,
} from "../ssh/samples.ts";

/** A public key that no other test has, as TYPE BASE64 without a comment. */
export function freshKey(): string {
  const blob = encodeStrings([Buffer.from("ssh-ed25519"), randomBytes(32)]);
  return `ssh-ed25519 ${blob.toString("base64")}`;
}

export function freshRSAKey(bits: number): string {
  return rsaKeyOf(freshRandom(), bits);
}

/** The same for the same numbers, as TYPE BASE64. */
export function ed25519KeyOf(random: Random): string {
  return lineOf({ type: "ssh-ed25519", strings: [random.bytes(32)] });
}

/** The same for the same numbers, as TYPE BASE64. */
export function rsaKeyOf(random: Random, bits: number): string {
  return lineOf(soundRSASample(random, bits));
}

/** One of which the operator tells advice, and which it does not refuse. */
export function freshNISTP521Key(): string {
  return lineOf(ecdsaSample(freshRandom(), "nistp521"));
}

/** One fresh key of each type that policy accepts by default, with the bits that ssh-keygen prints. */
export function freshKeysOfEveryType(): readonly { readonly key: string; readonly bits: number }[] {
  const random = freshRandom();
  return [
    { key: freshKey(), bits: 256 },
    { key: lineOf(soundRSASample(random, 3072)), bits: 3072 },
    { key: lineOf(ecdsaSample(random, "nistp256")), bits: 256 },
    { key: lineOf(ecdsaSample(random, "nistp384")), bits: 384 },
    { key: lineOf(ecdsaSample(random, "nistp521")), bits: 521 },
    {
      key: lineOf({
        type: "sk-ssh-ed25519@openssh.com",
        strings: [random.bytes(32), Buffer.from("ssh:")],
      }),
      bits: 256,
    },
    { key: lineOf(securityKeySample(random)), bits: 256 },
  ];
}

export function freshDSSKey(): string {
  return lineOf(dssSample(freshRandom(), 1024));
}

/** The key's base64 with the given change made to its bytes. */
export function altered(key: string, change: (blob: Buffer) => Buffer): string {
  const [type = "", base64 = ""] = key.split(" ");
  return `${type} ${change(Buffer.from(base64, "base64")).toString("base64")}`;
}

/** Another spelling of an RSA key: its modulus with zeros in front, which OpenSSH takes for the same key. */
export function respelledRSAKey(key: string): string {
  return altered(key, (blob) => {
    const strings: Buffer[] = [];
    for (let at = 0; at < blob.length; ) {
      const end = at + 4 + blob.readUInt32BE(at);
      strings.push(blob.subarray(at + 4, end));
      at = end;
    }
    const [type = Buffer.of(), exponent = Buffer.of(), modulus = Buffer.of()] = strings;
    return encodeStrings([type, exponent, Buffer.concat([Buffer.alloc(3), modulus])]);
  });
}

/** Of a modulus that no small prime divides: in any other one the operator finds that. */
function soundRSASample(random: Random, bits: number): Sample {
  const { type, strings } = rsaSample(random, bits);
  const [exponent = Buffer.of(), start = Buffer.of()] = strings;
  let modulus = BigInt(`0x${start.toString("hex")}`) | 1n;
  while (withoutSmallFactors(modulus) !== modulus) modulus += 2n;
  const hex = modulus.toString(16);
  return { type, strings: [exponent, mpint(Buffer.from(hex.padStart(2 * start.length, "0"), "hex"))] };
}

function lineOf(sample: Sample): string {
  return `${sample.type} ${blobOf(sample).toString("base64")}`;
}

function freshRandom(): Random {
  return new Random(randomBytes(4).readUInt32BE());
}
