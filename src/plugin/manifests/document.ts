import { type Document, isAlias, isMap, isSeq, type Node, Schema, visit, type YAMLMap } from "yaml";
import { isMergeKey, keyOf, NodeReader, offsetOf } from "./nodereader.ts";
import { MOST_FAULTS, NestedTooDeeply, yamlDocuments } from "./yamldocuments.ts";

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
        this.#root = document?.contents ?? null;
        for (const { pos, message } of document?.errors.slice(0, MOST_FAULTS) ?? [])
          faults.push([pos[0], `${unquoted(message)}: correct the YAML`]);
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

function parsed(text: string): Document.Parsed | undefined {
  const [document] = yamlDocuments(text, {
    schema: SCHEMA,
    // NodeReader does it, in linear time.
    uniqueKeys: false,
    keepSourceTokens: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  return document;
}

/** All scalars are texts: what they mean, scalarValue says. Made once for all documents. */
const SCHEMA = new Schema({ schema: "failsafe", resolveKnownTags: false });

function readingFault(error: unknown): [number, string] {
  // The readers call themselves for each level.
  if (error instanceof NestedTooDeeply || error instanceof RangeError) return [0, TOO_DEEP];
  throw error;
}

const TOO_DEEP = "this is nested too deeply: write it flatter";

/** Messages of the parser that quote the text are long and may hold anything. */
function unquoted(message: string): string {
  return message.replace(/: [^:]*$/s, "").replace(/[.:]$/, "");
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
