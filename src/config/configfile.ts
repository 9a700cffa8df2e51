import { readFileSync } from "node:fs";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { isDNSLabel } from "../api/names.ts";
import {
  DUPLICATE_SCOPES,
  MAXIMUM_KEYS_PER_USER,
  type Policy,
  PROOF_POLICIES,
  REQUIRED_OPTIONS,
  type RequiredOption,
} from "../claims/policy.ts";
import type { SecretSettings } from "../projection/secret.ts";
import { EXPIRY_TIME_FORMATS } from "../ssh/authorizedkeys.ts";
import { KEY_TYPES, SECURITY_KEY_TYPES, type SecurityKeyType } from "../ssh/keytype.ts";
import { parseDuration } from "./duration.ts";
import { ConfigError, DEFAULT_SETTINGS, type Settings } from "./settings.ts";

/** The settings of the file, or the built-in ones without it; only these namespaces if any are named. */
export function readSettings(file: string | undefined, namespaces: readonly string[] | undefined): Settings {
  const settings = file === undefined ? DEFAULT_SETTINGS : parseConfig(readConfig(file), file);
  return namespaces === undefined ? settings : { ...settings, namespaces: [...new Set(namespaces)] };
}

/**
 * The settings that a configuration file (YAML) holds, defaults for what it leaves out. Throws a ConfigError that
 * names the line for anything that is not understood; nothing is ignored.
 */
export function parseConfig(text: string, file: string): Settings {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined) => `${file}:${lines.linePos(offset ?? 0).line}`;
  const [broken] = document.errors;
  if (broken !== undefined)
    throw new ConfigError(`${at(broken.pos[0])}: ${broken.message}; correct the YAML`);
  return new Reader(at).settings(document.contents);
}

function readConfig(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    const problem = `cannot read the configuration file ${file} (${code}); check --config`;
    throw new ConfigError(problem);
  }
}

const LONGEST_LIFETIME_MS = 36_500 * 24 * 60 * 60 * 1000;

type Field = (value: Node | null, name: string) => void;

/** Reads nodes rather than plain values, so that every error knows its line. */
class Reader {
  readonly #at: (offset: number | undefined) => string;

  constructor(at: (offset: number | undefined) => string) {
    this.#at = at;
  }

