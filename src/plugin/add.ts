import type { SSHKeySpec } from "../api/sshkey.generated.ts";
import { printable } from "../ssh/unprintable.ts";
import {
  addWaiting,
  isJudged,
  isRefusal,
  messageOf,
  parseTimeout,
  toldState,
  untilJudged,
  type WaitingFlags,
} from "./changes/waiting.ts";
import { addDryRun, confirm, doneTo, type WritingFlags } from "./changes/writing.ts";
import { Cluster } from "./cluster/cluster.ts";
import { addClusterFlags, type ClusterFlags } from "./cluster/clusterflags.ts";
import { addObjectOutput, isForPrograms, namedOutput, type Output } from "./cluster/objectoutput.ts";
import { inNamespace, type SSHKeyObject, stateOf } from "./cluster/sshkeys.ts";
import { pluginCommand, userOption } from "./command.ts";
import { described, listed } from "./givenkeys/keychoice.ts";
import { addKeyFields, fieldsOf, type KeyFieldFlags } from "./givenkeys/keyfields.ts";
import { addKeySource, givenKeys, type KeySourceFlags } from "./givenkeys/keysource.ts";
import type { GivenKey } from "./givenkeys/keytext.ts";
import { createSSHKey, manifestOf, type NewSSHKey, specOf, titleFrom } from "./givenkeys/newsshkey.ts";
import { addProofFlags, type ProofFlags, proofFor, readsStdin } from "./givenkeys/proofflags.ts";
import { EXIT, type ExitCode, PluginError, type Session } from "./session/session.ts";

interface AddFlags
  extends ClusterFlags,
    KeySourceFlags,
    KeyFieldFlags,
    ProofFlags,
    WritingFlags,
    WaitingFlags {
  readonly user?: string;
  readonly name?: string;
  readonly yes?: boolean;
  readonly output?: Output;
}

export const add = pluginCommand<AddFlags>({
  name: "add",
  args: "[file]",
  summary: "Make an SSHKey of a public key and say whether it works",
  description:
    'The key is that of a .pub file, of standard input (-), of ssh-agent or of a published list. A public key in PEM, PKCS#8, RFC 4716 (PuTTY\'s "Save public key", ssh.com) or as a JSON Web Key is converted and shown; a private key is never read beyond its first lines. What a published list says is shown, and asked about in a terminal, before anything is sent. The name of the SSHKey is made of user, title and key, and nothing is overwritten: a key that is there already, just the same, stays as it is.\n\nExit code 0: the key works; 1: it stands there and is refused, with the reason on standard error; 2: it could not be added, or nothing was said of it in time.\n\nWith -o json or yaml one SSHKey is printed as the object that it is, and several as a List.',
  examples: [
    { does: "your own key", run: "add ~/.ssh/id_ed25519.pub" },
    { does: "a key of alice that lives for 90 days", run: "add alice.pub --user alice --expires-in 90d" },
    { does: "the key in ssh-agent with laptop in its comment, proven", run: "add --agent laptop --prove" },
    {
      does: "a manifest for the git repository, without a cluster",
      run: "add alice.pub --user alice -n team-a --dry-run=client -o yaml",
    },
    {
      does: "what alice publishes, after a look at it",
      run: "add --from-url https://github.com/alice.keys --user alice",
    },
  ],
  addOptions: (command) =>
    addClusterFlags(
      addWaiting(
        addDryRun(
          addObjectOutput(
            addProofFlags(
              addKeyFields(
                addKeySource(
                  command
                    .addOption(userOption("whose key it is (default: who you are to the cluster)"))
                    .option("--name <name>", "name of the SSHKey (default: made of user, title and key)"),
                ),
              ),
            ),
          ).option("-y, --yes", "do not ask before keys of a published list are sent"),
        ),
      ),
    ),
  async run(session, options, [file]) {
    const timeoutMs = parseTimeout(options.timeout);
    const stdin = readsStdin(file, options);
    const given = await givenKeys(session, file, options);
    heedSeveral(given.keys.length, options);
    if (given.isForeign)
      session.say(
        `${options.fromUrl} lists ${given.keys.length === 1 ? "one key" : `${given.keys.length} keys`}:\n${listed(given.keys)}`,
      );
    if (options.dryRun === "client" && options.user !== undefined) {
      const made = await madeOf(session, given.keys, options.user, options);
      return await printManifests(session, made, options.namespace, options);
    }
    const opening = Cluster.open(session, options, stdin);
    const cluster = await (options.dryRun === "client" ? opening.catch(explainDryRun) : opening);
    try {
      const user = options.user ?? (await ownUser(cluster));
      const made = await madeOf(session, given.keys, user, options);
      if (options.dryRun === "client") return await printManifests(session, made, cluster.namespace, options);
      if (given.isForeign) await confirmForeign(session, given.keys, user, options);
      return await send(session, cluster, made, timeoutMs, options);
    } finally {
      cluster.close();
    }
  },
});

/** What is of one key cannot be said of several. */
function heedSeveral(count: number, { name, proof, prove }: AddFlags): void {
  if (count === 1) return;
  const of = name !== undefined ? "--name" : proof !== undefined ? "--proof" : prove ? "--prove" : undefined;
  if (of === undefined) return;
  throw new PluginError(`${of} is for one key and these are ${count}: choose one with --only WORD`);
}

