import { hash } from "node:crypto";
import { type FileLine, linesOf } from "./file.ts";

/** authorized_keys files, by the data key of the Secret that holds them. */
export type Files = ReadonlyMap<string, string>;

/** Does none of them hold a line? */
export function areEmpty(files: Files): boolean {
  for (const file of files.values()) if (file !== "") return false;
  return true;
}

/** Do they hold the same lines? A file that is not there holds none. */
export function haveSameLines(a: Files, b: Files): boolean {
  return differing(a, b).next().done === true;
}

/** The files that differ, with the lines of each. */
export function* changedFiles(before: Files, after: Files): Generator<ChangedFile, void, undefined> {
  for (const dataKey of differing(before, after))
    yield { dataKey, before: linesOf(before.get(dataKey) ?? ""), after: linesOf(after.get(dataKey) ?? "") };
}

/** The data keys of the files that differ. */
function* differing(before: Files, after: Files): Generator<string, void, undefined> {
  for (const [dataKey, file] of after) if ((before.get(dataKey) ?? "") !== file) yield dataKey;
  for (const [dataKey, file] of before) if (file !== "" && !after.has(dataKey)) yield dataKey;
}

interface ChangedFile {
  readonly dataKey: string;
  readonly before: readonly FileLine[];
  readonly after: readonly FileLine[];
}

/** All lines of all files. */
export function allLines(files: Files): readonly FileLine[] {
  return [...files.values()].flatMap(linesOf);
}

/** The data of a Secret that holds these files and nothing else. */
export function dataOf(files: Files): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from(files, ([dataKey, file]) => [dataKey, base64Of(file)]));
}

/** As the data of a Secret has a file. */
export function base64Of(file: string): string {
  return Buffer.from(file, "utf8").toString("base64");
}

/** SHA-256 of the data of a Secret, whatever the order of its data keys. */
export function digestOf(data: Readonly<Record<string, string>>): string {
  const entries = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
  return hash("sha256", JSON.stringify(entries), "base64url");
}

/** About how many bytes they take in a stored Secret, in which managedFields name every data key once more. */
export function sizeOf(files: Files): number {
  let bytes = 0;
  for (const [dataKey, file] of files) bytes += 2 * dataKey.length + file.length;
  return bytes;
}
