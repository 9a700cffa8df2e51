/** An object in etcd is at most a few MiB, so no line of a watch and no item of a list is longer. */
const LENGTH_LIMIT = 64 * 1024 * 1024;

/** Joins chunks in one buffer, so that there is one copy of a long text. Work is linear in the bytes. */
export class ByteCollector {
  readonly #what: string;
  #buffer = Buffer.alloc(0);
  #length = 0;

  /** `what` is collected, for the error: "an item of the list". */
  constructor(what: string) {
    this.#what = what;
  }

  get length(): number {
    return this.#length;
  }

  /** Throws a RangeError above 64 MiB. */
  append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > LENGTH_LIMIT) {
      throw new RangeError(`${this.#what} has no end`);
    }
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#buffer.length, 16_384));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }

  /** The bytes from `start` to `end` as text. */
  text(start = 0, end = this.#length): string {
    return this.#buffer.toString("utf8", start, end);
  }

  /** Starts again with the same buffer, empty. */
  clear(): void {
    this.#length = 0;
  }
}
