import { hash } from "node:crypto";
import type { KeyBlob } from "../ssh/blob.ts";
import { keyNumbers, negativePoint } from "../ssh/keynumbers.ts";
import type { WeaknessCode } from "../ssh/weakness/classes.ts";
import { HashList } from "./hashlist.ts";

/** Why a key can be on a list. */
export const REASONS = [
  "PublishedKey",
  "DebianWeakKey",
  "KeypairWeakKey",
  "AttackerKey",
  "TrivialPrivateKey",
  "SharedFactor",
  "BlockedKey",
] as const satisfies readonly WeaknessCode[];

export type Reason = (typeof REASONS)[number];

/**
 * What of a key is hashed: `number`, its inner numbers (see keyNumbers) by SHA-256; `fingerprint`, its blob by SHA-256;
 * `sha1`, its blob by SHA-1, as old KRLs have it.
 */
export type HashedPart = (typeof PARTS)[number];

export const PARTS = ["number", "fingerprint", "sha1"] as const;

/** Keys that are on a list for one reason. */
export interface Section {
  readonly reason: Reason;
  readonly of: HashedPart;
  /** Where it comes from, for people. */
  readonly source: string;
  readonly hashes: HashList;
}

/** Everything that one file says. */
export interface Blocklist {
  readonly sections: readonly Section[];
  /**
   * Each the product of many primes that are public, as badkeys' primes*.dat has them. No key of its own: an RSA key whose
   * modulus has a divisor in common with one is factored by it.
   */
  readonly primeProducts: readonly bigint[];
}

/** Of all sections together: a key that is in several counts for each. */
export function keyCount(sections: readonly Section[]): number {
  return sections.reduce((sum, { hashes }) => sum + hashes.size, 0);
}

/** What is known by all of these lists, as the judgement of keys asks for it. */
export interface ListKnowledge {
  readonly listed: (key: Pick<KeyBlob, "type" | "blob">) => readonly Reason[];
  /** As Blocklist has them. */
  readonly primeProducts: readonly bigint[];
}

/** `shipped`: the sections that come with the product. */
export function knownBy(shipped: readonly Section[], lists: readonly Blocklist[]): ListKnowledge {
  const sections = [...shipped, ...lists.flatMap((list) => list.sections)];
  return {
    listed: (key) => reasonsFor(key, sections),
    primeProducts: lists.flatMap((list) => list.primeProducts),
  };
}

/** The reasons for which one of these lists has the key, each once, in the order of REASONS. A few microseconds. */
export function reasonsFor(
  key: Pick<KeyBlob, "type" | "blob">,
  sections: readonly Section[],
): readonly Reason[] {
  if (sections.length === 0) return NONE;
  const hashes: Partial<Record<HashedPart, readonly Buffer[]>> = {};
  const found = new Set<Reason>();
  for (const section of sections) {
    hashes[section.of] ??= soughtHashes(key, section.of);
    if (hashes[section.of]?.some((each) => section.hashes.has(each))) found.add(section.reason);
  }
  return found.size === 0 ? NONE : REASONS.filter((reason) => found.has(reason));
}

/** The hashes under which a list may have a key, or one that the same person can sign for. */
function soughtHashes(key: Pick<KeyBlob, "type" | "blob">, of: HashedPart): readonly Buffer[] {
  if (of !== "number" || !key.type.includes("ed25519")) return hashesOf(key, of);
  const numbers = keyNumbers(key);
  const negatives = numbers.slice(-1).map(negativePoint);
  return [...numbers, ...negatives].map(sha256);
}

/** The hashes of a key that a list of it has. */
export function hashesOf(key: Pick<KeyBlob, "type" | "blob">, of: HashedPart): readonly Buffer[] {
  if (of === "number") return keyNumbers(key).map(sha256);
  return [of === "sha1" ? hash("sha1", key.blob, "buffer") : sha256(key.blob)];
}

/** By way of a string, which Node makes in a third of the time. */
function sha256(bytes: Buffer): Buffer {
  return Buffer.from(hash("sha256", bytes, "binary"), "binary");
}

/** Of one number, big-endian: zeros in front do not count. */
export function hashOfNumber(number: Buffer): Buffer {
  let start = 0;
  while (number[start] === 0) start += 1;
  return hash("sha256", number.subarray(start), "buffer");
}

/** One section for each reason, part and source. */
export async function mergeSections(sections: readonly Section[]): Promise<readonly Section[]> {
  const merged = new Map<string, Section>();
  for (const section of sections) {
    const what = JSON.stringify([section.reason, section.of, section.source]);
    const known = merged.get(what);
    const hashes = known === undefined ? section.hashes : await HashList.union(known.hashes, section.hashes);
    merged.set(what, { ...section, hashes });
  }
  return [...merged.values()];
}

const NONE: readonly Reason[] = [];
