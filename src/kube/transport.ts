import type { IncomingMessage } from "node:http";
import { ApiError, type ApiErrorCode, errorFromResponse } from "./apierror.ts";
import type { Credentials, RESTConfig } from "./credentials.ts";
import { KubeConfigError } from "./kubeconfig.ts";
import { LineSplitter } from "./linesplitter.ts";
import { RequestScope } from "./requestscope.ts";
import { bodyOf, forEachChunk, NotSentError, roundTrip } from "./roundtrip.ts";

/** One request to the API server. */
export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path as in the API reference, each segment already escaped: `/api/v1/namespaces/a/secrets/b`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`, for PATCH `application/merge-patch+json`. */
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** Limit in milliseconds for the whole answer, for a stream until its headers; default 30,000. */
  readonly deadlineMs?: number;
  /** Asked at once, and again with a connection in hand and nothing sent; false ends the request with `Aborted`. */
  readonly mayBeSent?: () => boolean;
}

/** One finished request, for metrics. Every field but `seconds` has few values. */
export interface RequestObservation {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch" | "apply" | "delete";
  readonly method: Call["method"];
  /** HTTP status, 0 when no answer came. */
  readonly status: number;
  /** `OK` or the code of the ApiError. */
  readonly code: ApiErrorCode | "OK";
  /** Until the answer was read; for a stream until its headers. */
  readonly seconds: number;
}

/** Reads an answer's body as it comes. */
export interface BodyReader<T> {
  /** Called with each chunk; no more of the body is read meanwhile, nor until what it returns resolves. */
  take(chunk: Buffer): void | Promise<void>;
  /** Called when the body is whole. */
  end(): T;
}

/** The part of a Transport that writers need. */
export type Requests = Pick<Transport, "request">;

/** The part that readers of long answers need. */
export type Reads = Pick<Transport, "read">;

export interface TransportOptions {
  readonly credentials: Credentials;
  readonly userAgent: string;
  readonly onRequest?: (observation: RequestObservation) => void;
}

/**
 * Sends requests to the API server. Every rejection is an ApiError. A 401 renews the credentials and is tried once
 * more; nothing else is repeated: what to do about Retry-After and lost answers is for the caller to decide.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly #running = new Set<RequestScope>();
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The decoded JSON answer; undefined when the answer is empty. */
  async request<T = unknown>(call: Call): Promise<T> {
    const scope = this.#open(call);
    return await this.#observed(call, scope, async () => {
      const answer = await this.#send(call, scope);
      const status = statusOf(answer);
      const text = await bodyOf(answer);
      return { status, value: decode<T>(call, text, status) };
    });
  }

  /**
   * What `reader` makes of the answer. Rejects like `request`, and with what the reader throws: an ApiError, or a
   * RangeError for what is too long, which becomes `Undecodable`.
   */
  async read<T>(call: Call, reader: BodyReader<T>): Promise<T> {
    const scope = this.#open(call);
    return await this.#observed(call, scope, async () => {
      const answer = await this.#send(call, scope);
      await forEachChunk<Buffer>(answer, (chunk) => reader.take(chunk));
      return { status: statusOf(answer), value: reader.end() };
    });
  }

  /**
   * The lines of an answer that has no end, such as a watch. Rejects like `request`, and with `Idle` when not a byte
   * came for `idleMs`, `Disconnected` when the connection breaks or ends within a line. Ends when the server ends it. `onOpen` is called
   * when the server has accepted the request.
   */
  async *stream(
    call: Call,
    o: { readonly idleMs: number; readonly onOpen?: () => void },
  ): AsyncGenerator<string, void, undefined> {
    const scope = this.#open(call);
    try {
      const answer = await this.#observed(
        call,
        scope,
        async () => {
          const value = await this.#send(call, scope);
          return { status: statusOf(value), value };
        },
        false,
      );
      scope.limit(o.idleMs, "Idle");
      o.onOpen?.();
      const lines = new LineSplitter();
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        // The time that the reader of the lines takes is not the server's silence.
        scope.pause();
        yield* lines.push(chunk);
        scope.limit(o.idleMs, "Idle");
      }
      if (lines.isMidLine) {
        throw failure(call, "Disconnected", "the stream ended within a line");
      }
    } catch (error) {
      throw this.#toApiError(call, scope, error);
    } finally {
      scope.end("Aborted");
      this.#running.delete(scope);
    }
  }

  /** Ends every running request and stream with `Aborted`, and refuses new ones. The credentials stay open. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const scope of this.#running) {
      scope.end("Aborted");
    }
  }

  #open(call: Call): RequestScope {
    const scope = new RequestScope(call.signal);
    scope.limit(call.deadlineMs ?? 30_000, "Timeout");
    if (this.#closed || call.mayBeSent?.() === false) {
      scope.end("Aborted");
    }
    this.#running.add(scope);
    return scope;
  }

  async #observed<T>(
    call: Call,
    scope: RequestScope,
    work: () => Promise<{ status: number; value: T }>,
    last = true,
  ): Promise<T> {
    const started = performance.now();
    let outcome: { status: number; code: RequestObservation["code"] } = { status: 0, code: "Aborted" };
    try {
      const { status, value } = await work();
      outcome = { status, code: "OK" };
      return value;
    } catch (error) {
      const apiError = this.#toApiError(call, scope, error);
      outcome = apiError;
      throw apiError;
    } finally {
      if (last) {
        scope.close();
        this.#running.delete(scope);
      }
      const seconds = (performance.now() - started) / 1000;
      const { status, code } = outcome;
      this.#options.onRequest?.({ verb: verbOf(call), method: call.method, status, code, seconds });
    }
  }

  /** An answer with a status below 300, its body unread. */
  async #send(call: Call, scope: RequestScope): Promise<IncomingMessage> {
    const { credentials } = this.#options;
    const access = await scope.race(credentials.current());
    const answer = await this.#exchange(call, scope, access);
    if (statusOf(answer) !== 401) {
      return await accepted(call, answer);
    }
    answer.resume();
    credentials.refresh(access);
    const renewed = await scope.race(credentials.current());
    const second = await this.#exchange(call, scope, renewed);
    return await accepted(call, second, credentials.failure);
  }

  #exchange(call: Call, scope: RequestScope, access: RESTConfig): Promise<IncomingMessage> {
    const { server, address, agent, headers } = access;
    const query = call.query === undefined ? "" : `?${new URLSearchParams(call.query)}`;
    const contentType =
      call.contentType ?? (call.method === "PATCH" ? "application/merge-patch+json" : "application/json");
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const outgoing = {
      server: address,
      path: `${server.pathname.replace(/\/$/, "")}${call.path}${query}`,
      method: call.method,
      headers: {
        accept: call.accept ?? "application/json",
        "user-agent": this.#options.userAgent,
        ...(body === undefined
          ? {}
          : { "content-type": contentType, "content-length": Buffer.byteLength(body) }),
        ...headers,
      },
      body,
      mayBeSent: () => scope.reason === undefined && (call.mayBeSent?.() ?? true),
    };
    return roundTrip(outgoing, agent, scope);
  }

  #toApiError(call: Call, scope: RequestScope, error: unknown): ApiError {
    if (error instanceof ApiError) {
      return error;
    }
    if (scope.reason !== undefined) {
      return failure(call, scope.reason);
    }
    if (error instanceof KubeConfigError) {
      return failure(call, "CredentialsFailed", error.message, error);
    }
    if (error instanceof RangeError) {
      return failure(call, "Undecodable", error.message);
    }
    return networkFailure(call, error);
  }
}

/** `answer`, or a rejection when it is an error. `unrenewed` is why the credentials behind a 401 are not the newest. */
async function accepted(
  call: Call,
  answer: IncomingMessage,
  unrenewed?: KubeConfigError,
): Promise<IncomingMessage> {
  const status = statusOf(answer);
  if (status < 300) {
    return answer;
  }
  const body = await bodyOf(answer);
  if (status === 401 && unrenewed !== undefined) {
    const message = `${nameOf(call)}: 401 Unauthorized; ${unrenewed.message}`;
    throw new ApiError({ code: "Unauthorized", status: 401, message, cause: unrenewed });
  }
  throw errorFromResponse(nameOf(call), status, answer.headers["retry-after"], body);
}

/** Node's type leaves it open because it has one for requests too. */
function statusOf(answer: IncomingMessage): number {
  return answer.statusCode ?? 0;
}

function decode<T>(call: Call, text: string, status: number): T {
  if (text === "") {
    return undefined as T;
  }
  try {
    return JSON.parse(text) as T;
  } catch {
    // The parser's message quotes the text.
    throw new ApiError({ code: "Undecodable", status, message: `${nameOf(call)}: the answer is not JSON` });
  }
}

/** What a broken connection means: `Unreachable` when the request was certainly not sent. */
function networkFailure(call: Call, error: unknown): ApiError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  if (!(error instanceof NotSentError)) {
    return failure(call, "Disconnected", `the connection broke (${code}) before the whole answer came`);
  }
  if (code === "refused") return failure(call, "Aborted");
  // Node names TLS verification failures in capitals with underscores (CERT_HAS_EXPIRED, SELF_SIGNED_CERT_IN_CHAIN).
  const advice = /CERT|TLS|SSL|SIGNATURE/.test(code)
    ? "check the cluster's certificate authority"
    : "check that the API server is up";
  return failure(call, "Unreachable", `no connection (${code}): ${advice}`);
}

const EXPLANATIONS: Partial<Record<ApiErrorCode, string>> = {
  Aborted: "given up by the caller",
  Timeout: "no complete answer within the deadline",
  Idle: "not a byte came within the idle limit",
};

function failure(call: Call, code: ApiErrorCode, what = EXPLANATIONS[code] ?? code, cause?: Error): ApiError {
  return new ApiError({ code, message: `${nameOf(call)}: ${what}`, cause });
}

function nameOf(call: Call): string {
  return `${call.method} ${call.path}`;
}

const WRITE_VERBS = { POST: "create", PUT: "update", DELETE: "delete" } as const;

function verbOf(call: Call): RequestObservation["verb"] {
  switch (call.method) {
    case "GET":
      return call.query?.watch !== undefined ? "watch" : namesObject(call.path) ? "get" : "list";
    case "PATCH":
      return call.contentType?.startsWith("application/apply-patch") ? "apply" : "patch";
    default:
      return WRITE_VERBS[call.method];
  }
}

/** Is this the path of one object, not of a collection? */
function namesObject(path: string): boolean {
  const [root, ...segments] = path.split("/").filter((segment) => segment !== "");
  const resource = segments.slice(root === "api" ? 1 : 2);
  const isNamespaced = resource[0] === "namespaces" && resource.length > 2;
  return resource.length > (isNamespaced ? 3 : 1);
}
