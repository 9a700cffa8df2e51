import type { Replica, Replicas } from "../availability/replicas.ts";
import { eventually } from "../cluster/eventually.ts";
import type { LogLine } from "../cluster/operatorprocess.ts";
import { freshKey } from "../operator/publickeys.ts";
import { stateOf, type Tenant } from "../operator/tenant.ts";
import { differences } from "./comparison.ts";
import { FaultProxy } from "./faultproxy.ts";
import type { ProxiedRequest } from "./proxiedrequest.ts";

/** In ms. */
export interface LeaseTimes {
  readonly durationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

/** How long anything may take before a test fails. */
const DEADLINE_MS = 180_000;

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
  readonly #times: LeaseTimes;
  readonly #proxies: FaultProxy[] = [];
  readonly #work: Promise<void>;
  #isClosing = false;
  /** How many SSHKeys have been Projected, each made when the one before it was. */
  #served = 0;

  private constructor(replicas: Replicas, tenant: Tenant, name: string, times: LeaseTimes) {
    this.#replicas = replicas;
    this.tenant = tenant;
    this.#name = name;
    this.#times = times;
    this.#work = this.#makeKeys();
    // Whoever waits for it hears of a failure.
    this.#work.catch(() => undefined);
  }

  /** `name` is the beginning of the names of its service accounts. */
  static async open(replicas: Replicas, name: string, times: LeaseTimes): Promise<Pair> {
    return new Pair(replicas, await replicas.tenant(), name, times);
  }

  /** Starts a replica and waits until its caches are complete; `prepare` is told of its proxy before. */
  async start(letter: "a" | "b", prepare: (proxy: FaultProxy) => void = () => undefined): Promise<Candidate> {
    const { promise, resolve } = Promise.withResolvers<FaultProxy>();
    const { namespace } = this.tenant;
    const { durationMs, renewDeadlineMs, retryPeriodMs } = this.#times;
    const args = [
      `--namespace=${namespace}`,
      `--leader-election-namespace=${namespace}`,
      `--leader-elect-lease-duration=${durationMs}ms`,
      `--leader-elect-renew-deadline=${renewDeadlineMs}ms`,
      `--leader-elect-retry-period=${retryPeriodMs}ms`,
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

  /** Waits until an SSHKey that is made from now on is in its Secret. */
  async untilServed(): Promise<void> {
    const next = this.#served + 2;
    await eventually("one more SSHKey is Projected", () => this.#served >= next, DEADLINE_MS);
  }

  /** Ends the work, waits until Secrets and statuses are as the model has them, and takes the proxies away. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#work;
    const isRight = async () => (await differences([this.tenant])).length === 0;
    await eventually("all work is done", isRight, DEADLINE_MS);
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
  }

  async #makeKeys(): Promise<void> {
    for (; !this.#isClosing; this.#served += 1) {
      const name = `key-${this.#served}`;
      await this.tenant.create(name, { user: name, key: freshKey() });
      const isServed = async () => stateOf((await this.tenant.read(name)).status) === "Projected";
      await eventually(`${name} is Projected`, isServed, DEADLINE_MS);
    }
  }
}

export function isLeaseWrite({ resource, verb }: ProxiedRequest): boolean {
  return resource === "leases" && (verb === "create" || verb === "update");
}
