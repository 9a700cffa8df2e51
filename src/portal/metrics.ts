import type { FastifyInstance } from "fastify";
import { Counter, Histogram } from "prom-client";
import { KnowledgeMetrics } from "../knowledge/knowledgemetrics.ts";
import { ApiError, type ApiErrorCode } from "../kube/apierror.ts";
import { ProcessMetrics } from "../kube/processmetrics.ts";
import type { RestartReason } from "../kube/restart.ts";
import type { Call, Requests } from "../kube/transport.ts";
import { WRITE_VERBS } from "./audit.ts";
import { LIMITS, type LimitName } from "./limits.ts";
import { ISSUER_FAULTS, type IssuerFault } from "./people/openid.ts";
import type { UnreadableStatus } from "./unreadable.ts";

const ANSWER_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** `refused`: known, and not let in. `failed`: the issuer did not say who it is. */
export const SIGN_IN_RESULTS = ["success", "refused", "failed"] as const;

export type SignInResult = (typeof SIGN_IN_RESULTS)[number];

/**
 * `conflict`: somebody else was quicker, which the portal sees to. `refused`: by rights, a policy or a rule. `failed`: no answer
 * that says so.
 */
export const WRITE_RESULTS = ["success", "conflict", "refused", "failed"] as const;

export type WriteResult = (typeof WRITE_RESULTS)[number];

/** What the API server is asked about people. */
const REVIEWS: Readonly<Record<string, "token" | "access">> = {
  "/apis/authentication.k8s.io/v1/tokenreviews": "token",
  "/apis/authorization.k8s.io/v1/subjectaccessreviews": "access",
};

/** What there is at the moment. */
export interface PortalGauges {
  readonly keys: () => number;
  readonly isReady: () => boolean;
  readonly unwatchedNamespaces: () => number;
}

