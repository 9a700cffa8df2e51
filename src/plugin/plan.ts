import { Option } from "commander";
import { printable } from "../ssh/unprintable.ts";
import { Cluster } from "./cluster/cluster.ts";
import { addClusterFlags, type ClusterFlags } from "./cluster/clusterflags.ts";
import { collect, FoundOption, pluginCommand } from "./command.ts";
import { EXIT, PluginError, type Session } from "./session/session.ts";

interface PlanFlags extends ClusterFlags {
  readonly filename: readonly string[];
  readonly recursive?: boolean;
  readonly prune?: boolean;
  readonly config?: string;
  readonly revokedKeys?: string;
  readonly blocklist?: readonly string[];
  readonly operatorNamespace: string;
  readonly output: "text" | "json";
}

export const plan = pluginCommand<PlanFlags>({
  name: "plan",
  args: "",
  summary: "Tell who could log in before and after manifests are applied, and apply nothing",
  description: `Computes with the operator's own code what the SSHKeys, AuthorizedKeys and Namespaces of the files would change in the cluster: who gains and who loses access with which key in which Secret, whose options change, and which objects get another STATE. With --prune everything of these kinds is taken away that the files do not have, in the namespaces that they name, as a sync would. Policy is what the operator publishes in its namespace, or --config. What you may not see is left out and said. Of two new objects with one key, made in one second, chance decides.

The exit code is 0 if nothing changes, 1 if anything does, and 2 if the API server would refuse an object.

With -o json the answer is one object: "gained", "lost", "altered" and "states" as the "changes" of \`check --base\`; "refused", sentences on what the API server would refuse; and "blindSpots", sentences on what is not known.`,
  examples: [
    { does: "what a folder of manifests changes", run: "plan -R -f keys/" },
    { does: "what a sync of it would also delete", run: "plan -R -f keys/ --prune" },
    { does: "for a comment in a pull request", run: "plan -f keys.yaml -o json" },
  ],
  addOptions: (command) =>
    addClusterFlags(
      command
        .requiredOption(
          "-f, --filename <file>",
          "a file or folder, or - for standard input; may be repeated",
          collect,
        )
        .option("-R, --recursive", "folders below folders, too")
        .option("--prune", "what the files do not have goes, in the namespaces that they name")
        .option("--config <file>", "the operator's configuration file, in place of what it publishes")
        .option("--revoked-keys <file>", "a list of fingerprints, in place of the one that --config names")
        .option("--blocklist <file>", "a list of compromised keys; may be repeated", collect)
        .addOption(
          new FoundOption(
            "--operator-namespace <name>",
            "where the operator publishes it",
            "namespaces",
          ).default("sshkey-operator"),
        )
        .addOption(
          new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"),
        ),
    ),
  async run(session, options) {
    const readsStdin = options.filename.includes("-") ? "a manifest" : undefined;
    const { readManifests } = await import("./plan/files.ts");
    const manifests = await readManifests(session, options.filename, options.recursive === true);
    const cluster = await Cluster.open(session, options, readsStdin);
    try {
      const [{ announce }, { knowledgeOf, policyOf, unreadLists }] = await Promise.all([
        import("./plan/announcement.ts"),
        import("./foresight/policyof.ts"),
      ]);
      const isPublished = options.config === undefined;
      const { change, refused, blindSpots } = await announce(cluster, manifests, {
        prune: options.prune === true,
        config: isPublished ? undefined : await policyOf(session, options.config),
        operatorNamespace: options.operatorNamespace,
        // What the operator publishes names a file in its container.
        knowledge: (settings) =>
          knowledgeOf(session, isPublished ? { ...settings, revokedKeys: undefined } : settings, options),
        unread: (settings) =>
          unreadLists(isPublished ? settings : { ...settings, revokedKeys: undefined }, options),
        now: Date.now(),
      });
      await tell(session, options, refused, blindSpots);
      const { printText, toJSON } = await import("./foresight/report.ts");
      if (options.output === "json") await session.print(toJSON(change, refused, blindSpots));
      else await printText(session, change);
      if (refused.length > 0) throw new PluginError(`the API server would refuse ${objects(refused.length)}`);
      const { gained, lost, altered, stands } = change;
      return gained.length + lost.length + altered.length + stands.length === 0 ? EXIT.ok : EXIT.found;
    } finally {
      cluster.close();
    }
  },
});

async function tell(
  session: Session,
  { output }: PlanFlags,
  refused: readonly string[],
  blindSpots: readonly string[],
): Promise<void> {
  if (output === "json") return;
  for (const sentence of blindSpots) session.say(`note: ${printable(sentence)}`);
  for (const sentence of refused) session.say(`refused: ${printable(sentence)}`);
}

function objects(count: number): string {
  return count === 1 ? "one object as it is" : `objects for ${count} reasons`;
}
