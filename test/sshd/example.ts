import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { isAtLeast, type SSHD } from "./findsshd.ts";

const ALL = join(import.meta.dirname, "..", "..", "examples");
export const EXAMPLES = join(ALL, "mounting");
export const BASTION_EXAMPLES = join(ALL, "bastion");
export const SFTP_EXAMPLES = join(ALL, "sftp");

/** The sshd_config of an example, with `keys` as its mount path and without Port and HostKey. */
export async function exampleConfig(file: string, keys: string, folder = EXAMPLES): Promise<string> {
  const documents = parseAllDocuments(await readFile(join(folder, file), "utf8"));
  const config = documents
    .map((document) => document.getIn(["data", "sshd_config"]))
    .find((text) => typeof text === "string");
  if (config === undefined) throw new Error(`${file} has no ConfigMap with an sshd_config`);
  return config
    .split("\n")
    .filter((line) => !/^(Port|HostKey) /.test(line))
    .join("\n")
    .replaceAll(/\/keys(?=[/ ])/g, keys);
}

/** Without the lines that this sshd is too old for. */
export function known(config: string, sshd: SSHD): string {
  return isAtLeast(sshd, 9, 2) ? config : config.replaceAll(/^(UnusedConnection|Channel)Timeout .*$/gm, "");
}

export interface ExampleObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

/** The objects of a manifest, read as kubectl does: 0400 is octal. `names`: other names for its namespaces. */
export async function exampleObjects(
  file: string,
  folder: string,
  names: Readonly<Record<string, string>> = {},
): Promise<ExampleObject[]> {
  const documents = parseAllDocuments(await readFile(join(folder, file), "utf8"), { version: "1.1" });
  return documents.map((document) => renamed(document.toJS() as ExampleObject, names));
}

function renamed(object: ExampleObject, names: Readonly<Record<string, string>>): ExampleObject {
  const nameOf = (namespace: string) => names[namespace] ?? namespace;
  const { metadata, kind, spec } = object;
  const { name, namespace } = metadata;
  const from = spec?.from as readonly { readonly namespace: string }[] | undefined;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(kind === "Namespace" ? { name: nameOf(name) } : {}),
      ...(namespace === undefined ? {} : { namespace: nameOf(namespace) }),
    },
    ...(from === undefined
      ? {}
      : { spec: { ...spec, from: from.map((each) => ({ ...each, namespace: nameOf(each.namespace) })) } }),
  };
}
