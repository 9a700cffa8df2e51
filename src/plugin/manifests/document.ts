import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  Schema,
  visit,
  type YAMLMap,
} from "yaml";
import { keyText, ScalarError, type ScalarValue, scalarValue } from "./scalars.ts";

/** Where something stands in a file, counted from 1; columns in UTF-16 units, as editors count them. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Names of fields and indexes of items, from the outside in. */
export type Path = readonly (string | number)[];

/** Why a document cannot be read as it stands. */
export interface SyntaxFault {
  readonly position: Position;
  /** What is wrong, then what to do. */
  readonly message: string;
}

/** One document of a file. */
export interface Chunk {
  readonly text: string;
  /** The line of the file on which it begins, counted from 0, and how many characters stand before it on that line. */
  readonly line: number;
  readonly column: number;
  readonly isJSON: boolean;
  /** It begins with `---` and something behind it that is no comment. */
  readonly hasBadSeparator?: boolean;
}

type Plain = ScalarValue | readonly Plain[] | { readonly [key: string]: Plain };

/**
 * A document as kubectl and the API server read it, and where each of its fields stands. What the API server calls an error
 * under strict field validation is one here: a key that is given twice.
 */
export class ManifestDocument {
  /** Undefined where there are faults. */
  readonly value: unknown;
  readonly faults: readonly SyntaxFault[];
  readonly #chunk: Chunk;
  readonly #root: Node | null = null;
  readonly #targets: ReadonlyMap<Node, Node> = new Map();
  #lineStarts: readonly number[] | undefined;

