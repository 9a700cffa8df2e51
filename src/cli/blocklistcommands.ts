import { type Command, Option } from "commander";
import { REASONS, type Reason } from "../blocklist/blocklist.ts";

/** The options of `blocklist build`, as commander returns them. */
export interface BuildOptions {
  readonly output: string;
  readonly reason: Reason;
  readonly source?: string;
}

const EXIT_CODES = `
Exit codes:
  0  done
  1  unexpected error
  2  invalid command line
  3  a file cannot be read or written, or is no list`;

const BUILD_HELP = `
An input is a .pub file or authorized_keys, fingerprints as ssh-keygen -l prints
them, an OpenSSH KRL, badkeys' blocklist.dat, or a list that build, merge or
audit has made. By its public key a key is found whatever stands around it: an
RSA modulus with another exponent, the same key in a security key or a hybrid.
By a fingerprint that very key is found alone.

Examples:
  sshkey-operator blocklist build --reason PublishedKey \\
    --source "our repositories" -o leaked.blocklist *.pub
  sshkey-operator blocklist build -o badkeys.blocklist blocklist.dat
`;

const MERGE_HELP = `
A list is a file in any of the forms that build takes. Reasons and sources stay,
and each key is kept once.

Example:
  sshkey-operator blocklist merge -o all.blocklist \\
    badkeys.blocklist leaked.blocklist
`;

const SHOW_HELP = `
Without a list it shows what the product brings with it.

Examples:
  sshkey-operator blocklist show
  sshkey-operator blocklist show /etc/sshkeys/blocklists/*
  sshkey-operator blocklist show leaked.blocklist --key ~/.ssh/id_ed25519.pub
`;

/** What they do is loaded by these commands alone. */
export function addBlocklistCommands(command: Command): void {
  command
    .command("build")
    .description("make a list of public keys, fingerprints, KRLs or badkeys' list")
    .argument("<input...>", "files of keys")
    .requiredOption("-o, --output <file>", "the list to write")
    .addOption(
      new Option("--reason <code>", "why these keys are listed, where the file itself does not say it")
        .choices(REASONS)
        .default("BlockedKey"),
    )
    .option("--source <text>", "where they come from, for people (default: the name of each file)")
    .addHelpText("after", BUILD_HELP + EXIT_CODES)
    .action(async (inputs: string[], options: BuildOptions) =>
      (await import("./blocklist.ts")).build(inputs, options),
    );
  command
    .command("merge")
    .description("make one list of several")
    .argument("<list...>", "lists")
    .requiredOption("-o, --output <file>", "the list to write")
    .addHelpText("after", MERGE_HELP + EXIT_CODES)
    .action(async (lists: string[], { output }: { readonly output: string }) =>
      (await import("./blocklist.ts")).merge(lists, output),
    );
  command
    .command("show")
    .description("say what is on lists, and whether keys are")
    .argument("[list...]", "lists")
    .option("--key <file>", "a .pub file or authorized_keys: is each of its keys on a list, and why?")
    .addHelpText("after", SHOW_HELP + EXIT_CODES)
    .action(async (lists: string[], { key }: { readonly key?: string }) =>
      (await import("./blocklist.ts")).show(lists, key),
    );
}
