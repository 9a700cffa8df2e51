import { join } from "node:path";
import { API_VERSION, KIND, PLURAL } from "../../src/api/names.ts";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";

/** The cluster that KUBECONFIG names, as its administrator. */
const { KUBECTL = "kubectl" } = process.env;

/** What kubectl prints on stdout; throws with its stderr if it fails. */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await run(KUBECTL, args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} failed: ${stderr.trim()}`);
  return stdout.trim();
}

export async function apply(namespace: string, ...objects: readonly object[]): Promise<void> {
  await kubectl(["apply", "--namespace", namespace, "--filename", "-"], list(objects));
}

/** The same of objects that name their namespaces. */
export async function applyWhole(objects: readonly object[]): Promise<void> {
  await kubectl(["apply", "--filename", "-"], list(objects));
}

function list(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/** Makes an empty namespace; one of an earlier run goes first. */
export async function freshNamespace(name: string): Promise<void> {
  await kubectl(["delete", "namespace", name, "--ignore-not-found"]);
  await kubectl(["create", "namespace", name]);
}

export interface SSHKeySpec {
  readonly user: string;
  readonly key: string;
  readonly expiresAt?: string;
}

export async function applySSHKey(namespace: string, name: string, spec: SSHKeySpec): Promise<void> {
  await apply(namespace, { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec });
}

/** The full name of the resource, which no other project's kind has. */
export const SSHKEYS = `${PLURAL}.${API_VERSION.split("/")[0]}`;

export async function waitForState(namespace: string, name: string, state: string): Promise<void> {
  await eventually(`SSHKey ${namespace}/${name} is ${state}`, async () => {
    const path = '-o=jsonpath={.status.conditions[?(@.type=="Ready")].reason}';
    return (await kubectl(["get", SSHKEYS, name, "--namespace", namespace, path])) === state;
  });
}

/** Has kubelet bring changed Secrets to the pods now: it looks at a pod again when the pod changes. */
export async function refreshPods(namespace: string): Promise<void> {
  const annotation = `keys-changed=${process.hrtime.bigint()}`;
  await kubectl(["annotate", "pods", "--all", "--overwrite", "--namespace", namespace, annotation]);
}

export const REPOSITORY = join(import.meta.dirname, "..", "..");
