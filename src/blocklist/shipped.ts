import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Section } from "./blocklist.ts";
import { ListError } from "./listerror.ts";
import { decodeList } from "./listfile.ts";
import { publicFacts } from "./publicfacts.ts";
import { FEW_LIMITS, trivialKeys } from "./trivialkeys.ts";

/** The file of trivial keys, which stands beside the bundle. */
export const KNOWN_KEYS = "known-keys.blocklist";

// The bundle is a CommonJS module, which has no import.meta, and the source is none that has __dirname.
const FOLDER = import.meta.dirname === undefined ? __dirname : join(import.meta.dirname, "..", "..", "dist");

/**
 * The lists that come with the product: single public facts, and trivial private keys. Where their file is missing, because
 * somebody copied the bundle alone, a few of these are computed; `source` says which there are.
 */
export async function shippedLists(folder: string = FOLDER): Promise<readonly Section[]> {
  return [...publicFacts(), ...((await readKnownKeys(folder)) ?? (await trivialKeys(FEW_LIMITS)))];
}

async function readKnownKeys(folder: string): Promise<readonly Section[] | undefined> {
  const file = join(folder, KNOWN_KEYS);
  try {
    return (await decodeList(await readFile(file), true)).sections;
  } catch (error) {
    if (error instanceof ListError)
      throw new ListError(`${file} cannot be used, ${error.message}: install again`);
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