  constructor(chunk: Chunk) {
    this.#chunk = chunk;
    const faults: [offset: number, message: string][] = [];
    const stray = chunk.isJSON ? -1 : chunk.text.search(STRAY);
    if (chunk.hasBadSeparator === true)
      faults.push([0, "kubectl takes nothing but a comment behind ---: begin a new line"]);
    else if (stray !== -1) faults.push([stray, strayMessage(chunk.text.charCodeAt(stray))]);
    else {
      try {
        const document = parsed(chunk.text);
        this.#root = document.contents;
        for (const { code, pos, message } of document.errors.slice(0, MOST_FAULTS))
          faults.push(
            code === "RESOURCE_EXHAUSTION"
              ? [0, TOO_DEEP]
              : [pos[0], `${unquoted(message)}: correct the YAML`],
          );
        if (faults.length === 0 && this.#root !== null) {
          const reader = new NodeReader(chunk, this.#root);
          this.#targets = reader.targets;
          this.value = reader.read(this.#root);
          faults.push(...reader.faults);
          const tab = loneTab(chunk, this.#root);
          if (tab !== undefined) faults.push([tab, "a tab stands alone on this line: remove it"]);
        }
      } catch (error) {
        faults.push(readingFault(error));
      }
    }
    this.faults = faults.map(([offset, message]) => ({ position: this.#positionOf(offset), message }));
    if (faults.length > 0) this.value = undefined;
  }

  /** Where the value of a path stands, or its key; of what is not there, where the innermost thing around it does. */
  locate(path: Path, what: "key" | "value" = "value"): Position {
    let at = this.#root;
    let offset = offsetOf(at);
    for (const [depth, part] of path.entries()) {
      const isLast = depth === path.length - 1;
      const found = this.#child(at, part);
      if (found === undefined) break;
      offset = isLast && what === "key" ? offsetOf(found.key) : offsetOf(found.value ?? found.key);
      at = found.value;
    }
    return this.#positionOf(offset);
  }

  #child(node: Node | null, part: string | number): { key: Node; value: Node | null } | undefined {
    const at = this.#resolved(node);
    if (isSeq(at)) {
      const item = typeof part === "number" ? at.items[part] : undefined;
      return item === undefined ? undefined : { key: item as Node, value: item as Node };
    }
    if (!isMap(at)) return undefined;
    // The last one counts where there are several, as for kubectl.
    for (const { key, value } of (at as YAMLMap<Node, Node | null>).items.toReversed()) {
      if (isMergeKey(key)) {
        const merged = this.#resolved(value);
        for (const source of isSeq(merged) ? (merged.items as Node[]) : [merged]) {
          const found = this.#child(source, part);
          if (found !== undefined) return found;
        }
      } else if (this.#keyOf(key) === String(part)) return { key, value };
    }
    return undefined;
  }

  #keyOf(key: Node): string | undefined {
    const at = this.#resolved(key);
    return at === null ? undefined : keyOf(at);
  }

  #resolved(node: Node | null): Node | null {
    return node !== null && isAlias(node) ? (this.#targets.get(node) ?? null) : node;
  }

  #positionOf(offset: number): Position {
    this.#lineStarts ??= lineStarts(this.#chunk.text);
    let [low, high] = [0, this.#lineStarts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const before = low === 0 ? this.#chunk.column : 0;
    return {
      line: this.#chunk.line + low + 1,
      column: before + offset - (this.#lineStarts[low] ?? 0) + 1,
    };
  }
}

/** Of one document: who reads the first has no use for the rest. */
const MOST_FAULTS = 20;

/**
 * Characters that are no text to kubectl, and line breaks that some of those who read YAML take for one and others for a
 * letter: a comment could end there for one of them only.
 */
const STRAY = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]|\r(?!\n)/;

function strayMessage(code: number): string {
  const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return code === 0x0d || code === 0x85 || code === 0x2028 || code === 0x2029
    ? `${name} is a line break to some and a letter to others: replace it by a newline, or write it as an escape in double quotes`
    : `${name} cannot stand in YAML: remove it, or write it as an escape in double quotes`;
}

function parsed(text: string): Document.Parsed {
  return parseDocument(text, {
    schema: SCHEMA,
    // NodeReader does it, in linear time.
    uniqueKeys: false,
    keepSourceTokens: false,
    prettyErrors: false,
    logLevel: "silent",
  });
}

/** All scalars are texts: what they mean, scalarValue says. Made once for all documents. */
const SCHEMA = new Schema({ schema: "failsafe", resolveKnownTags: false });

function readingFault(error: unknown): [number, string] {
  // The parser calls itself for each level.
  if (error instanceof RangeError) return [0, TOO_DEEP];
  throw error;
}

const TOO_DEEP = "this is nested too deeply: write it flatter";

/** Messages of the parser that quote the text are long and may hold anything. */
function unquoted(message: string): string {
  return message.replace(/: [^:]*$/s, "").replace(/[.:]$/, "");
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}

function isMergeKey(key: Node): boolean {
  return isScalar(key) && key.value === "<<" && (key.tag ?? (key.type === "PLAIN" ? MERGE : "")) === MERGE;
}

const MERGE = "tag:yaml.org,2002:merge";

function keyOf(key: Node): string | undefined {
  return isScalar(key) ? keyText(String(key.value), key.type === "PLAIN", key.tag) : undefined;
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** Where a line of tabs and spaces stands between nodes: kubectl takes it for an indentation. Inside of texts it is none. */
function loneTab({ text, isJSON }: Chunk, root: Node): number | undefined {
  if (isJSON || !text.includes("\t")) return undefined;
  for (const { index } of text.matchAll(/^ *\t[ \t]*(?:#.*)?\r?$/gm)) {
    let isInside = false;
    const covers = (_key: unknown, node: Node) => {
      const [start = 0, end = 0] = node.range ?? [];
      if (start >= index || index >= end) return undefined;
      isInside = true;
      return visit.BREAK;
    };
    const inFlow = (key: unknown, node: Node & { flow?: boolean }) =>
      node.flow === true ? covers(key, node) : undefined;
    visit(root, { Scalar: covers, Map: inFlow, Seq: inFlow });
    if (!isInside) return index;
  }
  return undefined;
}

/** Thrown where a document cannot be read any further. */
class Unreadable extends Error {}

/** Makes plain values of nodes. */
class NodeReader {
  readonly faults: [offset: number, message: string][] = [];
  /** What each alias stands for. */
  readonly targets = new Map<Node, Node>();
  readonly #isJSON: boolean;
  readonly #text: string;
  /** Aliases that are being read. */
  readonly #open = new Set<Node>();
  #count = 0;
  #countInAliases = 0;

  constructor({ isJSON, text }: Chunk, root: Node) {
    this.#isJSON = isJSON;
    this.#text = text;
    if (text.includes("&") || text.includes("*")) this.#bind(root, new Map());
  }

  read(root: Node): unknown {
    try {
      return this.#value(root);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return undefined;
    }
  }

  /** An alias stands for the last node before it that has the anchor, which may change further down. */
  #bind(node: unknown, anchors: Map<string, Node>): void {
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target !== undefined) this.targets.set(node, target);
      return;
    }
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) {
      if (!/^[A-Za-z0-9_-]+$/.test(node.anchor))
        this.#fault(node, "an anchor has letters, digits, - and _ only: rename it");
      anchors.set(node.anchor, node);
    }
    if (isSeq(node)) for (const item of node.items) this.#bind(item, anchors);
    else if (isMap(node)) {
      for (const { key, value } of node.items) {
        this.#bind(key, anchors);
        this.#bind(value, anchors);
      }
    }
  }

  #value(node: Node | null): Plain {
    this.#count += 1;
    if (this.#open.size > 0) this.#countAliased(node);
    if (isScalar(node)) return this.#scalar(node);
    if (isMap(node)) {
      const out: Record<string, Plain> = {};
      this.#fields(node as YAMLMap<Node, Node | null>, out);
      return out;
    }
    if (isSeq(node)) return node.items.map((item) => this.#value(item as Node));
    return isAlias(node) ? this.#aliased(node, (target) => this.#value(target)) : null;
  }

  /** The limits of kubectl: a short document may become large, a large one not much larger. */
  #countAliased(node: Node | null): void {
    this.#countInAliases += 1;
    const share = this.#countInAliases / this.#count;
    if (this.#countInAliases > 100 && this.#count > 1000 && share > mostAliased(this.#count))
      this.#stop(node, "its aliases make too much of it: write out what they stand for");
  }

  #aliased<T>(alias: Node, read: (target: Node) => T): T {
    const target = this.targets.get(alias);
    if (target === undefined)
      this.#stop(
        alias,
        "no anchor above has this name: correct the alias, or put quotes around a text with a *",
      );
    if (this.#open.has(target))
      this.#stop(alias, "what this alias stands for contains the alias: write it out");
    this.#open.add(target);
    const result = read(target);
    this.#open.delete(target);
    return result;
  }

  #scalar(node: Node & { value: unknown; type?: string; tag?: string }): Plain {
    const isPlain = node.type === "PLAIN";
    try {
      const value = scalarValue(String(node.value), isPlain, node.tag);
      if (typeof value === "number" && !Number.isFinite(value))
        this.#fault(node, "this is no number that JSON has: put quotes around it if it is a text");
      if (typeof value === "string" && node.type === "QUOTE_DOUBLE") return this.#quoted(node, value);
      return value;
    } catch (error) {
      if (!(error instanceof ScalarError)) throw error;
      this.#fault(node, error.message);
      return null;
    }
  }

  /** JSON writes characters beyond 16 bits as two escapes; YAML does not. */
  #quoted(node: Node, value: string): string {
    if (this.#isJSON) return value.toWellFormed();
    const [start = 0, end = 0] = node.range ?? [];
    const source = this.#text.slice(start, end);
    if (!source.includes("\\")) return value;
    if (/(?<!\\)(?:\\\\)*\\\//.test(source))
      this.#fault(node, "the escape \\/ is JSON's alone: write the / as it is");
    if (/(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/.test(source))
      this.#fault(
        node,
        "an escape such as \\ud83d is half a character: write the character, or \\U and 8 digits",
      );
    return value;
  }

  #fields(map: YAMLMap<Node, Node | null>, out: Record<string, Plain>): void {
    for (const { key, value } of map.items) {
      if (isMergeKey(key)) {
        this.#merge(key, value, out);
        continue;
      }
      const name = this.#key(key);
      if (name === undefined) continue;
      if (Object.hasOwn(out, name))
        this.#fault(key, `${JSON.stringify(name).slice(0, 80)} is given twice: remove one of the two`);
      set(out, name, this.#value(value));
    }
  }

  #key(key: Node | null): string | undefined {
    if (isAlias(key)) return this.#aliased(key, (target) => this.#key(target));
    this.#count += 1;
    try {
      const text = key === null ? undefined : keyOf(key);
      if (text !== undefined)
        return isScalar(key) && key.type === "QUOTE_DOUBLE" ? this.#quoted(key, text) : text;
      this.#fault(key, "a key has to be a text: put quotes around it");
    } catch (error) {
      if (!(error instanceof ScalarError)) throw error;
      this.#fault(key, error.message);
    }
    return undefined;
  }

  /** What is merged and given as well is given twice: the API server refuses it, and others disagree on which one counts. */
  #merge(key: Node, source: Node | null, out: Record<string, Plain>): void {
    if (isSeq(source)) {
      for (const item of source.items.toReversed()) this.#mergeOne(key, item as Node, out);
    } else this.#mergeOne(key, source, out);
  }

  #mergeOne(key: Node, source: Node | null, out: Record<string, Plain>): void {
    this.#count += 1;
    if (isMap(source)) this.#fields(source as YAMLMap<Node, Node | null>, out);
    else if (isAlias(source))
      this.#aliased(source, (target) => {
        if (isMap(target)) this.#fields(target as YAMLMap<Node, Node | null>, out);
        else this.#stop(key, NO_MERGE);
      });
    else this.#stop(key, NO_MERGE);
  }

  #fault(node: Node | null, message: string): void {
    if (this.faults.length < MOST_FAULTS) this.faults.push([offsetOf(node), message]);
  }

  #stop(node: Node | null, message: string): never {
    this.#fault(node, message);
    throw new Unreadable();
  }
}

const NO_MERGE = "<< takes fields of a map, or of a list of maps: give it one, or put quotes around the key";

function set(out: Record<string, Plain>, name: string, value: Plain): void {
  if (name !== "__proto__") out[name] = value;
  else Object.defineProperty(out, name, { value, enumerable: true, writable: true, configurable: true });
}

/** How much of a document may come from aliases, by how many values it has: 99 % up to 400,000, 10 % from 4,000,000 on. */
function mostAliased(count: number): number {
  const [low, high] = [400_000, 4_000_000];
  return 0.99 - 0.89 * Math.min(1, Math.max(0, (count - low) / (high - low)));
}
