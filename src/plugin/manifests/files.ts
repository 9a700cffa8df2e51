import { isUtf8 } from "node:buffer";
import { closeSync, fstatSync, openSync, readdirSync, readSync, type Stats, statSync } from "node:fs";
import { extname, join } from "node:path";
import { describePrivateKey } from "../../ssh/privatekey.ts";
import { printable } from "../../ssh/unprintable.ts";
import { inputBytes } from "../session/input.ts";
import { PluginError, type Session } from "../session/session.ts";

/** The text of one file, or why it cannot be had. */
export interface FileText {
  /** As it was named; `-` is stdin. */
  readonly file: string;
  readonly text?: string;
  /** What is wrong, then what to do; where there is no text. */
  readonly problem?: string;
  /** The problem is that it is one. */
  readonly isPrivateKey?: boolean;
}

/** Beyond this no file is read. In bytes. */
export const MAXIMUM_FILE_BYTES = 64 * 1024 * 1024;

/** What a file is called that is read from stdin. */
export const STDIN = "-";

export interface FileChoice {
  /** Folders below folders, too. */
  readonly recursive: boolean;
  /** What to take of a folder. */
  readonly takes: (name: string) => boolean;
}

/** The files that kubectl takes of a folder. */
export function isManifestFile(name: string): boolean {
  return [".yaml", ".yml", ".json"].includes(extname(name));
}

/**
 * The texts of files, of the files in folders, and of stdin for `-`, one at a time and in order. Says on stderr what of a folder
 * is passed over: the folders below it, unless they are asked for; links to folders, none of which is followed, so a folder that contains itself has an end; and pipes and
 * devices, which a link in somebody's repository may lead to, and which may never end. Rejects when the person stops it.
 */
export async function* fileTexts(
  session: Session,
  names: readonly string[],
  choice: FileChoice,
): AsyncIterable<FileText> {
  let rest = Date.now();
  for (const name of names) {
    if (name === STDIN) yield { file: STDIN, ...(await streamText(session, STDIN)) };
    else {
      for (const file of filesOf(session, name, choice)) {
        if (typeof file === "string") yield { file, ...textOf(file) };
        else if ("pipe" in file) yield { file: file.pipe, ...(await streamText(session, file.pipe)) };
        else yield file;
        // Reading blocks: now and then a signal has to get through.
        if (Date.now() - rest > 50) {
          await new Promise((resolve) => setImmediate(resolve));
          session.signal.throwIfAborted();
          rest = Date.now();
        }
      }
    }
  }
}

/** A file, a pipe or a device, or what cannot be read. */
function* filesOf(
  session: Session,
  name: string,
  choice: FileChoice,
): Iterable<string | { readonly pipe: string } | FileText> {
  try {
    const stats = statSync(name);
    if (stats.isDirectory()) yield* inFolder(session, name, choice);
    else yield stats.isFile() ? name : { pipe: name };
  } catch (error) {
    yield { file: name, problem: cannotRead(error) };
  }
}

function* inFolder(session: Session, folder: string, choice: FileChoice): Iterable<string> {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (!choice.recursive && entries.some((entry) => entry.isDirectory() && !entry.name.startsWith(".")))
    session.say(`${printable(folder)}: the folders below it are not read: give -R to read them, too`);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (choice.recursive) yield* inFolder(session, path, choice);
      continue;
    }
    const leadsTo = entry.isSymbolicLink() ? statsOf(path) : entry;
    if (leadsTo?.isDirectory() === true) {
      if (choice.recursive)
        session.say(`${printable(path)} is a link to a folder and is not followed: name that folder, too`);
    } else if (choice.takes(entry.name) && !isLock(entry.name, entry.isSymbolicLink())) {
      if (leadsTo === undefined || leadsTo.isFile()) yield path;
      else session.say(`${printable(path)} is no file and is not read: name it itself, if it is to be`);
    }
  }
}

/** Of what a link leads to; undefined where that cannot be told, which reading it then says. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Editors leave links that lead nowhere as locks beside the file that they edit. */
export function isLock(name: string, isLink: boolean): boolean {
  return isLink && name.startsWith(".#");
}

type Text = Omit<FileText, "file">;

