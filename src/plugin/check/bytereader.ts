import type { Readable } from "node:stream";

/** Reads lines and counted bytes off a stream, one after the other; less than was asked for where the stream ends. */
export class ByteReader {
  readonly #parts: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#parts = stream[Symbol.asyncIterator]();
  }

  /** Up to the next line break, without it. */
  async line(): Promise<string> {
    let end = this.#rest.indexOf(LF);
    while (end === -1 && (await this.#more())) end = this.#rest.indexOf(LF);
    const line = this.#rest.subarray(0, end === -1 ? undefined : end).toString("utf8");
    this.#rest = this.#rest.subarray(end === -1 ? this.#rest.length : end + 1);
    return line;
  }

  async bytes(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = count;
    for (;;) {
      const part = this.#rest.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      this.#rest = this.#rest.subarray(part.length);
      if (missing === 0 || !(await this.#more())) return Buffer.concat(parts);
    }
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#parts.next();
    if (done === true) return false;
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }
}

const LF = 0x0a;
