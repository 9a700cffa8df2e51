import type { ControlPlaneOptions } from "../../controlplane/controlplane.ts";
import { byOperator, readWrites, type Write } from "../cluster/auditlog.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import {
  type OperatorProcess,
  type OperatorProcessOptions,
  startOperator,
} from "../cluster/operatorprocess.ts";
import { type FlakyLine, startFlakyLine } from "./flakyline.ts";
import { freshKey } from "./publickeys.ts";
import { DEADLINE_MS, Tenant } from "./tenant.ts";

export type OperatorSettings = Partial<OperatorProcessOptions>;

/** A cluster with the built operator in it, for the tests of one file. */
export class Stage {
  readonly cluster: Cluster;
  readonly #lines: FlakyLine[] = [];
  #operator: OperatorProcess | undefined;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async open(o: ControlPlaneOptions = {}): Promise<Stage> {
    return new Stage(await startCluster(o));
  }

  get operator(): OperatorProcess {
    if (this.#operator === undefined) throw new Error("the operator does not run");
    return this.#operator;
  }

  get isRunning(): boolean {
    return this.#operator !== undefined;
  }

  /** Starts the operator, after the one that ran has been stopped. */
  async run(settings: OperatorSettings = {}): Promise<OperatorProcess> {
    await this.rest();
    const { kubeconfig } = this.cluster.controlPlane;
    this.#operator = await startOperator({ kubeconfig, ...settings });
    return this.#operator;
  }

  /** Stops the operator and gives its exit code; null when none ran. */
  async rest(): Promise<number | null> {
    const code = (await this.#operator?.stop()) ?? null;
    this.#operator = undefined;
    return code;
  }

  /** SIGKILLs the operator: what is under way stays as it is. */
  async crash(): Promise<void> {
    await this.#operator?.kill();
    this.#operator = undefined;
  }

  /** A fresh namespace. */
  async tenant(): Promise<Tenant> {
    return new Tenant(this.cluster, await this.cluster.namespace());
  }

  /** A line of its own to the API server, whole at first. */
  async flakyLine(): Promise<FlakyLine> {
    const line = await startFlakyLine(this.cluster.controlPlane);
    this.#lines.push(line);
    return line;
  }

  /** What the operator has written in the tenant's namespace, Events included. Wants a Stage with an audit log. */
  async writesIn({ namespace }: Tenant): Promise<readonly Write[]> {
    const writes = await readWrites(this.cluster.controlPlane.auditLog ?? "");
    return writes.filter((write) => byOperator(write) && write.namespace === namespace);
  }

  /**
   * Waits until the operator has seen what is on the API server now, and has no work left but what it has put off. Each
   * of its two watches tells things in order, and so do its Events: so an SSHKey that is new, and a Secret that has to
   * come back, are seen after everything before them.
   */
  async allIsHandled(): Promise<void> {
    const marker = await this.tenant();
    await marker.create("marker", { user: "marker", key: freshKey() });
    const { secretName = "" } = await marker.until("marker", "Projected");
    const secret = await marker.secret(secretName);
    await marker.removeSecret(secretName);
    const isBack = async () => {
      const { metadata } = (await marker.secret(secretName)) ?? {};
      return metadata !== undefined && metadata.uid !== secret?.metadata.uid;
    };
    await eventually("the marker's Secret is back", isBack, DEADLINE_MS);
    await this.isIdle();
    await marker.edit("marker", { disabled: true });
    await marker.until("marker", "Disabled");
    const path = `/apis/events.k8s.io/v1/namespaces/${marker.namespace}/events`;
    const isTold = async () =>
      ((await marker.send("GET", path)) as { items: { reason: string }[] }).items.some(
        ({ reason }) => reason === "Disabled",
      );
    await eventually("the marker has its last Event", isTold, DEADLINE_MS);
    await this.isIdle();
  }

  /** Waits until no queue of the operator holds anything, and nothing is worked on, twice in a row. */
  async isIdle(): Promise<void> {
    let idle = 0;
    const isIdle = async () => {
      idle = (await this.work()) === 0 ? idle + 1 : 0;
      return idle === 2;
    };
    await eventually("the operator has nothing to do", isIdle, DEADLINE_MS);
  }

  /** How much waits in the operator's queues or is worked on, without what it has put off. */
  async work(): Promise<number> {
    const { value } = await this.operator.scrape();
    return value("workqueue_depth") + value("controller_runtime_active_workers");
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.stop();
    await this.crash();
    await this.cluster.stop();
  }
}
