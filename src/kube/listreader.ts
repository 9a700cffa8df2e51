import { type ApiError, undecodable } from "./apierror.ts";
import { ByteCollector } from "./bytecollector.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** Makes braces of brackets, and of nothing else. */
const TO_BRACE = 0x20;

/** What stands before the one long list in an item that hardly anybody reads. */
const MANAGED_FIELDS = Buffer.from('"managedFields":');

/** Up to here a string is read byte by byte, which is faster than a search for its end. */
const SHORT_STRING = 1024;

/**
 * Where in the list the next byte stands: outside of its items, behind the bracket before them, behind a comma between
 * two of them, within one, or behind one.
 */
type Place = "outside" | "first" | "next" | "within" | "behind";

/**
 * Parses the JSON of a list, `{"kind":…,"metadata":{…},"items":[{…},…]}`, in a stream. Yields each item as soon as it is
 * complete and keeps none of its text: memory is bounded by the longest item, whatever the list holds. Accepts what
 * JSON.parse accepts, except items that are no objects, and a second `items`. The `metadata.managedFields` of an item,
 * half of its text, are skipped unparsed where the whole item is in one chunk, unless they are asked for. Work is linear in the
 * bytes, however they are chunked.
 */
export class ListReader {
  readonly #call: string;
  readonly #keepsManagedFields: boolean;
  /** The list without its items. */
  readonly #rest = new ByteCollector("an item of the list");
  /** What the chunks before held of an item that goes on. */
  readonly #item = new ByteCollector("an item of the list");
  #place: Place = "outside";
  /** Of brackets and braces: in the list while outside of its items, or in an item. */
  #depth = 0;
  /** Where in the chunk the elements of the item's managedFields begin and end; 0 when they are not all in it. */
  #unread: [start: number, end: number] = [0, 0];
  #isInString = false;
  /** Is the next byte of the string escaped? */
  #isEscaped = false;
  /** Where in `#rest` the name of the last member of the list begins and ends. */
  #name: readonly [start: number, end: number] = [0, 0];
  /** Is it the list's next member, and not the value of one, that comes next? */
  #isBeforeColon = true;
  #hadItems = false;

  /** `call` names the request in errors. */
  constructor(call: string, { keepsManagedFields = false } = {}) {
    this.#call = call;
    this.#keepsManagedFields = keepsManagedFields;
  }

