import { Option } from "commander";
import { namespacedName } from "../api/object.ts";
import { sshKeysPath } from "../api/paths.ts";
import { printable } from "../ssh/unprintable.ts";
import { Cluster, ClusterError } from "./cluster.ts";
import { addClusterFlags, type ClusterFlags } from "./clusterflags.ts";
import { pluginCommand } from "./command.ts";
import type { ImportedKey, Manifest, Told } from "./importedkeys.ts";
import type { ImportFormat } from "./importformats.ts";
import { EXIT, PluginError, type Session } from "./session.ts";
import { findSSHKey, type SSHKeyObject } from "./sshkeys.ts";

interface ImportOptions extends ClusterFlags {
  readonly user?: string;
  readonly apply?: boolean;
  readonly dryRun?: "client" | "server";
}

const FORMATS: readonly ImportFormat[] = ["authorized_keys", "configmap", "secret", "foreman", "gitlab"];

export const importCommand = pluginCommand<ImportOptions>({
  name: "import",
  args: "<format> <files...>",
  summary: "Make SSHKeys of keys that were elsewhere until now",
  description: `Prints manifests, or creates the SSHKeys with --apply; one that is there already is never overwritten. Each line on standard error names a file and a line, and says what was left out there and why. A key is imported only if sshd would have taken it where it comes from.

The formats: authorized_keys is a file of sshd. Its options come along in their order, and expiry-time as the day on which the SSHKey expires. configmap and secret are manifests of such objects, of which each data key is a user and its content an authorized_keys file. foreman is what its API answers to a list of ssh_keys, to one of them and to one user, or the parameters of a host (ENC). gitlab is what its API answers for keys of users. The files are YAML or JSON, with - for standard input. Where they do not say whose a key is, --user does.

Nothing is asked of a cluster without --apply. Without -n the manifests have the namespace of the object they come from, if it has one.

The exit code is 0 if all has been imported, 1 if something was left out, and 2 if it could not be done. Keys behind a # and repetitions are told and count as nothing left out.`,
  examples: [
    {
      does: "the keys of alice, to look at",
      run: "import authorized_keys ~/.ssh/authorized_keys --user alice",
    },
    {
      does: "the keys of a ConfigMap that pods have mounted until now",
      run: "import configmap keys.yaml --apply",
    },
    { does: "what a Foreman knows of a user", run: "import foreman ssh_keys.json --user alice > keys.yaml" },
    {
      does: "what the API server would say",
      run: "import gitlab keys.json --user alice --apply --dry-run server",
    },
  ],
  addOptions: (command) =>
    addClusterFlags(
      command
        .option("--user <name>", "whose keys they are, where the files do not say it")
        .option("--apply", "create the SSHKeys instead of printing them")
        .addOption(
          new Option("--dry-run <how>", "with --apply: change nothing; client asks no cluster").choices([
            "client",
            "server",
          ]),
        ),
    ),
  async run(session, options, [format = "", ...files]) {
    const known = FORMATS.find((each) => each === format);
    if (known === undefined)
      throw new PluginError(`there is no format ${printable(format)}: the formats are ${FORMATS.join(", ")}`);
    const { keys, isLost } = await readAll(session, known, files, options);
    if (options.apply === true && options.dryRun !== "client") {
      const stdin = files.includes("-") ? "a file of keys" : undefined;
      const left = await applyAll(session, keys, options, stdin);
      return isLost || left > 0 ? EXIT.found : EXIT.ok;
    }
    if (options.apply === true)
      for (const { manifest } of keys) await session.print(`${nameOf(manifest)} created (dry run)`);
    else await printAll(session, keys);
    return isLost ? EXIT.found : EXIT.ok;
  },
});

