import { type Command, Option } from "commander";
import type { ExitCode, Session } from "./session/session.ts";

/** One command of the plugin; help and docs/plugin.md are made of it. */
export interface PluginCommand<O = Readonly<Record<string, unknown>>> {
  readonly name: string;
  /** What follows the name, as commander writes arguments: `<name>`, `[file...]`. */
  readonly args: string;
  /** What the first argument is one of, for shells to complete; `run` refuses what is not. */
  readonly choices?: readonly string[];
  /** One line without a full stop. */
  readonly summary: string;
  /** What it does beyond that, in whole sentences. */
  readonly description: string;
  /** What a person would want, and the command line after `kubectl sshkey` that does it. */
  readonly examples: readonly { readonly does: string; readonly run: string }[];
  readonly addOptions: (command: Command) => Command;
  readonly run: (session: Session, options: O, args: readonly string[]) => Promise<ExitCode>;
}

/** The parser of an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Takes the type of its options off a command, for a list of all of them. */
export function pluginCommand<O>(command: PluginCommand<O>): PluginCommand {
  return command as unknown as PluginCommand;
}

/** Where the candidates of a word are found that no text of a command names. */
export type Source = "files" | "contexts" | "clusters" | "namespaces" | "users" | "sshkeys";

/** An option whose values a shell can complete, although any other may be given too. */
export class FoundOption extends Option {
  /** Where they are found, or what they are. */
  readonly values: Source | readonly string[];

  constructor(flags: string, description: string, values: Source | readonly string[]) {
    super(flags, description);
    this.values = values;
  }
}

/** `--user`, for the user of SSHKeys. */
export function userOption(description: string): FoundOption {
  return new FoundOption("--user <name>", description, "users");
}
