import type { ApiErrorCode } from "../kube/apierror.ts";
import type { Reflector, Restart } from "../kube/reflector.ts";
import type { RestartReason } from "../kube/restart.ts";
import type { Transport } from "../kube/transport.ts";
import { type DatedLine, followedFile, streamLines, wholeFile } from "./filelines.ts";
import type { UsageMetrics } from "./metrics.ts";
import { type LogCounts, MOST_STREAMS, PodLogs } from "./podlogs.ts";
import { Reach } from "./reach.ts";
import { type Tell, UsageReporter } from "./reporter.ts";
import { followKeys, type IndexedKey, SSHKeyIndex } from "./sshkeyindex.ts";

/** What is read, and of whose keys it may speak. */
export interface LogInputs {
  /** The namespaces whose SSHKeys are looked for; undefined for all. */
  readonly keys: readonly string[] | undefined;
  readonly files?: {
    readonly namespace: string;
    /** `-` is standard input. */
    readonly files: readonly string[];
    readonly follow: boolean;
    readonly source: string;
  };
  readonly pods?: {
    readonly namespaces: readonly string[];
    readonly selector: string | undefined;
    readonly container: string | undefined;
  };
}

export interface UsageOptions {
  readonly transport: Transport;
  readonly inputs: LogInputs;
  readonly metrics: UsageMetrics;
  readonly tell: Tell;
}

/** Connections to the API server: a watch a namespace, the logs of pods, and what is asked and written. */
export function connectionsFor({ keys, pods }: LogInputs): number {
  return (keys?.length ?? 1) + (pods?.namespaces.length ?? 0) * (MOST_STREAMS + 1) + 8;
}

/** Reads logs and reports which keys were used. */
export class Usage {
  readonly #o: UsageOptions;
  readonly #keys = new SSHKeyIndex();
  readonly #reporter: UsageReporter;
  readonly #pods: readonly PodLogs[];
  readonly #missingFiles = new Set<string>();
  /** Whose SSHKeys or pods cannot be listed or watched at the moment, as they are told. */
  readonly #unwatched = new Set<string>();
  /** Rejects where the SSHKeys cannot be read and nobody waits for that to change. */
  readonly #refused = Promise.withResolvers<never>();
  #isReady = false;

  constructor(options: UsageOptions) {
    this.#o = options;
    // Later nobody waits for it.
    this.#refused.promise.catch(() => {});
    const { transport: requests, inputs, metrics, tell } = options;
    const reach = new Reach({
      requests,
      now: () => performance.now(),
      onForbidden: (path) => this.#tell("forbidden", path),
    });
    this.#reporter = new UsageReporter({ keys: this.#keys, reach, requests, tell, metrics, now: Date.now });
    this.#pods = (inputs.pods?.namespaces ?? []).map((namespace) => this.#podLogs(namespace));
    metrics.registerGauges({
      keys: () => this.#keys.size,
      isReady: () => this.#isReady,
      unwatchedNamespaces: () => this.#unwatched.size,
      logs: () => this.#logs(),
      waitingReports: () => this.#reporter.waiting,
    });
  }

  /** Are the SSHKeys listed, and the logs read? Stays so while the API server is away. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /**
   * Until all files are read, or the signal aborts. Rejects with the error of the system where one cannot be read, and with an
   * ApiError where files that are read once find that the SSHKeys may not be read. Nothing is read before all SSHKeys are
   * known: what is not known then is nobody's.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { inputs, tell } = this.#o;
    const stop = new AbortController();
    const end = AbortSignal.any([signal, stop.signal]);
    const followed = (inputs.keys ?? [undefined]).map((namespace) => this.#follow(namespace));
    const running = [this.#reporter.run(end), ...followed.map((reflector) => reflector.run(end))];
    const failed = Promise.all(running).then(() => {});
    try {
      const synced = Promise.all(followed.map((reflector) => reflector.whenSynced()));
      await Promise.race([synced.catch(() => {}), failed, this.#refused.promise]);
      if (end.aborted) return;
      this.#isReady = true;
      tell("UsageReady", { sshKeys: this.#keys.size, namespaces: inputs.keys });
      await Promise.race([this.#read(end), failed]);
    } finally {
      stop.abort();
      await failed;
    }
  }

  #follow(namespace: string | undefined): Reflector<IndexedKey> {
    const { transport, inputs } = this.#o;
    const callbacks = this.#callbacks("sshkeys", `SSHKeys of ${namespace ?? "all namespaces"}`);
    return followKeys(transport, namespace, this.#keys, {
      ...callbacks,
      onRestart: (reason, restart) => {
        const { error } = restart;
        if (inputs.files?.follow === false && REFUSALS.includes(error.code)) this.#refused.reject(error);
        callbacks.onRestart(reason, restart);
      },
    });
  }

  #callbacks(resource: "sshkeys" | "pods", what: string) {
    return {
      onWatch: () => void this.#unwatched.delete(what),
      onRestart: (reason: RestartReason, { error }: Restart) => {
        this.#o.metrics.watchRestarted(resource, reason);
        this.#unwatched.add(what);
        this.#tell(error.message, what);
      },
    };
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { files } = this.#o.inputs;
    await Promise.all(this.#pods.map((pods) => pods.run(signal)));
    if (files !== undefined) {
      await Promise.all(files.files.map((file) => this.#lines(this.#linesOf(file, files.follow, signal))));
      if (!signal.aborted) await Promise.race([this.#reporter.drained(), aborted(signal)]);
    }
  }

  async #lines(lines: AsyncGenerator<DatedLine, void, undefined>): Promise<void> {
    const { namespace = "", source: name = "" } = this.#o.inputs.files ?? {};
    const source = { namespace, name };
    for await (const { line, undatedAt } of lines) this.#reporter.read(line, source, { undatedAt });
  }

  #linesOf(file: string, follow: boolean, signal: AbortSignal): AsyncGenerator<DatedLine, void, undefined> {
    if (file === "-") return streamLines(process.stdin, signal);
    if (!follow) return wholeFile(file, signal);
    return followedFile(file, signal, (isMissing) => {
      if (isMissing) this.#missingFiles.add(file);
      else this.#missingFiles.delete(file);
      if (isMissing) this.#tell("there is no such file: it is waited for", file);
    });
  }

  #podLogs(namespace: string): PodLogs {
    const { transport, inputs } = this.#o;
    const { selector, container } = inputs.pods ?? {};
    return new PodLogs({
      transport,
      namespace,
      selector,
      container,
      onLine: ({ message, writtenAt }, source) => this.#reporter.read(message, source, { writtenAt }),
      callbacks: this.#callbacks("pods", `pods of ${namespace}`),
      onProblem: (what, problem) => this.#tell(problem, what),
    });
  }

  #logs(): LogCounts {
    const { size } = this.#missingFiles;
    const files = { read: (this.#o.inputs.files?.files.length ?? 0) - size, unreadable: size, waiting: 0 };
    return this.#pods
      .map(({ counts }) => counts)
      .reduce(
        (sum, { read, unreadable, waiting }) => ({
          read: sum.read + read,
          unreadable: sum.unreadable + unreadable,
          waiting: sum.waiting + waiting,
        }),
        files,
      );
  }

  #tell(error: string, what: string): void {
    this.#o.tell("LogUnreadable", { what, error });
  }
}

/** Answers that nobody changes but an administrator. */
const REFUSALS: readonly ApiErrorCode[] = ["Unauthorized", "Forbidden", "NotFound"];

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
