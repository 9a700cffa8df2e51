import { Option } from "commander";
import type { Format } from "./check/report.ts";
import { collect, pluginCommand } from "./command.ts";
import { PluginError } from "./session/session.ts";

interface CheckFlags {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly output: Format;
  readonly config?: string;
  readonly revokedKeys?: string;
  readonly blocklist?: readonly string[];
  readonly base?: string;
}

export const check = pluginCommand<CheckFlags>({
  name: "check",
  args: "[files...]",
  summary: "Judge manifests and key files as the API server and the operator would, without a cluster",
  description: `Reads SSHKeys and AuthorizedKeys from YAML and JSON, with several documents, lists, anchors and comments, the way kubectl does; files, folders, or - for standard input. Objects of other kinds are passed over. Of .pub and authorized_keys files each line is judged. Objects in one namespace are judged together: one key twice, one name twice.

With --base they are compared with another state of them: a folder or file, which is read whole, or else a git ref, of which the same files and folders are read as they were committed. Then the user of an SSHKey or the secretName of an AuthorizedKeys that is another one than there is found too, since the API server refuses that change, and it is told who gains and who loses access when the manifests take the place of those: with which key in which Secret, promotions and refusals included, computed by the operator's own code. What only the base has is deleted. Moving an object to another file changes nothing. A Namespace that no manifest is of counts as one that shares its keys.

What is unusual about a key that is accepted is told as advice.

The exit code is 1 if anything is found, and 2 if a file cannot be read; advice, and who gains and who loses access, do not change it.

With -o json the answer is one object: "files" and "judged", how many; "findings", each with "file", "line", "column", "code", "object", "field" and "message", where line 0 is the whole file; "advice", each with the same; and with --base also "base": its "name"; "changes", null where they cannot be told: "gained", "lost" and "altered" (with "before" and "after"), each a line with "secret", "authorizedKeys" where the Secret is that of one, "file", "sshKey", "user", "title", "fingerprint" and "line", and "states" with "kind", "id", "before" and "after", each null or "state" and "message"; and "notes", sentences on what is not known.`,
  examples: [
    { does: "every manifest below a folder", run: "check -R ." },
    { does: "what kustomize makes", run: "check - < keys.yaml" },
    { does: "annotations in a pull request", run: "check -R . -o github" },
    {
      does: "what a pull request changes, beside what is wrong with it",
      run: "check -R keys --base origin/main",
    },
    { does: "the same of what kustomize makes", run: "check - --base before.yaml < keys.yaml" },
    { does: "by the rules of your operator", run: "check --config config.yaml keys.yaml" },
    { does: "with the fingerprints that are revoked", run: "check -R . --revoked-keys revoked.txt" },
    { does: "with a list of compromised keys", run: "check -R . --blocklist blocklist.dat" },
    { does: "whether a public key would be accepted", run: "check id_ed25519.pub" },
  ],
  addOptions: (command) =>
    command
      .option("-f, --filename <file>", "a file or folder, or - for standard input; may be repeated", collect)
      .option("-R, --recursive", "folders below folders, too")
      .addOption(
        new Option("-o, --output <format>", "how to print")
          .choices(["text", "json", "github", "sarif", "junit"] satisfies Format[])
          .default("text"),
      )
      .option("--base <dir|ref>", "the state to compare with: a folder, a file or a git ref")
      .option("--config <file>", "the operator's configuration file, for its policy and its revokedKeys")
      .option("--revoked-keys <file>", "a list of fingerprints, in place of the one that --config names")
      .option("--blocklist <file>", "a list of compromised keys; may be repeated", collect),
  async run(
    session,
    { filename = [], recursive = false, output, config, revokedKeys, blocklist, base: baseName },
    args,
  ) {
    const names = [...args, ...filename];
    if (names.length === 0)
      throw new PluginError("there is nothing to check: name files or folders, or - for standard input");
    if (names.filter((name) => name === "-").length > 1)
      throw new PluginError("standard input can be read once only: give - once");
    const [
      { checkFiles },
      { readBase },
      { exitCode, report },
      { repositoryRoot },
      { policyOf, knowledgeOf, unreadLists },
    ] = await Promise.all([
      import("./check/run.ts"),
      import("./check/base.ts"),
      import("./check/report.ts"),
      import("./check/path.ts"),
      import("./foresight/policyof.ts"),
    ]);
    const settings = await policyOf(session, config);
    const knowledge = await knowledgeOf(session, settings, { revokedKeys, blocklist });
    // That of revoked keys is read where the settings name it.
    for (const sentence of unreadLists({ ...settings, revokedKeys: undefined }, { blocklist }))
      session.say(`note: ${sentence}`);
    const now = Date.now();
    const base =
      baseName === undefined
        ? undefined
        : await readBase(session, { name: baseName, files: names, recursive, now });
    const checked = await checkFiles(session, names, {
      recursive,
      settings,
      knowledge,
      base,
      now,
    });
    if (checked.files.length === 0)
      throw new PluginError(
        "there is no manifest in these folders: name a folder with .yaml, .yml, .json or .pub files, or give -R for the folders below",
      );
    await report(session, checked, output, repositoryRoot(process.cwd(), session.env));
    return exitCode(checked);
  },
});
