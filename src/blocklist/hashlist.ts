import { endianness } from "node:os";
import { Turns } from "../turns.ts";

/** Of a hash, what is kept, in bytes: of N keys one in 2⁶⁴/N others is taken for one of them. */
export const HASH_BYTES = 8;

/**
 * The first eight bytes of many hashes, sorted, in one piece of memory: eight bytes a key, whatever its type.
 */
export class HashList {
  readonly bytes: Buffer;

  /** `bytes` are sorted: see isSorted. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Of a few hashes in any order, which may be longer; HashCollector is for many. */
  static of(hashes: Iterable<Uint8Array>): HashList {
    const kept = Array.from(hashes, (hash) => Buffer.from(hash.subarray(0, HASH_BYTES))).sort(Buffer.compare);
    return new HashList(Buffer.concat(kept.filter((hash, i) => kept[i - 1]?.equals(hash) !== true)));
  }

  /** All that are in one of two. */
  static async union({ bytes: a }: HashList, { bytes: b }: HashList): Promise<HashList> {
    if (a.length === 0 || b.length === 0) return new HashList(a.length === 0 ? b : a);
    const bytes = Buffer.allocUnsafeSlow(a.length + b.length);
    const turns = new Turns();
    let [inA, inB, end] = [0, 0, 0];
    while (inA < a.length && inB < b.length) {
      if (turns.areOver) await turns.next();
      const order = orderAt(a, inA, b, inB);
      if (order <= 0) copyHash(a, inA, bytes, end);
      else copyHash(b, inB, bytes, end);
      if (order <= 0) inA += HASH_BYTES;
      if (order >= 0) inB += HASH_BYTES;
      end += HASH_BYTES;
    }
    const [rest, at] = inA < a.length ? [a, inA] : [b, inB];
    for (let from = at; from < rest.length; from += COPIED_AT_ONCE) {
      end += rest.copy(bytes, end, from, from + COPIED_AT_ONCE);
      await turns.next();
    }
    return new HashList(bytes.subarray(0, end));
  }

  get size(): number {
    return this.bytes.length / HASH_BYTES;
  }

  /**
   * Is this hash, of at least eight bytes, among them? By halving, less than a microsecond for millions: since hashes are spread
   * evenly, nearly always what is around the place where it is to be expected, which the processor has at hand, tells.
   */
  has(hash: Buffer): boolean {
    const { bytes, size } = this;
    const high = hash.readUInt32BE(0);
    const low = hash.readUInt32BE(4);
    const expected = Math.floor((high / 2 ** 32) * size);
    const spread = Math.ceil(Math.sqrt(size));
    let from = 0;
    let to = size;
    let next = Math.max(expected - spread, 0);
    for (let probes = 0; from < to; probes += 1) {
      const at = next * HASH_BYTES;
      const order = bytes.readUInt32BE(at) - high || bytes.readUInt32BE(at + 4) - low;
      if (order === 0) return true;
      if (order < 0) from = next + 1;
      else to = next;
      const isAbove = probes === 0 && order < 0 && expected + spread < to;
      next = isAbove ? expected + spread : (from + to) >>> 1;
    }
    return false;
  }
}

/** Makes a HashList of any number of hashes that come in any order, and holds nobody up for long. */
export class HashCollector {
  readonly #sorted: HashList[] = [];
  #recent = Buffer.alloc(0);
  #end = 0;

  /** Of the hash, which has eight bytes at least, the first eight are kept. */
  add(hash: Buffer): void {
    if (this.#end === this.#recent.length) {
      this.#sortRecent();
      this.#recent = Buffer.allocUnsafeSlow(HASHES_AT_ONCE * HASH_BYTES);
    }
    copyHash(hash, 0, this.#recent, this.#end);
    this.#end += HASH_BYTES;
  }

  /** All that were added, each once. */
  async list(): Promise<HashList> {
    this.#sortRecent();
    let lists = this.#sorted.splice(0);
    while (lists.length > 1) {
      const merged: HashList[] = [];
      for (let i = 0; i < lists.length; i += 2)
        merged.push(await HashList.union(lists[i] ?? EMPTY, lists[i + 1] ?? EMPTY));
      lists = merged;
    }
    return lists[0] ?? EMPTY;
  }

  #sortRecent(): void {
    if (this.#end > 0) this.#sorted.push(new HashList(sortedOnce(this.#recent.subarray(0, this.#end))));
    this.#recent = Buffer.alloc(0);
    this.#end = 0;
  }
}

/** Sorts the hashes in place, and drops those that are there already. */
function sortedOnce(bytes: Buffer): Buffer {
  // Numbers are sorted several times faster than pieces of a buffer.
  if (IS_LITTLE_ENDIAN) bytes.swap64();
  new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / HASH_BYTES).sort();
  if (IS_LITTLE_ENDIAN) bytes.swap64();
  let end = 0;
  for (let at = 0; at < bytes.length; at += HASH_BYTES) {
    if (end > 0 && orderAt(bytes, end - HASH_BYTES, bytes, at) === 0) continue;
    copyHash(bytes, at, bytes, end);
    end += HASH_BYTES;
  }
  return bytes.subarray(0, end);
}

function orderAt(a: Buffer, atA: number, b: Buffer, atB: number): number {
  return a.readUInt32BE(atA) - b.readUInt32BE(atB) || a.readUInt32BE(atA + 4) - b.readUInt32BE(atB + 4);
}

/** Two numbers are copied faster than a range of bytes. */
export function copyHash(from: Buffer, atFrom: number, to: Buffer, atTo: number): void {
  to.writeUInt32BE(from.readUInt32BE(atFrom), atTo);
  to.writeUInt32BE(from.readUInt32BE(atFrom + 4), atTo + 4);
}

/** Does each record of these bytes come after the one before, by its first eight bytes? Two may have the same. */
export async function isSorted(bytes: Buffer, recordBytes: number): Promise<boolean> {
  const turns = new Turns();
  let before = 0;
  for (let at = 0; at < bytes.length; at += recordBytes) {
    if (turns.areOver) await turns.next();
    // Nearly always the first half tells.
    const high = bytes.readUInt32BE(at);
    if (high < before) return false;
    if (high === before && at > 0 && orderAt(bytes, at - recordBytes, bytes, at) > 0) return false;
    before = high;
  }
  return true;
}

/** Sorted in about 2 ms. */
const HASHES_AT_ONCE = 16_384;
/** Into memory that is touched for the first time: 1 ms. */
const COPIED_AT_ONCE = 2 ** 20;
const IS_LITTLE_ENDIAN = endianness() === "LE";
const EMPTY = new HashList(Buffer.alloc(0));
