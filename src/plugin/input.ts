import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { Socket } from "node:net";
import { addAbortSignal, type Readable } from "node:stream";
import { PluginError, type Session } from "./session.ts";

/** The largest file that is read as a whole, in bytes. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * What is in a file or a named pipe or, for `-`, comes on standard input, piece by piece as it comes. Rejects when the
 * person stops it, however long nothing comes, and with a PluginError if the file cannot be read.
 */
export async function* inputBytes(session: Session, file: string): AsyncGenerator<Buffer, void, undefined> {
  const stream = addAbortSignal(session.signal, file === "-" ? session.stdin : await openFile(file));
  for await (const chunk of stream) yield Buffer.from(chunk);
}

/** The text of a file, or of standard input. Rejects with a PluginError if it is none, or too large. */
export async function inputText(session: Session, file: string): Promise<string> {
  const name = inputName(file);
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const bytes of inputBytes(session, file)) {
    size += bytes.length;
    if (size > MOST_BYTES)
      throw new PluginError(`${name} has more than 16 MiB: divide it, and give the parts one after another`);
    pieces.push(bytes);
  }
  const bytes = Buffer.concat(pieces);
  if (UTF16_MARKS.some((mark) => bytes.subarray(0, 2).equals(mark)))
    throw new PluginError(`${name} is in UTF-16: convert it with \`iconv -f UTF-16 -t UTF-8\``);
  const text = bytes.toString("utf8");
  if (text.includes("\0") && text.includes("\ufffd"))
    throw new PluginError(`${name} is no text: give another file`);
  return text;
}

/** What messages call it. */
export function inputName(file: string): string {
  return file === "-" ? "standard input" : file;
}

async function openFile(file: string): Promise<Readable> {
  // Without waiting for whoever writes to a pipe: nobody could stop that.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw new PluginError(`cannot open ${file}: ${systemMessage(error)}`);
  });
  const stat = await handle.stat();
  if (stat.isDirectory()) throw new PluginError(`${file} is a folder: give a file, or - for standard input`);
  if (stat.isFIFO()) return new Socket({ fd: handle.fd, readable: true, writable: false });
  return handle.createReadStream();
}

function systemMessage(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return SYSTEM_MESSAGES[code] ?? (error instanceof Error ? error.message : String(error));
}

const SYSTEM_MESSAGES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; give the path of one, or - for standard input",
  EACCES: "you may not read it; run the command as somebody who may, or give - and pipe it in",
};

const UTF16_MARKS = [Buffer.of(0xff, 0xfe), Buffer.of(0xfe, 0xff)];
