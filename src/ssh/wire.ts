import type { Refusal, RefusalCode } from "./refusal.ts";

/**
 * Reads the data types of RFC 4251 section 5 from a key blob or a signature, as OpenSSH's sshbuf-getput-basic.c does.
 *
 * The first fault sticks: `refusal` holds it, and every later read returns an empty value. So a format reads all
 * its fields and checks `refusal` once.
 */
export class WireReader {
  readonly #bytes: Buffer;
  /** Where the value of the field read last begins and ends. */
  #start = 0;
  #end = 0;
  #refusal: Refusal | undefined;
  /** Undefined until a field is found that is not canonically encoded: nearly always. */
  #replacedFields: readonly ReplacedField[] | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** Does nothing follow? */
  get isAtEnd(): boolean {
    return this.#end === this.#bytes.length;
  }

  /** Records a fault found in a field that was read. */
  fail(code: RefusalCode, message: string): void {
    this.#refusal ??= { code, message };
  }

  /** Skips these bytes if they come next; returns whether they did. */
  skip(encoded: Uint8Array): boolean {
    for (let at = 0; at < encoded.length; at += 1) {
      if (this.#bytes[this.#end + at] !== encoded[at]) return false;
    }
    this.#end += encoded.length;
    return true;
  }

  /**
   * Reads a `string` and returns its length: four bytes of length, big-endian, then that many bytes. Mostly the length
   * is all that is needed, and a view of the bytes takes longer than reading the field.
   */
  stringLength(): number {
    if (this.#refusal !== undefined) return 0;
    const start = this.#end + LENGTH_BYTES;
    if (start > this.#bytes.length) return this.#truncated();
    const end = start + this.#bytes.readUInt32BE(this.#end);
    if (end > this.#bytes.length) return this.#truncated();
    this.#start = start;
    this.#end = end;
    return end - start;
  }

  /** Reads a `byte`. */
  byte(): number {
    return this.#fixed(1) ? (this.#bytes[this.#start] ?? 0) : 0;
  }

  /** Reads a `uint32`. */
  uint32(): number {
    return this.#fixed(4) ? this.#bytes.readUInt32BE(this.#start) : 0;
  }

  /** The bytes of a `string`. A view, not a copy. */
  bytes(): Buffer {
    return this.stringLength() === 0 ? EMPTY : this.#bytes.subarray(this.#start, this.#end);
  }

  /**
   * A `string` that C code holds as text, a letter for each byte: one NUL at its very end is dropped, a NUL before
   * that is a fault (sshbuf_get_cstring).
   */
  text(): string {
    const value = this.stringLength() === 0 ? "" : this.#bytes.toString("latin1", this.#start, this.#end);
    const nul = value.indexOf("\0");
    if (nul === -1) return value;
    if (nul < value.length - 1) {
      this.fail(
        "BadString",
        "A name inside the key holds a zero byte; copy the key again from its .pub file.",
      );
      return "";
    }
    const text = value.slice(0, nul);
    this.replaceField(Buffer.from(text, "latin1"));
    return text;
  }

  /**
   * Reads an `mpint` and returns its length in bits, as BN_num_bits counts it. Never negative, at most 16384 bits
   * (SSHBUF_MAX_BIGNUM). Its shortest encoding is the canonical one, with a leading zero byte only where the next bit
   * is set.
   */
  mpintBits(): number {
    const length = this.stringLength();
    if (length === 0) return 0;
    const first = this.#bytes[this.#start] ?? 0;
    if ((first & 0x80) !== 0) {
      this.fail(
        "NegativeInteger",
        "A number inside the key is negative; copy the key again from its .pub file.",
      );
      return 0;
    }
    if (length > MAX_INTEGER_BYTES + 1 || (length === MAX_INTEGER_BYTES + 1 && first !== 0)) {
      this.fail("IntegerTooLong", "A number inside the key has more than 16384 bits; use a shorter key.");
      return 0;
    }
    let start = this.#start;
    while (start < this.#end && this.#bytes[start] === 0) start += 1;
    const top = start < this.#end ? (this.#bytes[start] ?? 0) : 0;
    const shortest = (top & 0x80) === 0 ? start : start - 1;
    if (shortest !== this.#start) this.replaceField(this.#bytes.subarray(shortest, this.#end));
    return top === 0 ? 0 : (this.#end - start) * 8 - (Math.clz32(top) - 24);
  }

  /** Has the canonical encoding hold this value in place of the field read last. */
  replaceField(value: Uint8Array): void {
    const start = this.#start - LENGTH_BYTES;
    const others = (this.#replacedFields ?? []).filter((other) => other.start !== start);
    this.#replacedFields = [...others, { start, end: this.#end, encoded: encodeStrings([value]) }];
  }

  /** To be called last: whatever still follows is a fault. */
  end(): void {
    if (this.#refusal === undefined && !this.isAtEnd) {
      this.fail("TrailingBytes", "Bytes follow the end of the key; copy the key again from its .pub file.");
    }
  }

  /** What was read, each field canonically encoded; the given bytes themselves if they are canonical. */
  canonical(): Buffer {
    if (this.#replacedFields === undefined) return this.#bytes;
    const parts: Buffer[] = [];
    let copied = 0;
    for (const { start, end, encoded } of this.#replacedFields) {
      parts.push(this.#bytes.subarray(copied, start), encoded);
      copied = end;
    }
    return Buffer.concat([...parts, this.#bytes.subarray(copied, this.#end)]);
  }

  #fixed(length: number): boolean {
    if (this.#refusal !== undefined) return false;
    if (this.#end + length > this.#bytes.length) return this.#truncated() !== 0;
    this.#start = this.#end;
    this.#end += length;
    return true;
  }

  #truncated(): number {
    this.fail("Truncated", "The key ends too early; copy the whole line again.");
    return 0;
  }
}

/** The place of a field, with its length, and its canonical encoding. */
interface ReplacedField {
  readonly start: number;
  readonly end: number;
  readonly encoded: Buffer;
}

/** The strings one after another, each with its length before it. */
export function encodeStrings(strings: readonly Uint8Array[]): Buffer {
  let size = 0;
  for (const string of strings) size += LENGTH_BYTES + string.length;
  const bytes = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const string of strings) {
    offset = bytes.writeUInt32BE(string.length, offset);
    bytes.set(string, offset);
    offset += string.length;
  }
  return bytes;
}

/**
 * The strings of a sequence of them, as views; mpints, too, are strings. For a blob that decodeKeyBlob returned: what a
 * last length does not cover is left out.
 */
export function stringsOf(bytes: Buffer): Buffer[] {
  const strings: Buffer[] = [];
  for (let at = 0; at + LENGTH_BYTES <= bytes.length; ) {
    const start = at + LENGTH_BYTES;
    at = start + bytes.readUInt32BE(at);
    strings.push(bytes.subarray(start, at));
  }
  return strings;
}

/** The value of an unsigned big-endian number; 0 for no bytes. */
export function bigintOf(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString("hex")}`);
}

const LENGTH_BYTES = 4;
const MAX_INTEGER_BYTES = 16384 / 8;
const EMPTY = Buffer.alloc(0);
