import fc, { type Arbitrary } from "fast-check";
import { API_VERSION } from "../../../src/api/names.ts";
import {
  KEY,
  keyTexts,
  labelTexts,
  loginTexts,
  namespaceTexts,
  nameTexts,
  optionTexts,
  patternTexts,
  proofTexts,
  secretNameTexts,
  timeTexts,
  titleTexts,
  userTexts,
} from "./fieldtexts.ts";

/** A manifest as somebody wrote it. */
export interface ManifestText {
  readonly kind: "SSHKey" | "AuthorizedKeys";
  readonly text: string;
}

/** Manifests of both kinds: good ones, broken ones, scalars that look like something else, and limits. */
export function manifestTexts(): Arbitrary<ManifestText> {
  return fc.oneof({ weight: 3, arbitrary: sshKeys() }, { weight: 2, arbitrary: authorizedKeys() });
}

/** An object, and texts that are put in its place. */
export interface UpdateTexts {
  readonly before: ManifestText;
  readonly after: readonly ManifestText[];
}

/**
 * Manifests one after the other: each with others of its kind in its place, or with one of its own lines taken away, or with
 * one of theirs more. All have the name `a`.
 */
export function updateTexts(): Arbitrary<UpdateTexts> {
  const hows = fc.constantFrom<How[]>("other", "less", "more", "instead");
  return fc
    .oneof(
      ...[sshKeys(), authorizedKeys()].map((texts) => {
        const named = texts.filter(({ text }) => text.includes(PLAIN_METADATA));
        const change = fc.record({ other: named, at: fc.nat(), how: hows });
        return fc.record({ before: named, changes: fc.array(change, { minLength: 6, maxLength: 6 }) });
      }),
    )
    .map(({ before, changes }) => ({
      before,
      after: changes.map(({ other, at, how }) => changed(before, other, at, how)),
    }));
}

type How = "other" | "less" | "more" | "instead";

function changed(before: ManifestText, other: ManifestText, at: number, how: How): ManifestText {
  const lines = before.text.split("\n");
  const start = lines.indexOf("spec:") + 1;
  if (how === "other" || start === 0) return other;
  const theirs = other.text.split("\n").filter((line) => /^ {2}[a-z]+: /i.test(line));
  const line = theirs[at % Math.max(1, theirs.length)] ?? "";
  const place = start + (at % Math.max(1, lines.length - start));
  lines.splice(place, how === "more" ? 0 : 1, ...(how === "less" ? [] : [line]));
  return { kind: before.kind, text: lines.join("\n") };
}

/** The same text for the object of this name in this version. */
export function asVersion({ text }: ManifestText, name: string, resourceVersion?: string): string {
  const version = resourceVersion === undefined ? "" : `, resourceVersion: "${resourceVersion}"`;
  return text.replace(PLAIN_METADATA, `metadata: {name: ${name}${version}}\n`);
}

/** A value as YAML writes it, on the rest of a line or below it, indented by four. */
type Value = string;
/** A line or more of a map, without its indentation. */
type Field = string;

function sshKeys(): Arbitrary<ManifestText> {
  const fields = [
    mostly(field("user", text(userTexts())), "user: alice"),
    mostly(field("key", text(keyTexts())), `key: ${KEY}`),
    seldom(field("title", text(titleTexts()))),
    seldom(field("options", list(text(optionTexts()), 34))),
    seldom(field("expiresAt", text(timeTexts()))),
    seldom(
      field("disabled", fc.constantFrom("true", "false", "yes", "off", "1", '"true"', "", "null", "[]")),
    ),
    seldom(field("proof", text(proofTexts()))),
    seldom(unknownFields()),
  ];
  return manifest("SSHKey", fields);
}

