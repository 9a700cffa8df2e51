import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { decodeBadkeys, decodePrimes } from "./badkeys.ts";
import { checkAgainstBadkeysData } from "./badkeysdata.ts";
import type { Blocklist, Reason, Section } from "./blocklist.ts";
import { decodeKRL, KRL_MAGIC } from "./krl.ts";
import { ListError } from "./listerror.ts";
import { decodeList, MAGIC } from "./listfile.ts";
import { decodeText } from "./textlist.ts";

/** What a file of a known form says. */
export interface ReadList extends Blocklist {
  /** Lines of a text that say nothing, counted from 1: the first hundred. */
  readonly strayLines: readonly number[];
  /** How many there are in all. */
  readonly strayCount: number;
}

/**
 * Reads a list in whichever form it is: the product's own, an OpenSSH KRL, fingerprints or public keys as text, badkeys'
 * blocklist.dat, or, where it is called primes*.dat, badkeys' primes. `name`, without its folder, is the source of what names
 * none itself, and `otherwise` the reason. Keeps the bytes. Other work has its turn in between. Rejects with a ListError.
 */
export async function readList(
  name: string,
  bytes: Buffer,
  otherwise: Reason = "BlockedKey",
): Promise<ReadList> {
  const list = (sections: readonly Section[]): ReadList => ({
    sections: sections.map((section) => ({ ...section, source: section.source || name })),
    primeProducts: [],
    strayLines: [],
    strayCount: 0,
  });
  if (bytes.length === 0) throw new ListError("it is empty: a list of nothing has a comment at least");
  if (startsWith(bytes, Buffer.from(MAGIC))) return list((await decodeList(bytes)).sections);
  if (startsWith(bytes, KRL_MAGIC)) return list(await decodeKRL(bytes, otherwise));
  if (/^primes.*\.dat$/.test(name)) return { ...list([]), primeProducts: [await decodePrimes(bytes)] };
  if (isText(bytes)) {
    const { sections, strayLines, strayCount } = await decodeText(bytes, otherwise);
    return { ...list(sections), strayLines, strayCount };
  }
  if (MAGIC_OF_NO_LIST.some((start) => startsWith(bytes, start)))
    throw new ListError("it is compressed: give what xz, gzip, bzip2 or zstd makes of it");
  return list(await decodeBadkeys(bytes).catch(explain));
}

/** The same of a file, by its name; what badkeys keeps beside its own has to fit. Rejects with the system's errors, too. */
export async function readListFile(path: string, otherwise?: Reason): Promise<ReadList> {
  const bytes = await readFile(path);
  await checkAgainstBadkeysData(path, bytes);
  return await readList(basename(path), bytes, otherwise);
}

/** A blocklist.dat has no mark of its own: it may be anything else. */
function explain(error: unknown): never {
  if (!(error instanceof ListError)) throw error;
  throw new ListError(
    `it is no blocklist of sshkey-operator, no OpenSSH KRL and no text in UTF-8, and as badkeys' blocklist.dat it ${error.message}`,
  );
}

function startsWith(bytes: Buffer, start: Buffer): boolean {
  return bytes.subarray(0, start.length).equals(start);
}

/** By its first bytes: hashes have a control character among so many, or are no UTF-8. */
function isText(bytes: Buffer): boolean {
  let end = Math.min(bytes.length, LOOKED_AT);
  // No character is cut through.
  while (end > LOOKED_AT - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  const start = bytes.subarray(0, end);
  return (
    isUtf8(start) && start.every((byte) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d)
  );
}

const LOOKED_AT = 4096;
/** xz, in which badkeys' list comes, gzip, bzip2 and zstd. */
const MAGIC_OF_NO_LIST = ["fd377a585a00", "1f8b08", "425a68", "28b52ffd"].map((hex) =>
  Buffer.from(hex, "hex"),
);