/** The cluster was to say who the person is, and nothing else. */
function explainDryRun(error: unknown): never {
  if (!(error instanceof PluginError)) throw error;
  throw new PluginError(`${error.message}; or say whose key it is with --user NAME, which needs no cluster`);
}

/** Who the person is to the cluster, if that is a person. */
async function ownUser(cluster: Cluster): Promise<string> {
  const name = await cluster.userName();
  if (name !== "" && !name.startsWith("system:")) return name;
  throw new PluginError(
    `to the cluster you are ${name === "" ? "nobody" : printable(name)}, which is no person: say whose key it is with --user NAME`,
  );
}

async function madeOf(
  session: Session,
  keys: readonly GivenKey[],
  user: string,
  options: AddFlags,
): Promise<readonly NewSSHKey[]> {
  const fields = fieldsOf(options, Date.now());
  const made: NewSSHKey[] = [];
  for (const key of keys) {
    const withoutProof: SSHKeySpec = specOf(key, user, { ...titleFrom(key), ...fields });
    const what = { user, key, namespace: options.proofNamespace, publicFile: key.file };
    const proof = await proofFor(session, what, options);
    const spec = proof === undefined ? withoutProof : { ...withoutProof, proof };
    made.push({ key, spec, name: options.name });
  }
  return made;
}

async function printManifests(
  session: Session,
  made: readonly NewSSHKey[],
  namespace: string | undefined,
  options: AddFlags,
): Promise<ExitCode> {
  const objects = made.map((each) => manifestOf(each, namespace) as SSHKeyObject);
  const lines = objects.map((object) => doneTo(object, "created", options));
  await session.print(namedOutput(objects, options.output, lines));
  return EXIT.ok;
}

async function confirmForeign(
  session: Session,
  keys: readonly GivenKey[],
  user: string,
  { yes, dryRun }: AddFlags,
): Promise<void> {
  if (yes === true || dryRun === "server") return;
  if (!session.isInteractive)
    throw new PluginError("keys of a published list are not sent unseen: look at them above, and give --yes");
  const what = keys.length === 1 ? "this key" : `these ${keys.length} keys`;
  await confirm(session, `Add ${what} for ${printable(user)}?`, "nothing was added");
}

/** Makes them all before it waits for any. What cannot be made of several holds up none of the others. */
async function send(
  session: Session,
  cluster: Cluster,
  made: readonly NewSSHKey[],
  timeoutMs: number,
  options: AddFlags,
): Promise<ExitCode> {
  const dryRun = options.dryRun === "server";
  let code: ExitCode = EXIT.ok;
  const created: SSHKeyObject[] = [];
  for (const each of made) {
    try {
      const { object, isKnown } = await createSSHKey(cluster, each, { dryRun });
      created.push(object);
      if (isForPrograms(options.output)) continue;
      await session.print(doneTo(object, isKnown ? "unchanged" : "created", options));
    } catch (error) {
      if (!(error instanceof PluginError) || made.length === 1 || session.signal.aborted) throw error;
      session.say(`error: ${described(each.key)}: ${error.message}`);
      code = EXIT.failed;
    }
  }
  const seen = options.wait && !dryRun ? await judged(session, cluster, created, timeoutMs) : undefined;
  if (isForPrograms(options.output)) await session.print(namedOutput(seen ?? created, options.output, []));
  return (seen ?? []).map(codeOf).reduce(worse, code);
}

async function judged(
  session: Session,
  cluster: Cluster,
  created: readonly SSHKeyObject[],
  timeoutMs: number,
): Promise<readonly SSHKeyObject[]> {
  const until = performance.now() + timeoutMs;
  const seen: SSHKeyObject[] = [];
  try {
    for (const object of created) {
      const latest = await untilJudged(session, cluster, object, Math.max(1, until - performance.now()));
      session.say(toldState(latest));
      if (isJudged(latest) && isRefusal(stateOf(latest))) session.say(wayOut(latest));
      seen.push(latest);
    }
    return seen;
  } catch (error) {
    if (!session.signal.aborted) throw error;
    const names = created.map(({ metadata }) => metadata.name).join(", ");
    session.say(
      `added all the same: ${names}; \`${inNamespace("list", cluster.namespace)}\` shows what becomes of it`,
    );
    throw error;
  }
}

/** What a person can do about an SSHKey that is refused and stands there all the same. */
function wayOut(key: SSHKeyObject): string {
  const { name, namespace = "" } = key.metadata;
  // Where a proof helps, the operator names the command that makes one.
  const proof = messageOf(key).includes("ssh-keygen -Y sign")
    ? `\`${inNamespace(`prove ${name} --run`, namespace)}\` proves it, with the private key here or in ssh-agent; `
    : "";
  return `${proof}\`${inNamespace(`delete ${name}`, namespace)}\` takes it back`;
}

function codeOf(key: SSHKeyObject): ExitCode {
  if (!isJudged(key)) return EXIT.failed;
  return isRefusal(stateOf(key)) ? EXIT.found : EXIT.ok;
}

function worse(one: ExitCode, other: ExitCode): ExitCode {
  return one > other ? one : other;
}
