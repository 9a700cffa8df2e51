import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { parseDuration } from "./duration.ts";
import { ConfigError } from "./settings.ts";

/** Takes the value of one field. `name` is the field's, for messages. */
export type Field = (value: Node | null, name: string) => void;

/**
 * Reads the fields of a YAML document. It looks at nodes rather than plain values, so every ConfigError that it throws names
 * the line; nothing is ignored.
 */
export class FieldReader {
  readonly root: Node | null;
  readonly #at: (offset: number | undefined) => string;

  /** `file` is the name that messages begin with. Throws a ConfigError for broken YAML. */
  constructor(text: string, file: string) {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    this.#at = (offset) => `${file}:${lines.linePos(offset ?? 0).line}`;
    const [broken] = document.errors;
    if (broken !== undefined)
      throw new ConfigError(`${this.#at(broken.pos[0])}: ${broken.message}; correct the YAML`);
    this.root = document.contents;
  }

  /** A mapping of these fields and no others; null, as an empty value is, has none. */
  fields(node: Node | null, name: string, fields: Readonly<Record<string, Field>>): void {
    if (node === null || (isScalar(node) && node.value === null)) return;
    if (!isMap(node)) this.fail(node, `${name} must be a mapping of ${list(Object.keys(fields))}`);
    for (const { key, value } of node.items) {
      const fieldName = isScalar(key) ? String(key.value) : "";
      const field = Object.hasOwn(fields, fieldName) ? fields[fieldName] : undefined;
      if (field === undefined) {
        this.fail(
          key as Node,
          `unknown field ${fieldName} in ${name}; remove it, or use one of ${list(Object.keys(fields))}`,
        );
      }
      field(value as Node | null, fieldName);
    }
  }

  oneOf<T extends string>(node: Node | null, name: string, allowed: readonly T[]): T {
    const value = scalar(node);
    return (
      allowed.find((each) => each === value) ?? this.fail(node, `${name} must be one of ${list(allowed)}`)
    );
  }

  /** At least one of them. */
  someOf<T extends string>(node: Node | null, name: string, allowed: readonly T[]): readonly T[] {
    if (!isSeq(node) || node.items.length === 0)
      this.fail(node, `${name} must be a list of ${list(allowed)}`);
    return node.items.map((item) => this.oneOf(item as Node, `each of ${name}`, allowed));
  }

  /** A text that matches; `rule` completes "NAME must be …". */
  text(node: Node | null, name: string, pattern: RegExp, rule: string): string {
    const value = scalar(node);
    return typeof value === "string" && pattern.test(value)
      ? value
      : this.fail(node, `${name} must be ${rule}`);
  }

  /** At least one text that matches; `rule` completes "each of NAME must be …". */
  texts(node: Node | null, name: string, pattern: RegExp, rule: string): readonly string[] {
    if (!isSeq(node) || node.items.length === 0) this.fail(node, `${name} must be a list, each item ${rule}`);
    return node.items.map((item) => this.text(item as Node, `each of ${name}`, pattern, rule));
  }

  boolean(node: Node | null, name: string): boolean {
    const value = scalar(node);
    return typeof value === "boolean" ? value : this.fail(node, `${name} must be true or false`);
  }

  integer(node: Node | null, name: string, least: number, most: number): number {
    const value = scalar(node);
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    return this.fail(node, `${name} must be a whole number from ${least} to ${most}`);
  }

  /** In ms. */
  duration(node: Node | null, name: string): number {
    const value = scalar(node);
    const duration = typeof value === "string" ? parseDuration(value) : undefined;
    return duration ?? this.fail(node, `${name} must be a duration such as 90s, 10m, 24h or 365d`);
  }

  path(node: Node | null, name: string): string {
    return this.text(node, name, /^\//, "the absolute path of a file");
  }

  fail(node: Node | null, problem: string): never {
    throw new ConfigError(`${this.#at(node?.range?.[0])}: ${problem}`);
  }
}

function scalar(node: Node | null): unknown {
  return isScalar(node) ? node.value : undefined;
}

function list(names: readonly string[]): string {
  return names.join(", ");
}
