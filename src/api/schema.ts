import { codePoints } from "../ssh/unprintable.ts";
import { isObject } from "./object.ts";

/** What a definition says of a value: the part of OpenAPI that crds/ uses. */
export interface Schema {
  readonly type: "object" | "array" | "string" | "boolean" | "integer";
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  /** No two items have the same values of these fields. */
  readonly keys?: readonly string[];
  /** Whatever stands below is nobody's affair. */
  readonly isOpen?: boolean;
}

export type FieldPath = readonly (string | number)[];

/** What a value has that its schema does not allow. */
export interface SchemaError {
  readonly path: FieldPath;
  readonly kind: "Unknown" | "Type" | "Required" | "Enum" | "TooLong" | "TooMany" | "Duplicate";
  /** What is wrong, then what to do. */
  readonly message: string;
}

/**
 * What the API server would find wrong with a value before it asks the rules of the definition, with strict field validation.
 * Null counts as absent, as there.
 */
export function schemaErrors(value: unknown, schema: Schema, path: FieldPath = []): readonly SchemaError[] {
  const errors: SchemaError[] = [];
  validate(value, schema, path, errors);
  return errors;
}

/** The value as the rules see it: without nulls, and with defaults. Of a value without errors. */
export function withDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item) => withDefaults(item, items));
  }
  if (!isObject(value)) return value;
  const complete: Record<string, unknown> = {};
  for (const name of Object.keys(value)) {
    const field = value[name];
    if (field === null) continue;
    const below = fieldSchema(schema, name);
    complete[name] = below === undefined || typeof field !== "object" ? field : withDefaults(field, below);
  }
  for (const [name, absent] of defaultsOf(schema))
    if (!Object.hasOwn(complete, name)) complete[name] = absent;
  return complete;
}

const DEFAULTS = new WeakMap<Schema, readonly (readonly [name: string, value: unknown])[]>();

function defaultsOf(schema: Schema): readonly (readonly [name: string, value: unknown])[] {
  const known = DEFAULTS.get(schema);
  if (known !== undefined) return known;
  const found = Object.entries(schema.properties ?? {})
    .filter(([, field]) => field.default !== undefined)
    .map(([name, field]) => [name, field.default] as const);
  DEFAULTS.set(schema, found);
  return found;
}

