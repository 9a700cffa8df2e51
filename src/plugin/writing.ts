import { type Command, InvalidArgumentError, Option } from "commander";
import type { KubeObject } from "../api/object.ts";
import { PluginError, type Session } from "./session.ts";
import { resourceName } from "./sshkeys.ts";

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

/** Flags of commands that wait for what the operator says. */
export interface WaitingFlags {
  readonly wait: boolean;
  readonly timeout: string;
}

export function addWaiting(command: Command): Command {
  return addTimeout(
    command.option("--wait <true|false>", "wait for what the operator says of it", toBoolean, true),
  );
}

export function addTimeout(command: Command): Command {
  return command.option("--timeout <duration>", "how long to wait, as 30s or 2m", "30s");
}

export function addForceGitOps(command: Command): Command {
  return command.option(
    "--force-gitops",
    "go on although Flux, Argo CD or Helm keeps the object, whose next sync may undo it",
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

function toBoolean(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new InvalidArgumentError("Say true or false, as in --wait=false.");
}