  settings(root: Node | null): Settings {
    let settings = DEFAULT_SETTINGS;
    let lastRSABits: Node | null = null;
    const setPolicy = (part: Partial<Policy>) => {
      settings = { ...settings, policy: { ...settings.policy, ...part } };
    };
    const setSecrets = (part: Partial<SecretSettings>) => {
      settings = { ...settings, secrets: { ...settings.secrets, ...part } };
    };
    this.#fields(root, "the file", {
      installation: (node, name) => setSecrets({ installation: this.#installation(node, name) }),
      duplicateScope: (node, name) =>
        setPolicy({ duplicateScope: this.#oneOf(node, name, DUPLICATE_SCOPES) }),
      policy: (node, name) =>
        this.#fields(node, name, {
          allowedTypes: (n, at) => setPolicy({ allowedTypes: this.#someOf(n, at, KEY_TYPES) }),
          minimumRSABits: (n, at) => {
            lastRSABits = n;
            setPolicy({ minimumRSABits: this.#integer(n, at, 1024, 16_384) });
          },
          maximumRSABits: (n, at) => {
            lastRSABits = n;
            setPolicy({ maximumRSABits: this.#integer(n, at, 1024, 16_384) });
          },
          maximumLifetime: (n, at) => setPolicy({ maximumLifetime: this.#lifetime(n, at) }),
          maximumKeysPerUser: (n, at) =>
            setPolicy({ maximumKeysPerUser: this.#integer(n, at, 1, MAXIMUM_KEYS_PER_USER) }),
          proofs: (n, at) => setPolicy({ proofs: this.#oneOf(n, at, PROOF_POLICIES) }),
          proofNamespace: (n, at) => setPolicy({ proofNamespace: this.#proofNamespace(n, at) }),
          requireUserVerification: (n, at) => setPolicy({ requireUserVerification: this.#boolean(n, at) }),
          requiredOptions: (n, at) => setPolicy({ requiredOptions: this.#requiredOptions(n, at) }),
        }),
      secrets: (node, name) =>
        this.#fields(node, name, {
          perUser: (n, at) => setSecrets({ perUser: this.#boolean(n, at) }),
          namePrefix: (n, at) => setSecrets({ namePrefix: this.#prefix(n, at) }),
          retention: (n, at) => setSecrets({ retention: this.#duration(n, at) }),
          expiryTimeFormat: (n, at) =>
            setSecrets({ expiryTimeFormat: this.#oneOf(n, at, EXPIRY_TIME_FORMATS) }),
        }),
      refresh: (node, name) =>
        this.#fields(node, name, {
          pods: (n, at) => {
            settings = { ...settings, refresh: { pods: this.#boolean(n, at) } };
          },
        }),
      revokedKeys: (node, name) => {
        settings = { ...settings, revokedKeys: this.#path(node, name) };
      },
      concurrency: (node, name) => {
        settings = { ...settings, concurrency: this.#integer(node, name, 1, 256) };
      },
    });
    const { minimumRSABits, maximumRSABits } = settings.policy;
    if (minimumRSABits > maximumRSABits) {
      this.#fail(
        lastRSABits,
        `maximumRSABits (${maximumRSABits}) is below minimumRSABits (${minimumRSABits}); raise the one or lower the other`,
      );
    }
    return settings;
  }

  #fields(node: Node | null, name: string, fields: Readonly<Record<string, Field>>): void {
    if (node === null || (isScalar(node) && node.value === null)) return;
    if (!isMap(node)) this.#fail(node, `${name} must be a mapping of ${list(Object.keys(fields))}`);
    for (const { key, value } of node.items) {
      const fieldName = isScalar(key) ? String(key.value) : "";
      const field = Object.hasOwn(fields, fieldName) ? fields[fieldName] : undefined;
      if (field === undefined) {
        this.#fail(
          key as Node,
          `unknown field ${fieldName} in ${name}; remove it, or use one of ${list(Object.keys(fields))}`,
        );
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

  #someOf<T extends string>(node: Node | null, name: string, allowed: readonly T[]): readonly T[] {
    if (!isSeq(node) || node.items.length === 0)
      this.#fail(node, `${name} must be a list of ${list(allowed)}`);
    return node.items.map((item) => this.#oneOf(item as Node, `each of ${name}`, allowed));
  }

  #requiredOptions(node: Node | null, name: string): Policy["requiredOptions"] {
    const options: Partial<Record<SecurityKeyType, readonly RequiredOption[]>> = {};
    const fields = SECURITY_KEY_TYPES.map((type) => [
      type,
      (n: Node | null, at: string) => {
        options[type] = this.#someOf(n, at, REQUIRED_OPTIONS);
      },
    ]);
    this.#fields(node, name, Object.fromEntries(fields));
    return options;
  }

  #boolean(node: Node | null, name: string): boolean {
    const value = this.#scalar(node);
    return typeof value === "boolean" ? value : this.#fail(node, `${name} must be true or false`);
  }

  /** It stands in commands that people copy into a shell. */
  #proofNamespace(node: Node | null, name: string): string {
    const value = this.#scalar(node);
    if (typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9@._-]{0,127}$/.test(value)) return value;
    const rule =
      "1 to 128 letters, digits and @ . _ -, beginning with a letter or digit, such as keys@example.com";
    return this.#fail(node, `${name} must be ${rule}`);
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

  /** Beyond a century a date may have five digits for the year, which RFC 3339 has no room for. */
  #lifetime(node: Node | null, name: string): number {
    const lifetime = this.#duration(node, name);
    if (lifetime >= 1000 && lifetime <= LONGEST_LIFETIME_MS) return lifetime;
    return this.#fail(node, `${name} must be between 1s and 36500d; leave it out for no limit`);
  }

  #prefix(node: Node | null, name: string): string {
    const value = this.#scalar(node);
    if (typeof value === "string" && /^[a-z0-9][a-z0-9-]{2,27}-$/.test(value)) return value;
    const rule =
      "4 to 29 lower-case letters, digits and dashes, beginning with a letter or digit and ending with a dash";
    return this.#fail(node, `${name} must be ${rule}`);
  }

  /** It is the value of a label. */
  #installation(node: Node | null, name: string): string {
    const value = this.#scalar(node);
    if (typeof value === "string" && isDNSLabel(value)) return value;
    return this.#fail(
      node,
      `${name} must be 1 to 63 lower-case letters, digits and dashes, with no dash at either end`,
    );
  }

  #path(node: Node | null, name: string): string {
    const value = this.#scalar(node);
    if (typeof value === "string" && value.startsWith("/")) return value;
    return this.#fail(node, `${name} must be the absolute path of a file`);
  }

  #scalar(node: Node | null): unknown {
    return isScalar(node) ? node.value : undefined;
  }

  #fail(node: Node | null, problem: string): never {
    throw new ConfigError(`${this.#at(node?.range?.[0])}: ${problem}`);
  }
}

function list(names: readonly string[]): string {
  return names.join(", ");
}
