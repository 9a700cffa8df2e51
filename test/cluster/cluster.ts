import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from "../../controlplane/controlplane.ts";
import { type AdminClient, adminClient } from "./adminclient.ts";
import { type Finished, run } from "./run.ts";
import { whenServed } from "./served.ts";

const CRDS = join(import.meta.dirname, "..", "..", "crds");

/** A real API server that knows SSHKeys, as a test sees it. */
export interface Cluster {
  readonly controlPlane: ControlPlane;
  /** Runs kubectl as the administrator, with `input` on its stdin. */
  kubectl(args: readonly string[], input?: string): Promise<Finished>;
  /** A merge patch unless the headers name another content type; any status is an answer, not an error. */
  readonly request: AdminClient["request"];
  /** Makes a namespace with a name that no other has, and gives back the name. */
  namespace(): Promise<string>;
  /** Ends the control plane; in a cluster of the user's, deletes the namespaces that were made. */
  stop(): Promise<void>;
}

/**
 * A folder with the data of a cluster that serves SSHKeys. Where it is set, clusters begin with them: that takes half as
 * long as to make what every cluster has, to define the kinds and to wait until they are served.
 */
export const CLUSTER_DATA = "CLUSTER_DATA";

/** Starts a control plane, applies crds/ and waits until SSHKeys can be listed. */
export async function startCluster(o: ControlPlaneOptions = {}): Promise<Cluster> {
  const { [CLUSTER_DATA]: data } = process.env;
  const controlPlane = await startControlPlane(data === undefined ? o : { ...o, data });
  return await open(controlPlane, async ({ kubectl, request }) => {
    if (data === undefined) await applyDefinitions(kubectl);
    await whenServed(request);
  });
}

/** A view of the control plane, after `prepare`. */
export async function open(
  controlPlane: ControlPlane,
  prepare: (cluster: Pick<Cluster, "kubectl" | "request">) => Promise<void> = async () => undefined,
): Promise<Cluster> {
  const kubectl = (args: readonly string[], input = "") =>
    run(controlPlane.kubectl, args, { input, env: { ...process.env, KUBECONFIG: controlPlane.kubeconfig } });
  let admin: AdminClient | undefined;
  const namespaces: string[] = [];
  const stop = async () => {
    if (controlPlane.existing) {
      const paths = namespaces.map((name) => `/api/v1/namespaces/${name}`);
      await Promise.all(paths.map((path) => admin?.request("DELETE", path)));
    }
    await admin?.close();
    await controlPlane.stop();
  };
  try {
    admin = await adminClient(controlPlane.kubectl, controlPlane.kubeconfig);
    const { request } = admin;
    await prepare({ kubectl, request });
    const namespace = async () => {
      const name = await makeNamespace(request);
      namespaces.push(name);
      return name;
    };
    return { controlPlane, kubectl, request, namespace, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function applyDefinitions(kubectl: Cluster["kubectl"]): Promise<void> {
  const { code, stderr } = await kubectl(["apply", "--server-side", "-f", CRDS]);
  if (code !== 0) {
    throw new Error(`the definitions in ${CRDS} could not be applied: ${stderr.trim()}`);
  }
}

async function makeNamespace(request: AdminClient["request"]): Promise<string> {
  const name = `test-${randomBytes(5).toString("hex")}`;
  const { status, body } = await request("POST", "/api/v1/namespaces", { metadata: { name } });
  if (status !== 201) {
    throw new Error(`the namespace ${name} could not be made: ${status} ${JSON.stringify(body)}`);
  }
  return name;
}
