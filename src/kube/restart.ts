import type { ApiError } from "./apierror.ts";

/**
 * Why a reflector had to start again.
 *
 * - `expired`: the server no longer keeps the history asked for (410).
 * - `disconnected`: the connection broke, or the server ended the watch at once.
 * - `idle`: not even a bookmark came for too long.
 * - `undecodable`: a response that is not valid for the Kubernetes API.
 * - `rewound`: the resourceVersion went back, as after etcd was restored from a backup.
 * - `forbidden`, `unauthorized`, `notfound`: 403, 401 or unusable credentials, 404.
 * - `throttled`: 429.
 * - `unavailable`: no connection, no answer in time, 5xx.
 * - `error`: any other error of the server.
 */
export type RestartReason =
  | "expired"
  | "disconnected"
  | "idle"
  | "undecodable"
  | "rewound"
  | "forbidden"
  | "unauthorized"
  | "notfound"
  | "throttled"
  | "unavailable"
  | "error";

/** The reason that `error` stands for. */
export function restartReason(error: ApiError): RestartReason {
  return REASONS[error.code] ?? "error";
}

/** Where to start again: `resume` from the last version seen, `relist`, or `resume` first and `relist` if that fails too. */
export function restartPoint(reason: RestartReason, error: ApiError): "resume" | "relist" | "resume-once" {
  switch (reason) {
    case "expired":
    case "rewound":
    // The resource itself was deleted: one that is recreated has another history.
    case "notfound":
      return "relist";
    case "undecodable":
    case "error":
      return "resume-once";
    default:
      // Either this API server lags behind, or etcd was restored and will not reach that version for a long time.
      return error.causes.some((cause) => cause.reason === "ResourceVersionTooLarge")
        ? "resume-once"
        : "resume";
  }
}

/** May the server have changed meanwhile? It may have another history, as after etcd was restored from a backup. */
export function isLossOfContact(reason: RestartReason): boolean {
  return reason === "disconnected" || reason === "idle" || reason === "unavailable";
}

const REASONS: Partial<Record<ApiError["code"], RestartReason>> = {
  Expired: "expired",
  Disconnected: "disconnected",
  Aborted: "disconnected",
  Idle: "idle",
  Undecodable: "undecodable",
  Forbidden: "forbidden",
  Unauthorized: "unauthorized",
  CredentialsFailed: "unauthorized",
  NotFound: "notfound",
  TooManyRequests: "throttled",
  Unreachable: "unavailable",
  Timeout: "unavailable",
  ServiceUnavailable: "unavailable",
  InternalError: "unavailable",
};
