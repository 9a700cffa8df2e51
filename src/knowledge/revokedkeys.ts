import { readFile } from "node:fs/promises";
import { parseRevokedList, STRAY_LINE, unreadableList } from "../config/revokedlist.ts";
import { sleep } from "../kube/sleep.ts";

/** How often the file is read, in ms: a mounted ConfigMap or Secret changes by another file in its place. */
const READ_EVERY_MS = 2000;

export interface RevokedKeysOptions {
  readonly file: string;
  /** Called when the list has changed. */
  readonly onChange: (fingerprints: ReadonlySet<string>) => void;
  /** `line` is the number of a line that is no fingerprint; without it the file could not be read. Called once for each. */
  readonly onProblem: (problem: string, line: number | undefined) => void;
  /** Called each time the file was looked at: could it be read, and is each line a fingerprint? */
  readonly onLook: (isWhole: boolean) => void;
}

/**
 * A file of SHA-256 fingerprints, one a line as `ssh-keygen -l` prints them (`SHA256:…`), blank lines and `#` comments
 * allowed. Re-read every READ_EVERY_MS; while it cannot be read, the last list stays in force. What is taken off the list
 * counts once the file was the same twice: it may be half of what is just being written.
 */
export class RevokedKeys {
  readonly #o: RevokedKeysOptions;
  #text: string | undefined;
  /** What was read last and is not in force: it has fewer fingerprints. */
  #shorter: string | undefined;
  #fingerprints: ReadonlySet<string> = new Set();
  #hasStrayLines = false;
  #problem = "";

  constructor(options: RevokedKeysOptions) {
    this.#o = options;
  }

  /** Reads the file for the first time. Rejects with a ConfigError when it cannot be read. */
  async load(): Promise<void> {
    try {
      this.#take(await readFile(this.#o.file, "utf8"));
    } catch (error) {
      throw unreadableList(this.#o.file, error);
    }
  }

  /** Reads it again until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(READ_EVERY_MS, signal);
      try {
        this.#take(await readFile(this.#o.file, "utf8"));
        this.#problem = "";
      } catch (error) {
        const code = codeOf(error);
        if (code !== this.#problem && !signal.aborted) this.#o.onProblem(code, undefined);
        this.#problem = code;
        this.#o.onLook(false);
      }
    }
  }

  #take(text: string): void {
    if (text !== this.#text || this.#shorter !== undefined) this.#change(text);
    this.#o.onLook(!this.#hasStrayLines);
  }

  #change(text: string): void {
    const { fingerprints, strayLines } = parseRevokedList(text);
    const all = new Set([...this.#fingerprints, ...fingerprints]);
    if (all.size > fingerprints.size && text !== this.#shorter) {
      this.#shorter = text;
      if (all.size > this.#fingerprints.size) this.#hold(all);
      return;
    }
    this.#text = text;
    this.#shorter = undefined;
    this.#hasStrayLines = strayLines.length > 0;
    for (const line of strayLines) this.#o.onProblem(STRAY_LINE, line);
    this.#hold(fingerprints);
  }

  #hold(fingerprints: ReadonlySet<string>): void {
    this.#fingerprints = fingerprints;
    this.#o.onChange(fingerprints);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
