import { setImmediate as turn } from "node:timers/promises";

/** Of a hash, what is kept, in bytes: of N keys one in 2⁶⁴/N others is taken for one of them. */
export const HASH_BYTES = 8;

/**
 * The first eight bytes of many hashes, sorted, each once, in one piece of memory: eight bytes a key, whatever its type.
 */
export class HashList {
  readonly bytes: Buffer;

  /** `bytes` are sorted: see isSorted. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Of hashes in any order, which may be longer. */
  static of(hashes: Iterable<Uint8Array>): HashList {
    const kept = Array.from(hashes, (hash) => Buffer.from(hash.subarray(0, HASH_BYTES))).sort(Buffer.compare);
    return new HashList(Buffer.concat(kept.filter((hash, i) => kept[i - 1]?.equals(hash) !== true)));
  }

  /** All that are in one of two. */
  static union(a: HashList, b: HashList): HashList {
    const bytes = Buffer.alloc(a.bytes.length + b.bytes.length);
    let [inA, inB, end] = [0, 0, 0];
    while (inA < a.bytes.length || inB < b.bytes.length) {
      const order = orderAt(a.bytes, inA, b.bytes, inB);
      const [from, at] = order <= 0 ? [a.bytes, inA] : [b.bytes, inB];
      end += from.copy(bytes, end, at, at + HASH_BYTES);
      if (order <= 0) inA += HASH_BYTES;
      if (order >= 0) inB += HASH_BYTES;
    }
    return new HashList(bytes.subarray(0, end));
  }

  get size(): number {
    return this.bytes.length / HASH_BYTES;
  }

  /** Is this hash, of at least eight bytes, among them? By halving: about a microsecond for millions. */
  has(hash: Buffer): boolean {
    let [from, to] = [0, this.size];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const order = orderAt(this.bytes, middle * HASH_BYTES, hash, 0);
      if (order === 0) return true;
      if (order < 0) from = middle + 1;
      else to = middle;
    }
    return false;
  }
}

/** Which of two hashes is the lower; whichever there is where the bytes of the other are at their end. */
function orderAt(a: Buffer, atA: number, b: Buffer, atB: number): number {
  if (atA >= a.length) return 1;
  if (atB >= b.length) return -1;
  return a.readUInt32BE(atA) - b.readUInt32BE(atB) || a.readUInt32BE(atA + 4) - b.readUInt32BE(atB + 4);
}

/** Does each record of these bytes come after the one before, by its first eight bytes? Two may have the same. */
export async function isSorted(bytes: Buffer, recordBytes: number): Promise<boolean> {
  const isOrdered = (at: number) => at === 0 || orderAt(bytes, at - recordBytes, bytes, at) <= 0;
  return await inPieces(bytes.length / recordBytes, (record) => isOrdered(record * recordBytes));
}

/** Does this for so many records, until one says no; other work has its turn in between. Says whether none did. */
export async function inPieces(count: number, each: (record: number) => boolean): Promise<boolean> {
  for (let record = 0; record < count; record += 1) {
    if (!each(record)) return false;
    if (record % RECORDS_A_PIECE === RECORDS_A_PIECE - 1) await turn();
  }
  return true;
}

/** About 5 ms of work. */
const RECORDS_A_PIECE = 100_000;
