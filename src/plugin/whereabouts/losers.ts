import type { PodMount } from "../../whereabouts/podmounts.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { idOf, type SSHKeyObject, stateOf } from "../cluster/sshkeys.ts";
import { PluginError, type Session } from "../session/session.ts";
import { type KeyPlace, toldPlace } from "./keyplaces.ts";
import { findKeyReach, type KeyReach, removalWarnings } from "./keyreach.ts";

/**
 * Says of each key from which Secrets and pods it goes, before it does, and in which pods it stays. `called` is what the
 * person calls it. Where that cannot be looked at, it says so: nothing is held up by it.
 */
export async function tellLosers(
  session: Session,
  cluster: Cluster,
  keys: readonly SSHKeyObject[],
  called: (key: SSHKeyObject) => string,
): Promise<void> {
  if (keys.length === 0) return;
  const reach = await reachOf(session, cluster, keys);
  if (reach === undefined) return;
  const ids = keys.map(idOf);
  const losing = reach.places.filter(({ sshKeys }) => sshKeys.some((sshKey) => ids.includes(sshKey)));
  const pods = reach.pods.filter((pod) => losing.some((place) => isOf(pod, place)));
  for (const key of keys) {
    const places = losing.filter(({ sshKeys }) => sshKeys.includes(idOf(key)));
    if (places.length === 0)
      session.say(`${called(key)} is ${stateOf(key)}: it stands in no Secret that you may see`);
    else
      session.say(
        [`${called(key)} stands in`, ...places.map((place) => `  ${toldLoser(place, pods)}`)].join("\n"),
      );
  }
  for (const warning of removalWarnings(pods)) session.say(warning);
  for (const sentence of reach.unread) session.say(sentence);
}

/** A sentence for each container that has the key until its pod is restarted, as far as the person may see. */
export async function removalWarningsOf(
  session: Session,
  cluster: Cluster,
  key: SSHKeyObject,
): Promise<readonly string[]> {
  const reach = await reachOf(session, cluster, [key]);
  return reach === undefined ? [] : removalWarnings(reach.pods);
}

async function reachOf(
  session: Session,
  cluster: Cluster,
  keys: readonly SSHKeyObject[],
): Promise<KeyReach | undefined> {
  try {
    return await session.during(
      () => "looking for what has the key now",
      () => findKeyReach(cluster, keys),
    );
  } catch (error) {
    if (!(error instanceof PluginError) || session.signal.aborted) throw error;
    session.say(`what has the key now could not be looked at: ${error.message}`);
    return undefined;
  }
}

function toldLoser(place: KeyPlace, pods: readonly PodMount[]): string {
  const names = new Set(pods.filter((pod) => isOf(pod, place)).map(({ name }) => name));
  return `${toldPlace(place)}${names.size === 0 ? "" : `, in pods: ${[...names].join(", ")}`}`;
}

function isOf({ namespace, secret }: PodMount, place: KeyPlace): boolean {
  return namespace === place.namespace && secret === place.name;
}
