import { addAbortSignal, type Readable } from "node:stream";
import { fileStream } from "../../filestream.ts";
import { findPrivateKey } from "../../ssh/privatekey.ts";
import { PluginError, type Session } from "./session.ts";
import { TextReader } from "./textreader.ts";

/** What is read of a text. */
export interface TextLimits {
  readonly bytes: number;
  /** What is wrong with more, and what to do; behind the name of the file. */
  readonly tooLarge: string;
  /** Reading ends where a private key begins: the rest of it would be the secret part. For texts of a few hundred KiB. */
  readonly endsAtPrivateKey?: boolean;
}

/** More than any public key or proof has, and less than is worth waiting for. */
export const ONE_KEY: TextLimits = {
  bytes: 256 * 1024,
  tooLarge: "has more than 256 KiB, which no public key has: give the .pub file",
  endsAtPrivateKey: true,
};

/** Of files of many keys. */
export const MANY_KEYS: TextLimits = {
  bytes: 16 * 1024 * 1024,
  tooLarge: "has more than 16 MiB: divide it, and give the parts one after another",
};

/**
 * What is in a file or a named pipe or, for `-`, comes on standard input, piece by piece as it comes. Rejects when the
 * person stops it, however long nothing comes, and with a PluginError if the file cannot be read.
 */
export async function* inputBytes(session: Session, file: string): AsyncGenerator<Buffer, void, undefined> {
  const stream = addAbortSignal(session.signal, file === "-" ? session.stdin : await openFile(file));
  for await (const chunk of stream) yield Buffer.from(chunk);
}

/** The text of a file, or of standard input. Rejects with a PluginError if it is none, or too large. */
export async function inputText(session: Session, file: string, limits: TextLimits): Promise<string> {
  return await textOf(inputBytes(session, file), inputName(file), limits);
}

/** The text of a stream, with the same limits; `name` is what messages call it. */
export async function textOf(
  stream: AsyncIterable<Uint8Array>,
  name: string,
  { bytes: most, tooLarge, endsAtPrivateKey = false }: TextLimits,
): Promise<string> {
  const reader = new TextReader();
  let size = 0;
  for await (const bytes of stream) {
    reader.push(bytes);
    size += bytes.length;
    if (endsAtPrivateKey && findPrivateKey(reader.recent) !== undefined) return reader.end();
    if (size > most) throw new PluginError(`${name} ${tooLarge}`);
  }
  const text = reader.end();
  if (text.includes("\0") && text.includes("\ufffd"))
    throw new PluginError(`${name} is no text: give another file`);
  return text;
}

/** What messages call it. */
export function inputName(file: string): string {
  return file === "-" ? "standard input" : file;
}

async function openFile(file: string): Promise<Readable> {
  return await fileStream(file).catch((error: unknown) => {
    throw new PluginError(
      codeOf(error) === "EISDIR"
        ? `${file} is a folder: give a file, or - for standard input`
        : `cannot open ${file}: ${systemMessage(error)}`,
    );
  });
}

function systemMessage(error: unknown): string {
  return SYSTEM_MESSAGES[codeOf(error)] ?? (error instanceof Error ? error.message : String(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

const FORBIDDEN = "you may not read it; run the command as somebody who may, or give - and pipe it in";

const SYSTEM_MESSAGES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; give the path of one, or - for standard input",
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
};
