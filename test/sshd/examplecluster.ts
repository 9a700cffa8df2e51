import { KIND, SHARE_KEYS_ANNOTATION } from "../../src/api/names.ts";
import { authorizedKeysPath, namespacePath } from "../../src/api/paths.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { type OperatorProcess, startOperator } from "../cluster/operatorprocess.ts";
import type { Finished } from "../cluster/run.ts";
import { type ExampleObject, exampleObjects } from "./example.ts";
import { ed25519, type KeyPair } from "./keypair.ts";

/** A real API server with the operator, for manifests that name their namespaces: each has a name of its own there. */
export class ExampleCluster {
  readonly cluster: Cluster;
  readonly names: Readonly<Record<string, string>>;
  /** By name of the SSHKey. */
  readonly #keys = new Map<string, KeyPair>();
  readonly #operator: OperatorProcess;
  readonly #folder: string;

  private constructor(
    cluster: Cluster,
    operator: OperatorProcess,
    names: Readonly<Record<string, string>>,
    folder: string,
  ) {
    this.cluster = cluster;
    this.names = names;
    this.#operator = operator;
    this.#folder = folder;
  }

  /** `folder`: for key pairs. */
  static async start(namespaces: readonly string[], folder: string): Promise<ExampleCluster> {
    const cluster = await startCluster();
    try {
      const entries = namespaces.map(async (name) => [name, await cluster.namespace()] as const);
      const names = Object.fromEntries(await Promise.all(entries));
      const { kubeconfig } = cluster.controlPlane;
      return new ExampleCluster(cluster, await startOperator({ kubeconfig }), names, folder);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Applies a manifest, with keys in its SSHKeys of which the private half is here. */
  async apply(file: string, folder: string): Promise<Finished> {
    const objects = await exampleObjects(file, folder, this.names);
    const items = await Promise.all(objects.map((object) => this.#withKey(object)));
    const list = { apiVersion: "v1", kind: "List", items };
    return this.cluster.kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(list));
  }

  /** Has the namespaces share their keys with another one. */
  async share(namespaces: readonly string[], shareWith: string): Promise<void> {
    const annotation = `${SHARE_KEYS_ANNOTATION}=${this.#name(shareWith)}`;
    const names = namespaces.map((each) => this.#name(each));
    const { code, stderr } = await this.cluster.kubectl(["annotate", "namespace", ...names, annotation]);
    if (code !== 0) throw new Error(stderr);
  }

  async label(namespace: string, labels: Readonly<Record<string, string>>): Promise<void> {
    await this.cluster.request("PATCH", namespacePath(this.#name(namespace)), { metadata: { labels } });
  }

  /** The key pair of an SSHKey that was applied. */
  key(sshKey: string): KeyPair {
    const key = this.#keys.get(sshKey);
    if (key === undefined) throw new Error(`no SSHKey ${sshKey} was applied`);
    return key;
  }

  /** Waits until the AuthorizedKeys is Projected with that many things left out; gives the files of its Secret. */
  async files(namespace: string, name: string, omitted = 0): Promise<Readonly<Record<string, string>>> {
    const path = `${authorizedKeysPath(this.#name(namespace))}/${name}`;
    const secretName = await eventually(`AuthorizedKeys ${name} is Projected`, async () => {
      const { status } = Object((await this.cluster.request("GET", path)).body);
      const ready = status?.conditions?.find(({ type }: { type: string }) => type === "Ready");
      if (ready?.reason === "Projected" && status.omittedCount === omitted) return String(status.secretName);
      throw new Error(JSON.stringify(status));
    });
    const secret = `/api/v1/namespaces/${this.#name(namespace)}/secrets/${secretName}`;
    const { data } = Object((await this.cluster.request("GET", secret)).body);
    return Object.fromEntries(
      Object.entries<string>(data ?? {}).map(([dataKey, base64]) => [
        dataKey,
        Buffer.from(base64, "base64").toString("utf8"),
      ]),
    );
  }

  async stop(): Promise<void> {
    await this.#operator.kill();
    await this.cluster.stop();
  }

  #name(namespace: string): string {
    return this.names[namespace] ?? namespace;
  }

  async #withKey(object: ExampleObject): Promise<ExampleObject> {
    if (object.kind !== KIND) return object;
    const { name } = object.metadata;
    const key = this.#keys.get(name) ?? (await ed25519(this.#folder, name));
    this.#keys.set(name, key);
    return { ...object, spec: { ...object.spec, key: key.publicKey } };
  }
}
