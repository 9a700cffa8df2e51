import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ApiError } from "../../src/kube/apierror.ts";

import { ListReader } from "../../src/kube/listreader.ts";
import { growth } from "../growth.ts";

/** The list that comes out of the chunks, put together as JSON.parse gives it. */
function readList(chunks: readonly Buffer[], options = {}): unknown {
  const reader = new ListReader("GET /things", options);
  const items = chunks.flatMap((chunk) => [...reader.push(chunk)]);
  const list = reader.end() as { items?: unknown };
  return Array.isArray(list.items) ? { ...list, items } : list;
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((end) => end % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const everyByte = (bytes: Buffer) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));

function failureOf(work: () => unknown): ApiError {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

const space = fc.string({ unit: fc.constantFrom(" ", "\n", "\t", "\r"), maxLength: 2 });
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom('"', "\\", "{", "]", "ü", "😀", "\u2028", "items") }),
  // Longer than what is read byte by byte.
  fc.tuple(fc.constantFrom("x", "\\", '"', 'x"\\'), fc.nat(3000)).map(([unit, count]) => unit.repeat(count)),
);

/** A value with random whitespace in its JSON, and some words of it escaped though they need not be. */
function written(value: unknown): fc.Arbitrary<string> {
  if (Array.isArray(value)) return joined(value.map(written), "[]");
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([name, member]) =>
      fc
        .tuple(written(name), space, space, written(member))
        .map((parts) => parts.toSpliced(2, 0, ":").join("")),
    );
    return joined(members, "{}");
  }
  const plain = JSON.stringify(value);
  if (typeof value !== "string" || !/^[a-z]+$/.test(value)) return fc.constant(plain);
  const escaped = value.replaceAll(/./g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);
  return fc.constantFrom(plain, plain, `"${escaped}"`);
}

function joined(parts: readonly fc.Arbitrary<string>[], [open, close]: string): fc.Arbitrary<string> {
  const spaced = parts.map((part) => fc.tuple(space, part, space).map((pieces) => pieces.join("")));
  return fc.tuple(space, ...spaced).map(([empty, ...pieces]) => {
    return `${open}${pieces.length === 0 ? empty : pieces.join(",")}${close}`;
  });
}

const value = fc.jsonValue({ stringUnit: "binary" });
const item = fc.dictionary(text, fc.oneof(value, text), { maxKeys: 4 });
const member = fc.oneof(
  fc.tuple(fc.constant("items"), fc.oneof(fc.array(item), fc.constant(null))),
  fc.tuple(fc.constant("metadata"), fc.dictionary(text, text, { maxKeys: 3 })),
  fc.tuple(
    fc.oneof(
      text.filter((name) => name !== "items"),
      fc.constantFrom("kind", "item", "items "),
    ),
    fc.oneof(value, fc.array(item)),
  ),
);
const list = fc
  .uniqueArray(member, { selector: ([name]) => name, maxLength: 5 })
  .map((members) => Object.fromEntries(members));

