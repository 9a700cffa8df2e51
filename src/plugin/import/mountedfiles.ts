import { DATA_KEY } from "../../api/names.ts";
import { isObject } from "../../api/object.ts";
import { decodeBase64 } from "../../ssh/base64.ts";
import type { Source } from "./importedkeys.ts";

/** The keys in ConfigMaps that were mounted as authorized_keys: the name of a data key is a user. */
export function importConfigMaps(file: string, document: unknown): readonly Source[] {
  return objectsOf(document).flatMap((object) => importObject(file, object, "ConfigMap"));
}

/** The same in Secrets. */
export function importSecrets(file: string, document: unknown): readonly Source[] {
  return objectsOf(document).flatMap((object) => importObject(file, object, "Secret"));
}

type Fields = Readonly<Record<string, unknown>>;

/** The items of a list, or the object itself; nothing of an empty document. */
function objectsOf(document: unknown): readonly Fields[] {
  if (!isObject(document)) return [];
  return Array.isArray(document.items) ? document.items.filter(isObject) : [document];
}

function importObject(file: string, object: Fields, kind: "ConfigMap" | "Secret"): readonly Source[] {
  const metadata = isObject(object.metadata) ? object.metadata : {};
  const { name = "without a name", namespace } = metadata;
  const place = `${file}: ${object.kind ?? "an object"} ${name}`;
  if (object.kind !== kind) return [{ place, leftOut: `this is no ${kind}: nothing in it is imported` }];
  return [...filesOf(object, kind)].map(([dataKey, text]): Source => {
    const where = `${place}, ${dataKey}`;
    if (text === undefined) return { place: where, leftOut: "its content is no text that could hold keys" };
    if (HOST_FILE.test(dataKey))
      return { place: where, leftOut: "by its name this is a file of a host: its key is no user's" };
    return {
      place: where,
      text,
      isOneOfMany: true,
      ...(dataKey === DATA_KEY ? {} : { user: dataKey }),
      ...(typeof namespace === "string" ? { namespace } : {}),
    };
  });
}

const HOST_FILE = /^(?:ssh_host_.{1,100}|(?:ssh_)?known_hosts2?|sshd?_config)$/;

/** The files that a pod would see; undefined for one that is no text. */
function filesOf(object: Fields, kind: "ConfigMap" | "Secret"): ReadonlyMap<string, string | undefined> {
  const files = new Map<string, string | undefined>();
  const add = (fields: unknown, read: (value: string) => string | undefined) => {
    for (const [dataKey, value] of Object.entries(isObject(fields) ? fields : {}))
      files.set(dataKey, typeof value === "string" ? read(value) : undefined);
  };
  const plain = (value: string) => value;
  if (kind === "ConfigMap") {
    add(object.data, plain);
    add(object.binaryData, decoded);
  } else {
    add(object.data, decoded);
    // The API server lets it win.
    add(object.stringData, plain);
  }
  return files;
}

function decoded(value: string): string | undefined {
  return decodeBase64(value.replace(/\s+/g, ""))?.toString("utf8");
}
