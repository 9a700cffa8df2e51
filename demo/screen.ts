import { stripVTControlCharacters } from "node:util";
import { STATES } from "../src/api/states.ts";
import { narrowTable, wrap } from "./fit.ts";

/** How the output of a command is to be laid out. */
export type Layout =
  /** Sentences, which are wrapped between words. */
  | "text"
  /** A table of kubectl with the column STATE. */
  | "table"
  /** Lines that stay as they are, to be copied. */
  | "file"
  /** Lines of a file after their sign. */
  | "difference";

export interface ScreenOptions {
  readonly write: (text: string) => void;
  /**
   * Width of the terminal in columns; undefined when the reader is not a person, and nothing is to be fitted. A terminal that
   * nobody has given a size has 0, which says nothing.
   */
  readonly columns: () => number | undefined;
  readonly colours: boolean;
}

const INDENT = "  ";
const READABLE_COLUMNS = 100;

/** Prints the demo: numbered steps, commands as they are typed, and what they print. */
export class Screen {
  readonly #o: ScreenOptions;
  #steps = 0;
  #isAfterGap = false;
  #isShorteningExplained = false;

  constructor(options: ScreenOptions) {
    this.#o = options;
  }

  step(sentence: string): void {
    this.#steps += 1;
    const number = `${this.#steps}. `;
    const [first = "", ...rest] = this.#wrapped(sentence, number.length);
    this.#gap();
    this.#line(this.#paint(BOLD, number + first));
    for (const line of rest) this.#line(this.#paint(BOLD, " ".repeat(number.length) + line));
    this.#line("");
  }

  command(command: string): void {
    this.#line(INDENT + this.#paint(CYAN, `$ ${command}`));
  }

  /** A command's output, fitted to the width of the terminal. An empty one is said to be empty. */
  output(text: string, layout: Layout = "text"): void {
    const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
    if (lines.length === 0) this.#line(INDENT + this.#paint(DIM, "(prints nothing)"));
    const fitted = this.#fitted(lines, layout);
    for (const line of fitted) this.#line(INDENT + this.#coloured(line, layout));
    if (layout === "table" && fitted !== lines) this.#explainShortening();
    this.#line("");
  }

  /** A remark in our own words between commands. */
  remark(sentence: string): void {
    for (const line of this.#wrapped(sentence, INDENT.length)) this.#line(INDENT + this.#paint(DIM, line));
  }

  /** Lines that a person may copy, as they are. */
  plain(lines: readonly string[]): void {
    for (const line of lines) this.#line(line);
  }

  success(sentence: string): void {
    this.#gap();
    for (const line of this.#wrapped(sentence, 0)) this.#line(this.#paint(GREEN, line));
  }

  failure(text: string): void {
    this.#gap();
    for (const line of text.split("\n")) this.#line(this.#paint(RED, line));
  }

  get #columns(): number | undefined {
    return this.#o.columns() || undefined;
  }

  #explainShortening(): void {
    if (!this.#isShorteningExplained)
      this.remark("(… stands for the middle of a fingerprint, to fit this terminal)");
    this.#isShorteningExplained = true;
  }

  #wrapped(sentence: string, indent: number): string[] {
    const columns = Math.min(this.#columns ?? READABLE_COLUMNS, READABLE_COLUMNS);
    return wrap(sentence, columns - indent);
  }

  #fitted(lines: readonly string[], layout: Layout): readonly string[] {
    const columns = this.#columns;
    if (columns === undefined) return lines;
    const width = columns - INDENT.length;
    if (layout === "table") return narrowTable(lines, width);
    return layout === "text" ? lines.flatMap((line) => wrap(line, width)) : lines;
  }

  #coloured(line: string, layout: Layout): string {
    if (layout === "table") {
      return line
        .replace(/\bProjected\b/, (state) => this.#paint(GREEN, state))
        .replace(OUT, (state) => this.#paint(RED, state));
    }
    if (layout === "difference") {
      if (line.startsWith("+")) return this.#paint(GREEN, line);
      if (line.startsWith("-")) return this.#paint(RED, line);
    }
    return line === OMITTED ? this.#paint(DIM, line) : line;
  }

  #paint(code: string, text: string): string {
    return this.#o.colours && text !== "" ? `\u001b[${code}m${text}\u001b[0m` : text;
  }

  #gap(): void {
    if (!this.#isAfterGap) this.#line("");
  }

  #line(text: string): void {
    this.#isAfterGap = text === "";
    this.#o.write(`${this.#o.colours ? text : stripVTControlCharacters(text)}\n`);
  }
}

/** Stands for lines of a command's output that are left out. */
export const OMITTED = "...";

/** Every STATE of a key that does not work. */
const OUT = new RegExp(
  `\\b(${Object.keys(STATES)
    .filter((state) => state !== "Projected")
    .join("|")})\\b`,
);

/** SGR parameters, ECMA-48. */
const BOLD = "1";
const DIM = "2";
const RED = "31";
const GREEN = "32";
const CYAN = "36";
