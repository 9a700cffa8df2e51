import { type Cluster, ClusterError } from "../cluster/cluster.ts";
import {
  blobOf,
  inNamespace,
  listSSHKeys,
  type SSHKeyObject,
  sshKeyPath,
  stateOf,
} from "../cluster/sshkeys.ts";
import { createSSHKey, manifestOf, type NewSSHKey } from "../givenkeys/newsshkey.ts";
import { EXIT, type ExitCode, PluginError, type Session } from "../session/session.ts";
import { whileUnchanged } from "./unchanged.ts";
import { isJudged, isRefusal, toldState, untilJudged } from "./waiting.ts";
import { doneTo, type WritingFlags } from "./writing.ts";

/** After Ctrl-C a write that is under way has so long to say what became of it, in ms. */
const LAST_WORDS_MS = 700;

/** How long taking back may take, in ms; a second Ctrl-C ends it. */
const UNDO_MS = 10_000;

export interface Exchange {
  readonly old: SSHKeyObject;
  readonly made: NewSSHKey;
  readonly timeoutMs: number;
  readonly flags: WritingFlags;
}

/** Adds the new one, waits until it works, deletes the old one. Takes the new one back if it comes to no such end. */
export async function exchange(
  session: Session,
  cluster: Cluster,
  { old, made, timeoutMs, flags }: Exchange,
): Promise<ExitCode> {
  if (flags.dryRun !== "none") return await rehearse(session, cluster, old, made, flags);
  const fresh = await created(session, cluster, made);
  let seen: SSHKeyObject;
  try {
    await session.print(doneTo(fresh, "created", flags));
    seen = await untilJudged(session, cluster, fresh, timeoutMs);
    session.say(toldState(seen));
    if (session.signal.aborted) throw new PluginError("stopped");
  } catch (error) {
    await takeBack(session, cluster, fresh, old);
    throw error;
  }
  if (!isJudged(seen) || isRefusal(stateOf(seen))) {
    await takeBack(session, cluster, fresh, old);
    return isJudged(seen) ? EXIT.found : EXIT.failed;
  }
  try {
    await removeOld(session, cluster, old);
  } catch (error) {
    const { name } = old.metadata;
    const why = error instanceof PluginError ? error.message : String(error);
    session.say(
      `error: ${fresh.metadata.name} works, and ${name} is not known to be deleted (${why}): look at both with \`${inNamespace("list", cluster.namespace)}\`, and delete ${name} with \`${inNamespace(`delete ${name}`, cluster.namespace)}\``,
    );
    return session.signal.aborted ? EXIT.stopped : EXIT.failed;
  }
  await session.print(doneTo(old, "deleted", flags));
  return EXIT.ok;
}

async function rehearse(
  session: Session,
  cluster: Cluster,
  old: SSHKeyObject,
  made: NewSSHKey,
  flags: WritingFlags,
): Promise<ExitCode> {
  let object = manifestOf(made, cluster.namespace) as SSHKeyObject;
  if (flags.dryRun === "server") {
    object = (await createSSHKey(cluster, made, { dryRun: true })).object;
    const { name, uid } = old.metadata;
    await cluster.delete(sshKeyPath(cluster.namespace, name), { uid, dryRun: true });
  }
  await session.print(`${doneTo(object, "created", flags)}\n${doneTo(old, "deleted", flags)}`);
  return EXIT.ok;
}

/** Creates it. Where the answer is lost, what was made all the same is found, and taken back. */
async function created(session: Session, cluster: Cluster, made: NewSSHKey): Promise<SSHKeyObject> {
  try {
    const { object, isKnown } = await createSSHKey(cluster, made, { signal: lateSignal(session.signal) });
    if (!isKnown) return object;
  } catch (error) {
    const isLost = error instanceof ClusterError && LOST.has(error.code);
    if (isLost) await takeBackLost(session, cluster, made);
    throw error;
  }
  // To take it back would be to delete what somebody else made.
  throw new PluginError(
    `somebody has added the new key meanwhile: look at it with \`${inNamespace("list", cluster.namespace)}\``,
  );
}

const LOST: ReadonlySet<string> = new Set(["Aborted", "Disconnected", "Idle", "Timeout"]);

/** Before, no SSHKey had this key: one that has it now was made just then. */
async function takeBackLost(session: Session, cluster: Cluster, { key, spec }: NewSSHKey): Promise<void> {
  try {
    const all = await listSSHKeys(cluster, cluster.namespace, AbortSignal.timeout(UNDO_MS));
    const blob = key.blob.toString("base64");
    const found = all.find((each) => each.spec.user === spec.user && blobOf(each) === blob);
    if (found !== undefined) await remove(cluster, found, AbortSignal.timeout(UNDO_MS));
  } catch {
    session.say(
      `whether the new SSHKey was made is not known: \`${inNamespace("list", cluster.namespace)}\` shows it, \`kubectl sshkey delete\` takes it back`,
    );
  }
}

async function takeBack(
  session: Session,
  cluster: Cluster,
  fresh: SSHKeyObject,
  old: SSHKeyObject,
): Promise<void> {
  const [name, kept] = [fresh.metadata.name, old.metadata.name];
  try {
    await remove(cluster, fresh, AbortSignal.timeout(UNDO_MS));
    session.say(`${name} was taken back: ${kept} stays as it was`);
  } catch (error) {
    const why = error instanceof PluginError ? error.message : String(error);
    session.say(
      `error: ${name} could not be taken back (${why}): delete it with \`${inNamespace(`delete ${name}`, cluster.namespace)}\`; ${kept} stays as it was`,
    );
  }
}

/** Rejects where it was changed since it was read: then it may not be what the person wanted to replace. */
async function removeOld(session: Session, cluster: Cluster, old: SSHKeyObject): Promise<void> {
  const path = sshKeyPath(cluster.namespace, old.metadata.name);
  await whileUnchanged(cluster, old, async (version) => {
    await cluster.delete(path, { ...version, signal: lateSignal(session.signal) });
  });
}

async function remove(cluster: Cluster, { metadata }: SSHKeyObject, signal: AbortSignal): Promise<void> {
  const { namespace = cluster.namespace, name, uid } = metadata;
  await cluster.delete(sshKeyPath(namespace, name), { uid, signal });
}

/** Aborts a moment later: so that what a write has done is known. */
function lateSignal(signal: AbortSignal): AbortSignal {
  const late = new AbortController();
  const wait = () => setTimeout(() => late.abort(), LAST_WORDS_MS).unref();
  if (signal.aborted) wait();
  else signal.addEventListener("abort", wait, { once: true });
  return late.signal;
}
