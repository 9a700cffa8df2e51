import { decodeBadkeys, decodePrimes, looksLikeBadkeys } from "./badkeys.ts";
import type { Blocklist, Section } from "./blocklist.ts";
import { decodeFingerprints } from "./fingerprints.ts";
import { decodeKRL, KRL_MAGIC } from "./krl.ts";
import { ListError } from "./listerror.ts";
import { decodeList, MAGIC } from "./listfile.ts";

/** What a file of a known form says. */
export interface ReadList extends Blocklist {
  /** Lines that say nothing, counted from 1. */
  readonly strayLines: readonly number[];
}

/**
 * Reads a list in whichever form it is: the product's own, an OpenSSH KRL, fingerprints as text, badkeys' blocklist.dat, or,
 * where it is called primes*.dat, badkeys' primes. `name`, without its folder, is the source of what names none itself.
 * Rejects with a ListError.
 */
export async function readList(name: string, bytes: Buffer): Promise<ReadList> {
  const list = (sections: readonly Section[], strayLines: readonly number[] = []): ReadList => ({
    sections: sections.map((section) => ({ ...section, source: section.source || name })),
    primes: [],
    strayLines,
  });
  if (startsWith(bytes, Buffer.from(MAGIC))) return list((await decodeList(bytes)).sections);
  if (startsWith(bytes, KRL_MAGIC)) return list(decodeKRL(bytes));
  if (/^primes.*\.dat$/.test(name)) return { ...list([]), primes: [decodePrimes(bytes)] };
  if (isText(bytes)) {
    const { section, strayLines } = decodeFingerprints(bytes.toString("utf8"));
    return list([section], strayLines);
  }
  if (looksLikeBadkeys(bytes)) return list(await decodeBadkeys(bytes));
  throw new ListError(
    "it is in none of the known forms: a blocklist of sshkey-operator, an OpenSSH KRL, SHA256: fingerprints, badkeys' blocklist.dat or primes*.dat",
  );
}

function startsWith(bytes: Buffer, start: Buffer): boolean {
  return bytes.subarray(0, start.length).equals(start);
}

/** By its first bytes: hashes have a control character among so many. */
function isText(bytes: Buffer): boolean {
  return bytes
    .subarray(0, 4096)
    .every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}