/** Reads all files before anything is printed or created, and tells what is left out. */
async function readAll(
  session: Session,
  format: ImportFormat,
  files: readonly string[],
  { user, namespace }: ImportOptions,
): Promise<{ readonly keys: readonly ImportedKey[]; readonly isLost: boolean }> {
  const { IMPORT_FORMATS } = await import("./importformats.ts");
  const { ImportedKeys } = await import("./importedkeys.ts");
  const { inputName, inputText } = await import("./input.ts");
  const imported = new ImportedKeys({
    ...(user === undefined ? {} : { user }),
    ...(namespace === undefined ? {} : { namespace }),
  });
  const keys: ImportedKey[] = [];
  let isLost = false;
  for (const file of files) {
    const text = await inputText(session, file);
    const name = inputName(file);
    for (const source of IMPORT_FORMATS[format](name, text)) {
      for (const found of imported.read(source)) {
        if ("manifest" in found) keys.push(found);
        else {
          tell(session, found);
          if (found.lost) isLost = true;
        }
      }
    }
  }
  if (keys.length === 0 && !isLost) session.say("There is no key in it.");
  return { keys, isLost };
}

function tell(session: Session, { place, text, lost }: Told): void {
  session.say(`${printable(place)}: ${lost ? "left out: " : ""}${printable(text)}`);
}

async function printAll(session: Session, keys: readonly ImportedKey[]): Promise<void> {
  const { stringify } = await import("yaml");
  for (const { manifest } of keys) {
    // kubectl reads YAML 1.1, in which a plain on, 012 or 1_000 is no string.
    const text = stringify(manifest, {
      defaultStringType: "QUOTE_DOUBLE",
      defaultKeyType: "PLAIN",
      lineWidth: 0,
    });
    await session.print(`---\n${text}`);
  }
}

/** Creates the SSHKeys; gives how many could not be. Rejects if that is all of them. */
async function applyAll(
  session: Session,
  keys: readonly ImportedKey[],
  options: ImportOptions,
  stdin: string | undefined,
): Promise<number> {
  if (keys.length === 0) return 0;
  const dryRun = options.dryRun === "server";
  const cluster = await Cluster.open(session, options, stdin);
  let left = 0;
  let refusal = "";
  try {
    for (const { place, manifest } of keys) {
      const { namespace = cluster.namespace } = manifest.metadata;
      const object = { ...manifest, metadata: { ...manifest.metadata, namespace } };
      try {
        const outcome = await applyOne(cluster, object, namespace, dryRun);
        await session.print(`${nameOf(manifest)} ${outcome}${dryRun ? " (server dry run)" : ""}`);
      } catch (error) {
        if (!(error instanceof ClusterError) || !REFUSED.has(error.code)) throw error;
        left += 1;
        refusal = error.message;
        tell(session, { place, text: refusal, lost: true });
      }
    }
  } finally {
    cluster.close();
  }
  if (left === keys.length) throw new PluginError("the API server has taken none of the keys; see above why");
  return left;
}

/** What the API server says of one object, and not of all that is asked of it. */
const REFUSED: ReadonlySet<string> = new Set([
  "AlreadyExists",
  "Forbidden",
  "Invalid",
  "BadRequest",
  "NotFound",
]);

async function applyOne(
  cluster: Cluster,
  object: Manifest,
  namespace: string,
  dryRun: boolean,
): Promise<"created" | "unchanged"> {
  try {
    await cluster.create(sshKeysPath(namespace), object, { dryRun });
    return "created";
  } catch (error) {
    if (!(error instanceof ClusterError) || error.code !== "AlreadyExists") throw error;
    const there = await findSSHKey(cluster, namespace, object.metadata.name);
    if (there !== undefined && isSame(there, object)) return "unchanged";
    const name = namespacedName({ namespace, name: object.metadata.name });
    throw new ClusterError(
      "AlreadyExists",
      `SSHKey ${name} is there already and says something else: compare the two, and change that one if it should be like this`,
    );
  }
}

function isSame({ spec }: SSHKeyObject, { spec: wanted }: Manifest): boolean {
  const facts = ({ user, key, title, options = [], expiresAt }: Manifest["spec"]) =>
    JSON.stringify([user, key.trim(), title, options, expiresAt]);
  return facts(spec) === facts(wanted);
}

function nameOf({ metadata }: Manifest): string {
  return `sshkey.sshkey-operator.dev/${metadata.name}`;
}
