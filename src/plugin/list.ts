import { InvalidArgumentError, Option } from "commander";
import { lastUse, unusedSince } from "../api/lastused.ts";
import { GROUP, PLURAL } from "../api/names.ts";
import { createdAt } from "../api/object.ts";
import { NAMESPACES_PATH, sshKeysPath } from "../api/paths.ts";
import { STATES } from "../api/states.ts";
import { formatRFC3339 } from "../api/time.ts";
import { parseDuration } from "../config/duration.ts";
import { Cluster, orForbidden } from "./cluster/cluster.ts";
import { addAllNamespaces, addClusterFlags, type ClusterFlags } from "./cluster/clusterflags.ts";
import { addObjectOutput, isForPrograms, type Output, objectOutput } from "./cluster/objectoutput.ts";
import { listReadable } from "./cluster/readable.ts";
import { adviceFor, idOf, listSSHKeys, type SSHKeyObject, stateOf } from "./cluster/sshkeys.ts";
import { FoundOption, pluginCommand, userOption } from "./command.ts";
import { age, type Column } from "./output/table.ts";
import { EXIT } from "./session/session.ts";

interface ListFlags extends ClusterFlags {
  readonly user?: string;
  readonly state?: string;
  /** In ms. */
  readonly unused?: number;
  readonly sort: keyof typeof SORT_KEYS;
  readonly reverse?: boolean;
  readonly output?: Output;
}

export const list = pluginCommand<ListFlags>({
  name: "list",
  args: "[words...]",
  summary: "List SSHKeys, those with all of the words if some are given",
  description:
    "Words are looked for in the name, user, title, comment and fingerprint, whatever their case. STATE is the word that `kubectl get` prints: Projected is a key that works, Unknown one that the operator has not looked at yet. --unused finds keys of which no login has been reported for that long, or since they are there: `sshkey-operator usage` reads logs and reports the day, which -o wide shows as LAST USED. Where a log is not read, its logins are missing. With -A whoever may not list them in all namespaces gets those of the namespaces in which that is allowed, as far as their names may be listed, and of the own one; what was not looked at is said, and the exit code is then 2. With -o json or yaml they are a List of the objects, as `kubectl get` prints it.",
  examples: [
    { does: "the keys of the namespace", run: "list" },
    { does: "whose keys another SSHKey holds, in all namespaces", run: "list -A --state Duplicate" },
    {
      does: "keys that nobody has used for 90 days, the longest unused first",
      run: "list -A --unused 90d --sort used",
    },
    { does: "the newest keys of alice first", run: "list --user alice --sort created --reverse" },
    { does: "the keys whose title or comment says laptop, for a program", run: "list laptop -o json" },
  ],
  addOptions: (command) =>
    addClusterFlags(
      addObjectOutput(
        addAllNamespaces(command)
          .addOption(userOption("of this user only"))
          .addOption(
            new FoundOption(
              "--state <state>",
              "in this STATE only, whatever its case",
              STATE_WORDS,
            ).argParser(toState),
          )
          .addOption(
            new Option(
              "--unused <time>",
              "not used for this long, such as 90d, as far as logs of sshd are read",
            ).argParser(toTime),
          )
          .addOption(
            new Option("--sort <column>", "what to sort by").choices(Object.keys(SORT_KEYS)).default("name"),
          )
          .option("--reverse", "the last one first"),
      ),
    ),
  async run(session, options, words) {
    const cluster = await Cluster.open(session, options);
    try {
      const { all, unread } = await listed(cluster, options);
      const chosen = sorted(all.filter(filterOf(options, words)), options);
      const table = { columns: columnsFor(options), wide: WIDE };
      if (chosen.length > 0 || isForPrograms(options.output))
        await session.print(objectOutput(chosen, options.output, table));
      else session.say(nothingFound(all.length, options, cluster.namespace));
      if (unread === undefined) return EXIT.ok;
      session.say(`error: ${unread}`);
      return EXIT.failed;
    } finally {
      cluster.close();
    }
  },
});

/** With -A what may be listed, and a sentence on what may not. Rejects where nothing may be. */
async function listed(
  cluster: Cluster,
  { allNamespaces }: ListFlags,
): Promise<{ readonly all: readonly SSHKeyObject[]; readonly unread?: string }> {
  const here = cluster.namespace;
  if (allNamespaces !== true) return { all: await listSSHKeys(cluster, here) };
  const { items, namespaces } = await listReadable<SSHKeyObject>(cluster, sshKeysPath, async () => {
    const named = await orForbidden(cluster.list(NAMESPACES_PATH));
    return new Set([...(named ?? []).map(({ metadata }) => metadata.name), here]);
  });
  if (namespaces === undefined) return { all: items };
  // The API server says best why there is nothing to show.
  if (namespaces.length === 0) return { all: await listSSHKeys(cluster, undefined) };
  const looked = namespaces.join(", ");
  return {
    all: items,
    unread: `you may not list ${PLURAL}.${GROUP} in all namespaces: only those in ${looked} were looked at`,
  };
}

