import type { Command } from "commander";
import { type ChangeFlags, changeKeys } from "./changes/changes.ts";
import { addForceGitOps, heedKeeper, IN_SOURCE } from "./changes/gitops.ts";
import { addWaiting, isRefusal } from "./changes/waiting.ts";
import { addDryRun } from "./changes/writing.ts";
import { Cluster } from "./cluster/cluster.ts";
import { addClusterFlags } from "./cluster/clusterflags.ts";
import { addSelection, nameOf } from "./cluster/keyselection.ts";
import { type SSHKeyObject, sshKeyPath, stateOf } from "./cluster/sshkeys.ts";
import { pluginCommand } from "./command.ts";
import type { ExitCode, Session } from "./session/session.ts";
import { tellLosers } from "./whereabouts/losers.ts";

const SEVERAL =
  "All are changed before any is waited for. What cannot be done of several is told for each and holds up none of the others: the exit code is then 2.";

export const disable = pluginCommand<ChangeFlags>({
  name: "disable",
  args: "[names...]",
  summary: "Take keys out of their Secrets and keep the SSHKeys",
  description: `Says on standard error in which Secrets each key stands, which pods mount them now, and in which pods it stays until they are restarted. Then sets \`spec.disabled\` and waits until the key is out of its user's Secret. Sessions that are open stay open. ${SEVERAL}\n\nExit code 1: a key is still in its Secret, with the reason on standard error.`,
  examples: [
    { does: "a key that may be lost", run: "disable alice-laptop" },
    { does: "all keys of somebody who is away, in all namespaces", run: "disable --user alice -A" },
  ],
  addOptions,
  run: async (session, flags, names) => await setDisabled(session, flags, names, true),
});

export const enable = pluginCommand<ChangeFlags>({
  name: "enable",
  args: "[names...]",
  summary: "Put keys that were disabled back",
  description: `Removes \`spec.disabled\` and waits until the key is in its user's Secret, or is refused. ${SEVERAL}\n\nExit code 1: a key is refused, with the reason on standard error.`,
  examples: [
    { does: "a key that was found again", run: "enable alice-laptop" },
    { does: "what the API server would say to that", run: "enable alice-laptop --dry-run=server" },
  ],
  addOptions,
  run: async (session, flags, names) => await setDisabled(session, flags, names, false),
});

function addOptions(command: Command): Command {
  return addClusterFlags(addForceGitOps(addWaiting(addDryRun(addSelection(command)))));
}

async function setDisabled(
  session: Session,
  flags: ChangeFlags,
  names: readonly string[],
  disabled: boolean,
): Promise<ExitCode> {
  const cluster = await Cluster.open(session, flags);
  const apply = async (key: SSHKeyObject) => {
    if ((key.spec.disabled === true) === disabled) return undefined;
    const { namespace = cluster.namespace, name, uid } = key.metadata;
    const instead = disabled ? "set spec.disabled: true" : "take spec.disabled out";
    heedKeeper(session, key, `${instead} ${IN_SOURCE}`, flags);
    if (flags.dryRun === "client") return key;
    // Another object of this name is not the one that the person meant.
    const patch = { metadata: { uid }, spec: { disabled: disabled ? true : null } };
    return await cluster.patch<SSHKeyObject>(sshKeyPath(namespace, name), patch, {
      dryRun: flags.dryRun === "server",
    });
  };
  try {
    return await changeKeys(session, cluster, names, flags, {
      done: disabled ? "disabled" : "enabled",
      ...(disabled
        ? {
            announce: async (keys) => {
              const meant = keys.filter(({ spec }) => spec.disabled !== true);
              await tellLosers(session, cluster, meant, (key) => nameOf(key, flags));
            },
          }
        : {}),
      apply,
      isReached: (key) => {
        const state = stateOf(key);
        return disabled ? state === "Disabled" || state === "Terminating" : !isRefusal(state);
      },
    });
  } finally {
    cluster.close();
  }
}
