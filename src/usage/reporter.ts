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
import { readLogTime } from "./logtime.ts";
import type { ReportResult, UsageMetrics } from "./metrics.ts";
import type { Reach } from "./reach.ts";
import type { IndexedKey, SSHKeyIndex } from "./sshkeyindex.ts";

/** Where a line of a log comes from. */
export interface LogSource {
  /** The namespace whose Secrets the sshd reads that wrote it. */
  readonly namespace: string;
  /** As status.lastUsed.source has it. */
  readonly name: string;
}

/**
 * When a line was written, in ms since the epoch: as somebody says who did not write it, or, where the line says nothing of
 * it, at most so late.
 */
export type Dating = { readonly writtenAt: number } | { readonly undatedAt: number };

/** Writes a line of the log. */
export type Tell = (
  event: "UsageReady" | "LastUseReported" | "LastUseNotReported" | "LogUnreadable",
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface ReporterOptions {
  readonly keys: SSHKeyIndex;
  readonly reach: Pick<Reach, "covers">;
  readonly requests: Pick<Transport, "request">;
  readonly tell: Tell;
  readonly metrics: Pick<UsageMetrics, "lineRead" | "loginRead" | "reported">;
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
const TOLD_EVERY_MS = 60_000;
/** A key that more SSHKeys have is looked up once in REFUSED_MS; so many are remembered. */
const CROWD = 16;
const MOST_CROWDED = 1000;
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
  /** Of each namespace a failure is told once a minute. */
  readonly #told: TokenBuckets;
  /** What was looked up of keys that many SSHKeys have: namespace of the log, fingerprint and day. */
  readonly #crowded = new Map<string, number>();
  #turn: Promise<void> = Promise.resolve();
  #onDrained: (() => void)[] = [];

  constructor(options: ReporterOptions) {
    this.#o = options;
    const now = () => performance.now();
    this.#queue = new WorkQueue({ namespaceOf, backoff: { initialMs: 500, maxMs: 60_000 }, now });
    this.#budget = new TokenBuckets({ burst: BURST, refillMs: REFILL_MS, now });
    this.#told = new TokenBuckets({ burst: 1, refillMs: TOLD_EVERY_MS, now });
  }

  /** Reads a line of a log. Whatever it says, no day counts that has not come yet. */
  read(line: string, source: LogSource, dating: Dating): void {
    const { metrics, now: clock } = this.#o;
    metrics.lineRead();
    for (const { outcome, fingerprint, time } of readLogLine(line).mentions) {
      if (outcome !== "accepted") continue;
      const now = clock();
      const isHad = this.#use(fingerprint, source, dayOf(Math.min(writtenAt(time, dating, now), now)));
      metrics.loginRead(isHad);
    }
  }

  /** How many reports are not written yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Writes until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#queue.run((id) => this.#report(id, signal), WORKERS, signal);
  }

  /** Resolves when all that was read is written, or known not to be. */
  async drained(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => this.#onDrained.push(resolve));
  }

  /** Returns whether an SSHKey has the key. */
  #use(fingerprint: string, source: LogSource, day: number): boolean {
    const lookup = `${source.namespace}/${fingerprint}/${day}`;
    if (performance.now() < (this.#crowded.get(lookup) ?? 0)) return true;
    let found = 0;
    for (const key of this.#o.keys.find(fingerprint)) {
      found += 1;
      this.#useOf(key, source, day);
    }
    if (found > CROWD) remember(this.#crowded, lookup, MOST_CROWDED);
    return found > 0;
  }

  #useOf(key: IndexedKey, { namespace, name }: LogSource, day: number): void {
    const id = `${namespace}/${namespacedName(key)}`;
    const waiting = this.#waiting.get(id);
    if (this.#isKnown(key, day) || (waiting !== undefined && waiting.day >= day)) return;
    if (this.#isRefused(id) || this.#isRefused(namespaceIn(id))) return;
    const source = name.slice(0, MOST_SOURCE_CHARACTERS);
    this.#waiting.set(id, { day, fingerprint: key.fingerprint, source });
    this.#queue.add(id);
  }

  /** A day that has not come yet counts as none, so that nobody can end the reports of a key. */
  #isKnown({ reported }: IndexedKey, day: number): boolean {
    return reported !== undefined && reported >= day && reported <= this.#o.now() + DAY_MS;
  }

  async #report(id: string, signal: AbortSignal): Promise<void> {
    const use = this.#waiting.get(id);
    const logNamespace = namespaceOf(id);
    const key = this.#o.keys.get(id.slice(logNamespace.length + 1));
    if (use === undefined) return this.#done(id, use);
    if (key?.fingerprint !== use.fingerprint) return this.#done(id, use, "gone");
    if (this.#isKnown(key, use.day)) return this.#done(id, use);
    try {
      if (!(await this.#o.reach.covers(logNamespace, key, signal))) {
        this.#refuse(id);
        return this.#done(id, use, "foreign");
      }
      await this.#budgeted(signal);
      if (signal.aborted) return;
      await this.#write(key, use, signal);
      this.#done(id, use, "written");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (signal.aborted) return;
      if (isApiError(error, "NotFound")) return this.#done(id, use, "gone");
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
    if (this.#told.take(namespace)) {
      const sshKey = id.slice(namespaceOf(id).length + 1);
      this.#o.tell("LastUseNotReported", { sshKey, error: error.message });
    }
    if (code === "Forbidden") this.#refuse(isMissingRight(error) ? namespace : id);
    if (code === "Forbidden" || code === "Invalid") this.#done(id, use, "refused");
    else if (isRepeated) this.#done(id, use, "failed");
    else this.#queue.retry(id, error.retryAfterMs);
  }

  #isRefused(id: string): boolean {
    return performance.now() < (this.#refused.get(id) ?? 0);
  }

  /** The resourceVersion holds it to the very object that was looked at: of two reporters nobody takes back a later day. */
  async #write(key: IndexedKey, { day, fingerprint, source }: Use, signal: AbortSignal): Promise<void> {
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
    const sshKey = namespacedName(key);
    // Before the watch says so, or the next line would cause another write; unless it says by now that the SSHKey is gone.
    if (this.#o.keys.get(sshKey)?.uid === key.uid)
      this.#o.keys.put({ ...key, resourceVersion: metadata.resourceVersion, reported: day });
    this.#o.tell("LastUseReported", { sshKey, fingerprint, source });
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
    remember(this.#refused, id, MOST_REFUSED);
  }

  /** Unless a later day has come meanwhile. */
  #done(id: string, use: Use | undefined, result?: ReportResult): void {
    if (result !== undefined) this.#o.metrics.reported(result);
    this.#queue.forget(id);
    if (this.#waiting.get(id) !== use) return;
    this.#waiting.delete(id);
    if (this.#waiting.size > 0) return;
    for (const resolve of this.#onDrained.splice(0)) resolve();
  }
}

/** For REFUSED_MS from now. */
function remember(memory: Map<string, number>, id: string, most: number): void {
  if (memory.size >= most) memory.clear();
  memory.set(id, performance.now() + REFUSED_MS);
}

function writtenAt(said: string | undefined, dating: Dating, now: number): number {
  if ("writtenAt" in dating) return dating.writtenAt;
  return (said === undefined ? undefined : readLogTime(said, now)) ?? dating.undatedAt;
}

/** Of an account without it no write in the namespace succeeds; a policy refuses one object, which its owner may have seen to. */
function isMissingRight(error: ApiError): boolean {
  return / cannot \w+ resource "/.test(error.said());
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
