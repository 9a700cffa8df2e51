import { createPrivateKey, createPublicKey, hash } from "node:crypto";
import { CURVES, type CurveName } from "../ssh/ecdsa.ts";
import { Turns } from "../turns.ts";
import { hashOfNumber, type Section } from "./blocklist.ts";
import { COMMON_WORDS } from "./commonwords.ts";
import { multiplesOfG, publicPoint } from "./ecdsamultiples.ts";
import { HashCollector } from "./hashlist.ts";

/** How many of each kind of trivial private key are made. */
export interface TrivialLimits {
  readonly curves: readonly CurveName[];
  /** ECDSA: the private keys from 1 to this, on each of the curves. */
  readonly multiples: number;
  /** Ed25519: the numbers from 0 to this as seeds. */
  readonly numbers: number;
  /** Of the list of common words. */
  readonly words: number;
}

/** In a few seconds: what the product ships. */
export const SHIPPED_LIMITS: TrivialLimits = {
  curves: ["nistp256", "nistp384", "nistp521"],
  multiples: 100_000,
  numbers: 1_000,
  words: COMMON_WORDS.length,
};

/** In a tenth of a second: OpenSSL is far quicker with nistp256 than with the other curves. */
export const FEW_LIMITS: TrivialLimits = {
  curves: ["nistp256"],
  multiples: 10_000,
  numbers: 100,
  words: 100,
};

/** The public keys of private keys that anybody would try first; `source` says which these are. */
export async function trivialKeys({
  curves,
  multiples,
  numbers,
  words,
}: TrivialLimits): Promise<readonly Section[]> {
  const chosen = COMMON_WORDS.slice(0, words);
  const hashed = chosen.map((word) => hash("sha256", word, "buffer"));
  const padded = chosen.map((word) => Buffer.concat([Buffer.from(word)], SEED_BYTES));
  const count = (number: number) => number.toLocaleString("en-US");
  const on = curves.join(", ");
  const upAndDown = "bytes that count up from 0 or 1 or down from 255 or from their number";
  return [
    await section(
      `ECDSA private keys 1 to ${count(multiples)}, and the order of the curve less these, on ${on}`,
      coordinatesOfMultiples(curves, multiples),
    ),
    await section(
      `ECDSA private keys of equal bytes, of ${upAndDown}, and the SHA-256 of ${count(words)} common words, on ${on}`,
      coordinatesOfSeeds(curves, hashed),
    ),
    await section(
      `Ed25519 seeds of equal bytes, of ${upAndDown}, the numbers 0 to ${count(numbers)} with zeros before or behind, and ${count(words)} common words, by their SHA-256 or with zeros behind`,
      ed25519Keys([...patterns(SEED_BYTES), ...numberSeeds(numbers), ...hashed, ...padded]),
    ),
  ];
}

async function section(source: string, publicNumbers: Iterable<Buffer>): Promise<Section> {
  const collected = new HashCollector();
  const turns = new Turns();
  for (const number of publicNumbers) {
    if (turns.areOver) await turns.next();
    collected.add(hashOfNumber(number));
  }
  return { reason: "TrivialPrivateKey", of: "number", source, hashes: await collected.list() };
}

function* coordinatesOfMultiples(curves: readonly CurveName[], count: number): Generator<Buffer> {
  for (const curve of curves) {
    const digits = 2 * CURVES[curve].coordinateBytes;
    for (const x of multiplesOfG(curve, count))
      yield Buffer.from(x.toString(16).padStart(digits, "0"), "hex");
  }
}

/** The hashes of words on each curve, and patterns of their length and of the curve's. */
function* coordinatesOfSeeds(curves: readonly CurveName[], hashed: readonly Buffer[]): Generator<Buffer> {
  for (const curve of curves) {
    const { n, coordinateBytes } = CURVES[curve];
    const sizes = new Set([SEED_BYTES, coordinateBytes]);
    for (const seed of [...hashed, ...Array.from(sizes, patterns).flat()]) {
      const value = BigInt(`0x${seed.toString("hex")}`);
      if (value === 0n || value >= n) continue;
      const point = publicPoint(curve, seed);
      yield point.subarray(1, 1 + coordinateBytes);
    }
  }
}

function* ed25519Keys(seeds: readonly Buffer[]): Generator<Buffer> {
  for (const seed of seeds) {
    // RFC 8410 section 7: all that stands before the seed is the same for each.
    const key = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
    const { x = "" } = createPublicKey(createPrivateKey({ key, format: "der", type: "pkcs8" })).export({
      format: "jwk",
    });
    yield Buffer.from(x, "base64url");
  }
}

/** Equal bytes, and bytes that count up or down. */
function patterns(size: number): readonly Buffer[] {
  const counting = (first: number, step: number) =>
    Buffer.from(Array.from({ length: size }, (_, i) => first + i * step));
  return [
    ...Array.from({ length: 256 }, (_, byte) => Buffer.alloc(size, byte)),
    ...[0, 1].map((first) => counting(first, 1)),
    ...[255, size, size - 1].map((first) => counting(first, -1)),
  ];
}

/** Each with its lowest byte last and with its lowest byte first. */
function numberSeeds(highest: number): readonly Buffer[] {
  return Array.from({ length: highest + 1 }, (_, number) => {
    const seed = Buffer.alloc(SEED_BYTES);
    seed.writeUInt32BE(number, SEED_BYTES - 4);
    return [seed, Buffer.from(seed).reverse()];
  }).flat();
}

const SEED_BYTES = 32;
