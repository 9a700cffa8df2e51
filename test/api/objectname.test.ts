import fc from "fast-check";
import { expect, test } from "vitest";
import { isDNSLabel } from "../../src/api/names.ts";
import { objectName } from "../../src/api/objectname.ts";

const blob = Buffer.from("key");

test("any user and title make a name that the API server takes", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme", maxLength: 300 }));
  fc.assert(
    fc.property(
      text,
      fc.option(text, { nil: undefined }),
      fc.integer({ min: 1, max: 99 }),
      (user, title, nth) => isDNSLabel(objectName({ user, title, blob }, nth)),
    ),
  );
});

test.each([
  ["alice", "Laptop", /^alice-laptop-[0-9a-f]{8}$/],
  ["alice@example.com", undefined, /^alice-example-com-[0-9a-f]{8}$/],
  ["Älice", "  work / PC  ", /^alice-work-pc-[0-9a-f]{8}$/],
  ["李", undefined, /^[0-9a-f]{8}$/],
])("%s with the title %s is recognised in it", (user, title, expected) => {
  expect(objectName({ user, title, blob })).toMatch(expected);
});

test("another key, another user and another try each make another name", () => {
  const names = [
    objectName({ user: "李", title: undefined, blob }),
    objectName({ user: "李", title: undefined, blob: Buffer.from("other") }),
    objectName({ user: "王", title: undefined, blob }),
    objectName({ user: "李", title: undefined, blob }, 2),
  ];
  expect(new Set(names).size).toBe(4);
});
