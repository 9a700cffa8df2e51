import { Command, CommanderError } from "commander";
import { VERSION } from "../version.ts";
import { addAuditCommand } from "./auditcommand.ts";
import { addBlocklistCommands } from "./blocklistcommands.ts";
import { EXIT, ExitError } from "./exitcodes.ts";
import { addPortalOptions, type PortalCommandOptions, portal } from "./portal.ts";
import { run } from "./run.ts";
import { addRunOptions, type RunOptions } from "./runoptions.ts";
import { addUsageOptions, type UsageCommandOptions, usage } from "./usage.ts";

/**
 * Runs the command line and returns the exit code. Errors that a person can fix are one line on stderr; the signal
 * stops a running operator.
 */
export async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  try {
    await program(signal).parseAsync([...args], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof ExitError) {
      process.stderr.write(`sshkey-operator: ${error.message}\n`);
      return error.exitCode;
    }
    process.stderr.write(`sshkey-operator: unexpected error, please report it: ${describe(error)}\n`);
    return EXIT.unexpected;
  }
}

/** Of the texts beside long flags, so that help fits into a terminal of 80. */
const LEAST_HELP_COLUMNS = 30;

const EXIT_CODES = `
Exit codes:
  0  stopped by SIGTERM or SIGINT
  1  unexpected error
  2  invalid command line
  3  the configuration file, the kubeconfig, a list of keys or an address to
     listen on cannot be used`;

const PORTAL_EXAMPLES = `
Nobody can sign in until the configuration file says how. With OpenID Connect:
  portal:
    publicURL: https://keys.example.com/
    oidc:
      issuer: https://sso.example.com/realms/staff
      clientID: sshkeys
      clientSecretFile: /etc/sshkeys/client-secret
    session:
      keysFolder: /etc/sshkeys/session

For a try, as alice, at http://127.0.0.1:8080/:
  sshkey-operator portal --namespace people --listen 127.0.0.1:8080 \\
    --insecure-user alice
`;

const USAGE_EXAMPLES = `
A line without a time counts as of the last change of its file. What a log may
speak of, and what the field is worth: docs/usage.md.

A log that is there, once:
  sshkey-operator usage --namespace bastion --from people /var/log/auth.log
As it grows:
  sshkey-operator usage --namespace bastion --from people --follow \\
    /var/log/auth.log
Of pods:
  sshkey-operator usage --namespace bastion --from people --pods \\
    --selector app=bastion
`;

const USAGE_EXIT_CODES = `
Exit codes:
  0  all is read, or stopped by SIGTERM or SIGINT
  1  unexpected error
  2  invalid command line
  3  the kubeconfig, a log or the SSHKeys cannot be read, or an address to
     listen on cannot be used`;

function program(signal: AbortSignal): Command {
  const command = new Command("sshkey-operator")
    .description(
      "Validates SSHKey objects, reports the result in their status, and maintains one Secret per user with an authorized_keys file for pods to mount.",
    )
    .version(VERSION, "-V, --version", "print the version")
    .exitOverride()
    .configureHelp({ minWidthToWrap: LEAST_HELP_COLUMNS })
    .showHelpAfterError("Run with --help for the commands and options.");
  addRunOptions(command.command("run").description("run the operator until SIGTERM or SIGINT"))
    .addHelpText("after", EXIT_CODES)
    .action((options: RunOptions) => run(options, signal));
  addPortalOptions(
    command.command("portal").description("serve the web pages and the REST API until SIGTERM or SIGINT"),
  )
    .addHelpText("after", PORTAL_EXAMPLES + EXIT_CODES)
    .action((options: PortalCommandOptions) => portal(options, signal));
  addAuditCommand(command.command("audit"), signal);
  addBlocklistCommands(
    command.command("blocklist").description("make, merge and show lists of compromised keys"),
  );
  addUsageOptions(
    command
      .command("usage")
      .description("read logs of sshd and write into status.lastUsed which keys were used"),
  )
    .addHelpText("after", USAGE_EXAMPLES + USAGE_EXIT_CODES)
    .action((files: readonly string[], options: UsageCommandOptions) => usage(files, options, signal));
  return command;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