describe("a list that is read as its bytes come", () => {
  test("is what JSON.parse gives, however it is written and cut", () => {
    const listText = list
      .chain((whole) => fc.tuple(space, written(whole), space))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(listText, fc.array(fc.nat(), { maxLength: 8 }), (json, at) => {
        const bytes = Buffer.from(json, "utf8");
        const expected = JSON.parse(json);
        expect(readList(cut(bytes, at))).toEqual(expected);
        expect(readList(everyByte(bytes))).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  test("leaves nothing out of an item but what stands in its managedFields", () => {
    const metadata = fc.record({ name: text, managedFields: fc.array(value), labels: fc.array(value) });
    const items = fc.array(fc.record({ metadata, spec: item, managedFields: fc.array(value) }));
    const without = (all: unknown) =>
      JSON.parse(JSON.stringify(all), function (name, given) {
        return name === "managedFields" && "labels" in this ? [] : given;
      });
    fc.assert(
      fc.property(items, fc.array(fc.nat()), (all, at) => {
        const bytes = Buffer.from(JSON.stringify({ items: all }), "utf8");
        expect(readList([bytes])).toEqual(without({ items: all }));
        expect(without(readList(cut(bytes, at)))).toEqual(without({ items: all }));
      }),
    );
  });

  test("is whole where managedFields are asked for", () => {
    const metadata = fc.record({ name: text, managedFields: fc.array(value) });
    fc.assert(
      fc.property(fc.array(fc.record({ metadata, spec: item })), fc.array(fc.nat()), (items, at) => {
        const json = JSON.stringify({ items });
        const list = readList(cut(Buffer.from(json, "utf8"), at), { keepsManagedFields: true });
        expect(list).toEqual(JSON.parse(json));
      }),
    );
  });

  test("is refused wherever JSON.parse refuses it, when bytes were changed", () => {
    const sample = '{"kind":"L","metadata":{"a":"b\\""},"items":[{"a":[1,"]"]},{"b":{"c":null}}],"x":[]}';
    const structure = fc.constantFrom(...'{}[],:"\\ 1abitems'.split(""));
    const edit = fc.tuple(fc.nat(sample.length), fc.nat(2), fc.string({ unit: structure, maxLength: 2 }));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), fc.array(fc.nat()), (edits, at) => {
        let json = sample;
        for (const [from, count, inserted] of edits) {
          json = json.slice(0, from) + inserted + json.slice(from + count);
        }
        let expected: unknown;
        try {
          expected = JSON.parse(json);
        } catch {}
        const read = () => readList(cut(Buffer.from(json, "utf8"), at));
        if (expected === undefined) {
          expect(failureOf(read).code).toBe("Undecodable");
          return;
        }
        // What is JSON and no list of objects may be refused too.
        try {
          expect(read()).toEqual(expected);
        } catch (error) {
          expect((error as ApiError).code).toBe("Undecodable");
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("is refused when what it leaves out does not end", () => {
    for (const end of ["}", "]}}", '"]}}]}', "]}}]"]) {
      const bytes = Buffer.from(`{"items":[{"metadata":{"managedFields":[{"a":[1]}${end}`, "utf8");
      expect(failureOf(() => readList([bytes])).code).toBe("Undecodable");
    }
  });

  test("gives an item as soon as it is whole", () => {
    const reader = new ListReader("GET /things");
    const given = (piece: string) => [...reader.push(Buffer.from(piece, "utf8"))];
    expect(given('{"items":[{"a":"')).toEqual([]);
    expect(given('}"}')).toEqual([{ a: "}" }]);
    expect(given(',{},{"b":{')).toEqual([{}]);
    expect(given("}}")).toEqual([{ b: {} }]);
    expect(given('],"metadata":{"continue":"x"}}')).toEqual([]);
    expect(reader.end()).toEqual({ items: [], metadata: { continue: "x" } });
  });

  test("is Undecodable cut off at any byte, and quotes nothing of it", () => {
    const whole = Buffer.from(
      ' {"kind":"L","items":[ {"a":"secret\\\\\\"ü😀"} , {"b":[{}]}],"metadata":{"x":"y"}}',
      "utf8",
    );
    readList([whole]);
    for (let length = 0; length < whole.length; length += 1) {
      for (const chunks of [[whole.subarray(0, length)], everyByte(whole.subarray(0, length))]) {
        const error = failureOf(() => readList(chunks));
        expect([error.code, error.message]).toEqual(["Undecodable", "GET /things: the answer is not JSON"]);
      }
    }
  });

  test.each([
    ["no JSON", "<html>secret</html>"],
    ["no object within the items", '{"items":["secret"]}'],
    ["a list within the items", '{"items":[["secret"]]}'],
    ["a comma before the items", '{"items":[,{}]}'],
    ["a comma behind the items", '{"items":[{},]}'],
    ["two commas", '{"items":[{},,{}]}'],
    ["no comma", '{"items":[{}{}]}'],
    ["brackets that do not match", '{"items":[{"secret":[}]]}'],
    ["an item closed as a list", '{"items":[{"secret":1]]}'],
    ["more behind the list", '{"items":[{}]}{"secret":1}'],
    ["items in a list", '["items":[{}]]'],
    ["items without a name", '{:[{"secret":1}]}'],
    ["items twice", '{"items":[{"secret":1}],"items":[{"secret":2}]}'],
    ["items that are nothing in the end", '{"items":[{"secret":1}],"items":null}'],
  ])("is Undecodable with %s, and quotes nothing of it", (_, json) => {
    const error = failureOf(() => readList([Buffer.from(json, "utf8")]));
    expect(error.code).toBe("Undecodable");
    expect(error.message).not.toContain("secret");
  });

  test("refuses an item that has no end", () => {
    const reader = new ListReader("GET /things");
    const chunk = Buffer.alloc(2 ** 20, "x");
    const push = () => {
      for (const _ of reader.push(Buffer.from('{"items":[{"a":"', "utf8"))) expect.unreachable();
      for (let count = 0; count < 100; count += 1) for (const _ of reader.push(chunk)) expect.unreachable();
    };
    expect(push).toThrow(RangeError);
  });

  const megabytes = (unit: string, count: number) =>
    Buffer.from(`{"items":[{"a":"${unit.repeat((count * 2 ** 20) / unit.length)}"}]}`, "utf8");

  test.each([
    ["plain text", "x"],
    ["backslashes", "\\\\"],
    ["escaped quotes", '\\"'],
    ["backslashes before escaped quotes", `${"\\\\".repeat(2048)}\\"`],
    ["items", '"},{"a":"'],
  ])("takes time in proportion to its bytes: %s", (_, unit) => {
    const read = (bytes: Buffer, size: number) => {
      const ends = Array.from({ length: bytes.length / size }, (_, index) => index * size);
      const chunks = cut(bytes, ends);
      return () => readList(chunks);
    };
    const [eighth, one] = [megabytes(unit, 1 / 8), megabytes(unit, 1)];
    for (const size of [512, 16_384, 2 ** 30]) {
      // 8 if linear, 64 if by the square; between them is room for the megabyte that leaves the processor's cache.
      expect(growth(read(eighth, size), read(one, size), 24)).toBeLessThan(24);
    }
  });
});
