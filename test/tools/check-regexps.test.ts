import { expect, test } from "vitest";
import { findRegExps, problemOf } from "../../tools/check-regexps.ts";

/** A backslash outside of quotes is matched in two ways, so that each `\""` doubles the work. */
const exponential = String.raw`const LINE = /^(?:(?:\\"|[^ "]|"(?:\\"|\\(?!")|[^"\\])*")+ )?([^ ]+ [^ ]+ [^ ]+)$/;`;

const problemsOf = async (typescript: string) =>
  await Promise.all(
    findRegExps(typescript).map(({ pattern }) => (pattern === undefined ? "unknown" : problemOf(pattern))),
  );

test.each([
  ["quoted options before three words", exponential],
  ["nested repeats", "const a = /^(a+)+$/;"],
  ["alternatives that match the same", "const a = /^(?:a|a)*$/;"],
  ["alternatives that match the same in either case", "const a = /^(?i:a|A)*$/gu;"],
  ["a letter and the Kelvin sign where case is ignored", "const a = /^b(?i:x(k|\\u212a)*)$/u;"],
  ["classes that meet where case is ignored", "const a = /^(?i:[^b-z]|a)*$/u;"],
  [
    "one of a list of patterns",
    "const LIST = [{ a: 'b' }, { a: '^(c+)+$' }]; new RegExp(LIST.map(({ a }) => a).join('|'));",
  ],
])("%s are told to be exponential", async (_, typescript) => {
  expect(await problemsOf(typescript)).toEqual([expect.stringContaining("exponential")]);
});

test.each([
  ["a repeat at the end that may begin anywhere", 'const a = text.replace(/ +$/, "");'],
  ["repeats side by side", "const a = /^a*a*$/;"],
])("%s are told to be polynomial", async (_, typescript) => {
  expect(await problemsOf(typescript)).toEqual([expect.stringContaining("polynomial")]);
});

test.each([
  "/^[^ ]+ [^ ]+ [^ ]+$/",
  "/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/",
  "/^[\\p{Cf}]$/u",
  "/a|b/g",
  "/BEGIN[ A-Z0-9]{1,40}--/",
  "/^(?:a|A)*$/u",
  "/^(?:(?i:b)|a|A)*(?i:c{1,3}|[^d]?)$/u",
  "/\\(?i:[(?i:]/u",
  "/^a(?!b)/",
])("%s is linear", async (literal) => {
  expect(await problemsOf(`const a = ${literal};`)).toEqual([undefined]);
});

test.each(["/(?s:.)/u", "/(?i:a(?-i:b))/u", "/(?i:a\\b)/u", "/(?i:a)/"])(
  "%s cannot be analysed, and that is a finding",
  async (literal) => {
    expect(await problemsOf(`const a = ${literal};`)).toEqual([
      expect.stringContaining("cannot be analysed"),
    ]);
  },
);

test("regular expressions are found wherever they stand, with their lines", () => {
  const found = findRegExps(`
    import type { X } from "./x.ts";
    const half = (a: number, b: number): number => a / b / 2; // not /one/
    class A<T> { readonly #at = /one/; static is(text: string): boolean { return /two/i.test(text as string); } }
    const list = [{ path: /three/ }] satisfies unknown[];
    const text = "not /one/" + \`\${half(1, 2)} and \${/four/.source}\`;
  `);
  expect(found.map(({ line, pattern }) => `${line} ${pattern?.source} ${pattern?.flags}`)).toEqual([
    "4 one ",
    "4 two i",
    "5 three ",
    "6 four ",
  ]);
});

test.each([
  ['new RegExp("a+")', { source: "a+", flags: "" }],
  ['RegExp("a", "g")', { source: "a", flags: "g" }],
  ['globalThis.RegExp("a")', { source: "a", flags: "" }],
  ["new RegExp(/a/i)", { source: "a", flags: "i" }],
  ['new RegExp(/a/i, "g")', { source: "a", flags: "g" }],
  ['new RegExp(word, "u")', { source: "[a-z]+", flags: "u" }],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a template.
  ["new RegExp(`^${word}|${word}$`)", { source: "^[a-z]+|[a-z]+$", flags: "" }],
  ['new RegExp("^" + pattern.source)', { source: "^b", flags: "" }],
  ["new RegExp(String.raw`\\d`)", { source: "\\d", flags: "" }],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a template.
  ["new RegExp(`a{${digits}}`)", { source: "a{3}", flags: "" }],
  ['new RegExp(list.map((one) => one.a.source).join("|"))', undefined],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a template.
  ["new RegExp(list.map(({ a: b }) => `(?:${b.source})`).join('|'))", { source: "(?:c+)|(?:d)", flags: "" }],
  ["new RegExp(list.map(({ e }) => e).join())", undefined],
  ["new RegExp(list.map(({ e }) => e).join('|'))", undefined],
  ['new RegExp(["a", word].map((each) => each + "?").join("|"), "u")', { source: "a?|[a-z]+?", flags: "u" }],
  ["new RegExp([...list].map(({ a }) => a.source).join('|'))", undefined],
  ["new RegExp(given.map(({ a }) => a.source).join('|'))", undefined],
  ["new RegExp(list.filter(({ a }) => a.source).join('|'))", undefined],
  ["new RegExp(given)", undefined],
  ["new RegExp(digits + 1)", undefined],
  ["new RegExp(changed)", undefined],
  ["new RegExp(word, given)", undefined],
  ["new RegExp(itself)", undefined],
])("what %s stands for is known when it is made of constants", (expression, pattern) => {
  const constants =
    'const word = "[a-z]+"; const pattern = /b/; let changed = "a"; changed = "b"; const itself = itself; const digits = 3; const list = [{ a: /c+/ }, { a: /d/, e: "f" }]; const given = "a";';
  const typescript = `${constants}\nexport const made = (given: string) => ${expression};`;
  expect(
    findRegExps(typescript)
      .filter(({ line }) => line === 2)
      .at(0),
  ).toEqual({ line: 2, pattern });
});
