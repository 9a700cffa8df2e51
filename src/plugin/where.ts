import { Option } from "commander";
import { podsPath } from "../api/paths.ts";
import { Cluster, orForbidden } from "./cluster.ts";
import { addAllNamespaces, addClusterFlags, type ClusterFlags } from "./clusterflags.ts";
import { pluginCommand } from "./command.ts";
import { findKeyPlaces, type KeyPlace, type KeyPlaces } from "./keyplaces.ts";
import { type PodMount, type PodObject, podMounts, type Removal } from "./podmounts.ts";
import { EXIT, PluginError, type Session } from "./session.ts";
import { getSSHKey, listSSHKeys, type SSHKeyObject } from "./sshkeys.ts";
import { type Column, table } from "./table.ts";

interface WhereOptions extends ClusterFlags {
  readonly user?: string;
  readonly output?: "json";
}

export const where = pluginCommand<WhereOptions>({
  name: "where",
  args: "[name]",
  summary: "Tell what a key, or all keys of a user, opens: Secrets and the pods that mount them",
  description: `Looked at are the operator's Secrets and copies of them, in all namespaces if you may list them, and the pods of the namespaces where a key stands. What you may not read is said on standard error, and what the status tells stands in its place.

REMOVAL says whether a removal reaches a running pod. It does not where the file is mounted with subPath or read into an environment variable, and not in a copy of the Secret. What an init container copied cannot be seen: that it mounts the Secret and no other container does is a sign of it. Such pods have to be restarted when a key is removed.

With -o json the answer is one object: "keys", each with "namespace", "name" and "user" of the SSHKey; "secrets", each with "namespace", "name", "files" (the data keys with the line), "authorizedKeys" if it is the Secret of one of that name, "isCopy" and "isFromStatus" (the Secret itself may not be read); "pods", each with "namespace", "name", "container", "secret", "path" unless it is an environment variable, and "removal": reaches, subPath, environment, init or copy; "leftOut", each with "authorizedKeys", "reason" and "message", of keys that an AuthorizedKeys leaves out; and "unread", sentences on what you may not read.`,
  examples: [
    { does: "what a key opens", run: "where alice-laptop" },
    { does: "what somebody who leaves has access to, in all namespaces", run: "where --user alice -A" },
    { does: "the same for a program", run: "where --user alice -o json" },
  ],
  addOptions: (command) =>
    addClusterFlags(
      addAllNamespaces(command)
        .option("--user <name>", "all keys of this user, in place of one")
        .addOption(new Option("-o, --output <format>", "how to print").choices(["json"])),
    ),
  async run(session, options, [name]) {
    if ((name === undefined) === (options.user === undefined))
      throw new PluginError("of what? Give the name of an SSHKey, or --user NAME for all keys of a user");
    const cluster = await Cluster.open(session, options);
    try {
      const keys = await keysOf(cluster, name, options);
      const places = await findKeyPlaces(cluster, keys);
      const pods = await findPods(cluster, places.places);
      const unread = [...places.unread, ...pods.unread];
      if (options.output === "json") await session.print(json(keys, places, pods.mounts, unread));
      else await tell(session, places, pods.mounts, unread);
      return EXIT.ok;
    } finally {
      cluster.close();
    }
  },
});

async function keysOf(cluster: Cluster, name: string | undefined, o: WhereOptions): Promise<SSHKeyObject[]> {
  if (name !== undefined) return [await getSSHKey(cluster, name)];
  const all = await listSSHKeys(cluster, o.allNamespaces === true ? undefined : cluster.namespace);
  const keys = all.filter(({ spec }) => spec.user === o.user);
  if (keys.length > 0) return keys;
  const place = o.allNamespaces === true ? "any namespace" : `namespace ${cluster.namespace}`;
  throw new PluginError(
    `user ${o.user} has no SSHKey in ${place}: \`kubectl sshkey list\` shows whose keys are there, with -A in all namespaces`,
  );
}

async function findPods(cluster: Cluster, places: readonly KeyPlace[]) {
  const namespaces = [...new Set(places.map(({ namespace }) => namespace))];
  const found = await Promise.all(
    namespaces.map(async (namespace) => ({
      namespace,
      pods: await orForbidden(cluster.list<PodObject>(podsPath(namespace))),
    })),
  );
  return {
    mounts: found.flatMap(({ pods = [] }) => pods.flatMap((pod) => podMounts(pod, places))),
    unread: found
      .filter(({ pods }) => pods === undefined)
      .map(({ namespace }) => `you may not list pods in namespace ${namespace}: none of them were looked at`),
  };
}

function json(
  keys: readonly SSHKeyObject[],
  { places, leftOut }: KeyPlaces,
  pods: readonly PodMount[],
  unread: readonly string[],
): string {
  const named = keys.map(({ metadata: { namespace, name }, spec: { user } }) => ({ namespace, name, user }));
  return JSON.stringify({ keys: named, secrets: places, pods, leftOut, unread }, undefined, 4);
}

async function tell(
  session: Session,
  { places, leftOut }: KeyPlaces,
  pods: readonly PodMount[],
  unread: readonly string[],
): Promise<void> {
  if (places.length > 0) await session.print(table(SECRET_COLUMNS, places));
  else session.say("it opens nothing that you may see: it stands in no Secret");
  if (pods.length > 0) await session.print(`\n${table(POD_COLUMNS, pods)}`);
  else if (places.length > 0) session.say("no pod that you may see mounts these Secrets now");
  for (const { authorizedKeys, reason, message } of leftOut)
    session.say(`AuthorizedKeys ${authorizedKeys} leaves it out: ${reason}: ${message ?? ""}`);
  for (const { namespace, name, container, removal } of pods)
    if (removal !== "reaches")
      session.say(`warning: in pod ${namespace}/${name}, container ${container}: ${WARNINGS[removal]}`);
  for (const sentence of unread) session.say(sentence);
}

const WARNINGS: Readonly<Record<Exclude<Removal, "reaches">, string>> = {
  subPath:
    "the file is mounted with subPath and keeps what it had at start; restart the pod after a removal, or mount the folder",
  environment: "the keys are in an environment variable; restart the pod after a removal",
  init: "only an init container mounts the Secret, which may have copied it; restart the pod after a removal",
  copy: "the Secret is a copy, from which nobody takes a key out; mount the operator's own",
};

const SECRET_COLUMNS: readonly Column<KeyPlace>[] = [
  { title: "NAMESPACE", of: ({ namespace }) => namespace },
  { title: "SECRET", of: ({ name }) => name },
  { title: "FILES", of: ({ files }) => files.join(",") },
  { title: "AUTHORIZEDKEYS", of: ({ authorizedKeys }) => authorizedKeys },
  {
    title: "NOTE",
    of: ({ isCopy, isFromStatus }) => (isCopy ? "copy" : isFromStatus ? "by the status" : ""),
  },
];

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
