import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { spawnChild } from "../controlplane/child.ts";

export interface CommandOptions {
  /** What it does, for a person: "building the operator's image". */
  readonly title: string;
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Folder for its output. */
  readonly logs: string;
  /** Ends it. */
  readonly signal?: AbortSignal;
  /** Called with each line that tells a person how it goes. */
  readonly progress: (line: string) => void;
}

/** What all commands of one run have in common. */
export type Run = Pick<CommandOptions, "logs" | "progress" | "signal">;

/** Runs a command to its end and says how it goes. Throws a CommandError with what it wrote last. */
export async function runCommand(o: CommandOptions): Promise<void> {
  o.signal?.throwIfAborted();
  const [command = "", ...args] = o.command;
  mkdirSync(o.logs, { recursive: true });
  const started = Date.now();
  const seconds = () => ((Date.now() - started) / 1000).toFixed(0);
  o.progress(`${o.title} …`);
  const heartbeat = setInterval(() => o.progress(`${o.title}: still at it, ${seconds()} s`), HEARTBEAT_MS);
  const child = spawnChild({
    name: command,
    command,
    args,
    ...(o.env === undefined ? {} : { env: o.env }),
    ...(o.cwd === undefined ? {} : { cwd: o.cwd }),
    logFile: join(o.logs, `${o.title.replaceAll(/[^a-z0-9]+/gi, "-")}.log`),
  });
  const kill = () => child.kill("SIGKILL");
  o.signal?.addEventListener("abort", kill);
  const { code } = await child.exited;
  o.signal?.removeEventListener("abort", kill);
  clearInterval(heartbeat);
  if (code !== 0) throw new CommandError(o, child.output(), child.log);
  o.progress(`${o.title}: done in ${seconds()} s`);
}

/** A command that did not end with code 0. */
export class CommandError extends Error {
  readonly code = "COMMAND_FAILED";

  constructor({ title, command }: CommandOptions, output: string, log: string) {
    const tail = output.trimEnd().split("\n").slice(-20).join("\n");
    super(
      `${title} failed; all of its output is in ${log}, and the end is:\n${tail}\n(${command.join(" ")})`,
    );
    this.name = "CommandError";
  }
}

const HEARTBEAT_MS = 20_000;
