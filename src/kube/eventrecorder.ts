import { randomBytes } from "node:crypto";
import { formatMicroTime } from "../api/time.ts";
import { isApiError } from "./apierror.ts";
import { backoffDelay } from "./backoff.ts";
import { sleep } from "./sleep.ts";
import { TokenBuckets } from "./tokenbuckets.ts";
import type { Transport } from "./transport.ts";

/** The object that an event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty for a cluster-scoped object. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** An Event to write. */
export interface EventRecord {
  readonly regarding: Regarding;
  readonly type: "Normal" | "Warning";
  /** Machine-readable reason, at most 128 bytes. */
  readonly reason: string;
  /** Machine-readable action, what was done or failed; at most 128 bytes. */
  readonly action: string;
  /** A sentence for people; cut to 1 kB, the API's limit. */
  readonly note: string;
}

/** Why an event was not written. */
export type DropReason = "rate_limited" | "queue_full" | "rejected" | "unavailable" | "shutdown";

export interface EventRecorderOptions {
  readonly transport: Transport;
  /** The controller, as a qualified name: `example.com/controller`. */
  readonly reportingController: string;
  /** The instance: the pod's name. */
  readonly reportingInstance: string;
  readonly observer?: { recorded?(): void; dropped?(reason: DropReason): void };
  /** Most Events in the queue; default 1000. */
  readonly capacity?: number;
  /** Rate limit of a namespace: a burst, then one Event every `refillMs`; default 25 and 5 s. */
  readonly burst?: number;
  readonly refillMs?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

const CONCURRENCY = 2;
const ATTEMPT_LIMIT = 4;
/** Tokens of each namespace that only a Warning may take, so that Normal Events never crowd out Warnings. */
const WARNING_RESERVE = 5;
const RETRY_BACKOFF = { initialMs: 500, maxMs: 10_000 };

/**
 * Writes events.k8s.io/v1 Events asynchronously: `record` returns at once and never fails. Warnings go before Normal
 * Events; Events above the rate limit of their namespace, or rejected by the server, are dropped and counted.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #buckets: TokenBuckets;
  readonly #warnings: QueuedEvent[] = [];
  readonly #normals: QueuedEvent[] = [];
  readonly #stop = new AbortController();
  #writing = 0;
  #stopping = false;
  #empty = Promise.withResolvers<void>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    const { burst = 25, refillMs = 5000, now = () => performance.now() } = options;
    this.#buckets = new TokenBuckets({ burst, refillMs, now });
  }

  /** Queues an event. */
  record(event: EventRecord): void {
    if (this.#stopping) {
      this.#dropped("shutdown");
      return;
    }
    // Checked before queueing, so that no namespace fills the queue with Events above its rate limit.
    if (!this.#mayWrite(event)) {
      this.#dropped("rate_limited");
      return;
    }
    const { capacity = 1000 } = this.#options;
    if (this.#warnings.length + this.#normals.length >= capacity) {
      this.#dropped("queue_full");
      if (event.type === "Normal" || this.#normals.shift() === undefined) {
        return;
      }
    }
    const queue = event.type === "Warning" ? this.#warnings : this.#normals;
    queue.push({ event, at: Date.now() });
    // Later in this event loop iteration a Warning may still come, which goes first.
    queueMicrotask(() => this.#dispatch());
  }

  /** Writes what is queued; drops what is not written after `deadlineMs`. Nothing can be recorded afterwards. */
  async flush(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    const timer = setTimeout(() => this.#stop.abort(), deadlineMs);
    this.#dispatch();
    await this.#empty.promise;
    clearTimeout(timer);
  }

  #dispatch(): void {
    while (this.#writing < CONCURRENCY) {
      const queued = this.#warnings.shift() ?? this.#normals.shift();
      if (queued === undefined) {
        break;
      }
      if (this.#stop.signal.aborted) {
        this.#dropped("shutdown");
      } else {
        this.#writing += 1;
        void this.#write(queued);
      }
    }
    if (this.#stopping && this.#writing === 0) {
      this.#empty.resolve();
    }
  }

  #mayWrite(event: EventRecord): boolean {
    return this.#buckets.take(event.regarding.namespace, event.type === "Warning" ? 0 : WARNING_RESERVE);
  }

  async #write(queued: QueuedEvent): Promise<void> {
    const body = this.#body(queued);
    const outcome = await this.#create(
      body,
      `/apis/events.k8s.io/v1/namespaces/${body.metadata.namespace}/events`,
    );
    if (outcome === "recorded") {
      this.#options.observer?.recorded?.();
    } else {
      this.#dropped(outcome);
    }
    this.#writing -= 1;
    this.#dispatch();
  }

  async #create(body: unknown, path: string): Promise<"recorded" | DropReason> {
    const { signal } = this.#stop;
    for (let attempt = 0; attempt < ATTEMPT_LIMIT; attempt += 1) {
      try {
        await this.#options.transport.request({ method: "POST", path, body, signal, deadlineMs: 10_000 });
        return "recorded";
      } catch (error) {
        // The name is random: it exists because the response to an earlier attempt was lost.
        if (isApiError(error, "AlreadyExists")) {
          return "recorded";
        }
        if (!isApiError(error)) {
          return "rejected";
        }
        if (signal.aborted) {
          return "shutdown";
        }
        if (error.status >= 400 && error.status < 500 && error.status !== 429) {
          return "rejected";
        }
        await sleep(Math.max(backoffDelay(RETRY_BACKOFF, attempt), error.retryAfterMs ?? 0), signal);
      }
    }
    return "unavailable";
  }

  #body({ event, at }: QueuedEvent) {
    const { regarding, type, reason, action, note } = event;
    const { reportingController, reportingInstance } = this.#options;
    // Events of cluster-scoped objects live in "default" (validation of events.k8s.io).
    const namespace = regarding.namespace || "default";
    return {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: eventName(regarding.name), namespace },
      eventTime: formatMicroTime(at),
      reportingController,
      reportingInstance: cutToBytes(reportingInstance, 128),
      regarding: { ...regarding, ...(regarding.namespace === "" ? { namespace: undefined } : {}) },
      type,
      reason: cutToBytes(reason, 128),
      action: cutToBytes(action, 128),
      note: cutToBytes(note, 1024),
    };
  }

  #dropped(reason: DropReason): void {
    this.#options.observer?.dropped?.(reason);
  }
}

interface QueuedEvent {
  readonly event: EventRecord;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Unique, and a DNS subdomain of at most 253 characters when the object's name is one. */
function eventName(object: string): string {
  const hex = randomBytes(8).toString("hex");
  const [name = ""] = /^.*[a-z0-9]/s.exec(object.slice(0, 253 - hex.length - 1)) ?? [];
  return `${name}.${hex}`;
}

/** The longest beginning of `text` that has at most `limit` bytes in UTF-8 and ends with a whole character. */
function cutToBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) {
    return text;
  }
  let end = limit;
  // 10xxxxxx continues a character (RFC 3629 section 3).
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) {
    end -= 1;
  }
  return bytes.toString("utf8", 0, end);
}
