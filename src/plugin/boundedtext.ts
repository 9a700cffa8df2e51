import { open } from "node:fs/promises";
import { findPrivateKey } from "../ssh/privatekey.ts";
import { PluginError, type Session } from "./session.ts";

/** More than any public key or proof has, and less than is worth waiting for. */
const MAXIMUM_BYTES = 256 * 1024;

/** The text of a file, or of standard input for `-`: at most 256 KiB, and no further than a private key begins. */
export async function readBounded(session: Session, file: string): Promise<string> {
  if (file === "-") return await textOf(session.stdin, "standard input", session.signal);
  try {
    const handle = await open(file);
    try {
      if ((await handle.stat()).isDirectory())
        throw new PluginError(`${file} is a folder: give the .pub file in it`);
      return await textOf(handle.createReadStream({ autoClose: false }), file, session.signal);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof PluginError || session.signal.aborted) throw error;
    throw new PluginError(unreadable(file, error));
  }
}

/** The text of a stream, with the same limits; `source` is what a person calls it. */
export async function textOf(
  stream: AsyncIterable<Buffer | string>,
  source: string,
  signal: AbortSignal,
): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stoppable(stream, signal)) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    chunks.push(bytes);
    size += bytes.length;
    const text = decoded(Buffer.concat(chunks));
    // The rest of it would be the secret part.
    if (findPrivateKey(text) !== undefined) return text;
    if (size > MAXIMUM_BYTES)
      throw new PluginError(`${source} has more than 256 KiB, which no public key has: give the .pub file`);
  }
  return decoded(Buffer.concat(chunks));
}

/** Ends when the person stops it, whatever the stream does. */
async function* stoppable<T>(stream: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(new PluginError("stopped"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  stopped.catch(() => undefined);
  const chunks = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await Promise.race([chunks.next(), stopped]);
      if (done === true) return;
      yield value;
    }
  } finally {
    // A terminal that nobody types into would keep the process.
    if ("destroy" in stream && typeof stream.destroy === "function") stream.destroy();
  }
}

/** UTF-8, or what PowerShell writes into files: UTF-16 with its mark. */
function decoded(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString("utf16le");
  if (bytes[0] === 0xfe && bytes[1] === 0xff)
    return Buffer.from(bytes.subarray(2, 2 + 2 * Math.floor((bytes.length - 2) / 2)))
      .swap16()
      .toString("utf16le");
  return bytes.toString("utf8").replace(/^\ufeff/, "");
}

function unreadable(file: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
      return `there is no file ${file}: give the path of the .pub file`;
    case "EACCES":
    case "EPERM":
      return `you may not read ${file}: change its mode, or give another file`;
    default:
      return `${file} cannot be read (${String(code ?? error)}): give another file`;
  }
}
