import { ApiError, errorFromResponse } from "../../src/kube/apierror.ts";
import type { Call } from "../../src/kube/transport.ts";

/** What becomes of one write of the Lease. */
export type LeaseFault =
  /** No answer comes, or none within the time of an attempt. */
  | { readonly kind: "hang"; readonly isCarriedOut: boolean; readonly answeredAfterMs?: number }
  /** The connection breaks. */
  | { readonly kind: "break"; readonly isCarriedOut: boolean }
  | { readonly kind: "answer"; readonly status: number; readonly retryAfter?: string };

interface StoredLease {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly spec: { readonly holderIdentity: string; readonly leaseTransitions: number };
}

/** An API server that knows one Lease, and answers at once. */
export class LeaseServer {
  lease: StoredLease | undefined;
  #version = 0;

  /** Somebody else writes it. */
  put(spec: object): void {
    this.#version += 1;
    const metadata = { name: "leader", resourceVersion: String(this.#version) };
    this.lease = { metadata, spec: spec as StoredLease["spec"] };
  }

  handle({ method, body }: Call): StoredLease {
    const { metadata, spec } = (body ?? {}) as StoredLease;
    if (method === "POST" && this.lease !== undefined) throw refusal(409, "AlreadyExists");
    if (method !== "POST" && this.lease === undefined) throw refusal(404, "NotFound");
    if (method === "PUT" && metadata.resourceVersion !== this.lease?.metadata.resourceVersion) {
      throw refusal(409, "Conflict");
    }
    if (method !== "GET") this.put(spec);
    return this.lease as StoredLease;
  }
}

/** One candidate's way to the server. */
export class Connection {
  readonly #server: LeaseServer;
  readonly #faults: LeaseFault[] = [];
  /** What becomes of every write. */
  always: LeaseFault | undefined;
  /** Nothing arrives any more, as if the process were gone. */
  isDead = false;
  /** How many writes were sent, spoilt ones too. */
  writes = 0;

  constructor(server: LeaseServer) {
    this.#server = server;
  }

  /** The next write is spoilt. */
  spoil(fault: LeaseFault): void {
    this.#faults.push(fault);
  }

  async request<T>(call: Call): Promise<T> {
    const fault = call.method === "GET" ? undefined : this.#faultOfWrite();
    if (this.isDead) return await silence(call);
    if (fault === undefined) return this.#server.handle(call) as T;
    if (fault.kind === "answer") throw refusal(fault.status, "", fault.retryAfter);
    const answer = fault.isCarriedOut ? this.#server.handle(call) : undefined;
    if (fault.kind === "break") throw new ApiError({ code: "Disconnected", message: "PUT /lease" });
    return await silence(call, fault.answeredAfterMs, answer as T);
  }

  #faultOfWrite(): LeaseFault | undefined {
    this.writes += 1;
    return this.always ?? this.#faults.shift();
  }
}

/** As the transport waits: until the answer, the deadline or the signal. */
function silence<T>({ deadlineMs = 30_000, signal }: Call, answeredAfterMs?: number, answer?: T): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const fail = (code: "Timeout" | "Aborted") => reject(new ApiError({ code, message: "PUT /lease" }));
  setTimeout(() => fail("Timeout"), deadlineMs);
  if (answeredAfterMs !== undefined) setTimeout(() => resolve(answer as T), answeredAfterMs);
  if (signal?.aborted) fail("Aborted");
  signal?.addEventListener("abort", () => fail("Aborted"), { once: true });
  return promise;
}

function refusal(status: number, reason: string, retryAfter?: string): ApiError {
  return errorFromResponse("PUT /lease", status, retryAfter, JSON.stringify({ reason }));
}
