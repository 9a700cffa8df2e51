import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Command, type Option } from "commander";
import { addClusterFlags } from "../src/plugin/cluster/clusterflags.ts";
import type { PluginCommand } from "../src/plugin/command.ts";
import { COMMANDS, EXIT_CODES, SUMMARY } from "../src/plugin/program.ts";

/** Writes docs/plugin.md from the texts of --help; with --check only compares. */
const FILE = "docs/plugin.md";
const file = new URL(`../${FILE}`, import.meta.url);
const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const clusterFlags = addClusterFlags(new Command()).options;
const page = pluginPage();
if (!values.check) writeFileSync(file, page);
else if (!existsSync(file) || readFileSync(file, "utf8") !== page) {
  console.error(`${FILE} is not what src/plugin/ says: run \`make generate\` and commit it.`);
  process.exitCode = 1;
}

function pluginPage(): string {
  return `<!-- Generated from src/plugin/ by \`make generate\`. Do not edit. -->
# kubectl sshkey

${SUMMARY} It speaks to the API server with your own kubeconfig, context and rights, and needs nothing of the operator's. The same texts stand in \`kubectl sshkey COMMAND --help\`.

It is one file that needs Node 24 or newer. A release has it as an npm package and with a manifest for krew (Linux and macOS; on Windows take npm):

\`\`\`sh
npm install --global ./kubectl-sshkey-X.Y.Z.tgz
kubectl krew install --manifest=sshkey.yaml
\`\`\`

In a clone of the repository \`make plugin\` makes that package in \`dist/package\`, for \`npm install --global ./dist/package\`. Or put \`dist/kubectl-sshkey.cjs\`, which \`make build\` makes, as \`kubectl-sshkey\` into a folder of your \`PATH\`. For a repository of keys, its pull requests and its commits, take [examples/gitops](../examples/gitops/README.md).

Results are written to standard output, everything else to standard error. Colours are used in a terminal only, and never when \`NO_COLOR\` is set. Work that takes longer than two seconds says in a terminal how far it is, on a line that goes again. Without a terminal nothing is asked.

${table(
  "exit code",
  EXIT_CODES.map(([code, meaning]) => [String(code), meaning]),
)}
${COMMANDS.map(section).join("\n")}
## Flags for the cluster

Of every command that speaks to the API server, with kubectl's meaning. kubectl's \`--user\` is missing: here that is the user of a key.

${table("flag", clusterFlags.map(row))}`;
}

function section({ name, args, summary, description, examples, addOptions }: PluginCommand): string {
  const isOwn = ({ long }: Option) => !clusterFlags.some((flag) => flag.long === long);
  const own = addOptions(new Command()).options.filter(isOwn);
  const runs = examples.map(({ does, run }) => `# ${does}\nkubectl sshkey ${run}\n`).join("\n");
  return `## \`kubectl sshkey ${`${name} ${args}`.trim()}\`

${summary}.

${description}

${own.length === 0 ? "" : `${table("flag", own.map(row))}\n`}\`\`\`sh
${runs}\`\`\`
`;
}

function row({ flags, description, argChoices, defaultValue }: Option): readonly [string, string] {
  const choices = argChoices === undefined ? "" : ` (${argChoices.join(", ")})`;
  const standard = defaultValue ? `; default ${defaultValue}` : "";
  return [`\`${flags}\``, `${description}${choices}${standard}`];
}

function table(head: string, rows: readonly (readonly [string, string])[]): string {
  // A cell ends at a bar, also at one in code.
  const lines = rows.map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`);
  return `| ${head} | meaning |\n| --- | --- |\n${lines.join("")}`;
}
