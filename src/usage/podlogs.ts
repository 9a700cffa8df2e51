import type { KubeObject } from "../api/object.ts";
import { podsPath } from "../api/paths.ts";
import { Reflector, type ReflectorOptions } from "../kube/reflector.ts";
import { TokenBuckets } from "../kube/tokenbuckets.ts";
import type { Transport } from "../kube/transport.ts";
import { BYTES_OF_NAMESPACE, bytesBudget, followContainerLog } from "./containerlog.ts";
import type { LogSource } from "./reporter.ts";
import type { RuntimeLine } from "./runtimelines.ts";

export interface PodLogsOptions {
  readonly transport: Transport;
  readonly namespace: string;
  /** A label selector; undefined for all pods. */
  readonly selector: string | undefined;
  /** Only the containers of this name. */
  readonly container: string | undefined;
  readonly onLine: (line: RuntimeLine, source: LogSource) => void;
  /** Of the list of pods. */
  readonly callbacks: Pick<ReflectorOptions<unknown>, "onRestart" | "onWatch">;
  /** Called when a log cannot be read, and once where there are more containers than are read. */
  readonly onProblem: (source: string, problem: string) => void;
}

/** How many logs there are: read, not readable at the moment, and not read for there are too many. */
export interface LogCounts {
  readonly read: number;
  readonly unreadable: number;
  readonly waiting: number;
}

/** So many containers of a namespace are read at once; each takes a connection. */
export const MOST_STREAMS = 50;

/** So many problems are told at once, and one more in so many ms: whoever owns the namespace makes pods that cannot be read. */
const TOLD_AT_ONCE = 10;
const TOLD_EVERY_MS = 60_000;

interface LoggingPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly containers: readonly string[];
  readonly isRunning: boolean;
}

interface Stream {
  readonly stop: AbortController;
  isUnreadable: boolean;
}

/** Reads the logs of the pods of one namespace as they come, each from its beginning. */
export class PodLogs {
  readonly #o: PodLogsOptions;
  readonly #reflector: Reflector<LoggingPod>;
  readonly #pods = new Map<string, LoggingPod>();
  /** By UID and container. */
  readonly #streams = new Map<string, Stream>();
  readonly #told = new TokenBuckets({
    burst: TOLD_AT_ONCE,
    refillMs: TOLD_EVERY_MS,
    now: () => performance.now(),
  });
  readonly #budget = bytesBudget(BYTES_OF_NAMESPACE);
  #signal: AbortSignal | undefined;
  #waiting = 0;
  #hasTold = false;

  constructor(options: PodLogsOptions) {
    this.#o = options;
    const { transport, namespace, selector, container, callbacks } = options;
    this.#reflector = new Reflector<LoggingPod>({
      transport,
      path: podsPath(namespace),
      query: selector === undefined ? {} : { labelSelector: selector },
      decode: (object) => toLoggingPod(object, container),
      sink: {
        replace: (pods) => {
          this.#pods.clear();
          for (const pod of pods) this.#pods.set(pod.name, pod);
          this.#follow();
        },
        reset: () => {},
        upsert: (pod) => {
          this.#pods.set(pod.name, pod);
          this.#follow();
        },
        remove: ({ name }) => {
          this.#pods.delete(name);
          this.#follow();
        },
      },
      ...callbacks,
    });
  }

  get counts(): LogCounts {
    const unreadable = [...this.#streams.values()].filter(({ isUnreadable }) => isUnreadable).length;
    return { read: this.#streams.size - unreadable, unreadable, waiting: this.#waiting };
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    await this.#reflector.run(signal);
    for (const { stop } of this.#streams.values()) stop.abort();
  }

  /** Begins to read the pods that are new, and ends with those that are gone. */
  #follow(): void {
    const wanted = new Map<string, { readonly pod: LoggingPod; readonly container: string }>();
    for (const pod of this.#pods.values())
      if (pod.isRunning)
        for (const container of pod.containers) wanted.set(`${pod.uid}/${container}`, { pod, container });
    for (const [id, { stop }] of this.#streams) if (!wanted.has(id)) stop.abort();
    this.#waiting = 0;
    for (const [id, { pod, container }] of wanted) {
      if (this.#streams.has(id)) continue;
      if (this.#streams.size < MOST_STREAMS) this.#begin(id, pod, container);
      else this.#waiting += 1;
    }
    if (this.#waiting > 0) this.#tellMore();
  }

  #begin(id: string, { namespace, name }: LoggingPod, container: string): void {
    const { transport, onLine } = this.#o;
    const stream = { stop: new AbortController(), isUnreadable: false };
    this.#streams.set(id, stream);
    const source = { namespace, name: `pod/${namespace}/${name}` };
    const options = {
      transport,
      namespace,
      pod: name,
      container,
      budget: this.#budget,
      onLine: (line: RuntimeLine) => onLine(line, source),
      onProblem: (problem: string | undefined) => {
        stream.isUnreadable = problem !== undefined;
        if (problem !== undefined) this.#tell(`${source.name}, container ${container}`, problem);
      },
    };
    void followContainerLog(options, stream.stop.signal).finally(() => {
      this.#streams.delete(id);
      if (this.#signal?.aborted === false) this.#follow();
    });
  }

  #tellMore(): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    const problem = `more than ${MOST_STREAMS} containers: the others wait; give --selector and --container`;
    this.#o.onProblem(this.#o.namespace, problem);
  }

  #tell(what: string, problem: string): void {
    if (this.#told.take("")) this.#o.onProblem(what, problem);
  }
}

function toLoggingPod({ metadata, ...object }: KubeObject, only: string | undefined): LoggingPod {
  const { spec, status } = object as {
    readonly spec?: { readonly containers?: readonly { readonly name: string }[] };
    readonly status?: { readonly phase?: string };
  };
  const names = (spec?.containers ?? []).map(({ name }) => name);
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid,
    containers: only === undefined ? names : names.filter((name) => name === only),
    isRunning: status?.phase === "Running",
  };
}
