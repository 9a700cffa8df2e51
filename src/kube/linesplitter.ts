import { ByteCollector } from "./bytecollector.ts";

/** Splits a stream of bytes into lines. Work is linear in the bytes, however they are chunked. */
export class LineSplitter {
  /** How many lines were passed over. */
  tooLong = 0;
  readonly #longest: number;
  readonly #rest = new ByteCollector("a line of the stream");
  /** Of the line that has begun nothing is kept. */
  #isTooLong = false;

  /** A line of more than `longest` bytes is passed over and counted; without a limit, it throws. */
  constructor(longest = Number.POSITIVE_INFINITY) {
    this.#longest = longest;
  }

  /** True when bytes wait for the rest of their line. */
  get isMidLine(): boolean {
    return this.#rest.length > 0;
  }

  /** The lines that `chunk` completes, without their newline; empty lines are left out. Throws a RangeError when a line has no end. */
  *push(chunk: Buffer): Generator<string, void, undefined> {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const line = this.#take(chunk, start, end);
      start = end + 1;
      if (line !== "") {
        yield line;
      }
    }
    if (start < chunk.length && this.#fits(chunk.length - start)) {
      this.#rest.append(chunk.subarray(start));
    }
  }

  /** The last line, if no newline ends it. */
  *end(): Generator<string, void, undefined> {
    const line = this.#take(Buffer.alloc(0), 0, 0);
    if (line !== "") {
      yield line;
    }
  }

  #take(chunk: Buffer, start: number, end: number): string {
    if (!this.#fits(end - start)) {
      this.tooLong += 1;
      this.#isTooLong = false;
      return "";
    }
    if (this.#rest.length === 0) {
      return chunk.toString("utf8", start, end);
    }
    this.#rest.append(chunk.subarray(start, end));
    const line = this.#rest.text();
    this.#rest.clear();
    return line;
  }

  /** Is the line no longer than it may be with so many bytes more? What there is of it is dropped otherwise. */
  #fits(more: number): boolean {
    if (!this.#isTooLong && this.#rest.length + more <= this.#longest) return true;
    this.#isTooLong = true;
    this.#rest.clear();
    return false;
  }
}
