import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { compile, type JSONSchema } from "json-schema-to-typescript";
import { parse } from "yaml";

const REPOSITORY = new URL("../", import.meta.url);

interface Definition {
  readonly crd: string;
  /** Name of the file with its types. */
  readonly types: string;
  readonly kind: string;
  /** Interface names by path in the schema; every other object would be inlined without a name. */
  readonly titles: Readonly<Record<string, string>>;
}

const DEFINITIONS: readonly Definition[] = [
  {
    crd: "crds/sshkeys.yaml",
    types: "sshkey.generated.ts",
    kind: "SSHKey",
    titles: {
      spec: "SSHKeySpec",
      status: "SSHKeyStatus",
      "status.duplicateOf": "SSHKeyReference",
      "status.proof": "SSHKeyProof",
      "status.lastUsed": "SSHKeyLastUsed",
      "status.conditions[]": "SSHKeyCondition",
    },
  },
  {
    crd: "crds/authorizedkeys.yaml",
    types: "authorizedkeys.generated.ts",
    kind: "AuthorizedKeys",
    titles: {
      spec: "AuthorizedKeysSpec",
      "spec.from[]": "AuthorizedKeysSource",
      "spec.from[].namespaceSelector": "NamespaceSelector",
      "spec.logins": "AuthorizedKeysLogins",
      "spec.logins.map[]": "LoginMapping",
      status: "AuthorizedKeysStatus",
      "status.omitted[]": "Omission",
      "status.conditions[]": "AuthorizedKeysCondition",
    },
  },
];

/** What src/api/schema.ts reads of a schema. */
const KEPT = ["type", "required", "enum", "default", "maxLength", "maxItems", "maxProperties"];
const READ = [
  "properties",
  "items",
  "additionalProperties",
  "description",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-list-type",
  "x-kubernetes-validations",
];

await main();

/** Writes the types; with --check only compares. --types names another folder than the one of the repository. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean", default: false },
      types: { type: "string", default: "src/api" },
    },
  });
  const schemas: [kind: string, schema: object][] = [];
  for (const definition of DEFINITIONS) {
    const text = await readFile(new URL(definition.crd, REPOSITORY), "utf8");
    schemas.push([definition.kind, bare(rootSchema(definition.crd, parse(text)))]);
    await write(
      `${values.types}/${definition.types}`,
      definition.crd,
      await generateTypes(definition, text),
      values.check,
    );
  }
  await write(`${values.types}/schemas.generated.ts`, "crds/", generateSchemas(schemas), values.check);
}

/** Or compares only. */
async function write(name: string, source: string, text: string, isCheck: boolean): Promise<void> {
  const file = new URL(name, REPOSITORY);
  if (!isCheck) {
    await writeFile(file, text);
  } else if (!existsSync(file) || (await readFile(file, "utf8")) !== text) {
    console.error(`${name} is not what ${source} says: run \`node tools/generate-api.ts\` and commit it.`);
    process.exitCode = 1;
  }
}

function generateSchemas(schemas: readonly [kind: string, schema: object][]): string {
  return `// Generated from crds/ by \`node tools/generate-api.ts\`. Do not edit.

import type { Schema } from "./schema.ts";

/** What the definitions say of each kind, without words and rules. */
export const SCHEMAS: Readonly<Record<${schemas.map(([kind]) => JSON.stringify(kind)).join(" | ")}, Schema>> = ${JSON.stringify(Object.fromEntries(schemas), undefined, 2)};
`;
}

/** What src/api/schema.ts knows of; throws for anything else that limits a value, except in the status. */
function bare(schema: JSONSchema, path = ""): object {
  const { properties, items, additionalProperties } = schema;
  const kept = KEPT.filter((name) => schema[name] !== undefined).map((name) => [name, schema[name]]);
  const isStatus = path === "status" || path.startsWith("status.");
  const other = Object.keys(schema).filter((name) => !KEPT.includes(name) && !READ.includes(name));
  if (other.length > 0 && !isStatus)
    throw new Error(`${path} has ${other.join(", ")}: teach src/api/schema.ts about it.`);
  return {
    ...Object.fromEntries(kept),
    ...(schema["x-kubernetes-list-map-keys"] ? { keys: schema["x-kubernetes-list-map-keys"] } : {}),
    ...(items === undefined ? {} : { items: bare(items as JSONSchema, `${path}[]`) }),
    ...(typeof additionalProperties === "object"
      ? { additionalProperties: bare(additionalProperties, `${path}.*`) }
      : {}),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, child]) => [
              name,
              bare(child, path === "" ? name : `${path}.${name}`),
            ]),
          ),
        }),
  };
}

async function generateTypes({ crd, kind, titles }: Definition, crdText: string): Promise<string> {
  const root = titled(rootSchema(crd, parse(crdText)), { "": kind, ...titles }, "");
  const schema: JSONSchema = { ...root, required: ["metadata", "spec"] };
  schema.properties = { ...root.properties, metadata: metadataOf(kind) };
  return compile(schema, kind, {
    additionalProperties: false,
    bannerComment: `// Generated from ${crd} by \`node tools/generate-api.ts\`. Do not edit.`,
    ignoreMinAndMaxItems: true,
    style: { printWidth: 110 },
  });
}

/** The CRD says no more of metadata than that it is an object; these fields are the API server's (ObjectMeta). */
function metadataOf(kind: string): JSONSchema {
  return {
    title: `${kind}Metadata`,
    description: `The fields of the API server's ObjectMeta that matter to an ${kind}.`,
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string" },
      namespace: { type: "string" },
      uid: { type: "string" },
      resourceVersion: { type: "string" },
      generation: { type: "integer" },
      creationTimestamp: { type: "string", description: "RFC 3339, in whole seconds." },
      deletionTimestamp: { type: "string", description: "RFC 3339, in whole seconds." },
      labels: { type: "object", additionalProperties: { type: "string" } },
      annotations: { type: "object", additionalProperties: { type: "string" } },
    },
  };
}

interface CRD {
  readonly spec: {
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: JSONSchema } }[];
  };
}

function rootSchema(file: string, crd: CRD): JSONSchema {
  const [version, ...others] = crd.spec.versions;
  if (version === undefined || others.length > 0) {
    throw new Error(`${file} must have exactly one version; teach tools/generate-api.ts about more.`);
  }
  return version.schema.openAPIV3Schema;
}

function titled(schema: JSONSchema, titles: Definition["titles"], path: string): JSONSchema {
  const copy: JSONSchema = { ...schema };
  const title = titles[path];
  if (title !== undefined) copy.title = title;
  if (schema.properties !== undefined) {
    copy.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, child]) => [
        name,
        titled(child, titles, path === "" ? name : `${path}.${name}`),
      ]),
    );
  }
  if (schema.items !== undefined && !Array.isArray(schema.items)) {
    copy.items = titled(schema.items, titles, `${path}[]`);
  }
  return copy;
}
