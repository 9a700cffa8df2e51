import { StringDecoder } from "node:string_decoder";

/** The longest line that is read, in characters: what sshd writes has a thousand, and an entry of a journal has more fields. */
const LONGEST_LINE = 1 << 20;

/**
 * Cuts what comes in pieces into lines at line feeds, in bounded memory: a line beyond LONGEST_LINE is passed over and
 * counted.
 */
export class LineSplitter {
  /** How many lines were too long. */
  tooLong = 0;
  readonly #decoder = new StringDecoder("utf8");
  #pieces: string[] = [];
  #length = 0;

  /** The lines that end in this piece, without their line feeds. */
  *push(bytes: Buffer): Generator<string, void, undefined> {
    const text = this.#decoder.write(bytes);
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      this.#add(text.slice(start, end));
      start = end + 1;
      yield* this.#take();
    }
    this.#add(text.slice(start));
  }

  /** The last line, if no line feed ends it. */
  *end(): Generator<string, void, undefined> {
    this.#add(this.#decoder.end());
    if (this.#length > 0) yield* this.#take();
  }

  #add(piece: string): void {
    this.#length += piece.length;
    if (this.#length <= LONGEST_LINE) this.#pieces.push(piece);
    else this.#pieces = [];
  }

  *#take(): Generator<string, void, undefined> {
    if (this.#length <= LONGEST_LINE) yield this.#pieces.join("");
    else this.tooLong += 1;
    this.#pieces = [];
    this.#length = 0;
  }
}
