import { Random } from "../test/ssh/random.ts";
import { soundModuli } from "../test/ssh/weakness/soundmoduli.ts";
import { rsaBlob } from "../test/ssh/weakness/weakrsa.ts";
import { type KeySet, keySet } from "./keyset.ts";

/** As keySet, of RSA keys in which no check finds anything; the same ones each time. */
export function rsaKeySet(count: number, bits = 2048): KeySet {
  const { namespaces, keys } = keySet(count);
  const blobs = rsaBlobs(count, bits);
  return {
    namespaces,
    keys: keys.map((key, i) => ({
      ...key,
      spec: { ...key.spec, key: `ssh-rsa ${blobs[i]?.toString("base64")} ${key.spec.user}@laptop` },
    })),
  };
}

export function rsaBlobs(count: number, bits: number): readonly Buffer[] {
  return soundModuli(new Random(bits), bits, count).map((modulus) => rsaBlob({ modulus, exponent: 65537n }));
}
