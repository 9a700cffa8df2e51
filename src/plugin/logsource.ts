import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { Socket } from "node:net";
import { addAbortSignal, type Readable } from "node:stream";
import { LineSplitter } from "./linesplitter.ts";
import { PluginError, type Session } from "./session.ts";

/**
 * The lines of a log as they come, of a file, a named pipe or, for `-`, standard input. Ends with it, and rejects when the
 * person stops it, however long nothing comes. Says how many lines were too long to be read.
 */
export async function* logLines(session: Session, file: string): AsyncGenerator<string, void, undefined> {
  const splitter = new LineSplitter();
  for await (const bytes of file === "-" ? stopped(session, session.stdin) : fileBytes(session, file))
    yield* splitter.push(bytes);
  yield* splitter.end();
  if (splitter.tooLong > 0)
    session.say(`${splitter.tooLong} lines were longer than 1 MiB and have not been read.`);
}

async function* fileBytes(session: Session, file: string): AsyncGenerator<Buffer, void, undefined> {
  // Without waiting for whoever writes to a pipe: nobody could stop that.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw new PluginError(`cannot open ${file}: ${systemMessage(error)}`);
  });
  const stat = await handle.stat();
  if (stat.isDirectory()) throw new PluginError(`${file} is a folder: give a file, or - for standard input`);
  const stream = stat.isFIFO()
    ? new Socket({ fd: handle.fd, readable: true, writable: false })
    : handle.createReadStream();
  yield* stopped(session, stream);
}

async function* stopped({ signal }: Session, stream: Readable): AsyncGenerator<Buffer, void, undefined> {
  addAbortSignal(signal, stream);
  for await (const chunk of stream) yield Buffer.from(chunk);
}

function systemMessage(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return SYSTEM_MESSAGES[code] ?? (error instanceof Error ? error.message : String(error));
}

const SYSTEM_MESSAGES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; give the path of one, or - for standard input",
  EACCES: "you may not read it; run the command as somebody who may, or give - and pipe it in",
};
