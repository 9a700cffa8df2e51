import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from "../../controlplane/controlplane.ts";
import { type AdminClient, adminClient } from "../cluster/adminclient.ts";
import { type Finished, run } from "../cluster/run.ts";

export const NAMESPACE = "sshkey-operator";
export const SERVICE_ACCOUNT = "sshkey-operator";

/** A real API server that knows nothing of the operator until a test applies what `deploy/` ships. */
export interface Installation {
  readonly controlPlane: ControlPlane;
  readonly request: AdminClient["request"];
  /** Runs kubectl as the administrator; a code other than 0 is a result, not an error. */
  attempt(args: readonly string[], input?: string): Promise<Finished>;
  /** What kubectl prints on stdout; throws with its stderr if it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** The object as the API server has it; throws if there is none. */
  read<T>(path: string): Promise<T>;
  stop(): Promise<void>;
}

/** Starts a control plane on which nothing is installed. */
export async function startInstallation(o: ControlPlaneOptions = {}): Promise<Installation> {
  const controlPlane = await startControlPlane(o);
  const admin = await adminClient(controlPlane.kubectl, controlPlane.kubeconfig);
  const env = { ...process.env, KUBECONFIG: controlPlane.kubeconfig };
  const attempt: Installation["attempt"] = (args, input = "") =>
    run(controlPlane.kubectl, args, { input, env });
  return {
    controlPlane,
    request: admin.request,
    attempt,
    async kubectl(args, input) {
      const { code, stdout, stderr } = await attempt(args, input);
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")} failed: ${stderr.trim()}`);
      return stdout.trimEnd();
    },
    async read<T>(path: string) {
      const { status, body } = await admin.request("GET", path);
      if (status !== 200) throw new Error(`GET ${path}: ${status}`);
      return body as T;
    },
    async stop() {
      await admin.close();
      await controlPlane.stop();
    },
  };
}

/** The parts of an apps/v1 Deployment that tests read. */
export interface Deployment {
  readonly spec: {
    readonly selector: object;
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}

export interface PodSpec {
  readonly containers: readonly [Container];
  readonly volumes: readonly { readonly name: string; readonly configMap: { readonly name: string } }[];
}

export interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export const DEPLOYMENT_PATH = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/sshkey-operator`;
