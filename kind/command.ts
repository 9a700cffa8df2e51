import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { lastLines, runChild } from "../controlplane/runchild.ts";

export interface CommandOptions {
  /** What it does, for a person: "building the operator's image". */
  readonly title: string;
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
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
  const logFile = join(o.logs, `${o.title.replaceAll(/[^a-z0-9]+/gi, "-")}.log`);
  o.progress(`${o.title} …`);
  const { code, output, seconds } = await runChild({
    name: command,
    command,
    args,
    ...(o.env === undefined ? {} : { env: o.env }),
    logFile,
    heartbeat: (seconds) => o.progress(`${o.title}: still at it, ${seconds} s`),
    ...(o.signal === undefined ? {} : { signal: o.signal }),
  });
  if (code !== 0) throw new CommandError(o, output, logFile);
  o.progress(`${o.title}: done in ${seconds} s`);
}

/** A command that did not end with code 0. */
export class CommandError extends Error {
  readonly code = "COMMAND_FAILED";

  constructor({ title, command }: CommandOptions, output: string, log: string) {
    super(
      `${title} failed; all of its output is in ${log}, and the end is:\n${lastLines(output, 20)}\n(${command.join(" ")})`,
    );
    this.name = "CommandError";
  }
}
