import type { AuthorizedKeysSpec } from "../../api/authorizedkeys.generated.ts";
import { validateAuthorizedKeysSpec, validateSecretNameChange } from "../../api/authorizedkeysrules.ts";
import { AUTHORIZED_KEYS_KIND, KIND } from "../../api/names.ts";
import { metadataErrors, OBJECT_META } from "../../api/objectmeta.ts";
import { validateSpec, validateUserChange } from "../../api/rules.ts";
import {
  type FieldPath,
  fieldName,
  type Schema,
  type SchemaError,
  schemaErrors,
  withDefaults,
} from "../../api/schema.ts";
import { SCHEMAS } from "../../api/schemas.generated.ts";
import type { SSHKeySpec } from "../../api/sshkey.generated.ts";
import { describePrivateKey } from "../../ssh/privatekey.ts";
import { firstUnprintable } from "../../ssh/unprintable.ts";

/** Why the API server would not store an object. */
export interface Refusal {
  readonly code: string;
  /** As the API server names it. */
  readonly field: string;
  /** Where it stands: the field, or the part of it that is wrong. */
  readonly path: FieldPath;
  /** What is wrong, then what to do. */
  readonly message: string;
}

/** An object as a manifest has it. */
export type Written = Readonly<Record<string, unknown>>;

/**
 * Everything for which the API server would refuse to create an SSHKey or AuthorizedKeys, or to put it in the place of `old`,
 * which it takes: unknown fields and wrong types, the rules on metadata, and the rules of crds/. As there, the rules are asked
 * only where the fields are what the schema says.
 */
export function refusals(object: Written, old?: Written): readonly Refusal[] {
  const schema = object.kind === KIND ? SSH_KEY : AUTHORIZED_KEYS;
  // The API server drops a status that comes with a new object, but not before it has looked for fields that are none.
  const errors = schemaErrors(object, schema).filter(
    ({ path, kind }) => path[0] !== "status" || kind === "Unknown",
  );
  const found = errors.map(ofSchema);
  if (!errors.some(({ path }) => path[0] === "metadata")) {
    for (const { field, path, message } of metadataErrors(Object(object.metadata ?? {})))
      found.push({ code: "InvalidMetadata", field, path, message });
  }
  const hasSpecErrors = errors.some(
    ({ path, kind }) => path[0] === "spec" && kind !== "Unknown" && kind !== "Duplicate",
  );
  if (hasSpecErrors) return [...found, ...privateKeys(object.spec)];
  const isSSHKey = object.kind === KIND;
  const [spec, oldSpec] = [object, old].map((each) =>
    withDefaults(each?.spec, isSSHKey ? SPEC_OF_SSH_KEY : SPEC_OF_TARGET),
  );
  const rules = isSSHKey ? ofSSHKey(spec as SSHKeySpec) : ofTarget(spec as AuthorizedKeysSpec);
  const change = old === undefined ? undefined : changeFault(isSSHKey, spec, oldSpec);
  if (change === undefined) found.push(...rules);
  else found.push(...rules.filter(({ field }) => field !== change.field), change);
  return found;
}

const SSH_KEY = withMetadata(SCHEMAS[KIND]);
const AUTHORIZED_KEYS = withMetadata(SCHEMAS[AUTHORIZED_KEYS_KIND]);

const SPEC_OF_SSH_KEY = specOf(SSH_KEY);
const SPEC_OF_TARGET = specOf(AUTHORIZED_KEYS);

function specOf({ properties }: Schema): Schema {
  return properties?.spec ?? { type: "object" };
}

function withMetadata(schema: Schema): Schema {
  return { ...schema, properties: { ...schema.properties, metadata: OBJECT_META } };
}

/** The field that stays as it is for as long as the object is there, if it is to become another. */
function changeFault(isSSHKey: boolean, spec: unknown, old: unknown): Refusal | undefined {
  const name = isSSHKey ? "user" : "secretName";
  const message = isSSHKey
    ? validateUserChange(spec as SSHKeySpec, old as SSHKeySpec)
    : validateSecretNameChange(spec as AuthorizedKeysSpec, old as AuthorizedKeysSpec);
  return message === undefined
    ? undefined
    : { code: "ImmutableField", field: `spec.${name}`, path: ["spec", name], message };
}

const CODES = {
  Unknown: "UnknownField",
  Type: "WrongType",
  Required: "MissingField",
  Enum: "UnknownValue",
  TooLong: "TooLong",
  TooMany: "TooMany",
  Duplicate: "RepeatedItem",
} as const satisfies Record<SchemaError["kind"], string>;

function ofSchema({ path, kind, message }: SchemaError): Refusal {
  return { code: CODES[kind], field: fieldName(path), path, message };
}

function ofSSHKey(spec: SSHKeySpec): readonly Refusal[] {
  const errors = validateSpec(spec);
  const isPrivate = errors.some(({ code }) => code === "PrivateKey");
  return errors
    .filter(({ code, field }) => !isPrivate || code === "PrivateKey" || field !== "spec.key")
    .map(({ field, code, message }) => ({ code, field, path: pathIn(spec, field, code), message }));
}

function pathIn(spec: SSHKeySpec, field: string, code: string): FieldPath {
  if (code === "PrivateKey") return ["spec", ...(placesOfPrivateKeys(spec)[0] ?? [])];
  const path = field.split(".");
  if (field !== "spec.options") return path;
  const index =
    spec.options?.findIndex((option) => option === "" || firstUnprintable(option) !== undefined) ?? -1;
  return index === -1 ? path : [...path, index];
}

function ofTarget(spec: AuthorizedKeysSpec): readonly Refusal[] {
  return validateAuthorizedKeysSpec(spec).map(({ field, path, message }) => ({
    code: "InvalidSpec",
    field,
    path,
    message,
  }));
}

/** Of a spec of which the rules say nothing, since it is none yet. */
function privateKeys(spec: unknown): readonly Refusal[] {
  const [place] = placesOfPrivateKeys(spec);
  if (place === undefined) return [];
  const message =
    "this holds a private key: if it is in use, replace it. Put the public half into spec.key: the line of the .pub file, or what `ssh-keygen -y -f FILE` prints";
  return [{ code: "PrivateKey", field: "spec", path: ["spec", ...place], message }];
}

function placesOfPrivateKeys(value: unknown): readonly FieldPath[] {
  if (typeof value === "string") return describePrivateKey(value) === undefined ? [] : [[]];
  if (typeof value !== "object" || value === null) return [];
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
  return [...entries].flatMap(([name, below]: [string | number, unknown]) =>
    placesOfPrivateKeys(below).map((path) => [name, ...path]),
  );
}
