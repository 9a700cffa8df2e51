import { globSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { type Node, parse } from "acorn";
import { check, type Diagnostics } from "recheck";

// Needs neither Java nor a binary for this platform, and gives the same result everywhere.
process.env.RECHECK_BACKEND = "pure";

/** A regular expression in a source file. */
export interface FoundRegExp {
  readonly line: number;
  /** Undefined when the pattern is not made of constants of the same file. */
  readonly pattern: Pattern | undefined;
}

export interface Pattern {
  readonly source: string;
  readonly flags: string;
}

/** All regular expressions of a TypeScript file: literals, and what is given to `RegExp`. */
export function findRegExps(typescript: string): FoundRegExp[] {
  const program = parse(stripTypeScriptTypes(typescript), {
    ecmaVersion: "latest",
    sourceType: "module",
    locations: true,
  });
  const nodes = [...descendants(program)];
  const constants = constantsOf(nodes);
  const found: FoundRegExp[] = [];
  for (const node of nodes) {
    const line = node.loc?.start.line ?? 0;
    if (isLiteral(node) && node.regex) found.push({ line, pattern: patternOf(node.regex) });
    else if (isRegExpCall(node)) found.push({ line, pattern: patternOfCall(node, constants) });
  }
  return found;
}

/** What is wrong with a pattern: that it can backtrack super-linearly, or cannot be analysed; undefined when it is fine. */
export async function problemOf({ source, flags }: Pattern): Promise<string | undefined> {
  const result = await diagnose(withoutModifiers(source, flags), flags);
  switch (result.status) {
    case "safe":
      return undefined;
    case "vulnerable":
      return `backtracks super-linearly (${result.complexity.summary}), for example on ${result.attack.pattern}`;
    default:
      return `cannot be analysed (${result.error.kind})`;
  }
}

/**
 * By automata, which prove their answer; by fuzzing, which is slow, only what they cannot say. Both without a limit of
 * time, so that the answer is the same on a busy machine.
 */
async function diagnose(source: string, flags: string): Promise<Diagnostics> {
  const proof = await check(source, flags, { checker: "automaton", timeout: null });
  const isBeyondAutomata = proof.status === "unknown" && proof.error.kind === "unsupported";
  return isBeyondAutomata ? await check(source, flags, FUZZING) : proof;
}

/** Its steps end by how much they read, and not by a time either: after that an exponential pattern passes for a polynomial one. */
const FUZZING = { checker: "fuzz", timeout: null, seedingTimeout: null, incubationTimeout: null } as const;

/**
 * `(?i:b)` as `(?:[Bb])`, since recheck does not know modifiers. A pattern that cannot be written so stays as it is, for
 * recheck to say that it cannot be analysed.
 */
function withoutModifiers(source: string, flags: string): string {
  if (!source.includes("(?i:") || !flags.includes("u") || flags.includes("i")) return source;
  const groups = [false];
  const written: string[] = [];
  for (const token of source.match(TOKEN) ?? []) {
    const isIgnoringCase = groups.at(-1) === true;
    if (token.startsWith("(")) groups.push(isIgnoringCase || token === "(?i:");
    if (token === ")") groups.pop();
    if (token === "(?i:") written.push("(?:");
    else if (!isIgnoringCase || /^[()|*+?{^$]/.test(token)) written.push(token);
    else if (/^\\[bBk1-9]/.test(token)) return source;
    else written.push(ignoringCase(token, flags));
  }
  return written.join("");
}

// In a pattern with the flag u: an escape, a class, what opens a group, a repeat, or one character.
const TOKEN =
  /\\(?:u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[pP]\{[^}]*\}|c[A-Za-z]|k<[^>]*>|\d+|.)|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:<?[=!]|<[^>]*>|[a-z-]*:))?|\{\d+(?:,\d*)?\}|./gsu;

const classes = new Map<string, string>();

/** A class of all the characters that a character or class matches when case is ignored. */
function ignoringCase(token: string, flags: string): string {
  const pattern = new RegExp(token, `i${flags.replaceAll(/[gy]/g, "")}`);
  const known = classes.get(`${pattern}`) ?? classOf((character) => pattern.test(character));
  classes.set(`${pattern}`, known);
  return known;
}

