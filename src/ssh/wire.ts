import type { Refusal, RefusalCode } from "./refusal.ts";

/**
 * Reads the data types of RFC 4251 section 5 from a key blob, as OpenSSH's sshbuf-getput-basic.c does.
 *
 * The first fault sticks: `refusal` holds it, and every later read gives an empty value. So a format reads all
 * its fields and looks at `refusal` once.
 */
export class WireReader {
  readonly #bytes: Buffer;
  #offset = 0;
  #refusal: Refusal | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** Records a fault found in a field that was read. */
  fail(code: RefusalCode, message: string): void {
    this.#refusal ??= { code, message };
  }

  /** `string`: a length in four bytes, big end first, then that many bytes. A view, not a copy. */
  string(): Buffer {
    if (this.#refusal !== undefined) return EMPTY;
    const start = this.#offset + 4;
    if (start > this.#bytes.length) return this.#truncated();
    const end = start + this.#bytes.readUInt32BE(this.#offset);
    if (end > this.#bytes.length) return this.#truncated();
    this.#offset = end;
    return this.#bytes.subarray(start, end);
  }

  /**
   * A `string` that C code holds as text: one NUL at its very end is dropped, a NUL before that is a fault
   * (sshbuf_get_cstring).
   */
  text(): Buffer {
    const value = this.string();
    const nul = value.indexOf(0);
    if (nul === -1) return value;
    if (nul === value.length - 1) return value.subarray(0, nul);
    this.fail("BadString", "A name inside the key holds a zero byte; copy the key again from its .pub file.");
    return EMPTY;
  }

  /**
   * `mpint`, never negative: its shortest spelling, with a leading zero byte only where the next bit is set.
   * At most 16384 bits (SSHBUF_MAX_BIGNUM).
   */
  mpint(): Buffer {
    const value = this.string();
    const first = value[0];
    if (first === undefined) return value;
    if ((first & 0x80) !== 0) {
      this.fail(
        "NegativeInteger",
        "A number inside the key is negative; copy the key again from its .pub file.",
      );
      return EMPTY;
    }
    if (value.length > MAX_INTEGER_BYTES + 1 || (value.length === MAX_INTEGER_BYTES + 1 && first !== 0)) {
      this.fail("IntegerTooLong", "A number inside the key has more than 16384 bits; use a shorter key.");
      return EMPTY;
    }
    let start = 0;
    while (start < value.length && value[start] === 0) start += 1;
    const needsZero = ((value[start] ?? 0) & 0x80) !== 0;
    return value.subarray(needsZero ? start - 1 : start);
  }

  /** To be called last: whatever still follows is a fault. */
  end(): void {
    if (this.#refusal === undefined && this.#offset !== this.#bytes.length) {
      this.fail("TrailingBytes", "Bytes follow the end of the key; copy the key again from its .pub file.");
    }
  }

  #truncated(): Buffer {
    this.fail("Truncated", "The key ends too early; copy the whole line again.");
    return EMPTY;
  }
}

/** Length in bits of a canonical mpint, as BN_num_bits counts it; 0 for zero. */
export function integerBits(mpint: Buffer): number {
  const start = mpint[0] === 0 ? 1 : 0;
  const first = mpint[start];
  return first === undefined ? 0 : (mpint.length - start) * 8 - (Math.clz32(first) - 24);
}

/** The strings one after another, each with its length before it. */
export function encodeStrings(strings: readonly Uint8Array[]): Buffer {
  let size = 0;
  for (const string of strings) size += 4 + string.length;
  const bytes = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const string of strings) {
    offset = bytes.writeUInt32BE(string.length, offset);
    bytes.set(string, offset);
    offset += string.length;
  }
  return bytes;
}

const MAX_INTEGER_BYTES = 16384 / 8;
const EMPTY = Buffer.alloc(0);
