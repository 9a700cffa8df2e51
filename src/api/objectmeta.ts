import { isDNSLabel } from "./names.ts";
import type { FieldPath, Schema } from "./schema.ts";
import { parseRFC3339 } from "./time.ts";

const TEXT: Schema = { type: "string" };
const TEXTS: Schema = { type: "object", additionalProperties: TEXT };

/** The fields of metadata.k8s.io ObjectMeta. */
export const OBJECT_META: Schema = {
  type: "object",
  properties: {
    name: TEXT,
    generateName: TEXT,
    namespace: TEXT,
    labels: TEXTS,
    annotations: TEXTS,
    finalizers: { type: "array", items: TEXT },
    ownerReferences: {
      type: "array",
      items: {
        type: "object",
        properties: {
          apiVersion: TEXT,
          kind: TEXT,
          name: TEXT,
          uid: TEXT,
          controller: { type: "boolean" },
          blockOwnerDeletion: { type: "boolean" },
        },
      },
    },
    uid: TEXT,
    resourceVersion: TEXT,
    selfLink: TEXT,
    generation: { type: "integer" },
    creationTimestamp: TEXT,
    deletionTimestamp: TEXT,
    deletionGracePeriodSeconds: { type: "integer" },
    managedFields: { type: "array", items: { type: "object", isOpen: true } },
  },
};

/** What the API server refuses of the metadata of an object. */
export interface MetadataError {
  /** As the API server names it: of labels and the like, which of them is no part of that. */
  readonly field: string;
  /** Begins with metadata. */
  readonly path: FieldPath;
  /** What is wrong, then what to do. */
  readonly message: string;
}

interface Metadata {
  readonly name?: string | null;
  readonly generateName?: string | null;
  readonly namespace?: string | null;
  readonly labels?: Readonly<Record<string, string | null>> | null;
  readonly annotations?: Readonly<Record<string, string | null>> | null;
  readonly finalizers?: readonly (string | null)[] | null;
  readonly creationTimestamp?: string | null;
  readonly deletionTimestamp?: string | null;
  readonly ownerReferences?: readonly Readonly<Record<string, unknown>>[] | null;
}

/** What the API server would say of metadata that has no error by OBJECT_META. */
export function metadataErrors(metadata: Metadata): readonly MetadataError[] {
  const errors: MetadataError[] = [];
  const add = ([name = "", ...below]: FieldPath, message: string) =>
    errors.push({ field: `metadata.${name}`, path: ["metadata", name, ...below], message });
  const { name, generateName, namespace } = metadata;
  if (!name && !generateName) add(["name"], "the object has no name: add metadata.name");
  if (name && !isDNSSubdomain(name)) add(["name"], NAME_RULE);
  if (generateName && !isDNSSubdomain(`${generateName.slice(0, 58)}x`)) add(["generateName"], NAME_RULE);
  if (namespace && !isDNSLabel(namespace)) add(["namespace"], NAMESPACE_RULE);
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (!isQualifiedName(key)) add(["labels", key], KEY_RULE);
    if (value && !LABEL_VALUE.test(value)) add(["labels", key], LABEL_RULE);
  }
  let size = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    if (!isQualifiedName(key.toLowerCase())) add(["annotations", key], KEY_RULE);
    size += Buffer.byteLength(key) + Buffer.byteLength(value ?? "");
  }
  if (size > MAXIMUM_ANNOTATION_BYTES)
    add(["annotations"], "the annotations have more than 256 KiB together: shorten them");
  for (const [i, finalizer] of (metadata.finalizers ?? []).entries())
    if (!isQualifiedName(finalizer ?? "")) add(["finalizers", i], KEY_RULE);
  for (const name of ["creationTimestamp", "deletionTimestamp"] as const) {
    const time = metadata[name];
    if (typeof time === "string" && parseRFC3339(time) === undefined) add([name], TIME_RULE);
  }
  for (const [i, reference] of (metadata.ownerReferences ?? []).entries()) {
    for (const part of ["apiVersion", "kind", "name", "uid"]) {
      if (reference[part]) continue;
      const path = ["metadata", "ownerReferences", i, part];
      errors.push({ field: `metadata.ownerReferences.${part}`, path, message: `${part} is missing: add it` });
    }
  }
  return errors;
}

const TIME_RULE =
  "a time is written as in 2027-01-31T18:00:00Z: leave this field out, since the API server sets it";
const MAXIMUM_ANNOTATION_BYTES = 256 * 1024;

const NAME_RULE =
  "a name has at most 253 small letters, digits, - and ., and begins and ends with a letter or digit, such as alice-laptop: rename it";
const NAMESPACE_RULE =
  "a namespace has at most 63 small letters, digits and -, and begins and ends with a letter or digit: correct it";
const KEY_RULE =
  "such a name has at most 63 letters, digits, -, _ and ., and may follow a domain and a slash, as in example.com/team: correct it";
const LABEL_RULE =
  "a label's value has at most 63 letters, digits, -, _ and ., and begins and ends with a letter or digit: use an annotation for other texts";

const LABEL_VALUE = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** RFC 1123, as Kubernetes spells it: names of most objects are such. */
function isDNSSubdomain(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text);
}

function isQualifiedName(text: string): boolean {
  const parts = text.split("/");
  const [prefix, name] = parts.length === 1 ? [undefined, parts[0]] : parts;
  return (
    parts.length <= 2 && LABEL_VALUE.test(name ?? "") && (prefix === undefined || isDNSSubdomain(prefix))
  );
}