function classOf(isIn: (character: string) => boolean): string {
  const ranges: string[] = [];
  let start: number | undefined;
  for (let code = 0; code <= 0x110000; code += 1) {
    const isMember = code < 0x110000 && isIn(String.fromCodePoint(code));
    if (isMember) start ??= code;
    else if (start !== undefined) {
      ranges.push(`\\u{${start.toString(16)}}-\\u{${(code - 1).toString(16)}}`);
      start = undefined;
    }
  }
  return `[${ranges.join("")}]`;
}

type Constants = ReadonlyMap<string, Node>;

function patternOfCall(call: Call, constants: Constants): Pattern | undefined {
  const [source, flags] = call.arguments;
  const pattern = source && constantValue(source, constants);
  const given = flags && constantValue(flags, constants);
  if (
    pattern === undefined ||
    typeof pattern === "number" ||
    (flags !== undefined && typeof given !== "string")
  )
    return undefined;
  const { source: text, flags: own } = typeof pattern === "string" ? { source: pattern, flags: "" } : pattern;
  return { source: text, flags: typeof given === "string" ? given : own };
}

/** The string, number or pattern that an expression stands for. */
function constantValue(node: Node, constants: Constants, depth = 0): string | number | Pattern | undefined {
  const text = (part: Node) => {
    const value = constantValue(part, constants, depth + 1);
    return typeof value === "object" ? undefined : value;
  };
  // A constant may be defined by itself, by mistake.
  if (depth > 20) return undefined;
  if (isLiteral(node)) {
    if (node.regex) return patternOf(node.regex);
    return typeof node.value === "string" || typeof node.value === "number" ? node.value : undefined;
  }
  if (isOfType<{ name: string }>(node, "Identifier")) {
    const constant = constants.get(node.name);
    return constant && constantValue(constant, constants, depth + 1);
  }
  if (isOfType<{ left: Node; right: Node; operator: string }>(node, "BinaryExpression")) {
    const parts = [text(node.left), text(node.right)];
    const isText = node.operator === "+" && parts.some((part) => typeof part === "string");
    return isText ? joined(parts) : undefined;
  }
  if (isOfType<TemplateLiteral>(node, "TemplateLiteral")) {
    return joined(
      node.quasis.flatMap((quasi, i) => [quasi.value.cooked, ...node.expressions.slice(i, i + 1).map(text)]),
    );
  }
  if (isOfType<{ tag: Node; quasi: TemplateLiteral }>(node, "TaggedTemplateExpression")) {
    const { quasis, expressions } = node.quasi;
    const isRaw = isOfType<Member>(node.tag, "MemberExpression") && nameOf(node.tag.property) === "raw";
    return isRaw && expressions.length === 0 ? quasis[0]?.value.raw : undefined;
  }
  if (isOfType<Member>(node, "MemberExpression") && nameOf(node.property) === "source") {
    const pattern = constantValue(node.object, constants, depth + 1);
    return typeof pattern === "object" ? pattern.source : undefined;
  }
  if (isOfType<Call>(node, "CallExpression")) return joinedList(node, constants, depth + 1);
  return undefined;
}

/** What `LIST.map((element) => text).join("|")` stands for, also with members of an element: `({ member }) => text`. */
function joinedList(join: Call, constants: Constants, depth: number): string | undefined {
  const map = objectOfCall(join, "join");
  const list = map && isOfType<Call>(map, "CallExpression") && objectOfCall(map, "map");
  if (!list || !isOfType<Call>(map, "CallExpression")) return undefined;
  const array = constants.get(nameOf(list) ?? "") ?? list;
  const [write] = map.arguments;
  const separator = join.arguments[0] && constantValue(join.arguments[0], constants, depth);
  if (!write || !isOfType<{ params: Node[]; body: Node }>(write, "ArrowFunctionExpression")) return undefined;
  if (!isOfType<{ elements: (Node | null)[] }>(array, "ArrayExpression")) return undefined;
  const texts = array.elements.map((element) => {
    const bound = element && write.params.length === 1 && write.params[0] && bind(write.params[0], element);
    const text = bound && constantValue(write.body, new Map([...constants, ...bound]), depth);
    return typeof text === "object" ? undefined : text;
  });
  const isKnown = typeof separator === "string" && texts.every((text) => typeof text === "string");
  return isKnown ? texts.join(separator) : undefined;
}

/** What `method` is called on, if that is what the call calls. */
function objectOfCall({ callee }: Call, method: string): Node | undefined {
  const isCalled = isOfType<Member>(callee, "MemberExpression") && nameOf(callee.property) === method;
  return isCalled ? callee.object : undefined;
}

