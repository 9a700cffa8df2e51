import type { SSHKeyCondition } from "../api/sshkey.generated.ts";
import { isProvable } from "../claims/proof.ts";
import { parsePublicKey } from "../ssh/publickey.ts";
import { printable } from "../ssh/unprintable.ts";
import { addForceGitOps, type GitOpsFlags, heedKeeper, IN_SOURCE, keeperOf } from "./changes/gitops.ts";
import { whileUnchanged } from "./changes/unchanged.ts";
import {
  addWaiting,
  isJudged,
  isRefusal,
  parseTimeout,
  toldState,
  untilJudged,
  type WaitingFlags,
} from "./changes/waiting.ts";
import { addDryRun, doneTo, type WritingFlags } from "./changes/writing.ts";
import { Cluster } from "./cluster/cluster.ts";
import { addClusterFlags, type ClusterFlags } from "./cluster/clusterflags.ts";
import { getSSHKey, inNamespace, type SSHKeyObject, sshKeyPath, stateOf } from "./cluster/sshkeys.ts";
import { pluginCommand } from "./command.ts";
import { checkedProof, commandFor, type Provable, sign } from "./givenkeys/possessionproof.ts";
import { addProofNamespace, type ProofFlags } from "./givenkeys/proofflags.ts";
import { inputText, ONE_KEY } from "./session/input.ts";
import { EXIT, type ExitCode, PluginError, type Session } from "./session/session.ts";

interface ProveFlags
  extends ClusterFlags,
    WritingFlags,
    WaitingFlags,
    GitOpsFlags,
    Pick<ProofFlags, "proof" | "proofNamespace"> {
  readonly run?: boolean;
  readonly key?: string;
}

export const prove = pluginCommand<ProveFlags>({
  name: "prove",
  args: "<name>",
  summary: "Prove that the user has the private key of an SSHKey",
  description:
    "Prints the `ssh-keygen` command that makes the proof, a signature of the user's name. With --run it is run: with the key in ~/.ssh whose .pub file this is, with the one in ssh-agent, or with that of --key, which is named to ssh-keygen and read by nobody else. With --proof the proof that the command has printed is taken. Either is verified before it is stored in `spec.proof`. Of an SSHKey that Flux, Argo CD or Helm keeps, the proof is printed instead, to stand in the source.\n\nExit code 1: the proof was stored, and the operator does not accept it.",
  examples: [
    { does: "the command, to be run where the private key is", run: "prove alice-laptop" },
    { does: "everything at once, with the key here or in ssh-agent", run: "prove alice-laptop --run" },
    { does: "with a key in another file", run: "prove alice-laptop --run --key ~/keys/laptop" },
    { does: "what was made elsewhere", run: "prove alice-laptop --proof laptop.proof" },
  ],
  addOptions: (command) =>
    addClusterFlags(
      addForceGitOps(
        addWaiting(
          addDryRun(
            addProofNamespace(
              command
                .option(
                  "--run",
                  "run ssh-keygen, which may ask for a passphrase or a touch, and store the proof",
                )
                .option("--key <file>", "with --run: the file of the private key, for ssh-keygen alone")
                .option("--proof <file>", "store the proof in this file; - for standard input"),
            ),
          ),
        ),
      ),
    ),
  async run(session, flags, [name = ""]) {
    heedFlags(flags);
    const timeoutMs = parseTimeout(flags.timeout);
    const given = flags.proof === undefined ? undefined : await inputText(session, flags.proof, ONE_KEY);
    const cluster = await Cluster.open(session, flags, flags.proof === "-" ? "the proof" : undefined);
    try {
      const sshKey = await getSSHKey(cluster, name);
      const what = provableOf(sshKey, flags.proofNamespace);
      if (given === undefined && flags.run !== true) return await printCommand(session, sshKey, what);
      // Whoever made the SSHKey chose the user, and who signs that gives the key away.
      if (given === undefined)
        session.say(`signing that the key is of user ${JSON.stringify(what.user)}: Ctrl-C if it is not`);
      const proof = given === undefined ? await sign(session, what, flags.key) : checkedProof(given, what);
      return await store(session, cluster, sshKey, proof, timeoutMs, flags);
    } finally {
      cluster.close();
    }
  },
});