const STATE_WORDS = [...Object.keys(STATES), "Unknown"];

function toState(word: string): string {
  const found = STATE_WORDS.find((state) => state.toLowerCase() === word.toLowerCase());
  if (found === undefined) throw new InvalidArgumentError(`The STATEs are ${STATE_WORDS.join(", ")}.`);
  return found;
}

function toTime(text: string): number {
  const time = parseDuration(text);
  if (time === undefined) throw new InvalidArgumentError("Give a duration such as 24h or 90d.");
  return time;
}

function nothingFound(total: number, { allNamespaces }: ListFlags, namespace: string): string {
  const where = allNamespaces === true ? "any namespace" : `namespace ${namespace}`;
  return total === 0 ? `No SSHKeys in ${where}.` : `None of the ${total} SSHKeys in ${where} is such a one.`;
}

function filterOf(
  { user, state, unused }: ListFlags,
  words: readonly string[],
): (key: SSHKeyObject) => boolean {
  const wanted = words.map((word) => word.toLowerCase());
  const usedBefore = unused === undefined ? undefined : Date.now() - unused;
  return (key) => {
    const { metadata, spec, status = {} } = key;
    if (user !== undefined && spec.user !== user) return false;
    if (state !== undefined && stateOf(key) !== state) return false;
    if (usedBefore !== undefined && usedAt(key) > usedBefore) return false;
    const { comment, fingerprint, fingerprintMD5 } = status;
    const text = [metadata.name, spec.user, spec.title, comment, fingerprint, fingerprintMD5]
      .join("\n")
      .toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
}

/** What a list can be sorted by: each gives something that compares as it should. */
const SORT_KEYS = {
  name: (key: SSHKeyObject) => key.metadata.name,
  user: ({ spec }: SSHKeyObject) => spec.user,
  title: ({ spec }: SSHKeyObject) => spec.title ?? "",
  fingerprint: ({ status }: SSHKeyObject) => status?.fingerprint ?? "",
  length: ({ status }: SSHKeyObject) => status?.length ?? 0,
  created: ({ metadata }: SSHKeyObject) => createdAt(metadata),
  state: stateOf,
  used: usedAt,
} as const;

function usedAt({ metadata, status = {} }: SSHKeyObject): number {
  return unusedSince(status, createdAt(metadata), Date.now());
}

function sorted(keys: readonly SSHKeyObject[], { sort, reverse }: ListFlags): readonly SSHKeyObject[] {
  const keyOf = SORT_KEYS[sort];
  const order = (a: SSHKeyObject, b: SSHKeyObject) =>
    compared(keyOf(a), keyOf(b)) || compared(idOf(a), idOf(b));
  const inOrder = keys.toSorted(order);
  return reverse === true ? inOrder.reverse() : inOrder;
}

function compared(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function columnsFor({ allNamespaces }: ListFlags): readonly Column<SSHKeyObject>[] {
  const namespace = { title: "NAMESPACE", of: ({ metadata }: SSHKeyObject) => metadata.namespace };
  return allNamespaces === true ? [namespace, ...COLUMNS] : COLUMNS;
}

const COLUMNS: readonly Column<SSHKeyObject>[] = [
  { title: "NAME", of: ({ metadata }) => metadata.name },
  { title: "USER", of: ({ spec }) => spec.user },
  { title: "TITLE", of: ({ spec }) => spec.title },
  { title: "LENGTH", of: ({ status }) => status?.length?.toString() },
  { title: "FINGERPRINT", of: ({ status }) => status?.fingerprint },
  { title: "STATE", of: stateOf },
  { title: "AGE", of: ({ metadata }) => age(createdAt(metadata), Date.now()) },
];

const WIDE: readonly Column<SSHKeyObject>[] = [
  { title: "TYPE", of: ({ status }) => status?.type },
  { title: "MD5", of: ({ status }) => status?.fingerprintMD5 },
  { title: "COMMENT", of: ({ status }) => status?.comment },
  { title: "EXPIRES", of: ({ spec }) => spec.expiresAt },
  { title: "SECRET", of: ({ status }) => status?.secretName },
  { title: "ADVICE", of: (key) => adviceFor(key)?.reason },
  { title: "LAST USED", of: ({ status = {} }) => dayText(lastUse(status, Date.now())) },
];

function dayText(day: number | undefined): string | undefined {
  return day === undefined ? undefined : formatRFC3339(day).slice(0, "2027-01-31".length);
}