/** The names that a parameter gives to what is handed over: to the whole, or to members of an object. */
function bind(parameter: Node, given: Node): [string, Node][] | undefined {
  const name = nameOf(parameter);
  if (name !== undefined) return [[name, given]];
  if (!isOfType<{ properties: Node[] }>(parameter, "ObjectPattern")) return undefined;
  if (!isOfType<{ properties: Node[] }>(given, "ObjectExpression")) return undefined;
  const members = new Map(propertiesOf(given.properties));
  return propertiesOf(parameter.properties).flatMap(([key, local]) => {
    const member = members.get(key);
    const own = nameOf(local);
    return member === undefined || own === undefined ? [] : [[own, member]];
  });
}

function propertiesOf(properties: readonly Node[]): [string, Node][] {
  return properties.flatMap((property) => {
    if (!isOfType<{ key: Node; value: Node; computed: boolean }>(property, "Property")) return [];
    const key = property.computed ? undefined : nameOf(property.key);
    return key === undefined ? [] : [[key, property.value]];
  });
}

/** The constants of a file by name, those with one definition and no parameter of that name. */
function constantsOf(nodes: readonly Node[]): Constants {
  const constants = new Map<string, Node>();
  const ambiguous = new Set<string>();
  for (const node of nodes) {
    if (!isOfType<{ id: Node; init: Node | null }>(node, "VariableDeclarator")) continue;
    const name = nameOf(node.id);
    if (name === undefined) continue;
    if (constants.has(name) || node.init === null) ambiguous.add(name);
    else constants.set(name, node.init);
  }
  for (const node of nodes) {
    const others = isOfType<{ left: Node }>(node, "AssignmentExpression") ? [node.left] : parametersOf(node);
    for (const name of others.flatMap((other) => [...descendants(other)].map(nameOf))) {
      if (name !== undefined) ambiguous.add(name);
    }
  }
  for (const name of ambiguous) constants.delete(name);
  return constants;
}

function parametersOf(node: Node): readonly Node[] {
  return "params" in node && Array.isArray(node.params) ? node.params.filter(isNode) : [];
}

function* descendants(node: Node): Generator<Node> {
  yield node;
  for (const child of Object.values(node).flat()) if (isNode(child)) yield* descendants(child);
}

interface Literal {
  readonly value: unknown;
  readonly regex?: { readonly pattern: string; readonly flags: string };
}

interface Call {
  readonly callee: Node;
  readonly arguments: readonly Node[];
}

interface Member {
  readonly object: Node;
  readonly property: Node;
}

interface TemplateLiteral {
  readonly quasis: readonly { readonly value: { readonly cooked: string; readonly raw: string } }[];
  readonly expressions: readonly Node[];
}

function patternOf({ pattern, flags }: NonNullable<Literal["regex"]>): Pattern {
  return { source: pattern, flags };
}

function joined(parts: readonly (string | number | undefined)[]): string | undefined {
  return parts.includes(undefined) ? undefined : parts.join("");
}

function isRegExpCall(node: Node): node is Node & Call {
  if (!isOfType<Call>(node, "NewExpression") && !isOfType<Call>(node, "CallExpression")) return false;
  const callee = isOfType<Member>(node.callee, "MemberExpression") ? node.callee.property : node.callee;
  return nameOf(callee) === "RegExp";
}

function nameOf(node: Node): string | undefined {
  return isOfType<{ name: string }>(node, "Identifier") ? node.name : undefined;
}

function isLiteral(node: Node): node is Node & Literal {
  return node.type === "Literal";
}

function isOfType<T>(node: Node, type: string): node is Node & T {
  return node.type === type;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** Checks all of src/ and prints what is wrong. */
async function main(): Promise<void> {
  let count = 0;
  const known = new Map<string, Promise<string | undefined>>();
  for (const file of globSync("src/**/*.ts").sort()) {
    for (const { line, pattern } of findRegExps(readFileSync(file, "utf8"))) {
      count += 1;
      const text = pattern === undefined ? "RegExp()" : `/${pattern.source}/${pattern.flags}`;
      if (pattern !== undefined && !known.has(text)) known.set(text, problemOf(pattern));
      const problem = pattern === undefined ? "is not made of constants of this file" : await known.get(text);
      if (problem === undefined) continue;
      process.exitCode = 1;
      process.stdout.write(`${file}:${line}: ${text} ${problem}\n`);
    }
  }
  process.stdout.write(`${count} regular expressions checked\n`);
}

if (import.meta.main) await main();
