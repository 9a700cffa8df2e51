/** Decodes a text as its bytes come, in linear time however small the pieces: UTF-8, or UTF-16 with its mark, as PowerShell writes it. */
export class TextReader {
  readonly #parts: string[] = [];
  /** The first bytes, until there are enough of them to tell the encoding. */
  #start: Buffer | undefined = Buffer.alloc(0);
  #decoder = new TextDecoder();
  #recent = "";

  push(bytes: Uint8Array): void {
    let next = bytes;
    if (this.#start !== undefined) {
      this.#start = Buffer.concat([this.#start, bytes]);
      if (this.#start.length < 2) return;
      next = this.#begin(this.#start);
    }
    this.#append(this.#decoder.decode(next, { stream: true }));
  }

  /** What came last: the last piece with some hundred characters before it. Where it is not the beginning, a letter is. */
  get recent(): string {
    return this.#recent;
  }

  /** All of it; nothing is pushed then. */
  end(): string {
    if (this.#start !== undefined) this.#append(this.#decoder.decode(this.#begin(this.#start)));
    else this.#append(this.#decoder.decode());
    return this.#parts.join("");
  }

  #begin(start: Buffer): Buffer {
    this.#start = undefined;
    const [first, second] = start;
    if (first === 0xff && second === 0xfe) this.#decoder = new TextDecoder("utf-16le");
    if (first === 0xfe && second === 0xff) this.#decoder = new TextDecoder("utf-16be");
    return start;
  }

  #append(text: string): void {
    this.#parts.push(text);
    const before = this.#recent;
    // The letter keeps patterns from taking a word for a beginning that goes on to the left.
    this.#recent = before.length > OVERLAP ? `A${before.slice(-OVERLAP)}${text}` : before + text;
  }
}

/** More than twice as many as what a private key is recognised by: in UTF-16 without a mark there is a NUL beside each letter. */
const OVERLAP = 256;
