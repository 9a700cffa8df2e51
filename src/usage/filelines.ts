import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import { fileStream, isPipe } from "../filestream.ts";
import { LineSplitter } from "../kube/linesplitter.ts";
import { sleep } from "../kube/sleep.ts";

/** A line of a log, and when it was written if it does not say, in ms since the epoch. */
export interface DatedLine {
  readonly line: string;
  readonly undatedAt: number;
}

/** The longest line that is read, in bytes: what sshd writes has a thousand, and an entry of a journal a few more fields. */
export const LONGEST_LINE = 64 * 1024;

/** How often a file is looked at, in ms. */
const POLL_MS = 500;
const CHUNK_BYTES = 64 * 1024;

/** The lines of a stream as they come, ending with it or with the signal. */
export async function* streamLines(
  stream: Readable,
  signal: AbortSignal,
  undatedAt = () => Date.now(),
): AsyncGenerator<DatedLine, void, undefined> {
  const splitter = new LineSplitter(LONGEST_LINE);
  try {
    for await (const chunk of addAbortSignal(signal, stream))
      for (const line of splitter.push(Buffer.from(chunk))) yield { line, undatedAt: undatedAt() };
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  for (const line of splitter.end()) yield { line, undatedAt: undatedAt() };
}

/** The lines of a file or a named pipe, once. Rejects with the error of the system. */
export async function* wholeFile(
  file: string,
  signal: AbortSignal,
): AsyncGenerator<DatedLine, void, undefined> {
  const facts = await stat(file);
  const stream = await fileStream(file);
  yield* streamLines(stream, signal, facts.isFIFO() ? undefined : () => facts.mtimeMs);
}

/**
 * The lines of a file from its beginning, and what comes to it, as `tail -F` has them: a file that is renamed is read to its
 * end, then the new one of that name; one that is cut short is read from its beginning again; one that is not there is
 * waited for. Ends with the signal. Rejects where a file may not be read. `onMissing` is called when it is found to be missing,
 * and when it is there again.
 */
export async function* followedFile(
  file: string,
  signal: AbortSignal,
  onMissing: (isMissing: boolean) => void = () => {},
): AsyncGenerator<DatedLine, void, undefined> {
  let isMissing = false;
  while (!signal.aborted) {
    if (isPipe(file)) {
      yield* wholeFile(file, signal);
      await sleep(POLL_MS, signal);
      continue;
    }
    const handle = await openIfThere(file);
    if (isMissing !== (handle === undefined)) {
      isMissing = !isMissing;
      onMissing(isMissing);
    }
    if (handle === undefined) {
      await sleep(POLL_MS, signal);
      continue;
    }
    try {
      yield* followedHandle(file, handle, signal);
    } finally {
      await handle.close();
    }
  }
}

/** Until the name has belonged to another file for a moment: whoever renames a file goes on writing to it for a little. */
async function* followedHandle(
  file: string,
  handle: FileHandle,
  signal: AbortSignal,
): AsyncGenerator<DatedLine, void, undefined> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const opened = await handle.stat();
  let [splitter, position, old] = [new LineSplitter(LONGEST_LINE), 0, opened.size];
  const dated = (line: string) => ({ line, undatedAt: position <= old ? opened.mtimeMs : Date.now() });
  for (let wasReplaced = false; !signal.aborted; ) {
    const named = await statIfThere(file);
    const isReplaced = named !== undefined && (named.ino !== opened.ino || named.dev !== opened.dev);
    if (named !== undefined && !isReplaced && named.size < position)
      [splitter, position, old] = [new LineSplitter(LONGEST_LINE), 0, 0];
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, position);
      if (bytesRead === 0 || signal.aborted) break;
      position += bytesRead;
      for (const line of splitter.push(buffer.subarray(0, bytesRead))) yield dated(line);
    }
    if (isReplaced && wasReplaced) break;
    wasReplaced = isReplaced;
    await sleep(POLL_MS, signal);
  }
  for (const line of splitter.end()) yield dated(line);
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  return await orMissing(open(file, constants.O_RDONLY | constants.O_NONBLOCK));
}

async function statIfThere(file: string): Promise<Stats | undefined> {
  return await orMissing(stat(file));
}

async function orMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
