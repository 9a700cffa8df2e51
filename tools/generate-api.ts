import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { compile, type JSONSchema } from "json-schema-to-typescript";
import { parse } from "yaml";

const REPOSITORY = new URL("../", import.meta.url);
const CRD_FILE = new URL("crds/sshkeys.yaml", REPOSITORY);

const BANNER = "// Generated from crds/sshkeys.yaml by `node tools/generate-api.ts`. Do not edit.";

/** The CRD says no more of metadata than that it is an object; these fields are the API server's (ObjectMeta). */
const METADATA: JSONSchema = {
  title: "SSHKeyMetadata",
  description: "The fields of the API server's ObjectMeta that matter to an SSHKey.",
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

/** Interface names by path in the schema; every other object would be inlined without a name. */
const TITLES: Readonly<Record<string, string>> = {
  "": "SSHKey",
  spec: "SSHKeySpec",
  status: "SSHKeyStatus",
  "status.duplicateOf": "SSHKeyReference",
  "status.proof": "SSHKeyProof",
  "status.conditions[]": "SSHKeyCondition",
};

await main();

/** Writes the types; with --check only compares. --types names another file than the one of the repository. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean", default: false },
      types: { type: "string", default: "src/api/sshkey.generated.ts" },
    },
  });
  const file = new URL(values.types, REPOSITORY);
  const types = await generateTypes(await readFile(CRD_FILE, "utf8"));
  if (!values.check) {
    await writeFile(file, types);
    return;
  }
  if (!existsSync(file) || (await readFile(file, "utf8")) !== types) {
    console.error(
      `${values.types} is not what crds/sshkeys.yaml says: run \`node tools/generate-api.ts\` and commit it.`,
    );
    process.exitCode = 1;
  }
}

async function generateTypes(crdText: string): Promise<string> {
  const root = titled(rootSchema(parse(crdText)), "");
  const schema: JSONSchema = { ...root, required: ["metadata", "spec"] };
  schema.properties = { ...root.properties, metadata: METADATA };
  return compile(schema, "SSHKey", {
    additionalProperties: false,
    bannerComment: BANNER,
    ignoreMinAndMaxItems: true,
    style: { printWidth: 110 },
  });
}

function rootSchema(crd: { spec: { versions: { schema: { openAPIV3Schema: JSONSchema } }[] } }): JSONSchema {
  const [version, ...others] = crd.spec.versions;
  if (version === undefined || others.length > 0) {
    throw new Error(
      "crds/sshkeys.yaml must have exactly one version; teach tools/generate-api.ts about more.",
    );
  }
  return version.schema.openAPIV3Schema;
}

function titled(schema: JSONSchema, path: string): JSONSchema {
  const copy: JSONSchema = { ...schema };
  const title = TITLES[path];
  if (title !== undefined) copy.title = title;
  if (schema.properties !== undefined) {
    copy.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, child]) => [
        name,
        titled(child, path === "" ? name : `${path}.${name}`),
      ]),
    );
  }
  if (schema.items !== undefined && !Array.isArray(schema.items)) {
    copy.items = titled(schema.items, `${path}[]`);
  }
  return copy;
}
