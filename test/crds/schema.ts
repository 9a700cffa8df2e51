import { readFile } from "node:fs/promises";
import { parse } from "yaml";

/** The parts of a CRD's schema that tests read. */
export interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

export async function rootSchema(crd: string): Promise<Schema> {
  return parse(await readFile(crd, "utf8")).spec.versions[0].schema.openAPIV3Schema;
}

export async function conditionsDescription(crd: string): Promise<string> {
  const { status } = (await rootSchema(crd)).properties ?? {};
  return status?.properties?.conditions?.description ?? "";
}

/** The paths of all fields without a description. */
export function undescribed(schema: Schema, path: string): string[] {
  return fields(schema, path)
    .filter(([, { description }]) => description === undefined)
    .map(([field]) => field);
}

/** The schema itself and all below it, by path. */
export function fields(schema: Schema, path: string): (readonly [path: string, Schema])[] {
  const items = schema.items === undefined ? [] : fields(schema.items, `${path}[]`);
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
    fields(field, path === "" ? name : `${path}.${name}`),
  );
  return [[path, schema], ...items, ...properties];
}
