import { randomBytes } from "node:crypto";
import { knownBy } from "../src/blocklist/blocklist.ts";
import { shippedLists } from "../src/blocklist/shipped.ts";
import { judge, NO_KNOWLEDGE } from "../src/claims/judgement.ts";
import { DEFAULT_POLICY } from "../src/claims/policy.ts";
import { toSSHKeyRecord } from "../src/claims/record.ts";
import { hasKnownPrime } from "../src/ssh/weakness/knownprime.ts";
import { rsaNumbers } from "../src/ssh/weakness/rsanumbers.ts";
import { rsaWeaknesses } from "../src/ssh/weakness/rsaweaknesses.ts";
import { sshKey } from "../test/claims/sshkeys.ts";
import { cpuMs } from "../test/growth.ts";
import type { Bench, Figure, Sample } from "./bench.ts";
import { rsaBlobs } from "./rsakeyset.ts";

const KEYS = 10;
const ROUNDS = 10;

/** Bytes of badkeys' files of primes. */
const PRIMES_BYTES = [255_000, 79_000, 11_000, 900, 800];

const SIZES: readonly { readonly bits: number; readonly target?: Figure["target"] }[] = [
  { bits: 2048, target: { most: 0.8 } },
  { bits: 3072 },
  { bits: 4096 },
  { bits: 16_384 },
];

const RATIO: Figure = {
  name: "2048 bits ÷ Euclid's method on two such numbers",
  unit: "×",
  guard: { most: 4 },
};
const OTHERS: Figure = { name: "ed25519, all checks and the product's own list", unit: "µs" };

/** What is computed of a key to find that it is sound, and the same for public primes. One core, no API server. */
export const rsa: Bench = {
  name: "rsa",
  fixedKeys: KEYS,
  async run(): Promise<readonly Sample[]> {
    const products = PRIMES_BYTES.map(randomNumber);
    const samples = SIZES.flatMap(({ bits, target }): Sample[] => {
      const blobs = rsaBlobs(KEYS, bits);
      const arithmetic: Figure = { name: `${bits} bits`, unit: "ms", ...(target && { target }) };
      const primes: Figure = { name: `${bits} bits, public primes of badkeys' number`, unit: "ms" };
      return [
        { figure: arithmetic, value: leastOf(() => blobs.map(rsaWeaknesses)) },
        {
          figure: primes,
          value: leastOf(() => blobs.map((blob) => hasKnownPrime(rsaNumbers(blob), products))),
        },
      ];
    });
    const numbers = Array.from({ length: KEYS }, () => [randomNumber(256), randomNumber(256)] as const);
    const euclid = leastOf(() => numbers.map(([a, b]) => gcdByEuclid(a, b)));
    const knowledge = { ...NO_KNOWLEDGE, ...knownBy(await shippedLists(), []) };
    const records = Array.from({ length: KEYS }, (_, i) => toSSHKeyRecord(sshKey({ name: "a", key: i + 1 })));
    return [
      ...samples,
      { figure: RATIO, value: (samples[0]?.value ?? 0) / euclid },
      {
        figure: OTHERS,
        value: 1000 * leastOf(() => records.map((each) => judge(each, DEFAULT_POLICY, knowledge))),
      },
    ];
  },
};

function gcdByEuclid(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcdByEuclid(b, a % b);
}

function randomNumber(bytes: number): bigint {
  return BigInt(`0x${randomBytes(bytes).toString("hex")}`);
}

/** CPU time of one of the KEYS that a pass goes over, in the best of all passes. */
function leastOf(pass: () => unknown): number {
  return Math.min(...Array.from({ length: ROUNDS }, () => cpuMs(pass))) / KEYS;
}
