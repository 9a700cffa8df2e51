import type { KubeObject } from "../../api/object.ts";
import { authorizedKeysPath, NAMESPACES_PATH, namespacePath, sshKeysPath } from "../../api/paths.ts";
import type { StoredAuthorizedKeys } from "../../authorizedkeys/record.ts";
import type { StoredSSHKey } from "../../claims/record.ts";
import { parseConfig } from "../../config/configfile.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../config/settings.ts";
import { type Cluster, orForbidden } from "../cluster/cluster.ts";
import { listReadable } from "../cluster/readable.ts";

/** What is in the cluster, as far as the person may see it. */
export interface ClusterObjects {
  readonly sshKeys: readonly StoredSSHKey[];
  readonly authorizedKeys: readonly StoredAuthorizedKeys[];
  readonly namespaces: readonly KubeObject[];
  /** What could not be seen and may matter, each a sentence. */
  readonly blindSpots: readonly string[];
}

/** Reads everything if that is allowed; else these namespaces alone. */
export async function readClusterObjects(
  cluster: Cluster,
  namespaces: ReadonlySet<string>,
): Promise<ClusterObjects> {
  const blindSpots: string[] = [];
  const listed = async <T extends KubeObject>(
    pathIn: (namespace?: string) => string,
    kind: string,
  ): Promise<readonly T[]> => {
    const { items, namespaces: readable } = await listReadable<T>(cluster, pathIn, namespaces);
    if (readable === undefined) return items;
    for (const namespace of namespaces) {
      if (!readable.includes(namespace))
        blindSpots.push(
          `You may not list ${kind} in namespace ${namespace}: those that are there count as not there.`,
        );
    }
    blindSpots.push(`You may not list ${kind} in other namespaces: what happens there is left out.`);
    return items;
  };
  const sshKeys = await listed<StoredSSHKey>(sshKeysPath, "SSHKeys");
  const authorizedKeys = await listed<StoredAuthorizedKeys>(authorizedKeysPath, "AuthorizedKeys");
  const all = await orForbidden(cluster.list<KubeObject>(NAMESPACES_PATH));
  if (all !== undefined) return { sshKeys, authorizedKeys, namespaces: all, blindSpots };
  const named = new Set([...namespaces, ...sshKeys.map(namespaceOf), ...authorizedKeys.map(namespaceOf)]);
  const found: KubeObject[] = [];
  for (const name of named) {
    const namespace = await orForbidden(cluster.get<KubeObject>(namespacePath(name)));
    if (namespace !== undefined) found.push(namespace);
    else
      blindSpots.push(
        `You may not read Namespace ${name}: what it shares, and self-service, count as unset.`,
      );
  }
  return { sshKeys, authorizedKeys, namespaces: found, blindSpots };
}

/** The ConfigMap that everybody may read, and its data key. */
const PUBLIC_POLICY = "sshkey-operator-policy";
const CONFIG_FILE = "config.yaml";

/**
 * The configuration of the operator, as it publishes it in its namespace; undefined where there is none that this version
 * understands.
 */
export async function readPublishedSettings(
  cluster: Cluster,
  namespace: string,
): Promise<Settings | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps/${PUBLIC_POLICY}`;
  const published = await orForbidden(
    cluster.get<KubeObject & { readonly data?: Readonly<Record<string, string>> }>(path),
  );
  const text = published?.data?.[CONFIG_FILE];
  if (text === undefined) return undefined;
  return text.trim() === "" ? DEFAULT_SETTINGS : parseConfig(text, `ConfigMap ${namespace}/${PUBLIC_POLICY}`);
}

function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? "";
}