function authorizedKeys(): Arbitrary<ManifestText> {
  const users = list(text(patternTexts()), 3);
  const selector = fc.constantFrom(
    "{matchLabels: {a: b}}",
    "{matchLabels: {}}",
    "{}",
    "{matchLabels: {a: 1}}",
    "x",
  );
  const entry = flow({
    namespace: fc.oneof(text(namespaceTexts()), fc.constantFrom("people", "bastion")),
    namespaceSelector: selector,
    users: users,
  });
  const mapping = flow({
    namespace: text(namespaceTexts()),
    user: fc.oneof(fc.constantFrom("alice", "bob"), text(userTexts())),
    login: fc.oneof(fc.constantFrom("alice", "bob"), text(loginTexts())),
  });
  const logins = flow({
    rule: fc.constantFrom("User", "LocalPart", "user", "on"),
    map: fc.array(mapping, { maxLength: 4 }).map((items) => `[${items.join(", ")}]`),
  });
  const entries = fc.oneof(
    { weight: 9, arbitrary: fc.array(entry, { maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(33, 32).map((length) => Array<string>(length).fill("{users: [a]}")),
    },
  );
  return manifest("AuthorizedKeys", [
    seldom(field("secretName", text(secretNameTexts()))),
    often(
      field(
        "from",
        entries.map((items) => `[${items.join(", ")}]`),
      ),
    ),
    often(field("identity", fc.constantFrom("ByName", "ByNamespace", "byname", "null", "1"))),
    often(field("layout", fc.constantFrom("SingleFile", "FilePerLogin", "Files", "no"))),
    often(field("logins", logins)),
    seldom(field("options", list(text(optionTexts()), 34))),
    seldom(unknownFields()),
  ]);
}

function manifest(kind: ManifestText["kind"], fields: readonly Arbitrary<Field>[]): Arbitrary<ManifestText> {
  return fc
    .tuple(metadata(), fc.tuple(...fields), extras(), fc.constantFrom(false, false, false, true))
    .map(([meta, spec, [above, below], isTurned]) => {
      const lines = spec.filter((each) => each !== "");
      const body =
        lines.length === 0
          ? "spec: {}"
          : `spec:\n${indented((isTurned ? lines.toReversed() : lines).join("\n"))}`;
      return { kind, text: `${above}apiVersion: ${API_VERSION}\nkind: ${kind}\n${meta}\n${body}\n${below}` };
    });
}

/** What stands around an object: comments, anchors, fields of its own. */
function extras(): Arbitrary<readonly [above: string, below: string]> {
  return fc.oneof(
    { weight: 20, arbitrary: fc.constant(["", ""] as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom<readonly [string, string]>(
        ["# a comment: {\n", "# the end"],
        ["---\n", ""],
        ["", "status: {}\n"],
        ["", "status: {observedGeneration: x}\n"],
        ["", "status: {seen: true}\n"],
        ["", "spec: {}\n"],
        ["", "on: true\n"],
        ["", "x-anchors: {}\n"],
        ["", "kind: SSHKey\n"],
        ["", "  ]\n"],
        ["", "\t\n"],
      ),
    },
  );
}

function metadata(): Arbitrary<Field> {
  const odd = fc.oneof(
    field("name", text(nameTexts())).map((name) => `metadata:\n${indented(name)}`),
    fc
      .record({ key: text(labelTexts()), value: text(labelTexts()) })
      .map(
        ({ key, value }) =>
          `metadata:\n  name: a\n  labels:\n    ${key.startsWith("|") ? "k" : key}: ${value}`,
      ),
    fc.constantFrom(
      "metadata: {generateName: a-}",
      "metadata: {generateName: A}",
      "metadata: {name: a, nam: b}",
      "metadata: {name: a, annotations: {a: yes}}",
      "metadata: {name: a, annotations: {a/b/c: x}}",
      "metadata: {name: a, annotations: ~, labels: {a: ~}}",
      "metadata: {name: a, finalizers: [a, b/c, ' ']}",
      "metadata: {name: a, creationTimestamp: null}",
      "metadata: {name: a, creationTimestamp: x}",
      "metadata: {name: a, ownerReferences: [{}]}",
      "metadata: {name: a, generation: 1.5}",
      "metadata: {name: a, labels: [a]}",
      "metadata: a",
      "metadata: [a]",
      "metadata:",
      "",
    ),
  );
  return mostly(odd, PLAIN_METADATA.trimEnd());
}

const PLAIN_METADATA = "metadata: {name: a}\n";

function unknownFields(): Arbitrary<Field> {
  return fc.constantFrom(
    "usr: a",
    "Key: b",
    "titel: c",
    "on: d",
    "user: again",
    "options: [restrict]",
    "<<: {title: merged}",
    "x: &x {title: a}\n<<: *x",
  );
}

/** Something else half of the time. */
function often(value: Arbitrary<Field>): Arbitrary<Field> {
  return fc.oneof(value, fc.constant(""));
}

function seldom(value: Arbitrary<Field>): Arbitrary<Field> {
  return fc.oneof({ weight: 1, arbitrary: value }, { weight: 4, arbitrary: fc.constant("") });
}

function mostly(odd: Arbitrary<Field>, plain: Field): Arbitrary<Field> {
  return fc.oneof({ weight: 1, arbitrary: odd }, { weight: 2, arbitrary: fc.constant(plain) });
}

function field(name: string, value: Arbitrary<Value>): Arbitrary<Field> {
  return value.map((each) => `${name}: ${each}`);
}

function flow(fields: Readonly<Record<string, Arbitrary<Value>>>): Arbitrary<Value> {
  return fc
    .tuple(
      ...Object.entries(fields).map(([name, value]) =>
        fc.oneof(
          value.filter((each) => !/^[|>#]/.test(each)).map((each) => `${name}: ${each}`),
          fc.constant(""),
        ),
      ),
    )
    .map((parts) => `{${parts.filter((part) => part !== "").join(", ")}}`);
}

function list(item: Arbitrary<Value>, most: number): Arbitrary<Value> {
  const inFlow = item.filter((each) => !/^[|>#]/.test(each));
  return fc.oneof(
    { weight: 8, arbitrary: fc.array(inFlow, { maxLength: 4 }).map((items) => `[${items.join(", ")}]`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(most - 2, most - 1).map((n) => `[${Array(n).fill("restrict").join(", ")}]`),
    },
    { weight: 1, arbitrary: inFlow },
  );
}

/** These texts in all styles of YAML, and scalars that are something else. */
function text(texts: Arbitrary<string>): Arbitrary<Value> {
  return fc.oneof(
    { weight: 4, arbitrary: texts.map(doubleQuoted) },
    {
      weight: 2,
      arbitrary: texts.map((each) =>
        SINGLE.test(each) ? `'${each.replaceAll("'", "''")}'` : doubleQuoted(each),
      ),
    },
    {
      weight: 1,
      arbitrary: texts.map((each) =>
        BLOCK.test(each) ? `|-\n    ${each.replaceAll("\n", "\n    ")}` : doubleQuoted(each),
      ),
    },
    { weight: 1, arbitrary: texts.map((each) => (PLAIN.test(each) ? each : doubleQuoted(each))) },
    { weight: 2, arbitrary: fc.constantFrom(...ODD_SCALARS) },
    { weight: 1, arbitrary: numberLike() },
  );
}

const ODD_SCALARS: readonly Value[] = [
  ..."on off yes No y N true FALSE tRUE null Null ~ 012 0755 0b11 0o17 1_000 1e3 -1 +1 0x1F 08 .5 5. .inf -.INF .nan".split(
    " ",
  ),
  ..."2027-01-31 2027-01-31T18:00:00Z 1:30 1:30:00 = 1.2.3 18446744073709551616".split(" "),
  ...[
    "",
    "!!binary aGk=",
    "!!binary a",
    "!!str 12",
    "!!int 12",
    "!!int x",
    "!!bool yes",
    "!!null ''",
    "!mine on",
  ],
  ...[
    "! on",
    "'on'",
    '"012"',
    "[on]",
    "{on: no}",
    "&x on",
    "*nobody",
    "[]",
    "{}",
    '"\\x41\\_\\N\\L"',
    '"\\ud83d\\ude00"',
    '"\\/"',
  ],
];

/** Digits and what goes with them. */
function numberLike(): Arbitrary<Value> {
  const digit = fc.constantFrom(..."0123456789_.+-eExXbo:");
  return fc
    .tuple(fc.constantFrom(..."0123456789.+-"), fc.array(digit, { maxLength: 6 }))
    .map(([first, rest]) => first + rest.join(""))
    .filter((each) => !/^-$|:$|^[-+.]*$/.test(each));
}

const SINGLE = /^[^\n\p{Cc}\u2028\u2029\ufeff\ufffe\uffff]*$/u;
const BLOCK =
  /^[^\s\p{Cc}\u2028\u2029\ufeff\ufffe\uffff]([^\p{Cc}\u2028\u2029\ufeff\ufffe\uffff]|\n(?=[^\s]))*$/u;
const PLAIN = /^[A-Za-z][A-Za-z0-9@._ -]*[A-Za-z0-9]$/;

function doubleQuoted(value: string): string {
  const escaped = JSON.stringify(value.toWellFormed()).replaceAll(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return escaped;
}

function indented(lines: string): string {
  return lines.replaceAll(/^(?=.)/gm, "  ");
}
