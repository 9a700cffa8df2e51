import { type Command, Option } from "commander";
import type { KubeObject } from "../../api/object.ts";
import { resourceName } from "../cluster/sshkeys.ts";
import { PluginError, type Session } from "../session/session.ts";

/** kubectl's flags of the same names, for commands that write. */
export interface WritingFlags {
  readonly dryRun?: "none" | "client" | "server";
}

export function addDryRun(command: Command): Command {
  return command.addOption(
    new Option(
      "--dry-run <how>",
      "client: send nothing; server: let the API server judge it, and store nothing",
    )
      .choices(["none", "client", "server"])
      .default("none"),
  );
}

/** How kubectl says that something has been done to an object, or would have been. */
export function doneTo(object: Pick<KubeObject, "metadata">, done: string, flags: WritingFlags): string {
  const { dryRun } = flags;
  const suffix = dryRun === "server" ? " (server dry run)" : dryRun === "client" ? " (dry run)" : "";
  return `${resourceName(object)} ${done}${suffix}`;
}

/** Asks a person whether to go on; rejects with a PluginError if not. `refused`: what then has not been done. */
export async function confirm(session: Session, question: string, refused: string): Promise<void> {
  const answer = await session.ask(`${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer)) throw new PluginError(refused);
}
