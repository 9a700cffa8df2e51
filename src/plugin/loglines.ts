import { inputBytes } from "./input.ts";
import { LineSplitter } from "./linesplitter.ts";
import type { Session } from "./session.ts";

/**
 * The lines of a log as they come, of a file, a named pipe or, for `-`, standard input. Ends with it, and rejects when the
 * person stops it. Says how many lines were too long to be read.
 */
export async function* logLines(session: Session, file: string): AsyncGenerator<string, void, undefined> {
  const splitter = new LineSplitter();
  for await (const bytes of inputBytes(session, file)) yield* splitter.push(bytes);
  yield* splitter.end();
  if (splitter.tooLong > 0)
    session.say(`${splitter.tooLong} lines were longer than 1 MiB and have not been read.`);
}
