import type { ApiErrorCode } from "../kube/apierror.ts";
import type { Reflector } from "../kube/reflector.ts";
import type { Transport } from "../kube/transport.ts";
import { type DatedLine, followedFile, streamLines, wholeFile } from "./filelines.ts";
import { followKeys, type KnownKey, KnownKeys } from "./knownkeys.ts";
import { MOST_STREAMS, PodLogs } from "./podlogs.ts";
import { Reach } from "./reach.ts";
import { type Tell, UsageReporter } from "./reporter.ts";

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
  readonly tell: Tell;
}

/** Connections to the API server: a watch a namespace, the logs of pods, and what is asked and written. */
export function connectionsFor({ keys, pods }: LogInputs): number {
  return (keys?.length ?? 1) + (pods?.namespaces.length ?? 0) * (MOST_STREAMS + 1) + 8;
}

/** Reads logs and reports which keys were used. */
export class Usage {
  readonly #o: UsageOptions;
  readonly #keys = new KnownKeys();
  readonly #reporter: UsageReporter;
  /** Rejects where the SSHKeys cannot be read and nobody waits for that to change. */
  readonly #refused = Promise.withResolvers<never>();

  constructor(options: UsageOptions) {
    this.#o = options;
    // Later nobody waits for it.
    this.#refused.promise.catch(() => {});
    const { transport: requests, tell } = options;
    const reach = new Reach({
      requests,
      now: () => performance.now(),
      onForbidden: (path) => this.#tell("forbidden", path),
    });
    this.#reporter = new UsageReporter({ keys: this.#keys, reach, requests, tell, now: Date.now });
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
      tell("UsageStarted", { sshKeys: this.#keys.size, namespaces: inputs.keys });
      await Promise.race([this.#read(end), failed]);
    } finally {
      stop.abort();
      await failed;
    }
  }

  #follow(namespace: string | undefined): Reflector<KnownKey> {
    const { transport, inputs } = this.#o;
    return followKeys(transport, namespace, this.#keys, (_, { error }) => {
      if (inputs.files?.follow === false && REFUSALS.includes(error.code)) this.#refused.reject(error);
      this.#tell(error.message, `SSHKeys of ${namespace ?? "all namespaces"}`);
    });
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { files, pods } = this.#o.inputs;
    if (pods !== undefined)
      await Promise.all(pods.namespaces.map((namespace) => this.#pods(namespace).run(signal)));
    if (files !== undefined) {
      await Promise.all(files.files.map((file) => this.#lines(linesOf(file, files.follow, signal))));
      if (!signal.aborted) await Promise.race([this.#reporter.drained(), aborted(signal)]);
    }
  }

  async #lines(lines: AsyncGenerator<DatedLine, void, undefined>): Promise<void> {
    const { namespace = "", source: name = "" } = this.#o.inputs.files ?? {};
    const source = { namespace, name };
    for await (const { line, undatedAt } of lines) this.#reporter.read(line, source, undatedAt);
  }

  #pods(namespace: string): PodLogs {
    const { transport, inputs } = this.#o;
    const { selector, container } = inputs.pods ?? {};
    return new PodLogs({
      transport,
      namespace,
      selector,
      container,
      onLine: (line, source) => this.#reporter.read(line, source, Date.now()),
      onRestart: (_, { error }) => this.#tell(error.message, `pods of ${namespace}`),
      onProblem: (what, problem) => this.#tell(problem, what),
    });
  }

  #tell(error: string, what: string): void {
    this.#o.tell("LogUnreadable", { what, error });
  }
}

/** Answers that nobody changes but an administrator. */
const REFUSALS: readonly ApiErrorCode[] = ["Unauthorized", "Forbidden", "NotFound"];

function linesOf(
  file: string,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<DatedLine, void, undefined> {
  if (file === "-") return streamLines(process.stdin, signal);
  return follow ? followedFile(file, signal) : wholeFile(file, signal);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
