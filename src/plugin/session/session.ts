import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { styleText } from "node:util";
import { printable } from "../../ssh/unprintable.ts";
import { withoutCommands } from "../output/jobcommands.ts";
import { Progress } from "./progress.ts";

/** How a command ended; the same for all of them. */
export const EXIT = {
  ok: 0,
  /** Something was found, or differs. */
  found: 1,
  /** It could not be done. */
  failed: 2,
  /** Stopped by Ctrl-C, as a shell counts it: 128 + SIGINT. */
  stopped: 130,
  /** Whoever reads the results has seen enough, as head has: 128 + SIGPIPE. */
  unread: 141,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What could not be done. `message` is a sentence that says what to do next. */
export class PluginError extends Error {
  override readonly name = "PluginError";
}

/** Nobody reads the results any more: there is nothing to say, and nobody to say it to. */
export class UnreadError extends Error {
  override readonly name = "UnreadError";
}

/** The streams of a process, or what stands in for them. */
export interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What a command has of the world: results go to stdout, talk to stderr. */
export class Session {
  /** Aborts when the person stops it. */
  readonly signal: AbortSignal;
  readonly #streams: Streams;
  readonly #progress: Progress;
  #isUnread = false;

  constructor(streams: Streams, signal: AbortSignal) {
    this.#streams = streams;
    this.#progress = new Progress(streams.stderr, streams.env);
    this.signal = signal;
    streams.stdout.on("error", () => {
      this.#isUnread = true;
    });
    // Talk that nobody hears changes no result.
    streams.stderr.on("error", () => undefined);
  }

  /** Has the reader of the results gone? */
  get isUnread(): boolean {
    return this.#isUnread;
  }

  get stdin(): NodeJS.ReadStream {
    return this.#streams.stdin;
  }

  get env(): Streams["env"] {
    return this.#streams.env;
  }

  /** Can a person be asked? */
  get isInteractive(): boolean {
    const { stdin, stderr } = this.#streams;
    return stdin.isTTY === true && stderr.isTTY === true;
  }

  /** How many characters a line of the terminal has; undefined when stdout is none. */
  get columns(): number | undefined {
    return this.#streams.stdout.isTTY ? this.#streams.stdout.columns : undefined;
  }

  /**
   * Writes a result. Waits while the reader is slow: of a large result nothing is lost. Rejects with an UnreadError when
   * there is no reader any more, and when the person stops it meanwhile. What a terminal obeys, colours aside, becomes
   * `\\u202e` and the like, which is the same text in JSON and in YAML's double quotes.
   */
  async print(text: string): Promise<void> {
    const { stdout } = this.#streams;
    if (this.#isUnread) throw new UnreadError();
    if (text === "") return;
    const shown = text.replaceAll(OBEYED, asEscape);
    if (stdout.isTTY) this.#progress.hide();
    if (stdout.write(shown.endsWith("\n") ? shown : `${shown}\n`)) return;
    try {
      await once(stdout, "drain", { signal: this.signal });
    } catch (error) {
      if (this.#isUnread) throw new UnreadError();
      throw error;
    }
  }

  /** Tells the person something that is no result. What cannot be seen of it, line feeds aside, is left out. */
  say(text: string): void {
    this.#progress.hide();
    const lines = text.split("\n").map((line) => `${/^[ \t]*/.exec(line)?.[0] ?? ""}${told(line)}`);
    this.#streams.stderr.write(`${lines.join("\n")}\n`);
  }

  /**
   * Shows the person in a terminal what is being done and how far it is, as soon as it takes longer than two seconds: what
   * `told` says by then, on a line that goes when the work ends.
   */
  async during<T>(told: () => string, work: () => Promise<T>): Promise<T> {
    const end = this.begin(told);
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** The same for work that is no function; call what it gives back when the work has ended. */
  begin(told: () => string): () => void {
    return this.#progress.begin(told);
  }

  /** The text in this style where stdout is a terminal that shows it (no-color.org). */
  styled(style: Parameters<typeof styleText>[0], text: string): string {
    const { stdout, env } = this.#streams;
    const hasColours = stdout.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
    return hasColours ? styleText(style, text, { validateStream: false }) : text;
  }

  /**
   * Asks on the terminal; call only when `isInteractive`. The answer without spaces at its ends. Rejects when the person
   * stops it, or ends the input without an answer.
   */
  async ask(question: string): Promise<string> {
    const { stdin, stderr } = this.#streams;
    this.#progress.hide();
    const lines = createInterface({ input: stdin, output: stderr });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    // While it reads, the terminal gives it Ctrl-C as a character.
    lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    // An answer may come in the same breath as the end.
    const noAnswer = () => reject(new PluginError("there was no answer: nothing was done"));
    lines.on("close", () => setImmediate(noAnswer));
    lines.question(question, { signal: this.signal }).then(resolve, reject);
    try {
      return (await promise).trim();
    } finally {
      lines.close();
    }
  }
}

/** Control characters but the tab, the line feed and those of a colour; direction marks; line and paragraph separators. */
const OBEYED =
  /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\x1b(?!\[\d{1,3}m)/g;

function asEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Others' words in it are no command to a terminal, nor to who runs a job: to GitHub :: is one at the beginning of a line. */
function told(line: string): string {
  return withoutCommands(printable(line)).replace(/^::/, ": :");
}
