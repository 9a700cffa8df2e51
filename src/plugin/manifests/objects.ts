import { API_VERSION, AUTHORIZED_KEYS_KIND, GROUP, KIND } from "../../api/names.ts";
import { isObject } from "../../api/object.ts";
import { chunks, MAXIMUM_DOCUMENT_CHARACTERS } from "./chunks.ts";
import { type Chunk, ManifestDocument, type Path, type Position, type SyntaxFault } from "./document.ts";

/** An object of a file, whatever its kind. */
export interface Manifest {
  readonly object: Readonly<Record<string, unknown>>;
  /** Where a field of it stands. */
  locate(path: Path, what?: "key" | "value"): Position;
}

/** What a text holds, one after the other. */
export type Found =
  | { readonly manifest: Manifest; readonly fault?: never }
  | { readonly fault: SyntaxFault; readonly manifest?: never };

/** The objects of a text in YAML or JSON, those in lists each by itself, as kubectl takes them. */
export function* manifestsIn(text: string): Iterable<Found> {
  for (const chunk of chunks(text)) {
    const document = readChunk(chunk);
    if (Array.isArray(document)) yield* document.map((fault: SyntaxFault) => ({ fault }));
    else if (document instanceof ManifestDocument) yield* flattened(document, document.value, []);
  }
}

function readChunk(chunk: Chunk): ManifestDocument | readonly SyntaxFault[] | undefined {
  if (chunk.text.length > MAXIMUM_DOCUMENT_CHARACTERS) return [tooLong(chunk)];
  if (chunk.text.trim() === "") return undefined;
  const document = new ManifestDocument(chunk);
  return document.faults.length > 0 ? document.faults : document;
}

function tooLong({ line }: Chunk): SyntaxFault {
  const megabytes = MAXIMUM_DOCUMENT_CHARACTERS / 1024 / 1024;
  return {
    position: { line: line + 1, column: 1 },
    message: `this document has more than ${megabytes} MB, which no API server takes: split it with lines of ---`,
  };
}

function* flattened(document: ManifestDocument, value: unknown, path: Path): Iterable<Found> {
  if (value === null || value === undefined) return;
  const locate = (below: Path, what?: "key" | "value") => document.locate([...path, ...below], what);
  if (!isObject(value)) {
    yield {
      fault: { position: locate([]), message: "this is no object: give one with apiVersion and kind" },
    };
    return;
  }
  if (!Array.isArray(value.items)) {
    yield { manifest: { object: value, locate } };
    return;
  }
  for (const [index, item] of value.items.entries())
    yield* flattened(document, typed(item, value), [...path, "items", index]);
}

/** Items of a typed list need not say what they are. */
function typed(item: unknown, { kind, apiVersion }: Readonly<Record<string, unknown>>): unknown {
  if (!isObject(item) || item.kind !== undefined || typeof kind !== "string") return item;
  if (kind === "List" || !kind.endsWith("List")) return item;
  return { apiVersion, ...item, kind: kind.slice(0, -"List".length) };
}

/** Is it an object of the product, or meant as one? Of what has no kind, the fields tell. */
export function isOurs({ object }: Manifest): boolean {
  const { apiVersion, kind, spec } = object;
  if (typeof apiVersion === "string" && apiVersion.split("/")[0] === GROUP) return true;
  if (kind === KIND || kind === AUTHORIZED_KEYS_KIND) return apiVersion === undefined;
  return kind === undefined && isObject(spec) && "user" in spec && "key" in spec;
}

/** Why the API server would know nothing of such an object; undefined for an SSHKey or AuthorizedKeys. */
export function kindFault({
  object,
}: Manifest): { readonly field: string; readonly message: string } | undefined {
  const { apiVersion, kind } = object;
  if (kind !== KIND && kind !== AUTHORIZED_KEYS_KIND)
    return { field: "kind", message: `this API has no such kind: write ${KIND} or ${AUTHORIZED_KEYS_KIND}` };
  if (apiVersion === API_VERSION) return undefined;
  return { field: "apiVersion", message: `an ${kind} has another apiVersion: write ${API_VERSION}` };
}
