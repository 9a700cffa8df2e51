import { Option } from "commander";
import type { Format } from "./check/report.ts";
import { collect, pluginCommand } from "./command.ts";
import { PluginError } from "./session.ts";

interface CheckOptions {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly output: Format;
  readonly config?: string;
  readonly revokedKeys?: string;
}

export const check = pluginCommand<CheckOptions>({
  name: "check",
  args: "[files...]",
  summary: "Judge manifests and key files as the API server and the operator would, without a cluster",
  description:
    "Reads SSHKeys and AuthorizedKeys from YAML and JSON, with several documents, lists, anchors and comments, the way kubectl does; files, folders, or - for standard input. Objects of other kinds are passed over. Of .pub and authorized_keys files each line is judged. Objects in one namespace are judged together: one key twice, one name twice. The exit code is 1 if anything is found, and 2 if a file cannot be read.",
  examples: [
    { does: "every manifest below a folder", run: "check -R ." },
    { does: "what kustomize makes", run: "check - < keys.yaml" },
    { does: "annotations in a pull request", run: "check -R . -o github" },
    { does: "by the rules of your operator", run: "check --config config.yaml keys.yaml" },
    { does: "with the fingerprints that are revoked", run: "check -R . --revoked-keys revoked.txt" },
    { does: "whether a public key would be accepted", run: "check id_ed25519.pub" },
  ],
  addOptions: (command) =>
    command
      .option("-f, --filename <file>", "a file or folder, or - for standard input; can be repeated", collect)
      .option("-R, --recursive", "folders below folders, too")
      .addOption(
        new Option("-o, --output <format>", "how to print")
          .choices(["text", "json", "github", "sarif", "junit"] satisfies Format[])
          .default("text"),
      )
      .option("--config <file>", "the operator's configuration file, for its policy and its revokedKeys")
      .option("--revoked-keys <file>", "a list of fingerprints, in place of the one that --config names"),
  async run(session, { filename = [], recursive = false, output, config, revokedKeys }, args) {
    const names = [...args, ...filename];
    if (names.length === 0)
      throw new PluginError("there is nothing to check: name files or folders, or - for standard input");
    if (names.filter((name) => name === "-").length > 1)
      throw new PluginError("standard input can be read once only: give - once");
    const [{ checkFiles }, { exitCode, report }, { repositoryRoot }, { policyOf, knowledgeOf }] =
      await Promise.all([
        import("./check/run.ts"),
        import("./check/report.ts"),
        import("./check/path.ts"),
        import("./check/policyof.ts"),
      ]);
    const settings = policyOf(config);
    const checked = await checkFiles(session, names, {
      recursive,
      settings,
      knowledge: knowledgeOf(session, settings, revokedKeys),
      now: Date.now(),
    });
    if (checked.files.length === 0)
      throw new PluginError(
        "there is no manifest in these folders: name a folder with .yaml, .yml, .json or .pub files, or give -R for the folders below",
      );
    await report(session, checked, output, repositoryRoot(process.cwd(), session.env));
    return exitCode(checked);
  },
});
