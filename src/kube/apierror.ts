import { isObject } from "../api/object.ts";

/** Why a request to the API server got no usable response. The set is closed, so it can label a metric. */
export type ApiErrorCode = (typeof SERVER_CODES)[number] | (typeof TRANSPORT_CODES)[number];

/** Codes of error responses: `reason` of metav1.Status, or what the HTTP status stands for. */
const SERVER_CODES = [
  "BadRequest",
  "Unauthorized",
  "Forbidden",
  "NotFound",
  "MethodNotAllowed",
  "NotAcceptable",
  "AlreadyExists",
  "Conflict",
  "Expired",
  "RequestEntityTooLarge",
  "UnsupportedMediaType",
  "Invalid",
  "TooManyRequests",
  "InternalError",
  "ServiceUnavailable",
  "Timeout",
] as const;

/** Codes of requests that got no response, or one that is not valid. */
const TRANSPORT_CODES = [
  "Unreachable",
  "Disconnected",
  "Idle",
  "Undecodable",
  "CredentialsFailed",
  "Aborted",
] as const;

/** A cause out of Status.details.causes, without its message: that may quote the value. */
export interface ApiErrorCause {
  readonly reason: string;
  readonly field: string;
}

/**
 * A failed request. `message` names the method, the path and what happened, and is safe to log: it holds no body,
 * header, query or Status.message.
 *
 * - `Unreachable`: no connection; the server has not seen the request.
 * - `Disconnected`, `Timeout` with status 0: the response was lost; a write may or may not have happened.
 * - `Idle`: a stream went silent for longer than its limit.
 * - `Undecodable`: the response is not a valid Kubernetes API response.
 * - `CredentialsFailed`: the credentials could not be read; nothing was sent.
 * - `Aborted`: the caller's signal.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ApiErrorCode;
  /** HTTP status, 0 if there was no response. */
  readonly status: number;
  /** How long the server asks to wait before the next attempt, in milliseconds; at most 10 minutes. */
  readonly retryAfterMs?: number;
  readonly causes: readonly ApiErrorCause[];
  readonly #said: string;

  constructor(o: {
    code: ApiErrorCode;
    message: string;
    status?: number;
    retryAfterMs?: number | undefined;
    causes?: readonly ApiErrorCause[];
    cause?: Error | undefined;
    said?: string;
  }) {
    super(o.message, o.cause === undefined ? undefined : { cause: o.cause });
    this.code = o.code;
    this.status = o.status ?? 0;
    if (o.retryAfterMs !== undefined) {
      this.retryAfterMs = o.retryAfterMs;
    }
    this.causes = o.causes ?? [];
    this.#said = o.said ?? "";
  }

  /**
   * Status.message, "" when there was none: for the person who made the request. It may quote what was sent, so it is
   * never logged, and no serializer finds it.
   */
  said(): string {
    return this.#said;
  }
}

/** The error for a response with a status of 300 or more. `body` is a metav1.Status or anything else. */
export function errorFromResponse(
  call: string,
  status: number,
  retryAfter: string | undefined,
  body: string,
): ApiError {
  const answer = parseStatus(body);
  const code = codeOf(status, answer.reason);
  return new ApiError({
    code,
    status,
    message: `${call}: ${status} ${code}`,
    retryAfterMs: retryAfterMs(retryAfter, answer.retryAfterSeconds),
    causes: answer.causes,
    said: answer.message,
  });
}

/** The error that a metav1.Status inside a watch stream stands for. */
export function statusError(call: string, object: unknown): ApiError {
  const status = isObject(object) && typeof object.code === "number" ? object.code : 500;
  return errorFromResponse(call, status, undefined, JSON.stringify(object));
}

/** The error for an answer with status 200 that is not what it should be. */
export function undecodable(call: string, what: string): ApiError {
  return new ApiError({ code: "Undecodable", status: 200, message: `${call}: ${what}` });
}

/** True when `error` is an ApiError with one of `codes`. */
export function isApiError(error: unknown, ...codes: ApiErrorCode[]): error is ApiError {
  return error instanceof ApiError && (codes.length === 0 || codes.includes(error.code));
}

const CODE_BY_STATUS: Readonly<Record<number, ApiErrorCode>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Expired",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** Reasons of metav1.StatusReason that mean the same as another one here. */
const SYNONYMS = new Map<string, ApiErrorCode>([
  ["Gone", "Expired"],
  ["ServerTimeout", "Timeout"],
]);

function codeOf(status: number, reason: string): ApiErrorCode {
  const known = SYNONYMS.get(reason) ?? SERVER_CODES.find((code) => code === reason);
  if (known !== undefined) {
    return known;
  }
  const byStatus = CODE_BY_STATUS[status];
  if (byStatus !== undefined) {
    return byStatus;
  }
  return status >= 500 ? "InternalError" : status >= 400 ? "BadRequest" : "Undecodable";
}

interface StatusAnswer {
  readonly reason: string;
  readonly message: string;
  readonly retryAfterSeconds: number | undefined;
  readonly causes: readonly ApiErrorCause[];
}

/** Reads a metav1.Status; empty for anything that is none (a proxy's HTML). */
function parseStatus(body: string): StatusAnswer {
  const status = parseRecord(body);
  const details = isObject(status.details) ? status.details : {};
  const causes = Array.isArray(details.causes) ? details.causes : [];
  const seconds = details.retryAfterSeconds;
  return {
    reason: textOf(status.reason),
    message: textOf(status.message),
    retryAfterSeconds: typeof seconds === "number" && seconds > 0 ? seconds : undefined,
    causes: causes
      .filter(isObject)
      .map((cause) => ({ reason: textOf(cause.reason), field: textOf(cause.field) })),
  };
}

const RETRY_AFTER_LIMIT_MS = 600_000;

/** Retry-After is seconds or an HTTP date (RFC 9110 section 10.2.3); the Status may say it as well. */
function retryAfterMs(header: string | undefined, seconds: number | undefined): number | undefined {
  const fromHeader = header === undefined ? undefined : headerMs(header);
  const wait = fromHeader ?? (seconds === undefined ? undefined : seconds * 1000);
  return wait === undefined ? undefined : Math.min(Math.max(wait, 0), RETRY_AFTER_LIMIT_MS);
}

function headerMs(header: string): number | undefined {
  if (/^\d+$/.test(header)) {
    return Number(header) * 1000;
  }
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : date - Date.now();
}

function parseRecord(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