  /** The items that `chunk` completes. Throws an ApiError, `Undecodable`, or a RangeError for an item without end. */
  *push(chunk: Buffer): Generator<unknown, void, undefined> {
    for (let at = 0; at < chunk.length; ) {
      if (this.#place === "outside") {
        at = this.#readOutside(chunk, at);
      } else if (this.#place !== "within") {
        at = this.#readBetween(chunk, at);
      } else {
        const start = at;
        at = this.#endOfItem(chunk, start);
        if (this.#depth > 0 || this.#item.length > 0) this.#item.append(chunk.subarray(start, at));
        if (this.#depth > 0) return;
        const text = this.#item.length > 0 ? this.#item.text() : this.#textOf(chunk, start, at);
        this.#item.clear();
        this.#place = "behind";
        yield this.#parse(text);
      }
    }
  }

  /** All is read: the list, with its items left out. Throws as `push` does, also when the text is not whole. */
  end(): unknown {
    const list = this.#parse(this.#rest.text());
    // Of two members with one name JSON.parse takes the last.
    if (this.#hadItems && !Array.isArray((list as { items?: unknown }).items)) throw this.#itemsTwice();
    return list;
  }

  /** Reads up to the bracket before the items, or to the end of the chunk. */
  #readOutside(chunk: Buffer, start: number): number {
    const offset = this.#rest.length - start;
    let at = this.#isInString ? this.#resumeString(chunk, start) : start;
    if (at !== start) this.#endName(offset + at);
    while (at < chunk.length && this.#place === "outside") {
      const byte = chunk[at];
      at += 1;
      if (byte === QUOTE) {
        if (this.#isAtName) this.#name = [offset + at - 1, 0];
        at = this.#endOfString(chunk, at);
        this.#endName(offset + at);
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        this.#depth += 1;
        if (byte === OPEN_BRACKET && this.#depth === 2 && !this.#isBeforeColon) this.#place = "first";
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#depth -= 1;
      } else if (this.#depth === 1 && (byte === COLON || byte === COMMA)) {
        this.#isBeforeColon = byte === COMMA;
      }
    }
    this.#rest.append(chunk.subarray(start, at));
    if (this.#place === "first" && !this.#isNameOfItems()) this.#place = "outside";
    return at;
  }

  get #isAtName(): boolean {
    return this.#depth === 1 && this.#isBeforeColon;
  }

  #endName(end: number): void {
    if (this.#isAtName && !this.#isInString) this.#name = [this.#name[0], end];
  }

  /** Is `#rest` at the value of the member `items`? */
  #isNameOfItems(): boolean {
    if (this.#parse(this.#rest.text(...this.#name)) !== "items") return false;
    if (this.#hadItems) throw this.#itemsTwice();
    this.#hadItems = true;
    this.#depth = 0;
    return true;
  }

  /** Reads one byte between two items. */
  #readBetween(chunk: Buffer, at: number): number {
    const byte = chunk[at];
    if (byte === OPEN_BRACE && this.#place !== "behind") {
      this.#place = "within";
      return at;
    }
    if (byte === CLOSE_BRACKET && this.#place !== "next") {
      this.#place = "outside";
      this.#depth = 2;
      return at;
    }
    if (byte === COMMA && this.#place === "behind") {
      this.#place = "next";
    } else if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
      throw undecodable(this.#call, "the items of the answer are not a list of objects");
    }
    return at + 1;
  }

  #textOf(chunk: Buffer, start: number, end: number): string {
    const [from, to] = this.#unread;
    if (to === 0) return chunk.toString("utf8", start, end);
    return chunk.toString("utf8", start, from) + chunk.toString("utf8", to, end);
  }

  /** The index behind the item, with `#depth` 0, or the end of the chunk when it goes on. */
  #endOfItem(chunk: Buffer, start: number): number {
    const { length } = chunk;
    let at = this.#isInString ? this.#resumeString(chunk, start) : start;
    let depth = this.#depth;
    this.#unread = [0, 0];
    while (at < length) {
      const byte = chunk[at] as number;
      at += 1;
      if (byte === QUOTE) {
        at = this.#endOfString(chunk, at);
      } else if (byte >= OPEN_BRACKET) {
        const brace = byte | TO_BRACE;
        if (brace === OPEN_BRACE) {
          if (byte === OPEN_BRACKET && depth === 2) this.#noteManagedFields(chunk, at);
          depth += 1;
        } else if (brace === CLOSE_BRACE) {
          depth -= 1;
          if (depth === 0) break;
          if (depth === 2 && this.#unread[0] > 0 && this.#unread[1] === 0) this.#unread[1] = at - 1;
        }
      }
    }
    this.#depth = depth;
    return at;
  }

  /** A list begins at `at`. */
  #noteManagedFields(chunk: Buffer, at: number): void {
    const start = at - 1 - MANAGED_FIELDS.length;
    if (this.#keepsManagedFields || this.#unread[0] > 0 || start < 0) return;
    if (MANAGED_FIELDS.compare(chunk, start, at - 1) === 0) this.#unread[0] = at;
  }

  /** The index behind the string, or the end of the chunk, with `#isInString` set, when it goes on. */
  #endOfString(chunk: Buffer, start: number): number {
    const { length } = chunk;
    let at = start;
    for (;;) {
      const stop = Math.min(at + SHORT_STRING, length);
      while (at < stop) {
        const byte = chunk[at];
        at += 1;
        if (byte === QUOTE) return at;
        if (byte === BACKSLASH) at += 1;
      }
      if (at >= length) {
        this.#isInString = true;
        this.#isEscaped = at > length;
        return length;
      }
      at = atQuote(chunk, at);
    }
  }

  #resumeString(chunk: Buffer, start: number): number {
    const from = this.#isEscaped ? start + 1 : start;
    this.#isInString = false;
    this.#isEscaped = false;
    return this.#endOfString(chunk, from);
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      // The parser's message quotes the text.
      throw undecodable(this.#call, "the answer is not JSON");
    }
  }

  #itemsTwice(): ApiError {
    return undecodable(this.#call, "the answer has items twice");
  }
}

/** The index of the next quote in a string, behind it if it is escaped; where the chunk ends there is none. */
function atQuote(chunk: Buffer, start: number): number {
  const next = chunk.indexOf(QUOTE, start);
  const end = next === -1 ? chunk.length : next;
  let first = end;
  while (first > start && chunk[first - 1] === BACKSLASH) first -= 1;
  return (end - first) % 2 === 0 ? end : end + 1;
}
