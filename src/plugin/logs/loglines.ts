import { LineSplitter } from "../../kube/linesplitter.ts";
import { counted, megabytes } from "../output/counted.ts";
import { inputBytes, inputName } from "../session/input.ts";
import type { Session } from "../session/session.ts";

/** The longest line that is read, in bytes: what sshd writes has a thousand, and an entry of a journal has more fields. */
const LONGEST_LINE = 1 << 20;

/**
 * The lines of a log as they come, of a file, a named pipe or, for `-`, standard input. Ends with it, and rejects when the
 * person stops it. Empty lines are left out. Says how many lines were too long to be read.
 */
export async function* logLines(session: Session, file: string): AsyncGenerator<string, void, undefined> {
  const splitter = new LineSplitter(LONGEST_LINE);
  let [lines, size] = [0, 0];
  const end = session.begin(
    () => `${inputName(file)}: ${counted(lines, "line", "lines")}, ${megabytes(size)} read`,
  );
  try {
    for await (const bytes of inputBytes(session, file)) {
      size += bytes.length;
      for (const line of splitter.push(bytes)) {
        lines += 1;
        yield line;
      }
    }
    yield* splitter.end();
  } finally {
    end();
  }
  if (splitter.tooLong > 0)
    session.say(`${splitter.tooLong} lines were longer than 1 MiB and have not been read.`);
}
