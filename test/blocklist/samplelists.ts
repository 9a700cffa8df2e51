import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { Reason, Section } from "../../src/blocklist/blocklist.ts";
import { HashList } from "../../src/blocklist/hashlist.ts";
import { ListError } from "../../src/blocklist/listerror.ts";
import { type ReadList, readList } from "../../src/blocklist/readlist.ts";
import { bytesOf } from "../ssh/weakness/weakrsa.ts";

/** Hashes as badkeys takes them, of the numbers from one to another. */
export function numberHashes(from: number, to: number): Buffer[] {
  return Array.from({ length: to - from + 1 }, (_, i) =>
    createHash("sha256")
      .update(Buffer.from((from + i).toString(16).padStart(8, "0"), "hex"))
      .digest(),
  );
}

export function sectionOf(reason: Reason, hashes: readonly Buffer[], source = "test"): Section {
  return { reason, of: "number", source, hashes: HashList.of(hashes) };
}

/** A file of badkeys as its documentation has it: sorted, 15 bytes of hash, one byte that names the list. */
export function badkeysFile(records: readonly (readonly [hash: Buffer, list: number])[]): Buffer {
  const encoded = records.map(([hash, list]) => Buffer.concat([hash.subarray(0, 15), Buffer.of(list)]));
  return Buffer.concat(encoded.sort(Buffer.compare));
}

/** gmpy2.to_binary of a number above zero. */
export function gmpy2Binary(value: bigint): Buffer {
  return Buffer.concat([Buffer.of(1, 1), bytesOf(value).reverse()]);
}

/** What is wrong with a file that is no list. */
export async function problemOf(name: string, bytes: Buffer): Promise<string> {
  const error = await readList(name, bytes).then(
    (list) => list,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(ListError);
  return error instanceof Error ? error.message : "";
}

/** Reasons and counts of what was read. */
export function countsOf({ sections }: Pick<ReadList, "sections">): string[] {
  return sections.map(({ reason, of, hashes }) => `${reason} ${of} ${hashes.size}`);
}
