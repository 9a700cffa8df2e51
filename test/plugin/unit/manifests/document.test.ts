import { describe, expect, test } from "vitest";
import { ManifestDocument } from "../../../../src/plugin/manifests/document.ts";

function document(text: string, isJSON = false): ManifestDocument {
  return new ManifestDocument({ text, line: 0, column: 0, isJSON });
}

/** The first fault, as LINE:COLUMN MESSAGE. */
function fault(text: string): string | undefined {
  const [first] = document(text).faults;
  return first && `${first.position.line}:${first.position.column} ${first.message}`;
}

describe("a document has the values that kubectl reads", () => {
  test.each([
    ["a: &x {b: 1}\nc: *x\n", { a: { b: 1 }, c: { b: 1 } }],
    ["a: &x 1\nb: *x\nc: &x 2\nd: *x\n", { a: 1, b: 1, c: 2, d: 2 }],
    ["<<: {a: 1}\nb: 2\n", { a: 1, b: 2 }],
    ["x: &x {a: 1}\nz: {<<: [*x, {b: 2}], c: 3}\n", { x: { a: 1 }, z: { a: 1, b: 2, c: 3 } }],
    ['"<<": 1\n', { "<<": 1 }],
    ["on: 1\n012: 2\n", { true: 1, 10: 2 }],
    [
      "0.1: 1\n1e3: 2\n2E9: 3\n2_000_000: 4\n.inf: 5\n",
      { 0.1: 1, 1000: 2, "2e+09": 3, 2000000: 4, ".inf": 5 },
    ],
    ["a: |\n  x\n  y\nb: >-\n  x\n  y\n", { a: "x\ny\n", b: "x y" }],
    ["a: # nothing\n", { a: null }],
  ])("%j", (text, value) => {
    expect([document(text).faults, document(text).value]).toEqual([[], value]);
  });

  test("and a field of any name is a field", () => {
    expect(Object.keys(document("__proto__: 1\nconstructor: 2\n").value as object)).toEqual([
      "__proto__",
      "constructor",
    ]);
  });
});

describe("what cannot be read is told with its place:", () => {
  test.each([
    ["a key twice", "a: 1\nb: 2\na: 3\n", '3:1 "a" is given twice: remove one of the two'],
    ["a key of two spellings", "on: 1\ntrue: 2\n", '2:1 "true" is given twice: remove one of the two'],
    ["a merged field given as well", "<<: {a: 1}\na: 2\n", '2:1 "a" is given twice: remove one of the two'],
    ["a tab", "a:\n\tb: 1\n", "2:1 Tabs are not allowed as indentation: correct the YAML"],
    [
      "no anchor",
      "a: *x\n",
      "1:4 no anchor above has this name: correct the alias, or put quotes around a text with a *",
    ],
    [
      "an anchor below",
      "a: *x\nb: &x 1\n",
      "1:4 no anchor above has this name: correct the alias, or put quotes around a text with a *",
    ],
    ["a key that is a list", "[a]: 1\n", "1:1 a key has to be a text: put quotes around it"],
    ["an endless alias", "a: &x [*x]\n", "1:8 what this alias stands for contains the alias: write it out"],
    [
      "no number of JSON",
      "a:\n  b: .nan\n",
      "2:6 this is no number that JSON has: put quotes around it if it is a text",
    ],
    [
      "a tag that does not fit",
      "a: !!int x\n",
      "1:10 this is no !!int: remove the tag, or correct the value",
    ],
    [
      "half a character",
      'a: "\\ud83d\\ude00"\n',
      "1:4 an escape such as \\ud83d is half a character: write the character, or \\U and 8 digits",
    ],
  ])("%s", (_what, text, message) => {
    expect(fault(text)).toBe(message);
  });

  test.each(["\r", "\u0085", "\u2028", "\u2029"])("a line break that only some see: %j", (character) => {
    expect(fault(`a: 1 #${character}b: 2\n`)).toMatch(
      /^1:7 U\+\w{4} is a line break to some and a letter to others: /,
    );
  });

  test("a control character", () => {
    expect(fault("a: 1\nb: \u001b\n")).toBe(
      "2:4 U+001B cannot stand in YAML: remove it, or write it as an escape in double quotes",
    );
  });

  test("a bomb of aliases, before it goes off", () => {
    const levels = Array.from({ length: 20 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`)}]`);
    expect(fault(`a0: &a0 x\n${levels.join("\n")}\n`)).toMatch(/its aliases make too much of it: write out /);
  });

  test.each([
    ["brackets", "["],
    ["braces", "{a: "],
    ["items of one line", "- "],
    ["keys of one line", "? "],
    ["keys in brackets", "[? "],
  ])("more levels than can be read, once and at once, of %s", (_, level) => {
    const flat = "- a: b\n".repeat(30_000);
    document(flat);
    const timeOf = (text: string) => {
      const started = performance.now();
      const { faults } = document(text);
      return [faults.map(({ message }) => message), performance.now() - started] as const;
    };
    const [, enough] = timeOf(flat);
    const deep = level.repeat(2_000_000);
    const [[messages, ms], ...again] = [timeOf(deep), timeOf(deep), timeOf(deep)];
    expect(messages).toEqual(["this is nested too deeply: write it flatter"]);
    expect(Math.min(ms, ...again.map(([, each]) => each))).toBeLessThan(enough);
  });

  test.each(["]", "}\n", "[] "])("faults without end, of which there are enough soon: %j", (part) => {
    const { faults } = document(part.repeat(2_000_000));
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.length).toBeLessThanOrEqual(20);
  });
});

describe("a field is found", () => {
  const text = [
    "defaults: &d",
    "  user: alice",
    "spec:",
    "  <<: *d",
    "  options: [restrict, # why",
    '    "x"]',
    "  é: {key: 1}",
  ].join("\n");
  test.each([
    [["spec", "options", 1], "value", "6:5"],
    [["spec", "options"], "value", "5:12"],
    [["spec", "options"], "key", "5:3"],
    [["spec", "user"], "value", "2:9"],
    [["spec", "é", "key"], "value", "7:12"],
    [["spec", "none"], "value", "4:3"],
    [[], "value", "1:1"],
  ] as const)("%j as %s at %s", (path, what, expected) => {
    const { line, column } = document(text).locate(path, what);
    expect(`${line}:${column}`).toBe(expected);
  });
});

test("in JSON two escapes make one character", () => {
  expect(document('{"a": "\\ud83d\\ude00\\/"}', true).value).toEqual({ a: "\u{1f600}/" });
});
