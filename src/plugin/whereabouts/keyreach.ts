import { podsPath } from "../../api/paths.ts";
import { printable } from "../../ssh/unprintable.ts";
import { type PodMount, type PodObject, podMounts, type Removal } from "../../whereabouts/podmounts.ts";
import { type Cluster, orForbidden } from "../cluster/cluster.ts";
import type { SSHKeyObject } from "../cluster/sshkeys.ts";
import { findKeyPlaces, type KeyPlace, type KeyPlaces } from "./keyplaces.ts";

/** What keys open, as far as the person may see: the Secrets that hold them, and the pods that have those now. */
export interface KeyReach extends KeyPlaces {
  readonly pods: readonly PodMount[];
}

/** Looks for the keys in all namespaces, or only in their own where more is forbidden. */
export async function findKeyReach(cluster: Cluster, keys: readonly SSHKeyObject[]): Promise<KeyReach> {
  const found = await findKeyPlaces(cluster, keys);
  const { mounts, unread } = await findPods(cluster, found.places);
  return { ...found, pods: mounts, unread: [...found.unread, ...unread] };
}

/** A sentence for each container in which a removal of the keys changes nothing. */
export function removalWarnings(pods: readonly PodMount[]): readonly string[] {
  return pods.flatMap(({ namespace, name, container, removal }) =>
    removal === "reaches"
      ? []
      : [`warning: in pod ${namespace}/${name}, container ${printable(container)}: ${WARNINGS[removal]}`],
  );
}

const WARNINGS: Readonly<Record<Exclude<Removal, "reaches">, string>> = {
  subPath:
    "the file is mounted with subPath and keeps what it had at start; restart the pod after a removal, or mount the folder",
  environment: "the keys are in an environment variable; restart the pod after a removal",
  init: "only an init container mounts the Secret, which may have copied it; restart the pod after a removal",
  copy: "the Secret is a copy, from which nobody takes a key out; mount the operator's own",
};

async function findPods(cluster: Cluster, places: readonly KeyPlace[]) {
  const namespaces = [...new Set(places.map(({ namespace }) => namespace))];
  const found = await Promise.all(
    namespaces.map(async (namespace) => ({
      namespace,
      pods: await orForbidden(cluster.list<PodObject>(podsPath(namespace))),
    })),
  );
  const forbidden = found.filter(({ pods }) => pods === undefined).map(({ namespace }) => namespace);
  return {
    mounts: found.flatMap(({ pods = [] }) => pods.flatMap((pod) => podMounts(pod, places))),
    unread:
      forbidden.length === 0
        ? []
        : [
            `you may not list pods in ${forbidden.join(", ")}: whether any mounts a Secret there is not known`,
          ],
  };
}
