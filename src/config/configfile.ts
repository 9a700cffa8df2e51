import { readFileSync } from "node:fs";
import type { Node } from "yaml";
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
import { FieldReader } from "./fieldreader.ts";
import { portalSettings } from "./portalfile.ts";
import { DEFAULT_SETTINGS, type Settings, unreadable } from "./settings.ts";

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
  const reader = new FieldReader(text, file);
  let settings = DEFAULT_SETTINGS;
  let lastRSABits: Node | null = null;
  const set = (part: Partial<Settings>) => {
    settings = { ...settings, ...part };
  };
  const setPolicy = (part: Partial<Policy>) => set({ policy: { ...settings.policy, ...part } });
  const setSecrets = (part: Partial<SecretSettings>) => set({ secrets: { ...settings.secrets, ...part } });
  reader.fields(reader.root, "the file", {
    installation: (node, name) => setSecrets({ installation: labelValue(reader, node, name) }),
    duplicateScope: (node, name) => setPolicy({ duplicateScope: reader.oneOf(node, name, DUPLICATE_SCOPES) }),
    policy: (node, name) =>
      reader.fields(node, name, {
        allowedTypes: (n, at) => setPolicy({ allowedTypes: reader.someOf(n, at, KEY_TYPES) }),
        minimumRSABits: (n, at) => {
          lastRSABits = n;
          setPolicy({ minimumRSABits: reader.integer(n, at, 1024, 16_384) });
        },
        maximumRSABits: (n, at) => {
          lastRSABits = n;
          setPolicy({ maximumRSABits: reader.integer(n, at, 1024, 16_384) });
        },
        maximumLifetime: (n, at) => setPolicy({ maximumLifetime: lifetime(reader, n, at) }),
        maximumKeysPerUser: (n, at) =>
          setPolicy({ maximumKeysPerUser: reader.integer(n, at, 1, MAXIMUM_KEYS_PER_USER) }),
        proofs: (n, at) => setPolicy({ proofs: reader.oneOf(n, at, PROOF_POLICIES) }),
        proofNamespace: (n, at) => setPolicy({ proofNamespace: proofNamespace(reader, n, at) }),
        requireUserVerification: (n, at) => setPolicy({ requireUserVerification: reader.boolean(n, at) }),
        requiredOptions: (n, at) => setPolicy({ requiredOptions: requiredOptions(reader, n, at) }),
      }),
    secrets: (node, name) =>
      reader.fields(node, name, {
        perUser: (n, at) => setSecrets({ perUser: reader.boolean(n, at) }),
        namePrefix: (n, at) => setSecrets({ namePrefix: namePrefix(reader, n, at) }),
        retention: (n, at) => setSecrets({ retention: reader.duration(n, at) }),
        expiryTimeFormat: (n, at) =>
          setSecrets({ expiryTimeFormat: reader.oneOf(n, at, EXPIRY_TIME_FORMATS) }),
      }),
    refresh: (node, name) =>
      reader.fields(node, name, {
        pods: (n, at) => set({ refresh: { pods: reader.boolean(n, at) } }),
      }),
    revokedKeys: (node, name) => set({ revokedKeys: reader.path(node, name) }),
    blocklists: (node, name) => set({ blocklists: reader.path(node, name) }),
    concurrency: (node, name) => set({ concurrency: reader.integer(node, name, 1, 256) }),
    portal: (node, name) => set({ portal: portalSettings(reader, node, name) }),
  });
  const { minimumRSABits, maximumRSABits } = settings.policy;
  if (minimumRSABits > maximumRSABits) {
    reader.fail(
      lastRSABits,
      `maximumRSABits (${maximumRSABits}) is below minimumRSABits (${minimumRSABits}); raise the one or lower the other`,
    );
  }
  return settings;
}

function readConfig(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(`the configuration file ${file}`, error, "check --config");
  }
}

function requiredOptions(reader: FieldReader, node: Node | null, name: string): Policy["requiredOptions"] {
  const options: Partial<Record<SecurityKeyType, readonly RequiredOption[]>> = {};
  const fields = SECURITY_KEY_TYPES.map((type) => [
    type,
    (n: Node | null, at: string) => {
      options[type] = reader.someOf(n, at, REQUIRED_OPTIONS);
    },
  ]);
  reader.fields(node, name, Object.fromEntries(fields));
  return options;
}

/** It stands in commands that people copy into a shell. */
function proofNamespace(reader: FieldReader, node: Node | null, name: string): string {
  const rule =
    "1 to 128 letters, digits and @ . _ -, beginning with a letter or digit, such as keys@example.com";
  return reader.text(node, name, /^[A-Za-z0-9][A-Za-z0-9@._-]{0,127}$/, rule);
}

const LONGEST_LIFETIME_MS = 36_500 * 24 * 60 * 60 * 1000;

/** Beyond a century a date may have five digits for the year, which RFC 3339 has no room for. */
function lifetime(reader: FieldReader, node: Node | null, name: string): number {
  const time = reader.duration(node, name);
  if (time >= 1000 && time <= LONGEST_LIFETIME_MS) return time;
  return reader.fail(node, `${name} must be between 1s and 36500d; leave it out for no limit`);
}

function namePrefix(reader: FieldReader, node: Node | null, name: string): string {
  const rule =
    "4 to 29 lower-case letters, digits and dashes, beginning with a letter or digit and ending with a dash";
  return reader.text(node, name, /^[a-z0-9][a-z0-9-]{2,27}-$/, rule);
}

function labelValue(reader: FieldReader, node: Node | null, name: string): string {
  const rule = "1 to 63 lower-case letters, digits and dashes, with no dash at either end";
  return reader.text(node, name, /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, rule);
}