function textOf(file: string): Text {
  let handle: number | undefined;
  try {
    handle = openSync(file, "r");
    const stats = fstatSync(handle);
    const { size } = stats;
    if (size > MAXIMUM_FILE_BYTES) return { problem: TOO_LARGE };
    const start = HEAD.subarray(0, readSync(handle, HEAD, 0, HEAD.length, null));
    // Of a private key nothing more is read.
    const secret = privateKey(start);
    if (secret !== undefined) return secret;
    return decoded(stats.isFile() && size === start.length ? start : readRest(handle, start, size));
  } catch (error) {
    return { problem: cannotRead(error) };
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/** Until the end, also where the size says nothing, as for a pipe; undefined if it is too much. */
function readRest(handle: number, start: Buffer, size: number): Buffer | undefined {
  let buffer = Buffer.concat([start, Buffer.allocUnsafe(Math.max(size - start.length, 0) + 1)]);
  let length = start.length;
  for (;;) {
    const count = readSync(handle, buffer, length, buffer.length - length, null);
    if (count === 0) return buffer.subarray(0, length);
    length += count;
    if (length > MAXIMUM_FILE_BYTES) return undefined;
    if (length === buffer.length)
      buffer = Buffer.concat([buffer, Buffer.allocUnsafe(Math.max(length, 65_536))]);
  }
}

const HEAD_BYTES = 4096;

/** The beginning of the file that is being read: one for all, since most files have no more. */
const HEAD = Buffer.alloc(HEAD_BYTES);

/** Is it the file of a private key? One inside a manifest is told with its line. */
function privateKey(head: Buffer): Text | undefined {
  const text = head.toString("latin1").replaceAll("\0", "").trimStart();
  if (!/^(\W{0,3}-----? ?BEGIN|PuTTY-User-Key-File|SSH PRIVATE KEY)/.test(text)) return undefined;
  const problem = describePrivateKey(text);
  return problem === undefined ? undefined : { problem, isPrivateKey: true };
}

/** Of a pipe, a device or stdin, which may let one wait: not blocking, so that the person can stop it. */
async function streamText(session: Session, file: string): Promise<Text> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const bytes of inputBytes(session, file)) {
      const secret = length === 0 ? privateKey(bytes.subarray(0, HEAD_BYTES)) : undefined;
      if (secret !== undefined) return secret;
      length += bytes.length;
      if (length > MAXIMUM_FILE_BYTES) return { problem: TOO_LARGE };
      parts.push(bytes);
    }
  } catch (error) {
    session.signal.throwIfAborted();
    return { problem: error instanceof PluginError ? error.message : cannotRead(error) };
  }
  return decoded(Buffer.concat(parts));
}

export const TOO_LARGE = `this has more than ${MAXIMUM_FILE_BYTES / 1024 / 1024} MB and is not read: give the manifests alone, in several files`;

/** The text of a file that was read somewhere else, or why there is none; of a private key nothing is given back. */
export function textOfBytes(bytes: Buffer): Omit<FileText, "file"> {
  return privateKey(bytes.subarray(0, HEAD_BYTES)) ?? decoded(bytes);
}

function decoded(bytes: Buffer | undefined): Text {
  if (bytes === undefined) return { problem: TOO_LARGE };
  const head = bytes.subarray(0, HEAD_BYTES);
  if (isUTF16(head))
    return { problem: "this is UTF-16: save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8 FILE`" };
  if (head.includes(0)) return { problem: "this is binary and no manifest: give a file of YAML or JSON" };
  if (!isUtf8(bytes))
    return {
      problem: "this is not UTF-8: save it as UTF-8, for example with `iconv -f LATIN1 -t UTF-8 FILE`",
    };
  return { text: bytes.toString("utf8") };
}

/** By its byte order mark, or by a NUL beside nearly every letter. */
function isUTF16(head: Buffer): boolean {
  const [first, second] = head;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true;
  if (head.length < 8 || !head.includes(0)) return false;
  const counts = [0, 0];
  for (const [at, byte] of head.entries()) if (byte === 0) counts[at % 2] = (counts[at % 2] ?? 0) + 1;
  const half = head.length / 2;
  return Math.max(...counts) > 0.8 * half && Math.min(...counts) < 0.2 * half;
}

function cannotRead(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
      return "there is no such file: correct the name";
    case "EACCES":
    case "EPERM":
      return "you may not read this: change its permissions, or run this as somebody who may";
    case "EISDIR":
      return "this is a folder: name it without a file's ending";
    case "ELOOP":
      return "this is a link that leads to itself: remove it";
    default:
      return `this cannot be read (${code ?? String(error)}): check the file`;
  }
}
