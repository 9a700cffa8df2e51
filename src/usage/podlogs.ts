import type { KubeObject } from "../api/object.ts";
import { podPath, podsPath } from "../api/paths.ts";
import { ApiError } from "../kube/apierror.ts";
import { Backoff } from "../kube/backoff.ts";
import { LineSplitter } from "../kube/linesplitter.ts";
import { Reflector, type ReflectorOptions } from "../kube/reflector.ts";
import { sleep } from "../kube/sleep.ts";
import type { Transport } from "../kube/transport.ts";
import { LONGEST_LINE } from "./filelines.ts";
import type { LogSource } from "./reporter.ts";

export interface PodLogsOptions {
  readonly transport: Transport;
  readonly namespace: string;
  /** A label selector; undefined for all pods. */
  readonly selector: string | undefined;
  /** Only the containers of this name. */
  readonly container: string | undefined;
  readonly onLine: (line: string, source: LogSource) => void;
  readonly onRestart: NonNullable<ReflectorOptions<unknown>["onRestart"]>;
  /** Called when a log cannot be read, the first time in a row, and once where there are more pods than are read. */
  readonly onProblem: (source: string, problem: string) => void;
}

/** So many containers of a namespace are read at once; each takes a connection. */
export const MOST_STREAMS = 50;

/** How long one request for a log lasts, in ms. */
const REQUEST_MS = 300_000;

interface LoggingPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly containers: readonly string[];
  readonly isRunning: boolean;
}

/** Reads the logs of the pods of one namespace as they come, each from its beginning. */
export class PodLogs {
  readonly #o: PodLogsOptions;
  readonly #pods = new Map<string, LoggingPod>();
  /** By UID and container. */
  readonly #streams = new Map<string, AbortController>();
  #signal: AbortSignal | undefined;
  #hasTold = false;

  constructor(options: PodLogsOptions) {
    this.#o = options;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { transport, namespace, selector, onRestart } = this.#o;
    const reflector = new Reflector<LoggingPod>({
      transport,
      path: podsPath(namespace),
      query: selector === undefined ? {} : { labelSelector: selector },
      decode: (object) => toLoggingPod(object, this.#o.container),
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
      onRestart,
    });
    await reflector.run(signal);
    for (const stream of this.#streams.values()) stream.abort();
  }

  /** Begins to read the pods that are new, and ends with those that are gone. */
  #follow(): void {
    const wanted = new Map<string, { readonly pod: LoggingPod; readonly container: string }>();
    for (const pod of this.#pods.values())
      if (pod.isRunning)
        for (const container of pod.containers) wanted.set(`${pod.uid}/${container}`, { pod, container });
    for (const [id, stream] of this.#streams) if (!wanted.has(id)) stream.abort();
    for (const [id, { pod, container }] of wanted) {
      if (this.#streams.has(id)) continue;
      if (this.#streams.size >= MOST_STREAMS) {
        this.#tellMore();
        return;
      }
      const stream = new AbortController();
      this.#streams.set(id, stream);
      void this.#read(pod, container, stream.signal).finally(() => {
        this.#streams.delete(id);
        if (this.#signal?.aborted === false) this.#follow();
      });
    }
  }

  #tellMore(): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    const { namespace, onProblem } = this.#o;
    onProblem(
      namespace,
      `more than ${MOST_STREAMS} containers: the others wait; give --selector and --container`,
    );
  }

  /** Until the signal aborts. Never rejects. */
  async #read(pod: LoggingPod, container: string, signal: AbortSignal): Promise<void> {
    const { namespace, name } = pod;
    const source = { namespace, name: `pod/${namespace}/${name}` };
    const backoff = new Backoff({ initialMs: 1000, maxMs: 60_000 });
    let [since, hasFailed] = ["", false];
    while (!signal.aborted) {
      let isWell = false;
      const splitter = new LineSplitter(LONGEST_LINE);
      const take = (line: string) => {
        isWell = true;
        since = RUNTIME_TIME.exec(line)?.[0] ?? since;
        this.#o.onLine(line, source);
      };
      try {
        await this.#o.transport.read(
          {
            method: "GET",
            path: `${podPath(namespace, name)}/log`,
            query: {
              container,
              follow: "true",
              timestamps: "true",
              ...(since === "" ? {} : { sinceTime: since }),
            },
            accept: "*/*",
            deadlineMs: REQUEST_MS,
            signal,
          },
          {
            take: (chunk) => {
              for (const line of splitter.push(chunk)) take(line);
            },
            end: () => {
              for (const line of splitter.end()) take(line);
            },
          },
        );
        hasFailed = false;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        // No line came for so long, which is no failure.
        const isQuiet = error.code === "Timeout";
        if (!isQuiet && !hasFailed && !signal.aborted)
          this.#o.onProblem(`${source.name}, container ${container}`, error.message);
        hasFailed = !isQuiet;
        isWell ||= isQuiet;
      }
      if (isWell) backoff.reset();
      await sleep(backoff.next(), signal);
    }
  }
}

/** What the container runtime puts before a line, which no program in the container can forge. */
const RUNTIME_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)(?= )/;

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
