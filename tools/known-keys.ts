import { hash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeList } from "../src/blocklist/listfile.ts";
import { KNOWN_KEYS } from "../src/blocklist/shipped.ts";
import { SHIPPED_LIMITS, trivialKeys } from "../src/blocklist/trivialkeys.ts";

/** What makes the file: the same makes the same. */
const SOURCES = [
  "tools/known-keys.ts",
  "src/ssh/ecdsa.ts",
  ...readdirSync("src/blocklist").map((name) => `src/blocklist/${name}`),
];

/**
 * Writes the keys whose private half is trivial into dist, which takes some seconds: only where they are not there yet, whole
 * and made by these very sources. What they were made by, and what they are, stands beside them.
 */
export async function writeKnownKeys(): Promise<void> {
  const file = join("dist", KNOWN_KEYS);
  const maker = sha256(SOURCES.map((source) => sha256(readFileSync(source))).join());
  const known = read(file);
  if (known !== undefined && read(`${file}.made`)?.toString() === `${maker} ${sha256(known)}\n`) return;
  const bytes = encodeList(await trivialKeys(SHIPPED_LIMITS));
  mkdirSync("dist", { recursive: true });
  replace(file, bytes);
  replace(`${file}.made`, `${maker} ${sha256(bytes)}\n`);
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Nobody ever reads half of it. */
function replace(file: string, content: string | Buffer): void {
  writeFileSync(`${file}.${process.pid}`, content);
  renameSync(`${file}.${process.pid}`, file);
}

function sha256(content: string | Buffer): string {
  return hash("sha256", content);
}
