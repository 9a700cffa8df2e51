import type { ObjectMeta } from "../../api/object.ts";
import { type Cluster, ClusterError } from "../cluster/cluster.ts";
import { getSSHKey, type SSHKeyObject } from "../cluster/sshkeys.ts";
import { PluginError } from "../session/session.ts";

/** The operator writes statuses meanwhile: so often the newest version is read again. */
const MOST_CONFLICTS = 10;

/**
 * Writes on condition that the SSHKey is the one that the person saw, with the same spec: `write` gets its UID and its newest
 * resourceVersion, and sends both. Rejects where somebody has changed it since.
 */
export async function whileUnchanged<T>(
  cluster: Cluster,
  { metadata: seen }: SSHKeyObject,
  write: (version: Pick<ObjectMeta, "uid" | "resourceVersion">) => Promise<T>,
): Promise<T> {
  const { namespace = cluster.namespace, name, uid, generation } = seen;
  for (let conflicts = 0; ; conflicts += 1) {
    const { metadata } = await getSSHKey(cluster, name, namespace);
    if (metadata.uid !== uid || metadata.generation !== generation)
      throw new PluginError(`somebody has changed ${name} meanwhile: look at it, and try again`);
    try {
      return await write({ uid, resourceVersion: metadata.resourceVersion });
    } catch (error) {
      const isConflict = error instanceof ClusterError && error.code === "Conflict";
      if (!isConflict || conflicts === MOST_CONFLICTS) throw error;
    }
  }
}
