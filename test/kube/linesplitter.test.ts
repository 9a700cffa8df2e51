import { describe, expect, test } from "vitest";
import { LineSplitter } from "../../src/kube/linesplitter.ts";

function linesOf(pieces: readonly Buffer[], longest?: number) {
  const splitter = new LineSplitter(longest);
  const lines = [...pieces.flatMap((piece) => [...splitter.push(piece)]), ...splitter.end()];
  return { lines, tooLong: splitter.tooLong };
}

function inPieces(text: Buffer, size: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
    text.subarray(i * size, (i + 1) * size),
  );
}

const TEXT = Buffer.from("für\nzwei\n\nletzte");
const SIZES = Array.from({ length: TEXT.length }, (_, i) => i + 1);

describe("a stream is cut into lines", () => {
  test.each(SIZES)("wherever its pieces of %i bytes end, within a character too", (size) => {
    expect(linesOf(inPieces(TEXT, size)).lines).toEqual(["für", "zwei", "letzte"]);
  });

  test.each(SIZES)("and of pieces of %i bytes those that are too long are passed over", (size) => {
    expect(linesOf(inPieces(TEXT, size), 4)).toEqual({ lines: ["für", "zwei"], tooLong: 1 });
  });

  test("and a line without end costs itself alone", () => {
    const endless = Array.from({ length: 40 }, () => Buffer.alloc(65_536, "x"));
    expect(linesOf([...endless, Buffer.from("\nnext\n")], 1 << 20)).toEqual({ lines: ["next"], tooLong: 1 });
  });

  test("and without a limit a line without end is an error", () => {
    const endless = Array.from({ length: 65 }, () => Buffer.alloc(1 << 20, "x"));
    expect(() => linesOf(endless)).toThrow(RangeError);
  });
});
