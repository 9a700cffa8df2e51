import { isAlias, isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import type { Chunk } from "./document.ts";
import { keyText, ScalarError, type ScalarValue, scalarValue } from "./scalars.ts";
import { MOST_FAULTS } from "./yamldocuments.ts";

/** What JSON has. */
type Plain = ScalarValue | readonly Plain[] | { readonly [key: string]: Plain };

/** Makes plain values of the nodes of a document, as kubectl would. */
export class NodeReader {
  readonly faults: [offset: number, message: string][] = [];
  /** What each alias stands for. */
  readonly targets = new Map<Node, Node>();
  readonly #isJSON: boolean;
  readonly #text: string;
  /** Aliases that are being read. */
  readonly #open = new Set<Node>();
  #count = 0;
  #countInAliases = 0;

  constructor({ isJSON, text }: Pick<Chunk, "isJSON" | "text">, root: Node) {
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

export function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}

export function isMergeKey(key: Node): boolean {
  return isScalar(key) && key.value === "<<" && (key.tag ?? (key.type === "PLAIN" ? MERGE : "")) === MERGE;
}

const MERGE = "tag:yaml.org,2002:merge";

export function keyOf(key: Node): string | undefined {
  return isScalar(key) ? keyText(String(key.value), key.type === "PLAIN", key.tag) : undefined;
}

/** Thrown where a document cannot be read any further. */
class Unreadable extends Error {}
