import type { SSHKeySpec } from "../api/sshkey.generated.ts";
import { parseRFC3339 } from "../api/time.ts";
import { addForceGitOps, type GitOpsFlags, heedKeeper, IN_SOURCE } from "./changes/gitops.ts";
import { exchange } from "./changes/rotation.ts";
import { addTimeout, parseTimeout } from "./changes/waiting.ts";
import { addDryRun, type WritingFlags } from "./changes/writing.ts";
import { Cluster } from "./cluster/cluster.ts";
import { addClusterFlags, type ClusterFlags } from "./cluster/clusterflags.ts";
import { blobOf, getSSHKey, inNamespace, listSSHKeys, type SSHKeyObject } from "./cluster/sshkeys.ts";
import { pluginCommand } from "./command.ts";
import { addKeyFields, fieldsOf, type KeyFieldFlags } from "./givenkeys/keyfields.ts";
import { addAgent, givenKeys, type KeySourceFlags } from "./givenkeys/keysource.ts";
import type { GivenKey } from "./givenkeys/keytext.ts";
import { type NewSSHKey, specOf } from "./givenkeys/newsshkey.ts";
import { addProofFlags, type ProofFlags, proofFor, readsStdin } from "./givenkeys/proofflags.ts";
import { EXIT, PluginError, type Session } from "./session/session.ts";
import { removalWarningsOf } from "./whereabouts/losers.ts";

interface RotateFlags
  extends ClusterFlags,
    KeyFieldFlags,
    ProofFlags,
    WritingFlags,
    GitOpsFlags,
    Pick<KeySourceFlags, "agent"> {
  readonly key?: string;
  readonly name?: string;
  readonly timeout: string;
}

export const rotate = pluginCommand<RotateFlags>({
  name: "rotate",
  args: "<name>",
  summary: "Replace a key by a new one of the same user, without a moment with neither",
  description:
    "Adds the new key as an SSHKey of its own, waits until it is in its Secret, and then deletes the old one. Title, options and expiry stay unless they are given; a proof is of one key and does not. Pods that have the old key until they are restarted are told of on standard error. If the new key is refused, if nothing is said of it in time, or on Ctrl-C before the old one is deleted, the new one is taken back and the old one stays as it was.\n\nExit code 1: the new key was refused, with the reason on standard error, and taken back.",
  examples: [
    {
      does: "a new key in place of the one of the old laptop",
      run: "rotate alice-laptop --key ~/.ssh/id_ed25519.pub",
    },
    {
      does: "the same with a proof, and an expiry of its own",
      run: "rotate alice-laptop --key ~/.ssh/id_ed25519.pub --prove --expires-in 365d",
    },
  ],
  addOptions: (command) =>
    addClusterFlags(
      addForceGitOps(
        addTimeout(
          addDryRun(
            addProofFlags(
              addKeyFields(
                addAgent(
                  command.option("--key <file>", "the .pub file of the new key; - for standard input"),
                ).option("--name <name>", "name of the new SSHKey (default: made of user, title and key)"),
              ),
            ),
          ),
        ),
      ),
    ),
  async run(session, flags, [name = ""]) {
    const timeoutMs = parseTimeout(flags.timeout);
    if (flags.key === undefined && flags.agent === undefined)
      throw new PluginError("give the new key: its .pub file with --key, or --agent");
    const stdin = readsStdin(flags.key, flags);
    const [key] = (
      await givenKeys(session, flags.key, flags.agent === undefined ? {} : { agent: flags.agent })
    ).keys;
    if (key === undefined) throw new PluginError("there is no key: give its .pub file with --key");
    const cluster = await Cluster.open(session, flags, stdin);
    try {
      const old = await getSSHKey(cluster, name);
      heedKeeper(session, old, `add the new key, and remove the old one when it works, ${IN_SOURCE}`, flags);
      await heedKeys(cluster, old, key);
      const made = await madeFrom(session, old, key, flags);
      const warnings = await removalWarningsOf(session, cluster, old);
      const code = await exchange(session, cluster, { old, made, timeoutMs, flags });
      if (code === EXIT.ok) for (const warning of warnings) session.say(warning);
      return code;
    } finally {
      cluster.close();
    }
  },
});

/** Rejects where there is nothing to replace, or the new key stands there already. */
async function heedKeys(cluster: Cluster, old: SSHKeyObject, key: GivenKey): Promise<void> {
  const { name } = old.metadata;
  if (old.spec.disabled === true)
    throw new PluginError(
      `${name} is disabled: add the new key with \`kubectl sshkey add\`, and delete ${name}`,
    );
  const blob = key.blob.toString("base64");
  const isNew = (each: SSHKeyObject) => blobOf(each) === blob;
  if (isNew(old)) throw new PluginError(`${name} has this very key: give the .pub file of the new one`);
  const there = (await listSSHKeys(cluster, cluster.namespace)).find(isNew);
  if (there === undefined) return;
  throw new PluginError(
    `the new key is there as SSHKey ${there.metadata.name} already: if that works, delete the old one with \`${inNamespace(`delete ${name}`, cluster.namespace)}\``,
  );
}

async function madeFrom(
  session: Session,
  { metadata, spec: old }: SSHKeyObject,
  key: GivenKey,
  flags: RotateFlags,
): Promise<NewSSHKey> {
  const { user, title, options, expiresAt } = old;
  const kept = {
    ...(title === undefined ? {} : { title }),
    ...(options === undefined ? {} : { options }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
  const now = Date.now();
  const fields: Partial<SSHKeySpec> = { ...kept, ...fieldsOf(flags, now) };
  const expiry = fields.expiresAt === undefined ? undefined : parseRFC3339(fields.expiresAt);
  if (expiry !== undefined && expiry <= now)
    throw new PluginError(
      `${metadata.name} has expired, and the new key would have with it: give --expires-in or --expires-at`,
    );
  const withoutProof = specOf(key, user, fields);
  const what = { user, key, namespace: flags.proofNamespace, publicFile: key.file };
  const proof = await proofFor(session, what, flags);
  const spec = proof === undefined ? withoutProof : { ...withoutProof, proof };
  return { key, spec, name: flags.name };
}
