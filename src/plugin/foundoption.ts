import { Option } from "commander";

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
