import { GROUP, KIND } from "../../api/names.ts";
import { type KubeObject, namespacedName, refOf } from "../../api/object.ts";
import { sshKeysPath } from "../../api/paths.ts";
import type { SSHKeyCondition, SSHKeySpec, SSHKeyStatus } from "../../api/sshkey.generated.ts";
import { STATES, type State } from "../../api/states.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import { PluginError } from "../session/session.ts";
import type { Cluster } from "./cluster.ts";

/** Its name as kubectl's -o name has it, and as kubectl says what it has written. */
export function resourceName({ metadata }: Pick<KubeObject, "metadata">): string {
  return `${KIND.toLowerCase()}.${GROUP}/${metadata.name}`;
}

/** An SSHKey as the API server gives it. */
export interface SSHKeyObject extends KubeObject {
  readonly spec: SSHKeySpec;
  readonly status?: SSHKeyStatus;
}

/** Every SSHKey of a namespace, or of all. */
export async function listSSHKeys(
  cluster: Cluster,
  namespace: string | undefined,
  signal?: AbortSignal,
): Promise<SSHKeyObject[]> {
  return await cluster.list<SSHKeyObject>(sshKeysPath(namespace), {}, signal === undefined ? {} : { signal });
}

/**
 * The SSHKey of this name, which may be as resourceName gives it; rejects with a PluginError that says how to find those that
 * are there.
 */
export async function getSSHKey(
  cluster: Cluster,
  given: string,
  namespace = cluster.namespace,
): Promise<SSHKeyObject> {
  const name = given.replace(OF_TYPE, "");
  const found = await findSSHKey(cluster, namespace, name);
  if (found !== undefined) return found;
  throw new PluginError(
    `there is no SSHKey ${name} in namespace ${namespace}: \`${inNamespace("list", namespace)}\` shows those that are`,
  );
}

/** What kubectl takes before the name of an object. */
const OF_TYPE = /^sshkeys?(?:\.sshkey-operator\.dev)?\//i;

/** A command of the plugin to be copied: the kubeconfig may have another namespace than the one that this is about. */
export function inNamespace(command: string, namespace: string): string {
  return `kubectl sshkey ${command} -n ${namespace}`;
}

/** The SSHKey of this name; undefined where there is none. */
export async function findSSHKey(
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<SSHKeyObject | undefined> {
  // Its path would be that of the list of all.
  if (name === "") throw new PluginError("the name is empty: give that of an SSHKey");
  return await cluster.get<SSHKeyObject>(sshKeyPath(namespace, name));
}

/** NAMESPACE/NAME, as the operator's lines name it. */
export function idOf(key: SSHKeyObject): string {
  return namespacedName(refOf(key));
}

/** Where it stands in the API. */
export function sshKeyPath(namespace: string, name: string): string {
  return `${sshKeysPath(namespace)}/${encodeURIComponent(name)}`;
}

/** Its key as canonical base64; undefined where it is none. */
export function blobOf({ spec }: SSHKeyObject): string | undefined {
  const key = parsePublicKey(spec.key);
  return key.ok ? key.value.blob.toString("base64") : undefined;
}

/**
 * Whether the key works, in the word that `kubectl get` prints. `Unknown` until the operator has looked at this version of
 * the spec.
 */
export function stateOf({ metadata, status }: SSHKeyObject): State | "Unknown" {
  const reason = status?.conditions?.find(({ type }) => type === "Ready")?.reason;
  const isCurrent = status?.observedGeneration === metadata.generation;
  const known = Object.keys(STATES).find((state): state is State => state === reason);
  return isCurrent && known !== undefined ? known : "Unknown";
}

/** The condition `Advice`: what is unusual about a key that is not refused for it. Undefined where nothing is. */
export function adviceFor({ metadata, status }: SSHKeyObject): SSHKeyCondition | undefined {
  if (status?.observedGeneration !== metadata.generation) return undefined;
  return status?.conditions?.find(({ type, status: holds }) => type === "Advice" && holds === "True");
}