function heedFlags({ run, key, proof }: ProveFlags): void {
  if (run === true && proof !== undefined)
    throw new PluginError("--run makes a proof and --proof gives one: give one of them");
  if (key !== undefined && run !== true)
    throw new PluginError("--key is for ssh-keygen: give --run with it, so that it is run");
}

function provableOf({ metadata, spec }: SSHKeyObject, proofNamespace: string): Provable {
  const { name, namespace = "" } = metadata;
  const parsed = parsePublicKey(spec.key);
  if (parsed.ok) {
    const facts = { ...parsed.value, base64: parsed.value.blob.toString("base64"), options: "" };
    if (!isProvable(facts))
      throw new PluginError(
        `no signature by the key of ${name} would prove anything: put another one in its place with \`${inNamespace(`rotate ${name} --key FILE`, namespace)}\``,
      );
    return { user: spec.user, key: parsed.value, namespace: proofNamespace };
  }
  throw new PluginError(`${name} has no valid key, which is to be mended first: ${parsed.refusal.message}`);
}

async function printCommand(session: Session, { metadata }: SSHKeyObject, what: Provable): Promise<ExitCode> {
  await session.print(commandFor(what));
  const { name, namespace = "" } = metadata;
  session.say(
    `Run it where the private key is, with its file behind -f, and store what it prints: ${inNamespace(`prove ${name} --proof FILE`, namespace)}`,
  );
  return EXIT.ok;
}

async function store(
  session: Session,
  cluster: Cluster,
  sshKey: SSHKeyObject,
  proof: string,
  timeoutMs: number,
  flags: ProveFlags,
): Promise<ExitCode> {
  // Made and verified already: so it can stand where it belongs.
  if (keeperOf(sshKey) !== undefined && flags.forceGitops !== true) await session.print(proof);
  heedKeeper(session, sshKey, `put the proof into spec.proof ${IN_SOURCE}`, flags);
  const after = flags.dryRun === "client" ? sshKey : await withProof(cluster, sshKey, proof, flags);
  await session.print(doneTo(sshKey, "proven", flags));
  if (!flags.wait || flags.dryRun !== "none") return EXIT.ok;
  const seen = await untilJudged(session, cluster, after, timeoutMs, isProofJudged);
  session.say(toldState(seen));
  const { status, message = "" } = provenOf(seen) ?? {};
  if (message !== "") session.say(printable(message));
  if (!isProofJudged(seen)) return EXIT.failed;
  return status === "True" && !isRefusal(stateOf(seen)) ? EXIT.ok : EXIT.found;
}

async function withProof(
  cluster: Cluster,
  sshKey: SSHKeyObject,
  proof: string,
  { dryRun }: WritingFlags,
): Promise<SSHKeyObject> {
  const { namespace = cluster.namespace, name } = sshKey.metadata;
  // Of another key or user it would be no proof.
  return await whileUnchanged(cluster, sshKey, async (version) => {
    const patch = { metadata: version, spec: { proof } };
    return await cluster.patch<SSHKeyObject>(sshKeyPath(namespace, name), patch, {
      dryRun: dryRun === "server",
    });
  });
}

/** Whatever else is wrong with the key, it is said before its proof is looked at. */
function isProofJudged(key: SSHKeyObject): boolean {
  return isJudged(key) && (provenOf(key)?.status !== "Unknown" || isRefusal(stateOf(key)));
}

function provenOf({ status }: SSHKeyObject): SSHKeyCondition | undefined {
  return status?.conditions?.find(({ type }) => type === "Proven");
}
