import { type ChildProcess, spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { BUNDLE } from "./plugin.ts";

/** The plugin, or another program, in a terminal of its own, and a person at it. */
export class Terminal {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #shown = "";

  /** Of the user's own kubeconfig it knows nothing. */
  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    program: readonly string[] = [process.execPath, BUNDLE],
  ) {
    const words = [...program, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    this.#child = spawn("script", ["-qefc", words.join(" "), "/dev/null"], {
      env: { ...process.env, HOME: "/nowhere", SHELL: "/bin/sh", TERM: "xterm", ...env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      this.#shown += chunk.toString("utf8");
    });
    this.#child.stdin?.on("error", () => undefined);
    this.#ended = new Promise((resolve) => this.#child.once("close", resolve));
    onTestFinished(() => {
      this.#child.kill("SIGKILL");
    });
  }

  /** Everything so far, without the carriage returns of a terminal. */
  get shown(): string {
    return this.#shown.replaceAll("\r", "");
  }

  async untilItShows(text: string): Promise<void> {
    await eventually(`the terminal shows ${text}`, () => this.shown.includes(text));
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Presses Ctrl-C and gives the exit code with the milliseconds until it came. */
  async interrupt(): Promise<{ readonly code: number | null; readonly ms: number }> {
    const pressed = performance.now();
    this.type("\x03");
    return { code: await this.#ended, ms: performance.now() - pressed };
  }

  /** Its exit code, when it has ended. */
  async end(): Promise<number | null> {
    return await this.#ended;
  }
}
