import { setTimeout as delay } from "node:timers/promises";
import { type Expectation, StepFailed } from "./expectation.ts";
import type { Layout, Screen } from "./screen.ts";
import type { Ran, Shell } from "./shell.ts";

export interface LookOptions {
  readonly layout?: Layout;
  /** What of the output is printed; everything by default. The expectations are about all of it. */
  readonly show?: (output: string) => string;
}

const LOOK_DEADLINE_MS = 180_000;
const LOOK_INTERVAL_MS = 100;

/** Shows commands and what they print, and holds every one to what it should show. */
export class Narrator {
  readonly #screen: Screen;
  readonly #shell: Shell;
  readonly #signal: AbortSignal;

  constructor(screen: Screen, shell: Shell, signal: AbortSignal) {
    this.#screen = screen;
    this.#shell = shell;
    this.#signal = signal;
  }

  step(sentence: string): void {
    this.#screen.step(sentence);
  }

  remark(sentence: string): void {
    this.#screen.remark(sentence);
  }

  /** Shows a command that somebody else runs. */
  say(command: string): void {
    this.#screen.command(command);
  }

  /** Runs a command that changes something, once. Throws StepFailed. */
  async act(command: string, ...expected: readonly Expectation[]): Promise<string> {
    return this.#once(command, 0, expected);
  }

  /** Runs a command that is to be refused, once. Throws StepFailed when it is not. */
  async refused(command: string, ...expected: readonly Expectation[]): Promise<string> {
    return this.#once(command, 1, expected);
  }

  /**
   * Runs a command that only looks, again and again until it shows what is expected, and prints that. Throws
   * StepFailed with the last output after 180 s.
   */
  async look(
    command: string,
    expected: readonly Expectation[],
    { layout = "text", show = (output) => output }: LookOptions = {},
  ): Promise<string> {
    this.#screen.command(command);
    const end = Date.now() + LOOK_DEADLINE_MS;
    let ran = await this.#shell.run(command, this.#signal);
    while (failures(ran, 0, expected).length > 0 && Date.now() < end) {
      await delay(LOOK_INTERVAL_MS);
      ran = await this.#shell.run(command, this.#signal);
    }
    check(command, ran, 0, expected);
    this.#screen.output(show(ran.output), layout);
    return ran.output;
  }

  /** Runs a command that only looks, not shown, until it shows what is expected. Throws StepFailed after 180 s. */
  async until(command: string, ...expected: readonly Expectation[]): Promise<string> {
    const end = Date.now() + LOOK_DEADLINE_MS;
    for (;;) {
      const ran = await this.#shell.run(command, this.#signal);
      if (failures(ran, 0, expected).length === 0) return ran.output;
      if (Date.now() >= end) check(command, ran, 0, expected);
      await delay(LOOK_INTERVAL_MS);
    }
  }

  /** Shows the lines of a file before and after a change: a minus marks one that went, a plus one that came. */
  difference(before: string, after: string): void {
    const [old, now] = [linesOf(before), linesOf(after)];
    const kept = old.map((line) => (now.includes(line) ? `  ${line}` : `- ${line}`));
    const added = now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
    this.#screen.remark("Against what it was before:");
    this.#screen.output([...kept, ...added].join("\n"), "difference");
  }

  /** Runs a command, not shown, once. Throws StepFailed when it fails. */
  async prepare(command: string): Promise<void> {
    check(command, await this.#shell.run(command, this.#signal), 0, []);
  }

  async #once(command: string, code: number, expected: readonly Expectation[]): Promise<string> {
    this.#screen.command(command);
    const ran = await this.#shell.run(command, this.#signal);
    check(command, ran, code, expected);
    this.#screen.output(ran.output);
    return ran.output;
  }
}

function check(command: string, ran: Ran, code: number, expected: readonly Expectation[]): void {
  const failed = failures(ran, code, expected);
  if (failed.length > 0) throw new StepFailed(command, failed, ran.output);
}

function failures(ran: Ran, code: number, expected: readonly Expectation[]): string[] {
  const unmet = expected.filter(({ holds }) => !holds(ran.output)).map(({ what }) => what);
  return ran.code === code ? unmet : [`exit code ${code} and not ${ran.code}`, ...unmet];
}

function linesOf(file: string): string[] {
  return file.split("\n").filter((line) => line !== "");
}
