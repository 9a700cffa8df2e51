import { Option } from "commander";
import { printable } from "../ssh/unprintable.ts";
import type { PodMount } from "../whereabouts/podmounts.ts";
import { Cluster } from "./cluster/cluster.ts";
import { addAllNamespaces, addClusterFlags, type ClusterFlags } from "./cluster/clusterflags.ts";
import { keysOfUser } from "./cluster/keyselection.ts";
import { getSSHKey, type SSHKeyObject } from "./cluster/sshkeys.ts";
import { pluginCommand, userOption } from "./command.ts";
import { type Column, table } from "./output/table.ts";
import { EXIT, PluginError, type Session } from "./session/session.ts";
import { type KeyPlace, othersIn } from "./whereabouts/keyplaces.ts";
import { findKeyReach, type KeyReach, removalWarnings } from "./whereabouts/keyreach.ts";

interface WhereFlags extends ClusterFlags {
  readonly user?: string;
  readonly output?: "json";
}

export const where = pluginCommand<WhereFlags>({
  name: "where",
  args: "[name]",
  summary: "Tell what a key, or all keys of a user, opens: Secrets and the pods that mount them",
  description: `Looked at are the operator's Secrets and copies of them, in all namespaces if you may list them, and the pods of the namespaces where a key stands. What you may not read is said on standard error, and what the status tells stands in its place. Where the key stands in the name of another SSHKey, NOTE names that: deleting this one does not take it out.

REMOVAL says whether a removal reaches a running pod. It does not where the file is mounted with subPath or read into an environment variable, and not in a copy of the Secret. What an init container copied cannot be seen: that it mounts the Secret and no other container does is a sign of it. Such pods have to be restarted when a key is removed.

With -o json the answer is one object: "keys", each with "namespace", "name" and "user" of the SSHKey; "secrets", each with "namespace", "name", "files" (the data keys with the line), "sshKeys" (those in whose name it stands there, as NAMESPACE/NAME), "authorizedKeys" if it is the Secret of one of that name, "isCopy" and "isFromStatus" (the Secret itself may not be read); "pods", each with "namespace", "name", "container", "secret", "path" unless it is an environment variable, and "removal": reaches, subPath, environment, init or copy; "leftOut", each with "authorizedKeys", "reason" and "message", of keys that an AuthorizedKeys leaves out; and "unread", sentences on what you may not read.`,
  examples: [
    { does: "what a key opens", run: "where alice-laptop" },
    { does: "what somebody who leaves has access to, in all namespaces", run: "where --user alice -A" },
    { does: "the same for a program", run: "where --user alice -o json" },
  ],
  addOptions: (command) =>
    addClusterFlags(
      addAllNamespaces(command)
        .addOption(userOption("all keys of this user, in place of one"))
        .addOption(new Option("-o, --output <format>", "how to print").choices(["json"])),
    ),
  async run(session, options, [name]) {
    if (name !== undefined && options.user !== undefined)
      throw new PluginError("give a name or --user, and not both");
    if (name === undefined && options.user === undefined)
      throw new PluginError("of what? Give the name of an SSHKey, or --user NAME for all keys of a user");
    const cluster = await Cluster.open(session, options);
    try {
      const keys =
        name === undefined
          ? await keysOfUser(cluster, options.user ?? "", options)
          : [await getSSHKey(cluster, name)];
      const reach = await findKeyReach(cluster, keys);
      if (options.output === "json") await session.print(json(keys, reach));
      else await tell(session, keys, reach);
      return EXIT.ok;
    } finally {
      cluster.close();
    }
  },
});

function json(keys: readonly SSHKeyObject[], { places, pods, leftOut, unread }: KeyReach): string {
  const named = keys.map(({ metadata: { namespace, name }, spec: { user } }) => ({ namespace, name, user }));
  return JSON.stringify({ keys: named, secrets: places, pods, leftOut, unread }, undefined, 4);
}

async function tell(
  session: Session,
  keys: readonly SSHKeyObject[],
  { places, pods, leftOut, unread }: KeyReach,
): Promise<void> {
  if (places.length > 0) await session.print(table(secretColumns(keys), places));
  else session.say("it opens nothing that you may see: it stands in no Secret");
  if (pods.length > 0) await session.print(`\n${table(POD_COLUMNS, pods)}`);
  else if (places.length > 0) session.say("no pod that you may see mounts these Secrets now");
  for (const { authorizedKeys, reason, message } of leftOut)
    session.say(printable(`AuthorizedKeys ${authorizedKeys} leaves it out: ${reason}: ${message ?? ""}`));
  for (const warning of removalWarnings(pods)) session.say(warning);
  for (const sentence of unread) session.say(sentence);
}

function secretColumns(keys: readonly SSHKeyObject[]): readonly Column<KeyPlace>[] {
  return [
    { title: "NAMESPACE", of: ({ namespace }) => namespace },
    { title: "SECRET", of: ({ name }) => name },
    { title: "FILES", of: ({ files }) => files.join(",") },
    { title: "AUTHORIZEDKEYS", of: ({ authorizedKeys }) => authorizedKeys },
    { title: "NOTE", of: (place) => noteOf(place, keys) },
  ];
}

function noteOf(place: KeyPlace, keys: readonly SSHKeyObject[]): string {
  const others = othersIn(place, keys);
  const notes = [
    place.isCopy ? "copy" : place.isFromStatus ? "by the status" : "",
    others.length === 0 ? "" : `in the name of ${others.join(",")}`,
  ];
  return notes.filter((note) => note !== "").join(", ");
}

const POD_COLUMNS: readonly Column<PodMount>[] = [
  { title: "NAMESPACE", of: ({ namespace }) => namespace },
  { title: "POD", of: ({ name }) => name },
  { title: "CONTAINER", of: ({ container }) => container },
  { title: "SECRET", of: ({ secret }) => secret },
  { title: "PATH", of: ({ path }) => path },
  {
    title: "REMOVAL",
    of: ({ removal }) => (removal === "reaches" ? removal : `${removal}: needs a restart`),
  },
];
