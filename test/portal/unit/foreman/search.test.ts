import fc from "fast-check";
import { expect, test } from "vitest";
import { parseSearch, QueryNotSupported } from "../../../../src/portal/foreman/search.ts";

const FIELDS = { name: "text", id: "integer", user_id: "integer" } as const;

const KEYS = [
  { id: 1, name: "laptop", user_id: 10 },
  { id: 2, name: "Laptop two", user_id: 10 },
  { id: 3, name: "desk-top", user_id: 11 },
  { id: 4, name: 'a "quoted" name', user_id: 11 },
];

/** The ids of what is found. */
function found(search: string): string {
  return KEYS.filter(parseSearch(search, FIELDS))
    .map(({ id }) => id)
    .join(" ");
}

test.each([
  ["", "1 2 3 4"],
  ["   ", "1 2 3 4"],
  ["laptop", "1 2"],
  ["LAPTOP", "1 2"],
  ["lap*", "1 2"],
  ["*two", "2"],
  ["%top", "1 3"],
  ["desk-top", "3"],
  ["name = laptop", "1"],
  ['name = "laptop"', "1"],
  ["name = Laptop", ""],
  ["name=laptop", "1"],
  ["name != laptop", "2 3 4"],
  ["name <> laptop", "2 3 4"],
  ["name ~ top", "1 2 3"],
  ["name !~ top", "4"],
  ["name ^ (laptop, desk-top)", "1 3"],
  ["name !^ (laptop, desk-top)", "2 4"],
  ['name = "a \\"quoted\\" name"', "4"],
  ["user_id = 10", "1 2"],
  ["user_id > 10", "3 4"],
  ["id <= 2", "1 2"],
  ["id ^ (1, 4)", "1 4"],
  ["id before 2", "1"],
  ["id after 2", "3 4"],
  ["id at 2", "2"],
  ["laptop and two", "2"],
  ["laptop two", "2"],
  ["laptop, two", "2"],
  ["laptop & two", "2"],
  ["two or desk", "2 3"],
  ["two | desk", "2 3"],
  ["two || desk", "2 3"],
  ["not laptop", "3 4"],
  ["!laptop", "3 4"],
  ["-laptop", "3 4"],
  ["not not laptop", "1 2"],
  ["laptop and not (two or desk)", "1"],
  ["two or laptop and user_id = 11", "2"],
  ["has name", "1 2 3 4"],
  ["set? name", "1 2 3 4"],
  ["null? name", ""],
  ["laptop and", "1 2"],
  ["name =", "1 2 3 4"],
  ["(laptop", "1 2"],
  ["laptop)", "1 2"],
])("%j finds %j", (search, ids) => {
  expect(found(search)).toBe(ids);
});

test.each([
  ["foo = 1", "Field 'foo' not recognized for searching!"],
  ["id = abc", "Value 'abc' is not valid for field 'id'"],
  ["id ~ 1", "the operator 'like' is not supported for field type 'integer'"],
  ["(".repeat(51), "the search is nested too deeply"],
])("%j is not supported", (search, message) => {
  expect(() => parseSearch(search, FIELDS)).toThrow(new QueryNotSupported(message));
});

test("whatever is searched for, the answer is a selection or one kind of error", () => {
  const piece = fc.constantFrom(
    "name",
    "id",
    "=",
    "~",
    "^",
    "(",
    ")",
    ",",
    "not",
    "or",
    "and",
    "laptop",
    '"',
    "\\",
    "-",
    "!",
    "has",
    "1",
    " ",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.boolean(), (pieces, isSpaced) => {
      try {
        found(pieces.join(isSpaced ? " " : ""));
      } catch (error) {
        expect(error).toBeInstanceOf(QueryNotSupported);
      }
    }),
  );
});

test("five hundred words are the most that a search has", () => {
  expect(found("laptop ".repeat(500))).toBe("1 2");
  expect(() => found("laptop ".repeat(501))).toThrow(QueryNotSupported);
});
