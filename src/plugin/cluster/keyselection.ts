import type { Command } from "commander";
import { printable } from "../../ssh/unprintable.ts";
import { userOption } from "../command.ts";
import { PluginError, type Session } from "../session/session.ts";
import type { Cluster } from "./cluster.ts";
import { addAllNamespaces, type ClusterFlags } from "./clusterflags.ts";
import { getSSHKey, idOf, inNamespace, listSSHKeys, type SSHKeyObject } from "./sshkeys.ts";

/** Which SSHKeys a command is about: those that it names, or all of a user. */
export interface SelectionFlags extends ClusterFlags {
  readonly user?: string;
}

export interface SelectedKeys {
  readonly keys: readonly SSHKeyObject[];
  /** Was one of those that were named not to be had? The person has been told. */
  readonly isPartial: boolean;
}

export function addSelection(command: Command): Command {
  return addAllNamespaces(command.addOption(userOption("all SSHKeys of this user, in place of names")));
}

/** Rejects with a PluginError where the command line does not say which, or none of them is there. */
export async function selectedKeys(
  session: Session,
  cluster: Cluster,
  names: readonly string[],
  flags: SelectionFlags,
): Promise<SelectedKeys> {
  const { user, allNamespaces } = flags;
  if (user === undefined) {
    if (names.length === 0)
      throw new PluginError("say which: names of SSHKeys, or --user NAME for all of a user");
    if (allNamespaces === true)
      throw new PluginError("-A goes with --user: a name alone says nothing of the namespace, which -n does");
    return await named(session, cluster, names);
  }
  if (names.length > 0) throw new PluginError("give names or --user, and not both");
  return { keys: await keysOfUser(cluster, user, flags), isPartial: false };
}

/** All of a user, in the namespace or with -A in all; rejects with a PluginError where there are none. */
export async function keysOfUser(
  cluster: Cluster,
  user: string,
  { allNamespaces }: Pick<ClusterFlags, "allNamespaces">,
): Promise<readonly SSHKeyObject[]> {
  const isEverywhere = allNamespaces === true;
  const all = await listSSHKeys(cluster, isEverywhere ? undefined : cluster.namespace);
  const keys = all.filter(({ spec }) => spec.user === user);
  if (keys.length > 0) return keys;
  const where = isEverywhere ? "any namespace" : `namespace ${cluster.namespace}`;
  const everywhere = isEverywhere ? "" : ", with -A in all namespaces";
  throw new PluginError(
    `${printable(user)} has no SSHKeys in ${where}: \`${isEverywhere ? "kubectl sshkey list -A" : inNamespace("list", cluster.namespace)}\` shows whose there are${everywhere}`,
  );
}

async function named(session: Session, cluster: Cluster, names: readonly string[]): Promise<SelectedKeys> {
  const keys: SSHKeyObject[] = [];
  let isPartial = false;
  for (const name of new Set(names)) {
    try {
      keys.push(await getSSHKey(cluster, name));
    } catch (error) {
      if (!(error instanceof PluginError) || names.length === 1 || session.signal.aborted) throw error;
      session.say(`error: ${error.message}`);
      isPartial = true;
    }
  }
  return { keys, isPartial };
}

/** The name of one, with its namespace where there may be several. */
export function nameOf(key: SSHKeyObject, { allNamespaces }: SelectionFlags): string {
  return allNamespaces === true ? idOf(key) : key.metadata.name;
}
