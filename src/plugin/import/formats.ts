import { type Document, isScalar, visit } from "yaml";
import { NestedTooDeeply, yamlDocuments } from "../manifests/yamldocuments.ts";
import { PluginError } from "../session/session.ts";
import { foremanKeys, gitlabKeys } from "./apis.ts";
import type { Source } from "./importedkeys.ts";
import { importConfigMaps, importSecrets } from "./mountedfiles.ts";

/** How each format is read: the text of a file becomes texts with key lines. */
export const IMPORT_FORMATS: Readonly<
  Record<ImportFormat, (file: string, text: string) => Iterable<Source>>
> = {
  authorized_keys: (place, text) => [{ place, text }],
  configmap: (file, text) => documents(file, text).flatMap((each) => importConfigMaps(file, each)),
  secret: (file, text) => documents(file, text).flatMap((each) => importSecrets(file, each)),
  foreman: (file, text) => documents(file, text).flatMap((each) => foremanKeys(file, each)),
  gitlab: (file, text) => documents(file, text).flatMap((each) => gitlabKeys(file, each)),
};

export type ImportFormat = "authorized_keys" | "configmap" | "secret" | "foreman" | "gitlab";

/** The documents of a YAML or JSON text. */
function documents(file: string, text: string): readonly unknown[] {
  try {
    // Many times faster than the YAML reader, to which JSON is YAML too.
    return [JSON.parse(text)];
  } catch {
    return valuesOfYAML(file, text);
  }
}

/** In characters. While more is read, nobody could stop it within a second or so. */
const MOST_YAML = 4 * 1024 * 1024;

function valuesOfYAML(file: string, text: string): readonly unknown[] {
  if (text.length > MOST_YAML)
    throw new PluginError(
      `${file} has more than 4 MiB of YAML: give it as JSON, as \`kubectl get -o json\` prints it`,
    );
  return documentsOf(file, text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      const line = text.slice(0, error.pos[0]).split("\n").length;
      throw new PluginError(
        `${file}:${line} is neither YAML nor JSON: ${error.code}; mend it, or give another file`,
      );
    }
    const twice = keyGivenTwice(document);
    if (twice !== undefined)
      throw new PluginError(`${file} has ${twice} twice in one object: remove one of the two`);
    try {
      return document.toJS() as unknown;
    } catch {
      throw new PluginError(`${file} has too many aliases: give it without them`);
    }
  });
}

function documentsOf(file: string, text: string): readonly Document.Parsed[] {
  try {
    return yamlDocuments(text, { logLevel: "silent", uniqueKeys: false });
  } catch (error) {
    if (!(error instanceof NestedTooDeeply)) throw error;
    throw new PluginError(`${file} is nested too deeply: give the keys alone, as the API answers them`);
  }
}

/** The library's own search for them takes the square of their number. */
function keyGivenTwice(document: Document.Parsed): string | undefined {
  let twice: string | undefined;
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const value = isScalar(key) ? key.value : key;
        if (seen.has(value)) twice ??= String(value);
        seen.add(value);
      }
    },
  });
  return twice;
}