/** The portal's Prometheus metrics. No label ever holds a user, a name, a namespace or a fingerprint. */
export class PortalMetrics extends ProcessMetrics {
  readonly knowledge = new KnowledgeMetrics(this.registry, "sshkey_portal");
  readonly #requests = new Counter({
    name: "sshkey_portal_requests_total",
    help: "Requests answered, by route, method and status.",
    labelNames: ["route", "method", "code"],
    registers: [this.registry],
  });
  readonly #requestSeconds = new Histogram({
    name: "sshkey_portal_request_duration_seconds",
    help: "Time from the headers of a request until its answer is sent.",
    buckets: ANSWER_SECONDS,
    labelNames: ["route", "method"],
    registers: [this.registry],
  });
  readonly #unreadable = new Counter({
    name: "sshkey_portal_unreadable_requests_total",
    help: "Connections that ended with what could not be read as a request, by the status of the answer.",
    labelNames: ["code"],
    registers: [this.registry],
  });
  readonly #reviews = new Counter({
    name: "sshkey_portal_reviews_total",
    help: "Questions to the API server about people, by kind and result.",
    labelNames: ["kind", "result"],
    registers: [this.registry],
  });
  readonly #signIns = new Counter({
    name: "sshkey_portal_sign_ins_total",
    help: "Sign-ins by OpenID Connect that came to an end, by result.",
    labelNames: ["result"],
    registers: [this.registry],
  });
  readonly #issuerFaults = new Counter({
    name: "sshkey_portal_issuer_faults_total",
    help: "Faults of the issuer, or on the way to it, that ended a sign-in, by fault.",
    labelNames: ["fault"],
    registers: [this.registry],
  });
  readonly #writes = new Counter({
    name: "sshkey_portal_writes_total",
    help: "Writes of SSHKeys that were sent to the API server, by verb and result.",
    labelNames: ["verb", "result"],
    registers: [this.registry],
  });
  readonly #limited = new Counter({
    name: "sshkey_portal_rate_limited_total",
    help: "Requests refused by a rate limit, by limit.",
    labelNames: ["limit"],
    registers: [this.registry],
  });
  readonly #watchRestarts = new Counter({
    name: "sshkey_portal_watch_restarts_total",
    help: "Failed lists and watches of SSHKeys that were restarted, by reason.",
    labelNames: ["reason"],
    registers: [this.registry],
  });

  constructor() {
    super();
    // An alert on an increase sees the first one, too.
    for (const result of SIGN_IN_RESULTS) this.#signIns.inc({ result }, 0);
    for (const fault of ISSUER_FAULTS) this.#issuerFaults.inc({ fault }, 0);
    for (const limit of Object.keys(LIMITS)) this.#limited.inc({ limit }, 0);
    for (const verb of Object.values(WRITE_VERBS))
      for (const result of WRITE_RESULTS) this.#writes.inc({ verb, result }, 0);
  }

  /** Counts every answer of the server under the pattern of its route. */
  observe(server: FastifyInstance): void {
    server.addHook("onResponse", async ({ method, routeOptions }, reply) => {
      const route = routeOptions.url ?? "none";
      this.#requests.inc({ route, method, code: reply.statusCode });
      this.#requestSeconds.observe({ route, method }, reply.elapsedTime / 1000);
    });
  }

  /** What there is at the moment, which must cost nothing. */
  registerGauges(o: PortalGauges): void {
    this.scraped("sshkey_portal_sshkeys", "SSHKeys known.", o.keys);
    this.scraped("sshkey_portal_ready", "1 while this replica is ready.", () => Number(o.isReady()));
    this.scraped(
      "sshkey_portal_unwatched_namespaces",
      "Namespaces whose SSHKeys are shown as they were, for they cannot be listed or watched.",
      o.unwatchedNamespaces,
    );
  }

  /** The same requests, with the reviews among them counted. */
  reviewing(requests: Requests): Requests {
    return {
      request: async <T>(call: Call): Promise<T> => {
        const kind = REVIEWS[call.path];
        if (kind === undefined) return await requests.request<T>(call);
        try {
          const answer = await requests.request<T>(call);
          this.#reviews.inc({ kind, result: isYes(answer) ? "yes" : "no" });
          return answer;
        } catch (error) {
          this.#reviews.inc({ kind, result: "error" });
          throw error;
        }
      },
    };
  }

  /** The same requests, with the writes among them counted. */
  writing(requests: Requests): Requests {
    return {
      request: async <T>(call: Call): Promise<T> => {
        const verb = WRITE_VERBS[call.method];
        if (verb === undefined) return await requests.request<T>(call);
        try {
          const answer = await requests.request<T>(call);
          this.#writes.inc({ verb, result: "success" });
          return answer;
        } catch (error) {
          this.#writes.inc({ verb, result: writeResult(error) });
          throw error;
        }
      },
    };
  }

  unreadable(status: UnreadableStatus): void {
    this.#unreadable.inc({ code: status });
  }

  signedIn(result: SignInResult): void {
    this.#signIns.inc({ result });
  }

  issuerFailed(fault: IssuerFault): void {
    this.#issuerFaults.inc({ fault });
  }

  limited(limit: LimitName): void {
    this.#limited.inc({ limit });
  }

  watchRestarted(reason: RestartReason): void {
    this.#watchRestarts.inc({ reason });
  }
}

/** Codes of a write that somebody else's came before. */
const CONFLICTS: ReadonlySet<ApiErrorCode> = new Set(["AlreadyExists", "Conflict", "NotFound"]);
const REFUSALS: ReadonlySet<ApiErrorCode> = new Set([
  "BadRequest",
  "Forbidden",
  "Invalid",
  "RequestEntityTooLarge",
]);

function writeResult(error: unknown): WriteResult {
  if (!(error instanceof ApiError)) return "failed";
  if (CONFLICTS.has(error.code)) return "conflict";
  return REFUSALS.has(error.code) ? "refused" : "failed";
}

function isYes(answer: unknown): boolean {
  const { status } = answer as {
    readonly status?: { readonly allowed?: boolean; readonly authenticated?: boolean };
  };
  return status?.allowed === true || status?.authenticated === true;
}
