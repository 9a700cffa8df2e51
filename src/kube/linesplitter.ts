import { ByteCollector } from "./bytecollector.ts";

/** Splits a stream of bytes into lines. Work is linear in the bytes, however they are chunked. */
export class LineSplitter {
  readonly #rest = new ByteCollector("a line of the stream");

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
    if (start < chunk.length) {
      this.#rest.append(chunk.subarray(start));
    }
  }

  #take(chunk: Buffer, start: number, end: number): string {
    if (this.#rest.length === 0) {
      return chunk.toString("utf8", start, end);
    }
    this.#rest.append(chunk.subarray(start, end));
    const line = this.#rest.text();
    this.#rest.clear();
    return line;
  }
}
