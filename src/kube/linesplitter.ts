/** A line longer than this is refused: an object in etcd is at most a few MiB. */
const lineLimitBytes = 64 * 1024 * 1024;

/** Splits a stream of bytes into lines. Work is linear in the bytes, however they are chunked. */
export class LineSplitter {
  #parts: Uint8Array[] = [];
  #length = 0;

  /** True when bytes wait for the rest of their line. */
  get isMidLine(): boolean {
    return this.#length > 0;
  }

  /** The lines that `chunk` completes, without their newline; empty lines are left out. Throws a RangeError when a line has no end. */
  *push(chunk: Uint8Array): Generator<string, void, undefined> {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const line = this.#take(chunk.subarray(start, end));
      start = end + 1;
      if (line !== "") {
        yield line;
      }
    }
    this.#keep(chunk.subarray(start));
  }

  #take(last: Uint8Array): string {
    const bytes = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#length = 0;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  }

  #keep(rest: Uint8Array): void {
    if (rest.length === 0) {
      return;
    }
    this.#parts.push(rest);
    this.#length += rest.length;
    if (this.#length > lineLimitBytes) {
      throw new RangeError("a line of the stream has no end");
    }
  }
}
