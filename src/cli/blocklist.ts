import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import {
  type HashedPart,
  keyCount,
  mergeSections,
  reasonsFor,
  type Section,
} from "../blocklist/blocklist.ts";
import { ListError } from "../blocklist/listerror.ts";
import { encodeList } from "../blocklist/listfile.ts";
import { type ReadList, readListFile } from "../blocklist/readlist.ts";
import { shippedLists } from "../blocklist/shipped.ts";
import { keyOfLine } from "../blocklist/textlist.ts";
import type { KeyBlob } from "../ssh/blob.ts";
import { fingerprintSHA256 } from "../ssh/fingerprint.ts";
import { printable } from "../ssh/unprintable.ts";
import { WEAKNESS_CLASSES, type WeaknessClass } from "../ssh/weakness/classes.ts";
import { hasKnownPrime } from "../ssh/weakness/knownprime.ts";
import { rsaNumbers } from "../ssh/weakness/rsanumbers.ts";
import type { BuildOptions } from "./blocklistcommands.ts";
import { EXIT, ExitError } from "./exitcodes.ts";
import { writeWholeFile } from "./wholefile.ts";

/** `sshkey-operator blocklist build`. */
export async function build(inputs: readonly string[], options: BuildOptions): Promise<void> {
  const sections: Section[] = [];
  for (const input of inputs) {
    const list = withoutPrimes(input, await read(input, options.reason));
    sections.push(...list.map((section) => ({ ...section, source: options.source ?? section.source })));
  }
  await write(options.output, sections);
}

/** `sshkey-operator blocklist merge`. */
export async function merge(files: readonly string[], output: string): Promise<void> {
  const sections: Section[] = [];
  for (const file of files) sections.push(...withoutPrimes(file, await read(file)));
  await write(output, sections);
}

/** `sshkey-operator blocklist show`. */
export async function show(files: readonly string[], keyFile?: string): Promise<void> {
  // Before the lists, which may be long.
  const keys = keyFile === undefined ? [] : await readKeys(keyFile);
  const lists: NamedList[] = [];
  for (const file of files) lists.push({ name: file, ...(await read(file)) });
  if (files.length === 0)
    lists.push({ name: "what the product brings", sections: await shipped(), primeProducts: [] });
  for (const list of lists) say(describe(list));
  for (const key of keys) say(verdict(key, lists));
}

interface NamedList extends Pick<ReadList, "sections" | "primeProducts"> {
  readonly name: string;
}

async function shipped(): Promise<readonly Section[]> {
  try {
    return await shippedLists();
  } catch (error) {
    if (error instanceof ListError) throw new ExitError(EXIT.configuration, error.message);
    throw error;
  }
}

async function read(file: string, ...otherwise: [reason?: BuildOptions["reason"]]): Promise<ReadList> {
  try {
    const list = await readListFile(file, ...otherwise).catch(unreadable(file));
    if (list.strayCount > 0) warnOfStrayLines(file, list);
    return list;
  } catch (error) {
    if (error instanceof ListError) throw new ExitError(EXIT.configuration, `${file}: ${error.message}`);
    throw error;
  }
}

async function bytesOf(file: string): Promise<Buffer> {
  return await readFile(file).catch(unreadable(file));
}

function unreadable(file: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.code === undefined) throw error;
    throw new ExitError(
      EXIT.configuration,
      `cannot read ${file} (${error.code}): give a file that can be read`,
    );
  };
}

function warnOfStrayLines(
  file: string,
  { strayLines, strayCount }: Pick<ReadList, "strayLines" | "strayCount">,
): void {
  const told = strayLines.slice(0, MOST_LINES_TOLD);
  const more =
    strayCount > told.length ? ` and ${(strayCount - told.length).toLocaleString("en-US")} more` : "";
  process.stderr.write(
    `sshkey-operator: ${file}: left out as neither a fingerprint nor a public key: line ${told.join(", ")}${more}\n`,
  );
}

function withoutPrimes(file: string, { sections, primeProducts }: ReadList): readonly Section[] {
  if (primeProducts.length === 0) return sections;
  throw new ExitError(
    EXIT.configuration,
    `${file}: primes are no keys, and stand in no list: put the file as it is into the folder of blocklists`,
  );
}

async function write(file: string, sections: readonly Section[]): Promise<void> {
  const merged = await mergeSections(sections);
  try {
    await writeWholeFile(file, encodeList(merged));
  } catch (error) {
    if (error instanceof ListError) throw new ExitError(EXIT.configuration, error.message);
    if (error instanceof Error && "code" in error)
      throw new ExitError(EXIT.configuration, `cannot write ${file} (${error.code}): give another --output`);
    throw error;
  }
  say(describe({ name: file, sections: merged, primeProducts: [] }));
}

/** The name, how many keys, and a line for each section. */
function describe({ name, sections, primeProducts }: NamedList): string {
  if (primeProducts.length > 0)
    return `${name}: public primes, a product of ${primeProducts.map((each) => count(each.toString(16).length * 4)).join(", ")} bits`;
  const counts = sections.map(({ hashes }) => count(hashes.size));
  const reasonWidth = Math.max(0, ...sections.map(({ reason }) => reason.length));
  const countWidth = Math.max(0, ...counts.map((each) => each.length));
  const lines = sections.map(
    ({ reason, of, source }, i) =>
      `  ${reason.padEnd(reasonWidth)}  ${(counts[i] ?? "").padStart(countWidth)}  ${printable(source)}${FOUND_BY[of]}`,
  );
  const total = keyCount(sections);
  return [`${name}: ${total === 1 ? "1 key" : `${count(total)} keys`}`, ...lines].join("\n");
}

const FOUND_BY: Readonly<Record<HashedPart, string>> = {
  number: "",
  fingerprint: " (fingerprints)",
  sha1: " (SHA-1 fingerprints)",
};

async function readKeys(file: string): Promise<readonly KeyBlob[]> {
  const keys: KeyBlob[] = [];
  const strayLines: number[] = [];
  for (const [index, line] of (await bytesOf(file)).toString("latin1").split("\n").entries()) {
    const key = keyOfLine(line.trim());
    if (key !== undefined) keys.push(key);
    else if (!/^\s*(#|$)/.test(line)) strayLines.push(index + 1);
  }
  if (keys.length > 0) {
    if (strayLines.length > 0) warnOfStrayLines(file, { strayLines, strayCount: strayLines.length });
    return keys;
  }
  throw new ExitError(
    EXIT.configuration,
    `${file}: it has no public key: give a .pub file or authorized_keys`,
  );
}

/** Why the key is on which list, and what that means. */
function verdict(key: KeyBlob, lists: readonly NamedList[]): string {
  const found = lists.flatMap(({ name, sections, primeProducts }) => {
    const reasons = sections
      .filter((section) => reasonsFor(key, [section]).length > 0)
      .map(({ reason, source }) => ({
        reason,
        where: source === basename(name) ? name : `${name}, ${printable(source)}`,
      }));
    if (key.type === "ssh-rsa" && hasKnownPrime(rsaNumbers(key.blob), primeProducts))
      return [...reasons, { reason: "KnownPrime" as const, where: name }];
    return reasons;
  });
  const what = `${fingerprintSHA256(key.blob)} (${key.type}, ${key.bits})`;
  if (found.length === 0) return `${what}: on none of these lists`;
  return found
    .map(({ reason, where }) => {
      const { meaning }: WeaknessClass = WEAKNESS_CLASSES[reason];
      return `${what}: ${reason}. ${meaning}. Found in ${where}`;
    })
    .join("\n");
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const MOST_LINES_TOLD = 10;