/** As the API server writes it: `spec.from[0].users`. */
export function fieldName(path: FieldPath): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`))
    .join("")
    .replace(/^\./, "");
}

function validate(value: unknown, schema: Schema, path: FieldPath, errors: SchemaError[]): void {
  const add = (kind: SchemaError["kind"], message: string, at = path) =>
    errors.push({ path: at, kind, message });
  if (!isOfType(value, schema.type)) {
    add("Type", wrongType(value, schema));
    addUnknown(value, schema, path, errors);
    return;
  }
  if (schema.isOpen === true) return;
  if (typeof value === "string") {
    if (
      schema.maxLength !== undefined &&
      value.length > schema.maxLength &&
      codePoints(value) > schema.maxLength
    )
      add("TooLong", `this has more than ${schema.maxLength} characters: shorten it`);
    if (schema.enum !== undefined && !schema.enum.includes(value))
      add("Enum", `this has to be one of ${schema.enum.join(", ")}: correct it`);
  } else if (Array.isArray(value)) validateItems(value, schema, path, errors);
  else if (isObject(value)) validateFields(value, schema, path, errors);
}

/** What stands below a value of another type than its schema's is unknown, too. */
function addUnknown(
  value: unknown,
  schema: Schema | undefined,
  path: FieldPath,
  errors: SchemaError[],
): void {
  if (Array.isArray(value))
    for (const [i, item] of value.entries()) addUnknown(item, schema?.items, [...path, i], errors);
  else if (isObject(value)) {
    for (const name of Object.keys(value))
      if (schema === undefined || fieldSchema(schema, name) === undefined)
        errors.push({ path: [...path, name], kind: "Unknown", message: "there is no such field: remove it" });
  }
}

function validateItems(
  items: readonly unknown[],
  schema: Schema,
  path: FieldPath,
  errors: SchemaError[],
): void {
  if (schema.maxItems !== undefined && items.length > schema.maxItems) {
    errors.push({
      path,
      kind: "TooMany",
      message: `this has more than ${schema.maxItems} items: remove some`,
    });
  }
  const below = schema.items;
  if (below !== undefined)
    for (const [i, item] of items.entries()) validate(item, below, [...path, i], errors);
  const { keys } = schema;
  if (keys === undefined) return;
  const counts = new Map<string, number>();
  for (const [i, item] of items.entries()) {
    if (!isObject(item)) continue;
    const id = JSON.stringify(keys.map((key) => item[key] ?? below?.properties?.[key]?.default));
    const count = (counts.get(id) ?? 0) + 1;
    counts.set(id, count);
    // Told once, as the API server does.
    if (count === 2) {
      const message = `another item has the same ${keys.join(" and ")}: remove one of the two`;
      errors.push({ path: [...path, i], kind: "Duplicate", message });
    }
  }
}

function validateFields(
  value: Readonly<Record<string, unknown>>,
  schema: Schema,
  path: FieldPath,
  errors: SchemaError[],
): void {
  let count = 0;
  for (const name of Object.keys(value)) {
    const below = fieldSchema(schema, name);
    if (below === undefined)
      errors.push({ path: [...path, name], kind: "Unknown", message: unknownField(name, schema) });
    else if (value[name] !== null) {
      count += 1;
      validate(value[name], below, [...path, name], errors);
    }
  }
  if (schema.maxProperties !== undefined && count > schema.maxProperties)
    errors.push({
      path,
      kind: "TooMany",
      message: `this has more than ${schema.maxProperties} fields: remove some`,
    });
  for (const name of schema.required ?? [])
    if ((value[name] ?? null) === null)
      errors.push({ path: [...path, name], kind: "Required", message: `${name} is missing: add it` });
}

function fieldSchema({ properties = {}, additionalProperties }: Schema, name: string): Schema | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
}

function unknownField(name: string, { properties = {} }: Schema): string {
  const known = Object.keys(properties);
  const meant = known.find((each) => plain(each) === plain(name)) ?? known.find((each) => isNear(each, name));
  return `there is no such field: ${meant === undefined ? "remove it" : `write ${meant}, or remove it`}`;
}

/** In the spelling of those who do not look at spelling. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, "").replace(/s$/, "");
}

/** Is one letter too much, missing or another, or have two changed places? */
function isNear(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1 || other.length < 3) return false;
  let start = 0;
  while (start < one.length && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < Math.min(one.length, other.length) - start && one.at(-1 - end) === other.at(-1 - end))
    end += 1;
  const [left, right] = [one, other].map((each) => each.slice(start, each.length - end));
  if (left === undefined || right === undefined) return false;
  return (
    Math.max(left.length, right.length) <= 1 || (left.length === 2 && left === [...right].reverse().join(""))
  );
}

function isOfType(value: unknown, type: Schema["type"]): boolean {
  switch (type) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

const TYPE_NAMES = {
  object: "a map",
  array: "a list",
  string: "a text",
  boolean: "true or false",
  integer: "a whole number",
} as const;

function wrongType(value: unknown, { type }: Schema): string {
  const next =
    type === "string" && (typeof value === "number" || typeof value === "boolean")
      ? "put quotes around it"
      : type === "array"
        ? "write it as a list, with a dash before each item"
        : "correct it";
  return `this is read as ${nameOf(value)} and has to be ${TYPE_NAMES[type]}: ${next}`;
}

function nameOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return TYPE_NAMES.array;
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return "a number";
  return typeof value === "string" ? TYPE_NAMES.string : TYPE_NAMES.object;
}
