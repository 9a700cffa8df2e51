import { type Command, InvalidArgumentError } from "commander";
import { sshKeysPath } from "../../api/paths.ts";
import { STATES, type State } from "../../api/states.ts";
import { parseDuration } from "../../config/duration.ts";
import { printable } from "../../ssh/unprintable.ts";
import { type Cluster, ClusterError } from "../cluster/cluster.ts";
import { adviceFor, getSSHKey, inNamespace, type SSHKeyObject, stateOf } from "../cluster/sshkeys.ts";
import { PluginError, type Session } from "../session/session.ts";

/** Node's longest timer. */
const LONGEST_MS = 2 ** 31 - 1;

/** How often the object is read where it may not be watched. */
const POLL_MS = 500;

/**
 * Waits until the operator has said of this SSHKey, in this version of its spec or a later one, what becomes of it: any
 * STATE but Pending, unless `isDone` says otherwise. Gives what was last seen when the time is up, which is then none of
 * those. Rejects with a PluginError if it is deleted meanwhile.
 */
export async function untilJudged(
  session: Session,
  cluster: Cluster,
  key: SSHKeyObject,
  timeoutMs: number,
  isDone = isJudged,
): Promise<SSHKeyObject> {
  const timeout = AbortSignal.timeout(Math.min(Math.ceil(timeoutMs), LONGEST_MS));
  const signal = AbortSignal.any([session.signal, timeout]);
  const { name } = key.metadata;
  const until = performance.now() + timeoutMs;
  const end = session.begin(
    () => `waiting for what the operator says of ${name}, ${secondsUntil(until)} s more at most`,
  );
  const seen = new Sighting(key, isDone);
  try {
    while (!seen.isDone && !signal.aborted) await untilSomethingHappens(cluster, seen, signal);
  } catch (error) {
    if (!timeout.aborted || session.signal.aborted) throw error;
  } finally {
    end();
  }
  if (session.signal.aborted) throw new PluginError("stopped");
  return seen.newest;
}

function secondsUntil(time: number): number {
  return Math.max(0, Math.round((time - performance.now()) / 1000));
}

/** Has the operator said of this version of the spec what becomes of the key? */
export function isJudged(key: SSHKeyObject): boolean {
  const state = stateOf(key);
  return state !== "Unknown" && state !== "Pending";
}

/** How it stands, for a person: the STATE and what the operator says about it, with its advice where the key works. */
export function toldState(key: SSHKeyObject): string {
  const { name, namespace = "" } = key.metadata;
  const state = stateOf(key);
  const message = printable(messageOf(key));
  if (state === "Unknown")
    return `${name}: the operator has said nothing about it yet; \`${inNamespace(`list ${name}`, namespace)}\` shows when it has`;
  const told = `${name} is ${state}: ${message === "" ? STATES[state].meaning : message}`;
  const advice = isRefusal(state) ? "" : printable(adviceFor(key)?.message ?? "");
  return advice === "" ? told : `${told}\n${advice}`;
}

/** What the operator says about it; empty where it has said nothing. As it stands there. */
export function messageOf({ status }: SSHKeyObject): string {
  return status?.conditions?.find(({ type }) => type === "Ready")?.message ?? "";
}

/** Is the key of no use in this STATE? */
export function isRefusal(state: State | "Unknown"): boolean {
  return state !== "Projected" && state !== "Accepted" && state !== "Pending" && state !== "Unknown";
}

class Sighting {
  newest: SSHKeyObject;
  readonly #uid: string;
  readonly #generation: number;
  readonly #isDone: (key: SSHKeyObject) => boolean;

  constructor(key: SSHKeyObject, isDone: (key: SSHKeyObject) => boolean) {
    this.newest = key;
    this.#isDone = isDone;
    this.#uid = key.metadata.uid;
    this.#generation = key.metadata.generation ?? 0;
  }

  get isDone(): boolean {
    return this.#isDone(this.newest);
  }

  saw(key: SSHKeyObject): void {
    if (key.metadata.uid !== this.#uid) throw gone(key.metadata.name);
    // An API server that lags behind shows an older one.
    if ((key.metadata.generation ?? 0) >= this.#generation) this.newest = key;
  }
}

async function untilSomethingHappens(cluster: Cluster, seen: Sighting, signal: AbortSignal): Promise<void> {
  const { name, namespace = cluster.namespace, resourceVersion } = seen.newest.metadata;
  const query = { fieldSelector: `metadata.name=${name}`, resourceVersion };
  try {
    for await (const { type, object } of cluster.watch<SSHKeyObject>(sshKeysPath(namespace), query, signal)) {
      if (type === "DELETED") throw gone(name);
      seen.saw(object);
      if (seen.isDone) return;
    }
  } catch (error) {
    // Not allowed to watch, the history is gone, the connection broke: what can be read tells more.
    if (!(error instanceof ClusterError) || signal.aborted) throw error;
    const { setTimeout: pause } = await import("node:timers/promises");
    await pause(POLL_MS, undefined, { signal });
    seen.saw(await getSSHKey(cluster, name, namespace));
  }
}

function gone(name: string): PluginError {
  return new PluginError(`${name} was deleted by somebody else meanwhile`);
}

/** Flags of commands that wait for what the operator says. */
export interface WaitingFlags {
  readonly wait: boolean;
  readonly timeout: string;
}

export function addWaiting(command: Command): Command {
  return addTimeout(
    command.option("--wait <true|false>", "wait for what the operator says of it", toBoolean, true),
  );
}

export function addTimeout(command: Command): Command {
  return command.option("--timeout <duration>", "how long to wait, as 30s or 2m", "30s");
}

/** ms; rejects what is no duration. */
export function parseTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0)
    throw new PluginError(`--timeout ${text}: give a duration such as 30s or 2m`);
  return ms;
}

function toBoolean(text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw new InvalidArgumentError("Say true or false, as in --wait=false.");
}
