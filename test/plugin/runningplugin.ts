import { type ChildProcess, spawn } from "node:child_process";
import { eventually } from "../cluster/eventually.ts";
import { BUNDLE } from "./plugin.ts";

/** The built plugin while it runs, with a standard input that stays open. */
export class RunningPlugin {
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  constructor(args: readonly string[], kubeconfig: string) {
    const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: "/nowhere" };
    const child = spawn(process.execPath, [BUNDLE, ...args], { env, stdio: "pipe" });
    child.stdout.on("data", (chunk) => {
      this.stdout += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      this.stderr += String(chunk);
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("close", resolve));
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Waits until it has written so many lines on stdout. */
  async lines(count: number): Promise<readonly string[]> {
    return await eventually(`${count} lines of the plugin`, () => {
      const lines = this.stdout.split("\n").slice(0, -1);
      if (lines.length >= count) return lines;
      throw new Error(`it has written ${JSON.stringify(this.stdout)} and ${JSON.stringify(this.stderr)}`);
    });
  }

  /** Waits until it says this on stderr. */
  async says(text: string): Promise<void> {
    await eventually(`the plugin says ${text}`, () => this.stderr.includes(text));
  }

  /** Presses Ctrl-C; the exit code. */
  async interrupt(): Promise<number | null> {
    this.#child.kill("SIGINT");
    return await this.#ended;
  }

  /** Closes its standard input; the exit code. */
  async finish(): Promise<number | null> {
    this.#child.stdin?.end();
    return await this.#ended;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
