import { fingerprintSHA256 } from "../ssh/fingerprint.ts";
import { parsePublicKey } from "../ssh/publickey.ts";
import { printable } from "../ssh/unprintable.ts";
import { Attempts } from "./changes/changes.ts";
import { addForceGitOps, type GitOpsFlags, heedKeeper, IN_SOURCE } from "./changes/gitops.ts";
import { addDryRun, confirm, doneTo, type WritingFlags } from "./changes/writing.ts";
import { Cluster } from "./cluster/cluster.ts";
import { addClusterFlags } from "./cluster/clusterflags.ts";
import { addSelection, nameOf, type SelectionFlags, selectedKeys } from "./cluster/keyselection.ts";
import { type SSHKeyObject, sshKeyPath } from "./cluster/sshkeys.ts";
import { pluginCommand } from "./command.ts";
import { counted } from "./output/counted.ts";
import { EXIT, PluginError, type Session } from "./session/session.ts";
import { tellLosers } from "./whereabouts/losers.ts";

interface DeleteFlags extends SelectionFlags, WritingFlags, GitOpsFlags {
  readonly yes?: boolean;
}

// `delete` is a word of the language.
export const deleteKeys = pluginCommand<DeleteFlags>({
  name: "delete",
  args: "[names...]",
  summary: "Delete SSHKeys, after a look at what loses the keys",
  description:
    "Says on standard error in which Secrets each key stands, of its user and of AuthorizedKeys, which pods mount them now, and in which pods it stays until they are restarted; then asks in a terminal. `where` tells the same without deleting. The operator takes a deleted key out of its files within seconds; sessions that are open stay open. With --user, for people who leave, --yes is required where there is no terminal. What cannot be done of several is told for each and holds up none of the others: the exit code is then 2.",
  examples: [
    { does: "one key", run: "delete alice-laptop" },
    { does: "what somebody who leaves loses", run: "delete --user alice -A --dry-run=client" },
    { does: "all keys of somebody who has left", run: "delete --user alice -A --yes" },
  ],
  addOptions: (command) =>
    addClusterFlags(
      addForceGitOps(
        addDryRun(addSelection(command).option("-y, --yes", "do not ask, also where there is no terminal")),
      ),
    ),
  async run(session, flags, names) {
    const isAsked = flags.yes !== true && flags.dryRun === "none";
    if (isAsked && flags.user !== undefined && !session.isInteractive)
      throw new PluginError(
        "all keys of a user are not deleted unasked: look at --dry-run=client, then give --yes",
      );
    const cluster = await Cluster.open(session, flags);
    try {
      const { keys, isPartial } = await selectedKeys(session, cluster, names, flags);
      const attempts = new Attempts(session, isPartial);
      const meant: SSHKeyObject[] = [];
      for (const key of keys) {
        await attempts.of(key, flags, async () => {
          heedKeeper(session, key, `remove it ${IN_SOURCE}`, flags);
          meant.push(key);
          return EXIT.ok;
        });
      }
      await tellLosers(session, cluster, meant, (key) => `${nameOf(key, flags)} ${described(key)}`);
      if (meant.length > 0 && isAsked && session.isInteractive) await ask(session, meant.length);
      let done = 0;
      const told = () => `deleting: ${done} of ${counted(meant.length, "SSHKey", "SSHKeys")}`;
      await session.during(told, async () => {
        for (const key of meant) {
          await attempts.of(key, flags, async () => {
            const isDeleted = flags.dryRun === "client" || (await deleted(cluster, key, flags));
            await session.print(doneTo(key, isDeleted ? "deleted" : "not found", flags));
            return EXIT.ok;
          });
          done += 1;
        }
      });
      return attempts.code;
    } finally {
      cluster.close();
    }
  },
});

async function ask(session: Session, count: number): Promise<void> {
  const what = count === 1 ? "this SSHKey" : `these ${count} SSHKeys`;
  await confirm(session, `Delete ${what}?`, "nothing was deleted");
}

/** Only the object that was shown; whose its key is cannot change. */
async function deleted(cluster: Cluster, key: SSHKeyObject, { dryRun }: WritingFlags): Promise<boolean> {
  const { namespace = cluster.namespace, name, uid } = key.metadata;
  return await cluster.delete(sshKeyPath(namespace, name), { uid, dryRun: dryRun === "server" });
}

function described({ spec }: SSHKeyObject): string {
  const parsed = parsePublicKey(spec.key);
  const fingerprint = parsed.ok ? [fingerprintSHA256(parsed.value.blob)] : [];
  const title = spec.title === undefined || spec.title === "" ? [] : [JSON.stringify(printable(spec.title))];
  return `(${[printable(spec.user), ...fingerprint, ...title].join(", ")})`;
}
