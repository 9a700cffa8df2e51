import type { ControlPlaneOptions } from "../../controlplane/controlplane.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { type OperatorProcess, spawnOperator } from "../cluster/operatorprocess.ts";
import { Tenant } from "../operator/tenant.ts";
import { type AuditedRequest, readAudited, readAuditedWrites } from "./auditedwrites.ts";
import { type Scrape, scrape } from "./exposition.ts";

/** Where the service accounts and the lease of the replicas are. */
export const NAMESPACE = "replicas";

/** Times of the lease short enough for a test, long enough for a busy machine. */
export const SHORT_LEASE = [
  "--leader-elect-lease-duration=6s",
  "--leader-elect-renew-deadline=4s",
  "--leader-elect-retry-period=500ms",
];

/** Renewed as often, but not lost by a process that gets no turn for a while on a busy machine. */
export const LASTING_LEASE = [
  "--leader-elect-lease-duration=60s",
  "--leader-elect-renew-deadline=40s",
  "--leader-elect-retry-period=500ms",
];

/** One operator process with a service account of its own, so that the audit log tells who wrote. */
export interface Replica {
  readonly name: string;
  readonly process: OperatorProcess;
  /** What it shows the API server. */
  readonly token: string;
  /** The status of this path on the address for probes. */
  probe(path: string): Promise<number>;
  scrape(): Promise<Scrape>;
}

/** Gives the kubeconfig to use instead of this one. */
export type Through = (kubeconfig: string) => Promise<string>;

const direct: Through = async (kubeconfig) => kubeconfig;

/** A cluster with an audit log, and replicas of the operator that stand for one lease. */
export class Replicas {
  readonly cluster: Cluster;
  readonly #running = new Map<string, Replica>();

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async open(o: ControlPlaneOptions = {}): Promise<Replicas> {
    const replicas = new Replicas(await startCluster({ ...o, audit: true }));
    await replicas.#prepare();
    return replicas;
  }

  /** Starts a replica and waits until it is ready. `through` may put something between it and the API server. */
  async start(name: string, args: readonly string[] = [], through: Through = direct): Promise<Replica> {
    const token = await this.#account(name);
    const account = { namespace: NAMESPACE, serviceAccount: name, token };
    const process = await spawnOperator({
      kubeconfig: await through(await this.cluster.controlPlane.tokenKubeconfig(account)),
      args: ["--leader-elect=true", `--leader-election-namespace=${NAMESPACE}`, ...args],
    });
    const { addresses } = await process.logged("Started");
    const [probes, metrics] = addresses as string[];
    const replica: Replica = {
      name,
      process,
      token,
      probe: async (path) => (await fetch(`http://${probes}${path}`)).status,
      scrape: () => scrape(`${metrics}`),
    };
    this.#running.set(name, replica);
    const isReady = async () => (await replica.probe("/readyz")) === 200;
    await eventually(`replica ${name} is ready`, isReady);
    return replica;
  }

  /** Waits until exactly one running replica says that it leads, and gives that one. */
  async leader(): Promise<Replica> {
    return await eventually("one replica leads", async () => {
      const running = [...this.#running.values()];
      const leads = await Promise.all(running.map(async (replica) => isLeading(await replica.scrape())));
      const leaders = running.filter((_, i) => leads[i]);
      return leaders.length === 1 && leaders[0];
    });
  }

  /** SIGTERM; gives the exit code. */
  async stop(replica: Replica): Promise<number | null> {
    this.#running.delete(replica.name);
    return await replica.process.stop();
  }

  async kill(replica: Replica): Promise<void> {
    this.#running.delete(replica.name);
    await replica.process.kill();
  }

  /** Successful writes of any replica, in the order in which the API server received them. */
  async writes(): Promise<readonly AuditedRequest[]> {
    return await readAuditedWrites(this.cluster.controlPlane.auditLog ?? "", NAMESPACE);
  }

  /** All that succeeded, reads too. */
  async requests(): Promise<readonly AuditedRequest[]> {
    return await readAudited(this.cluster.controlPlane.auditLog ?? "", NAMESPACE);
  }

  async tenant(): Promise<Tenant> {
    return new Tenant(this.cluster, await this.cluster.namespace());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((replica) => this.kill(replica)));
    await this.cluster.stop();
  }

  async #prepare(): Promise<void> {
    await this.#create("/api/v1/namespaces", { metadata: { name: NAMESPACE } });
    await this.#create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
      metadata: { name: NAMESPACE },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "Group", name: `system:serviceaccounts:${NAMESPACE}` }],
    });
  }

  /** Makes a service account and gives a token of its. */
  async #account(name: string): Promise<string> {
    const accounts = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`;
    await this.#create(accounts, { metadata: { name } });
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const answer = await this.#create(`${accounts}/${name}/token`, request);
    return (answer as { status: { token: string } }).status.token;
  }

  async #create(path: string, object: object): Promise<unknown> {
    const { status, body } = await this.cluster.request("POST", path, object);
    if (status !== 201) throw new Error(`POST ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }
}

function isLeading(scraped: Scrape): boolean {
  return scraped.value("leader_election_master_status") === 1;
}
