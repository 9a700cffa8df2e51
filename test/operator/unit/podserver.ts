import { setImmediate } from "node:timers/promises";
import { pino } from "pino";
import { onTestFinished, vi } from "vitest";
import { REFRESH_LABEL } from "../../../src/api/names.ts";
import type { BodyReader, Call, Reads, Requests } from "../../../src/kube/transport.ts";
import { Metrics } from "../../../src/operator/metrics.ts";
import { type ChangedSecret, PodRefresher } from "../../../src/operator/podrefresher.ts";
import { parseExposition } from "../../availability/exposition.ts";
import { refusal } from "./fakes.ts";

/** A pod, as far as a list of pods shows it to whoever looks for Secrets. */
export interface StoredPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly volumes: readonly object[];
  readonly isLabelled: boolean;
  readonly phase: string;
  readonly isTerminating: boolean;
  annotations: Readonly<Record<string, string>>;
}

/** A patch of a pod. `at`: monotonic ms. */
export interface Patch {
  readonly id: string;
  readonly body: unknown;
  readonly call: Call;
  readonly at: number;
}

/** How long an answer takes, in ms of the clock that the test moves. */
export const LATENCY_MS = 2;

/** The part of an API server that serves pods. Each answer takes LATENCY_MS. */
export class PodServer implements Requests, Reads {
  readonly patches: Patch[] = [];
  readonly lists: Call[] = [];
  /** How long a list takes, in ms of the clock that the test moves. */
  listMs = LATENCY_MS;
  /** What to answer instead, if anything. */
  fault: (call: Call) => Error | undefined = () => undefined;
  readonly #pods = new Map<string, StoredPod>();

  /** Puts a pod there that mounts these Secrets. */
  add(id: string, secrets: readonly string[] = [], more: Partial<StoredPod> = {}): this {
    const [namespace = "", name = ""] = id.split("/");
    const pod = {
      namespace,
      name,
      uid: `uid-${id}`,
      isLabelled: true,
      phase: "Running",
      isTerminating: false,
    };
    const volumes = secrets.map((secretName) => ({ name: secretName, secret: { secretName } }));
    this.#pods.set(id, { ...pod, volumes, annotations: {}, ...more });
    return this;
  }

  /** So many pods of a namespace, each of which mounts these Secrets. */
  addMany(namespace: string, count: number, ...secrets: readonly string[]): this {
    for (let i = 0; i < count; i += 1) this.add(`${namespace}/pod-${String(i).padStart(5, "0")}`, secrets);
    return this;
  }

  /** How often each pod was annotated. */
  get counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { id } of this.patches) counts[id] = (counts[id] ?? 0) + 1;
    return counts;
  }

  patchesOf(id: string): readonly Patch[] {
    return this.patches.filter((patch) => patch.id === id);
  }

  /** Lists that began at the first page. */
  get passes(): number {
    return this.lists.filter(({ query }) => query?.continue === undefined).length;
  }

  async request<T>(call: Call): Promise<T> {
    const [, , , , namespace = "", , name = ""] = call.path.split("/");
    const id = `${namespace}/${name}`;
    this.patches.push({ id, body: call.body, call, at: performance.now() });
    await pause(LATENCY_MS);
    const fault = this.fault(call);
    if (fault !== undefined) throw fault;
    const pod = this.#pods.get(id);
    if (pod === undefined) throw refusal(404, "NotFound");
    const { metadata } = call.body as { metadata: { annotations: Record<string, string> } };
    pod.annotations = { ...pod.annotations, ...metadata.annotations };
    return { metadata: { name } } as T;
  }

  async read<T>(call: Call, reader: BodyReader<T>): Promise<T> {
    this.lists.push(call);
    await pause(this.listMs);
    const fault = this.fault(call);
    if (fault !== undefined) throw fault;
    const [, , , , namespace] = call.path.split("/");
    const { limit, continue: from = "0" } = call.query ?? {};
    const all = [...this.#pods.values()].filter(
      (pod) => pod.namespace === namespace && pod.isLabelled && pod.phase === "Running",
    );
    const end = Number(from) + Number(limit);
    const metadata = { resourceVersion: "1", ...(end < all.length ? { continue: String(end) } : {}) };
    const items = all.slice(Number(from), end).map(asObject);
    await reader.take(Buffer.from(JSON.stringify({ kind: "PodList", metadata, items })));
    return reader.end();
  }
}

/** A refresher that leads, and what it says. Ends with the test. */
export function startRefresher(server: PodServer, lately: readonly ChangedSecret[] = []) {
  const log: Readonly<Record<string, unknown>>[] = [];
  const metrics = new Metrics();
  const write = (line: string) => void log.push(JSON.parse(line));
  const refresher = new PodRefresher({ requests: server, log: pino({ level: "debug" }, { write }), metrics });
  const stop = new AbortController();
  const ended = refresher.run(lately, stop.signal, stop.signal);
  const end = async () => {
    stop.abort();
    await pass(10 * LATENCY_MS);
    await ended;
  };
  onTestFinished(async () => {
    await end();
    vi.useRealTimers();
  });
  const { secrets, pods } = refresher;
  return {
    refresher,
    end,
    /** Nothing is under way any more, and nothing will be. */
    async rest() {
      const work = () => secrets.depth + secrets.working + pods.depth + pods.working + vi.getTimerCount();
      return await untilSo("all is done", () => work() === 0);
    },
    said: (event: string) => log.filter((line) => line.event === event),
    /** How many requests ended so. */
    async counted(result: string) {
      const name = "sshkey_operator_pod_refreshes_total";
      const samples = parseExposition(await metrics.registry.metrics()).get(name)?.samples ?? [];
      return samples.find(({ labels }) => labels.result === result)?.value ?? 0;
    },
    remove: (id: string) => change(refresher, id, "removal"),
    add: (id: string) => change(refresher, id, "addition"),
  };
}

/** Lets the clock run, 5 ms by 5 ms, until this is so; returns how many ms that took. */
export async function untilSo(what: string, isSo: () => boolean, limitMs = 200_000): Promise<number> {
  const started = performance.now();
  while (!isSo()) {
    if (performance.now() - started > limitMs) throw new Error(`it never came about: ${what}`);
    await pass(5);
  }
  return performance.now() - started;
}

/** So many ms pass. */
export async function pass(ms: number): Promise<void> {
  const step = Math.max(5, ms / 200);
  for (let left = ms; left > 0; left -= step) {
    // A worker of a queue yields to the event loop, whose turns are not the clock's.
    await setImmediate();
    await vi.advanceTimersByTimeAsync(Math.min(step, left));
  }
  await setImmediate();
}

/** The clock of a test of the refresher. */
export function useTestClock(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
}

function change(refresher: PodRefresher, id: string, kind: "removal" | "addition"): void {
  const [namespace = "", secretName = ""] = id.split("/");
  refresher.refresh({ namespace, secretName }, kind);
}

function asObject({ namespace, name, uid, volumes, isTerminating, annotations }: StoredPod): object {
  const labels = { [REFRESH_LABEL]: "true" };
  const deletion = isTerminating ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {};
  const metadata = { namespace, name, uid, resourceVersion: "1", labels, annotations, ...deletion };
  return { metadata, spec: { volumes } };
}

/** By the timers that the test moves: those of node:timers/promises go by the real clock. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
