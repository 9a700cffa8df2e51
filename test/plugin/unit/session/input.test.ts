import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ONE_KEY, textOf } from "../../../../src/plugin/session/input.ts";
import { TextReader } from "../../../../src/plugin/session/textreader.ts";

/** Gives these bytes in pieces of so many, and counts what was taken of them. */
class Pieces implements AsyncIterable<Uint8Array> {
  taken = 0;
  readonly #bytes: Uint8Array;
  readonly #size: number;

  constructor(bytes: Uint8Array, size: number) {
    this.#bytes = bytes;
    this.#size = size;
  }

  async *[Symbol.asyncIterator]() {
    while (this.taken < this.#bytes.length) {
      const piece = this.#bytes.subarray(this.taken, this.taken + this.#size);
      this.taken += piece.length;
      yield piece;
    }
  }
}

const ENCODINGS = {
  "UTF-8": (text: string) => Buffer.from(text),
  "UTF-8 with its mark": (text: string) => Buffer.from(`\ufeff${text}`),
  "UTF-16 as PowerShell writes it": (text: string) => Buffer.from(`\ufeff${text}`, "utf16le"),
  "UTF-16 the other way round": (text: string) => Buffer.from(`\ufeff${text}`, "utf16le").swap16(),
};

describe.each(Object.entries(ENCODINGS))("a text in %s", (_, encoded) => {
  test("is the same in whatever pieces it comes", async () => {
    const texts = fc.string({ unit: "grapheme", maxLength: 50 }).filter((text) => !text.startsWith("\ufeff"));
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 9 }), async (text, size) => {
        expect(await textOf(new Pieces(encoded(text), size), "FILE", ONE_KEY)).toBe(text);
      }),
    );
  });

  test.each([1, 2, 7, 64])("is read no further than a private key begins, in pieces of %i", async (size) => {
    const before = "# my key \u00e4\n".repeat(500);
    const mark = "-----BEGIN OPENSSH PRIVATE KEY-----";
    const pieces = new Pieces(encoded(`${before}${mark}\n${"A".repeat(10_000)}`), size);
    const text = await textOf(pieces, "FILE", ONE_KEY);
    expect(text.startsWith(before)).toBe(true);
    expect(pieces.taken).toBeLessThanOrEqual(encoded(before + mark).length + size);
  });
});

test("what is looked through for each piece does not grow with what came before", () => {
  const reader = new TextReader();
  let longest = 0;
  for (let count = 0; count < 20_000; count += 1) {
    reader.push(Buffer.from("A"));
    longest = Math.max(longest, reader.recent.length);
  }
  expect(longest).toBeLessThan(1000);
  expect(reader.end()).toBe("A".repeat(20_000));
});
