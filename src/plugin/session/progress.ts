import { printable } from "../../ssh/unprintable.ts";

/** How long a command works without a word, and how often the words are renewed after that. */
const QUIET_MS = 2000;
const RENEWED_MS = 100;

/** Erases the line on which the cursor stands and goes to its start. */
const ERASE = "\r\u001b[2K";

/**
 * What a command is at, and how far, on one line of the terminal that is rewritten and goes again. Of works within works
 * the outermost is told. Nothing anywhere else than in a terminal.
 */
export class Progress {
  readonly #terminal: NodeJS.WriteStream | undefined;
  readonly #works = new Set<() => string>();
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #shown = "";

  constructor(stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>>) {
    // Where nothing can be erased, nothing is shown.
    this.#terminal = stream.isTTY === true && env.TERM !== "dumb" ? stream : undefined;
  }

  /** `told` says what is being done by then. Call what it gives back when the work has ended. */
  begin(told: () => string): () => void {
    if (this.#terminal === undefined) return () => undefined;
    if (this.#works.size === 0) {
      this.#startedAt = performance.now();
      this.#timer = setInterval(() => this.#show(), RENEWED_MS);
      // It keeps no command from ending.
      this.#timer.unref();
    }
    this.#works.add(told);
    return () => {
      this.#works.delete(told);
      if (this.#works.size > 0) return;
      clearInterval(this.#timer);
      this.hide();
    };
  }

  /** Makes room for what is written to the terminal; the line comes back behind it. */
  hide(): void {
    if (this.#shown === "") return;
    this.#shown = "";
    this.#terminal?.write(ERASE);
  }

  #show(): void {
    const [told] = this.#works;
    if (told === undefined || performance.now() - this.#startedAt < QUIET_MS) return;
    // A line that is broken in two cannot be erased as one.
    const text = printable(told()).slice(0, (this.#terminal?.columns || 80) - 1);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#terminal?.write(ERASE + text);
  }
}
