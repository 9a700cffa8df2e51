import { KEYS_CHANGED_ANNOTATION, REFRESH_LABEL } from "../../src/api/names.ts";
import { podPath, podsPath } from "../../src/api/paths.ts";
import { byOperator, readWrites, type Write } from "../cluster/auditlog.ts";
import { eventually } from "../cluster/eventually.ts";
import type { Stage } from "./stage.ts";
import { DEADLINE_MS, type Tenant } from "./tenant.ts";

export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

export interface PodFacts {
  /** Names of Secrets, each a volume. */
  readonly secrets?: readonly string[];
  /** In place of those. */
  readonly volumes?: readonly object[];
  readonly isLabelled?: boolean;
  readonly phase?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
}

/** From when the Secret's write was acknowledged until a pod was annotated, ms since the epoch. */
export interface Wait {
  readonly from: number;
  readonly to: number;
}

/** The pods of a tenant's namespace. No kubelet runs them: what they are doing is what they are said to do. */
export class Pods {
  readonly tenant: Tenant;

  constructor(tenant: Tenant) {
    this.tenant = tenant;
  }

  async create(name: string, facts: PodFacts = {}): Promise<Pod> {
    const { tenant } = this;
    const { secrets = [], isLabelled = true, phase = "Running", annotations = {}, finalizers = [] } = facts;
    const volumes =
      facts.volumes ?? secrets.map((secretName) => ({ name: secretName, secret: { secretName } }));
    const labels = isLabelled ? { [REFRESH_LABEL]: "true" } : {};
    const object = {
      metadata: { name, labels, annotations, finalizers },
      spec: { containers: [{ name: "sshd", image: "sshd" }], volumes },
    };
    const pod = (await tenant.send("POST", podsPath(tenant.namespace), object)) as Pod;
    if (phase === "Pending") return pod;
    return (await tenant.send("PATCH", `${this.#path(name)}/status`, { status: { phase } })) as Pod;
  }

  async read(name: string): Promise<Pod> {
    return (await this.tenant.send("GET", this.#path(name))) as Pod;
  }

  async remove(name: string): Promise<void> {
    await this.tenant.send("DELETE", `${this.#path(name)}?gracePeriodSeconds=0`);
  }

  async release(name: string): Promise<void> {
    await this.tenant.send("PATCH", this.#path(name), { metadata: { finalizers: null } });
  }

  /** Waits until the pod says so. */
  async untilRefreshed(name: string, before?: string): Promise<string> {
    return await eventually(
      `pod ${name} is refreshed`,
      async () => {
        const time = (await this.read(name)).metadata.annotations?.[KEYS_CHANGED_ANNOTATION];
        return time !== before && time;
      },
      DEADLINE_MS,
    );
  }

  /** The operator's patches of pods here that succeeded, in the order of the answers. */
  async patches(stage: Stage): Promise<readonly Write[]> {
    return (await writesOf(stage, this.tenant)).filter(({ resource }) => resource === "pods");
  }

  /** Waits until this pod was patched so often by the operator. */
  async untilPatched(stage: Stage, name: string, times: number): Promise<readonly Write[]> {
    return await eventually(
      `pod ${name} is patched ${times} times`,
      async () => {
        const own = (await this.patches(stage)).filter((write) => write.name === name);
        return own.length >= times && own;
      },
      DEADLINE_MS,
    );
  }

  /**
   * For each of these times, ms since the epoch: how many ms after the next write of the Secret was acknowledged each pod was
   * annotated for the first time, the earliest first.
   */
  async refreshes(stage: Stage, secret: string, times: readonly number[]): Promise<readonly number[][]> {
    const waits = await this.waits(stage, secret, times);
    return waits.map((pods) => pods.map(({ from, to }) => to - from));
  }

  /** The same as times, ms since the epoch. */
  async waits(stage: Stage, secret: string, times: readonly number[]): Promise<readonly Wait[][]> {
    const writes = await writesOf(stage, this.tenant);
    return times.map((time) => {
      const isNext = (write: Write) => write.name === secret && write.receivedAt >= time;
      const from = writes.find(isNext)?.answeredAt ?? Number.NaN;
      const after = writes.filter(({ resource, receivedAt }) => resource === "pods" && receivedAt >= from);
      const first = new Map(after.toReversed().map(({ name, answeredAt }) => [name, answeredAt]));
      return [...first.values()].sort((a, b) => a - b).map((to) => ({ from, to }));
    });
  }

  /** When the last write of the Secret was acknowledged, ms since the epoch. */
  async acknowledgedAt(stage: Stage, secret: string): Promise<number> {
    const writes = await writesOf(stage, this.tenant);
    return (
      writes.findLast(({ resource, name }) => resource === "secrets" && name === secret)?.answeredAt ?? 0
    );
  }

  #path(name: string): string {
    return podPath(this.tenant.namespace, name);
  }
}

async function writesOf(stage: Stage, { namespace }: Tenant): Promise<readonly Write[]> {
  const writes = await readWrites(stage.cluster.controlPlane.auditLog ?? "");
  return writes
    .filter((write) => byOperator(write) && write.namespace === namespace)
    .sort((a, b) => a.answeredAt - b.answeredAt);
}
