import type { Replica, Replicas } from "../availability/replicas.ts";
import { eventually } from "../cluster/eventually.ts";
import type { LogLine } from "../cluster/operatorprocess.ts";
import { freshKey } from "../operator/publickeys.ts";
import { stateOf, type Tenant } from "../operator/tenant.ts";
import { differences } from "./comparison.ts";
import { FaultProxy } from "./faultproxy.ts";
import type { ProxiedRequest } from "./proxiedrequest.ts";

/** In ms, in the proportions of the defaults: short enough for a test, long enough for a busy machine. */
export const LEASE = { durationMs: 6000, renewDeadlineMs: 4000, retryPeriodMs: 800 };

/** How long anything may take before a test fails. */
const DEADLINE_MS = 40_000;
const WORK_INTERVAL_MS = 250;

/** A replica behind a fault proxy of its own. */
export interface Candidate {
  readonly replica: Replica;
  readonly proxy: FaultProxy;
  /** When its caches were complete, ms since the epoch; waits for the log to say so. */
  synced(): Promise<number>;
  /** When it began its nth term, ms since the epoch; waits for the log to say so. */
  began(term: number): Promise<number>;
  /** Those of the event that are written by now: a line comes a moment after what it tells of. */
  lines(event: string): Promise<readonly LogLine[]>;
}

/** Two replicas that stand for a Lease of their own and serve a namespace of their own, in which work never ends. */
export class Pair {
  readonly tenant: Tenant;
  readonly #replicas: Replicas;
  readonly #name: string;
  readonly #proxies: FaultProxy[] = [];
  readonly #work: NodeJS.Timeout;
  readonly #made: Promise<unknown>[] = [];

  private constructor(replicas: Replicas, tenant: Tenant, name: string) {
    this.#replicas = replicas;
    this.tenant = tenant;
    this.#name = name;
    this.#work = setInterval(() => this.#makeKey(), WORK_INTERVAL_MS);
  }

  /** `name` is the beginning of the names of its service accounts. */
  static async open(replicas: Replicas, name: string): Promise<Pair> {
    return new Pair(replicas, await replicas.tenant(), name);
  }

  /** Starts a replica and waits until its caches are complete; `prepare` is told of its proxy before. */
  async start(letter: "a" | "b", prepare: (proxy: FaultProxy) => void = () => undefined): Promise<Candidate> {
    const { promise, resolve } = Promise.withResolvers<FaultProxy>();
    const { namespace } = this.tenant;
    const args = [
      `--namespace=${namespace}`,
      `--leader-election-namespace=${namespace}`,
      `--leader-elect-lease-duration=${LEASE.durationMs}ms`,
      `--leader-elect-renew-deadline=${LEASE.renewDeadlineMs}ms`,
      `--leader-elect-retry-period=${LEASE.retryPeriodMs}ms`,
    ];
    const replica = await this.#replicas.start(`${this.#name}-${letter}`, args, async (kubeconfig) => {
      const proxy = await FaultProxy.start(kubeconfig);
      this.#proxies.push(proxy);
      prepare(proxy);
      resolve(proxy);
      return proxy.kubeconfig;
    });
    const lines = async (event: string) =>
      (await replica.process.log()).filter((line) => line.event === event);
    return {
      replica,
      proxy: await promise,
      lines,
      synced: () => replica.process.timeOf("Synced", 1, DEADLINE_MS),
      began: (term) => replica.process.timeOf("StartedLeading", term, DEADLINE_MS),
    };
  }

  /** Makes a Lease of somebody who is gone. */
  async leaveLease(): Promise<void> {
    const spec = {
      holderIdentity: "gone",
      leaseDurationSeconds: 1,
      renewTime: "2026-01-02T03:04:05.000000Z",
    };
    const path = `/apis/coordination.k8s.io/v1/namespaces/${this.tenant.namespace}/leases`;
    await this.tenant.send("POST", path, { metadata: { name: "sshkey-operator" }, spec });
  }

  /** Waits until the SSHKeys that were made up to now are in their Secrets. */
  async untilServed(): Promise<void> {
    await Promise.all(this.#made);
    const count = this.#made.length;
    const isServed = async () => {
      const states = (await this.tenant.list()).map(({ status }) => stateOf(status));
      return states.filter((state) => state === "Projected").length >= count;
    };
    await eventually(`the first ${count} SSHKeys are Projected`, isServed, DEADLINE_MS);
  }

  /** Ends the work, waits until Secrets and statuses are as the model has them, and takes the proxies away. */
  async close(): Promise<void> {
    clearInterval(this.#work);
    await Promise.all(this.#made);
    const isRight = async () => (await differences([this.tenant])).length === 0;
    await eventually("all work is done", isRight, DEADLINE_MS);
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
  }

  #makeKey(): void {
    const name = `key-${this.#made.length}`;
    const making = this.tenant.create(name, { user: name, key: freshKey() });
    // Whoever waits for it hears of a failure.
    making.catch(() => undefined);
    this.#made.push(making);
  }
}

export function isLeaseWrite({ resource, verb }: ProxiedRequest): boolean {
  return resource === "leases" && (verb === "create" || verb === "update");
}
