import { dayOf } from "../api/lastused.ts";
import { API_VERSION, KIND, USAGE_FIELD_MANAGER } from "../api/names.ts";
import { type KubeObject, namespacedName, namespaceOf } from "../api/object.ts";
import { METADATA_ONLY, sshKeyStatusPath } from "../api/paths.ts";
import { formatRFC3339 } from "../api/time.ts";
import { ApiError, isApiError } from "../kube/apierror.ts";
import { sleep } from "../kube/sleep.ts";
import { TokenBuckets } from "../kube/tokenbuckets.ts";
import type { Transport } from "../kube/transport.ts";
import { WorkQueue } from "../kube/workqueue.ts";
import { readLogLine } from "../whereabouts/sshdlog.ts";
import type { KnownKey, KnownKeys } from "./knownkeys.ts";
import { readLogTime } from "./logtime.ts";
import type { Reach } from "./reach.ts";

/** Where a line of a log comes from. */
export interface LogSource {
  /** The namespace whose Secrets the sshd reads that wrote it. */
  readonly namespace: string;
  /** As status.lastUsed.source has it. */
  readonly name: string;
}

/** Writes a line of the log. */
export type Tell = (
  event: "UsageStarted" | "LastUseReported" | "LastUseNotReported" | "LogUnreadable",
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface ReporterOptions {
  readonly keys: KnownKeys;
  readonly reach: Pick<Reach, "covers">;
  readonly requests: Pick<Transport, "request">;
  readonly tell: Tell;
  /** ms since the epoch. */
  readonly now: () => number;
}

const DAY_MS = 86_400_000;
const WORKERS = 4;
/** Writes at once after a rest, and ms for one more. */
const BURST = 50;
const REFILL_MS = 100;
/** What is not covered is asked again after so long, in ms; so many are remembered. */
const REFUSED_MS = 60_000;
const MOST_REFUSED = 10_000;
/** How often a write is tried again; the next login reports it anyway. */
const MOST_ATTEMPTS = 12;
const MOST_SOURCE_CHARACTERS = 256;

/**
 * Writes status.lastUsed of the SSHKeys that logs say were used: by server-side apply, with its own field manager, of each
 * key at most once a day. What is held in memory, and what is asked of the API server, is bounded by the SSHKeys that there
 * are: a fingerprint that nobody has costs a look into a map.
 */
export class UsageReporter {
  readonly #o: ReporterOptions;
  readonly #queue: WorkQueue<string>;
  readonly #budget: TokenBuckets;
  /** By the namespace of the log and the SSHKey. */
  readonly #waiting = new Map<string, Use>();
  readonly #refused = new Map<string, number>();
  #turn: Promise<void> = Promise.resolve();
  #onDrained: (() => void)[] = [];

  constructor(options: ReporterOptions) {
    this.#o = options;
    const now = () => performance.now();
    this.#queue = new WorkQueue({ namespaceOf, backoff: { initialMs: 500, maxMs: 60_000 }, now });
    this.#budget = new TokenBuckets({ burst: BURST, refillMs: REFILL_MS, now });
  }

  /** Reads a line of a log. One without a time is as old as `undatedAt`, in ms since the epoch. */
  read(line: string, source: LogSource, undatedAt: number): void {
    for (const { outcome, fingerprint, time } of readLogLine(line).mentions) {
      if (outcome !== "accepted") continue;
      const now = this.#o.now();
      const at = (time === undefined ? undefined : readLogTime(time, now)) ?? undatedAt;
      this.#use(fingerprint, source, dayOf(Math.min(at, now)));
    }
  }

  /** Writes until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#queue.run((id) => this.#report(id, signal), WORKERS, signal);
  }

  /** Resolves when all that was read is written, or known not to be. */
  async drained(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => this.#onDrained.push(resolve));
  }

  #use(fingerprint: string, source: LogSource, day: number): void {
    for (const key of this.#o.keys.find(fingerprint)) {
      const id = `${source.namespace}/${namespacedName(key)}`;
      const waiting = this.#waiting.get(id);
      if (this.#isKnown(key, day) || (waiting !== undefined && waiting.day >= day)) continue;
      if (this.#isRefused(id) || this.#isRefused(namespaceIn(id))) continue;
      const { name } = source;
      this.#waiting.set(id, {
        day,
        fingerprint: key.fingerprint,
        source: name.slice(0, MOST_SOURCE_CHARACTERS),
      });
      this.#queue.add(id);
    }
  }

  /** A day that has not come yet counts as none, so that nobody can end the reports of a key. */
  #isKnown({ reported }: KnownKey, day: number): boolean {
    return reported !== undefined && reported >= day && reported <= this.#o.now() + DAY_MS;
  }

  async #report(id: string, signal: AbortSignal): Promise<void> {
    const use = this.#waiting.get(id);
    const logNamespace = namespaceOf(id);
    const key = this.#o.keys.get(id.slice(logNamespace.length + 1));
    if (
      use === undefined ||
      key === undefined ||
      key.fingerprint !== use.fingerprint ||
      this.#isKnown(key, use.day)
    )
      return this.#done(id, use);
    try {
      if (!(await this.#o.reach.covers(logNamespace, key, signal))) {
        this.#refuse(id);
        return this.#done(id, use);
      }
      await this.#budgeted(signal);
      if (signal.aborted) return;
      await this.#write(key, use, signal);
      this.#done(id, use);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (signal.aborted) return;
      if (isApiError(error, "NotFound")) return this.#done(id, use);
      this.#failed(id, use, error);
    }
  }

  #failed(id: string, use: Use, error: ApiError): void {
    const { code } = error;
    const isRepeated = this.#queue.attempts(id) >= MOST_ATTEMPTS;
    if (code === "Conflict" && !isRepeated) {
      // The watch is about to show what is new.
      this.#queue.retry(id);
      return;
    }
    const namespace = namespaceIn(id);
    if (!this.#isRefused(namespace)) {
      const sshKey = id.slice(namespaceOf(id).length + 1);
      this.#o.tell("LastUseNotReported", { sshKey, error: error.message });
    }
    if (code === "Forbidden") this.#refuse(namespace);
    if (isRepeated || code === "Forbidden" || code === "Invalid") this.#done(id, use);
    else this.#queue.retry(id, error.retryAfterMs);
  }

  #isRefused(id: string): boolean {
    return performance.now() < (this.#refused.get(id) ?? 0);
  }

  /** The resourceVersion holds it to the very object that was looked at: of two reporters nobody takes back a later day. */
  async #write(key: KnownKey, { day, fingerprint, source }: Use, signal: AbortSignal): Promise<void> {
    const { namespace, name, resourceVersion } = key;
    const { metadata } = await this.#o.requests.request<KubeObject>({
      method: "PATCH",
      path: sshKeyStatusPath(namespace, name),
      query: { fieldManager: USAGE_FIELD_MANAGER, fieldValidation: "Ignore", force: "true" },
      contentType: "application/apply-patch+yaml",
      accept: METADATA_ONLY,
      body: {
        apiVersion: API_VERSION,
        kind: KIND,
        metadata: { name, namespace, resourceVersion },
        status: { lastUsed: { time: formatRFC3339(day), source, fingerprint } },
      },
      signal,
    });
    // Before the watch says so, or the next line would cause another write.
    this.#o.keys.put({ ...key, resourceVersion: metadata.resourceVersion, reported: day });
    this.#o.tell("LastUseReported", { sshKey: namespacedName(key), fingerprint, source });
  }

  /** One after the other, so that what waits for a token does not wait in a loop. */
  #budgeted(signal: AbortSignal): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const wait = this.#budget.wait("", 1);
      if (wait > 0) await sleep(wait, signal);
      this.#budget.spend("", 1);
    });
    return this.#turn;
  }

  #refuse(id: string): void {
    if (this.#refused.size >= MOST_REFUSED) this.#refused.clear();
    this.#refused.set(id, performance.now() + REFUSED_MS);
  }

  /** Unless a later day has come meanwhile. */
  #done(id: string, use: Use | undefined): void {
    this.#queue.forget(id);
    if (this.#waiting.get(id) !== use) return;
    this.#waiting.delete(id);
    if (this.#waiting.size > 0) return;
    for (const resolve of this.#onDrained.splice(0)) resolve();
  }
}

/** The namespaces of the log and of the SSHKey, in `LOG/NAMESPACE/NAME`. */
function namespaceIn(id: string): string {
  return id.slice(0, id.lastIndexOf("/"));
}

interface Use {
  /** The first moment of it, in ms since the epoch. */
  readonly day: number;
  /** SHA256. */
  readonly fingerprint: string;
  readonly source: string;
}
