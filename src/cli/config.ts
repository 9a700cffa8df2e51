import { readFileSync } from "node:fs";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { DUPLICATE_SCOPES, type Policy } from "../keyring/policy.ts";
import { DEFAULT_SETTINGS, type Settings } from "../operator/settings.ts";
import { KEY_TYPES, type KeyType } from "../ssh/publickey.ts";
import { parseDuration } from "./duration.ts";
import { EXIT, ExitError } from "./exitcodes.ts";

/** The settings of the file, or the built-in ones without it; only these namespaces if any are named. */
export function readSettings(file: string | undefined, namespaces: readonly string[] | undefined): Settings {
  const settings = file === undefined ? DEFAULT_SETTINGS : parseConfig(readConfig(file), file);
  return namespaces === undefined ? settings : { ...settings, namespaces: [...new Set(namespaces)] };
}

/**
 * The settings that a configuration file (YAML) holds, defaults for what it leaves out. Throws an ExitError that
 * names the line for anything that is not understood; nothing is ignored.
 */
export function parseConfig(text: string, file: string): Settings {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined) => `${file}:${lines.linePos(offset ?? 0).line}`;
  const [broken] = document.errors;
  if (broken !== undefined)
    throw new ExitError(EXIT.configuration, `${at(broken.pos[0])}: ${broken.message}`);
  return new Reader(at).settings(document.contents);
}

function readConfig(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    const problem = `cannot read the configuration file ${file} (${code}); check --config`;
    throw new ExitError(EXIT.configuration, problem);
  }
}

type Field = (value: Node | null, name: string) => void;

/** Reads nodes rather than plain values, so that every error knows its line. */
class Reader {
  readonly #at: (offset: number | undefined) => string;

  constructor(at: (offset: number | undefined) => string) {
    this.#at = at;
  }

  settings(root: Node | null): Settings {
    let settings = DEFAULT_SETTINGS;
    const setPolicy = (part: Partial<Policy>) => {
      settings = { ...settings, policy: { ...settings.policy, ...part } };
    };
    this.#fields(root, "the file", {
      duplicateScope: (node, name) =>
        setPolicy({ duplicateScope: this.#oneOf(node, name, DUPLICATE_SCOPES) }),
      policy: (node, name) =>
        this.#fields(node, name, {
          allowedTypes: (n, at) => setPolicy({ allowedTypes: this.#types(n, at) }),
          minimumRSABits: (n, at) => setPolicy({ minimumRSABits: this.#integer(n, at, 1024, 16_384) }),
          maximumLifetime: (n, at) => setPolicy({ maximumLifetime: this.#duration(n, at) }),
          maximumKeysPerUser: (n, at) => setPolicy({ maximumKeysPerUser: this.#integer(n, at, 1, 10_000) }),
        }),
      secrets: (node, name) =>
        this.#fields(node, name, {
          namePrefix: (n, at) => {
            settings = { ...settings, secretPrefix: this.#prefix(n, at) };
          },
          retention: (n, at) => {
            settings = { ...settings, secretRetention: this.#duration(n, at) };
          },
        }),
      concurrency: (n, at) => {
        settings = { ...settings, concurrency: this.#integer(n, at, 1, 256) };
      },
    });
    return settings;
  }

  #fields(node: Node | null, name: string, fields: Readonly<Record<string, Field>>): void {
    if (node === null || (isScalar(node) && node.value === null)) return;
    if (!isMap(node)) this.#fail(node, `${name} must be a mapping of ${list(Object.keys(fields))}`);
    for (const { key, value } of node.items) {
      const fieldName = isScalar(key) ? String(key.value) : "";
      const field = Object.hasOwn(fields, fieldName) ? fields[fieldName] : undefined;
      if (field === undefined) {
        this.#fail(key as Node, `unknown field ${fieldName}; ${name} takes ${list(Object.keys(fields))}`);
      }
      field(value as Node | null, fieldName);
    }
  }

  #oneOf<T extends string>(node: Node | null, name: string, allowed: readonly T[]): T {
    const value = this.#scalar(node);
    return (
      allowed.find((each) => each === value) ?? this.#fail(node, `${name} must be one of ${list(allowed)}`)
    );
  }

  #types(node: Node | null, name: string): readonly KeyType[] {
    if (!isSeq(node) || node.items.length === 0)
      this.#fail(node, `${name} must be a list of ${list(KEY_TYPES)}`);
    return node.items.map((item) => this.#oneOf(item as Node, `each of ${name}`, KEY_TYPES));
  }

  #integer(node: Node | null, name: string, least: number, most: number): number {
    const value = this.#scalar(node);
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    return this.#fail(node, `${name} must be a whole number from ${least} to ${most}`);
  }

  #duration(node: Node | null, name: string): number {
    const value = this.#scalar(node);
    const duration = typeof value === "string" ? parseDuration(value) : undefined;
    return duration ?? this.#fail(node, `${name} must be a duration such as 90s, 10m, 24h or 365d`);
  }

  #prefix(node: Node | null, name: string): string {
    const value = this.#scalar(node);
    if (typeof value === "string" && /^[a-z0-9][a-z0-9-]{0,62}$/.test(value)) return value;
    const rule = "1 to 63 lower-case letters, digits and dashes, beginning with a letter or digit";
    return this.#fail(node, `${name} must be ${rule}`);
  }

  #scalar(node: Node | null): unknown {
    return isScalar(node) ? node.value : undefined;
  }

  #fail(node: Node | null, problem: string): never {
    throw new ExitError(EXIT.configuration, `${this.#at(node?.range?.[0])}: ${problem}`);
  }
}

function list(names: readonly string[]): string {
  return names.join(", ");
}
