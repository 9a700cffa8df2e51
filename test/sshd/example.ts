import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

export const EXAMPLES = join(import.meta.dirname, "..", "..", "examples", "mounting");

/** The sshd_config of an example, with `keys` as its mount path and without Port and HostKey. */
export async function exampleConfig(file: string, keys: string): Promise<string> {
  const documents = parseAllDocuments(await readFile(join(EXAMPLES, file), "utf8"));
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
