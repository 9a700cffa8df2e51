import { setImmediate } from "node:timers/promises";
import { printable } from "../ssh/unprintable.ts";
import { addDryRun, doneTo, type WritingFlags } from "./changes/writing.ts";
import { Cluster, ClusterError } from "./cluster/cluster.ts";
import { addClusterFlags, type ClusterFlags } from "./cluster/clusterflags.ts";
import { pluginCommand, userOption } from "./command.ts";
import type { ImportFormat } from "./import/formats.ts";
import type { ImportedKey, Told } from "./import/importedkeys.ts";
import { counted } from "./output/counted.ts";
import { EXIT, PluginError, type Session } from "./session/session.ts";

interface ImportFlags extends ClusterFlags, WritingFlags {
  readonly user?: string;
  readonly apply?: boolean;
}

const FORMATS: readonly ImportFormat[] = ["authorized_keys", "configmap", "secret", "foreman", "gitlab"];

export const importCommand = pluginCommand<ImportFlags>({
  name: "import",
  args: "<format> <files...>",
  choices: FORMATS,
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
      addDryRun(
        command
          .addOption(userOption("whose keys they are, where the files do not say it"))
          .option("--apply", "create the SSHKeys instead of printing them"),
      ),
    ),
  async run(session, options, [format = "", ...files]) {
    const known = FORMATS.find((each) => each === format);
    if (known === undefined)
      throw new PluginError(`there is no format ${printable(format)}: the formats are ${FORMATS.join(", ")}`);
    if (options.apply !== true && options.dryRun === "server")
      throw new PluginError("--dry-run=server asks the API server, which only --apply does: give that, too");
    const { keys, isLost } = await readAll(session, known, files, options);
    if (options.apply !== true || options.dryRun === "client") {
      await printAll(session, keys);
      return isLost ? EXIT.found : EXIT.ok;
    }
    const left = await applyAll(session, keys, options, files.includes("-") ? "a file of keys" : undefined);
    return isLost || left > 0 ? EXIT.found : EXIT.ok;
  },
});

/** How many keys are read at a stretch, before it is seen whether the person has stopped it. */
const BEFORE_PAUSE = 500;

/** Reads all files before anything is printed or created, and tells what is left out. */
async function readAll(
  session: Session,
  format: ImportFormat,
  files: readonly string[],
  { user, namespace }: ImportFlags,
): Promise<{ readonly keys: readonly ImportedKey[]; readonly isLost: boolean }> {
  const { IMPORT_FORMATS } = await import("./import/formats.ts");
  const { ImportedKeys } = await import("./import/importedkeys.ts");
  const { inputName, inputText, MANY_KEYS } = await import("./session/input.ts");
  const imported = new ImportedKeys({
    ...(user === undefined ? {} : { user }),
    ...(namespace === undefined ? {} : { namespace }),
  });
  const keys: ImportedKey[] = [];
  let isLost = false;
  let count = 0;
  const end = session.begin(() => `reading: ${counted(count, "key", "keys")}`);
  try {
    for (const file of files) {
      const text = await inputText(session, file, MANY_KEYS);
      const name = inputName(file);
      for (const source of IMPORT_FORMATS[format](name, text)) {
        for (const found of imported.read(source)) {
          count += 1;
          if (count % BEFORE_PAUSE === 0) await setImmediate(undefined, { signal: session.signal });
          if ("made" in found) keys.push(found);
          else {
            tell(session, found);
            if (found.lost) isLost = true;
          }
        }
      }
    }
  } finally {
    end();
  }
  if (keys.length === 0 && !isLost) session.say("There is no key in it.");
  return { keys, isLost };
}

function tell(session: Session, { place, text, lost }: Told): void {
  session.say(`${printable(place)}: ${lost ? "left out: " : ""}${printable(text)}`);
}

async function printAll(session: Session, keys: readonly ImportedKey[]): Promise<void> {
  const { manifestOf } = await import("./givenkeys/newsshkey.ts");
  const { yamlText } = await import("./output/yamltext.ts");
  for (const { made, namespace } of keys)
    await session.print(`---\n${yamlText(manifestOf(made, namespace))}`);
}

/** Creates the SSHKeys; gives how many could not be. Rejects if that is all of them. */
async function applyAll(
  session: Session,
  keys: readonly ImportedKey[],
  options: ImportFlags,
  stdin: string | undefined,
): Promise<number> {
  if (keys.length === 0) return 0;
  const { createSSHKey } = await import("./givenkeys/newsshkey.ts");
  const dryRun = options.dryRun === "server";
  const cluster = await Cluster.open(session, options, stdin);
  let [left, done] = [0, 0];
  const end = session.begin(() => `creating: ${done} of ${counted(keys.length, "SSHKey", "SSHKeys")}`);
  try {
    for (const { place, made, namespace } of keys) {
      try {
        const { object, isKnown } = await createSSHKey(cluster, made, { dryRun, namespace });
        await session.print(doneTo(object, isKnown ? "unchanged" : "created", options));
      } catch (error) {
        if (!isOfOneObject(error)) throw error;
        left += 1;
        tell(session, { place, text: error.message, lost: true });
      }
      done += 1;
    }
  } finally {
    end();
    cluster.close();
  }
  if (left === keys.length)
    throw new PluginError("none of the keys could be created: see above why, and import them again");
  return left;
}

/** Is it about one object, and not about all that is asked of the API server? */
function isOfOneObject(error: unknown): error is PluginError {
  if (error instanceof ClusterError) return REFUSED.has(error.code);
  return error instanceof PluginError;
}

const REFUSED: ReadonlySet<string> = new Set(["Forbidden", "Invalid", "BadRequest", "NotFound"]);
