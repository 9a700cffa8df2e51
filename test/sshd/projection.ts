import { API_VERSION, DATA_KEY, GROUP, KIND, PLURAL, VERSION } from "../../src/api/names.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { type OperatorProcess, startOperator } from "../cluster/operatorprocess.ts";

/** A real API server and the operator at work on one namespace of it. */
export interface Projection {
  readonly cluster: Cluster;
  /** Kills the operator; nothing replaces it. */
  killOperator(): Promise<void>;
  /** Creates the SSHKey or replaces fields of its spec, and waits until its STATE is the wanted one. */
  put(name: string, spec: Spec, state: string): Promise<void>;
  /** Deletes the SSHKey and waits until the user's file is the wanted number of lines long. */
  remove(name: string, user: string, lines: number): Promise<void>;
  /** The user's authorized_keys as the Secret holds it; undefined if there is no Secret. */
  file(user: string): Promise<string | undefined>;
  /** Ends whatever still runs. */
  stop(): Promise<void>;
}

export type Spec = Readonly<Record<string, unknown>>;

interface Answered {
  readonly metadata?: { readonly generation?: number };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly reason: string;
      readonly observedGeneration?: number;
    }[];
  };
  readonly data?: Readonly<Record<string, string>>;
}

/** `config` is the content of the operator's configuration file. */
export async function startProjection(config?: string): Promise<Projection> {
  const cluster = await startCluster();
  try {
    const namespace = await cluster.namespace();
    const path = `/apis/${GROUP}/${VERSION}/namespaces/${namespace}/${PLURAL}`;
    const operator: OperatorProcess = await startOperator({
      kubeconfig: cluster.controlPlane.kubeconfig,
      args: ["--namespace", namespace],
      ...(config === undefined ? {} : { config }),
    });
    let runs = true;
    const killOperator = async () => {
      if (runs) await operator.kill();
      runs = false;
    };
    const read = async (from: string): Promise<Answered> => Object((await cluster.request("GET", from)).body);
    const file = async (user: string) => {
      const { data } = await read(`/api/v1/namespaces/${namespace}/secrets/sshkeys-${user}`);
      const base64 = data?.[DATA_KEY];
      return base64 === undefined ? undefined : Buffer.from(base64, "base64").toString("utf8");
    };
    return {
      cluster,
      killOperator,
      file,
      async put(name, spec, state) {
        const object = { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec };
        const created = await cluster.request("POST", path, object);
        const { status, body } =
          created.status === 409 ? await cluster.request("PATCH", `${path}/${name}`, { spec }) : created;
        if (status >= 300) throw new Error(`the SSHKey ${name} was refused: ${JSON.stringify(body)}`);
        await eventually(`the SSHKey ${name} is ${state}`, async () => {
          const { metadata, status } = await read(`${path}/${name}`);
          const ready = status?.conditions?.find(({ type }) => type === "Ready");
          if (ready?.reason === state && ready.observedGeneration === metadata?.generation) return true;
          throw new Error(`generation ${metadata?.generation} has ${JSON.stringify(ready) ?? "no verdict"}`);
        });
      },
      async remove(name, user, lines) {
        await cluster.request("DELETE", `${path}/${name}`);
        await eventually(`the file of ${user} has ${lines} lines`, async () => {
          const text = await file(user);
          return text !== undefined && text.split("\n").length - 1 === lines;
        });
      },
      async stop() {
        await killOperator();
        await cluster.stop();
      },
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
