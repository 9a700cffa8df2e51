import { Command, CommanderError } from "commander";
import { VERSION } from "../version.ts";
import { add } from "./add.ts";
import { check } from "./check.ts";
import type { PluginCommand } from "./command.ts";
import { COMPLETE, complete, FIND } from "./completion/complete.ts";
import { completion } from "./completion.ts";
import { deleteKeys } from "./delete.ts";
import { disable, enable } from "./disable.ts";
import { importCommand } from "./import.ts";
import { list } from "./list.ts";
import { plan } from "./plan.ts";
import { prove } from "./prove.ts";
import { raw } from "./raw.ts";
import { rotate } from "./rotate.ts";
import { EXIT, type ExitCode, PluginError, type Session, UnreadError } from "./session/session.ts";
import { show } from "./show.ts";
import { where } from "./where.ts";
import { who } from "./who.ts";

/** All commands, in the order of the help. */
export const COMMANDS: readonly PluginCommand[] = [
  check,
  plan,
  add,
  list,
  show,
  raw,
  deleteKeys,
  disable,
  enable,
  rotate,
  who,
  where,
  importCommand,
  prove,
  completion,
];

export const SUMMARY =
  "SSH public keys in a Kubernetes cluster: whose they are, whether they work, and what they open.";

export const EXIT_CODES: readonly (readonly [ExitCode, string])[] = [
  [EXIT.ok, "done, nothing found"],
  [EXIT.found, "something was found, or differs"],
  [EXIT.failed, "it could not be done; standard error says why and what to do"],
  [EXIT.stopped, "stopped by Ctrl-C"],
  [EXIT.unread, "whoever reads the output has closed it, as head does"],
];

/** Runs the command line and gives the exit code. What could not be done is one sentence on stderr. */
export async function main(args: readonly string[], session: Session): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  try {
    const root = program(session, (ended) => {
      code = ended;
    });
    const [first, ...words] = args;
    if (first === COMPLETE) return await complete(session, root, words);
    if (first === FIND) {
      const { find } = await import("./completion/find.ts");
      return await find(session, root, words);
    }
    await root.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof UnreadError) return EXIT.unread;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.failed;
    if (session.signal.aborted) {
      session.say("stopped");
      return EXIT.stopped;
    }
    if (error instanceof PluginError) session.say(`error: ${error.message}`);
    else session.say(`unexpected error, please report it: ${describe(error)}`);
    return EXIT.failed;
  }
}

/** The tree of commands. */
function program(session: Session, onEnd: (code: ExitCode) => void): Command {
  const root = new Command("kubectl sshkey")
    .description(SUMMARY)
    .version(VERSION, "-V, --version", "print the version")
    .exitOverride()
    .showHelpAfterError("`kubectl sshkey --help` shows the commands.")
    .addHelpText(
      "after",
      `\n\`kubectl sshkey COMMAND --help\` tells what a command does, its options and examples.\n\nExit codes:\n${EXIT_CODES.map(([code, meaning]) => `  ${String(code).padEnd(3)}  ${meaning}`).join("\n")}`,
    );
  for (const { name, args, choices, summary, description, examples, addOptions, run } of COMMANDS) {
    const command = root.command(`${name} ${args}`.trim());
    const [argument] = command.registeredArguments;
    if (argument !== undefined && choices !== undefined) argument.argChoices = [...choices];
    addOptions(command.summary(summary).description(`${summary}.\n\n${description}`))
      .showHelpAfterError(`\`kubectl sshkey ${name} --help\` shows its arguments, options and examples.`)
      .addHelpText("after", `\nExamples:\n${examples.map(shown).join("\n")}`)
      .action(async (...given: unknown[]) => {
        // commander gives the arguments, then the options, then the command.
        const positional = given
          .slice(0, -2)
          .flat()
          .filter((arg): arg is string => typeof arg === "string");
        onEnd(await run(session, command.opts(), positional));
      });
  }
  return root;
}

function shown({ does, run }: PluginCommand["examples"][number]): string {
  return `  # ${does}\n  kubectl sshkey ${run}\n`;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
