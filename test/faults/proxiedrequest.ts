import type { IncomingMessage } from "node:http";

/** A request to the API server in the API's own terms. */
export interface ProxiedRequest {
  /** Monotonic ms. */
  readonly at: number;
  readonly method: string;
  /** With the query, as it was sent. */
  readonly url: string;
  readonly verb: Verb;
  /** `secrets`, `sshkeys`, `customresourcedefinitions`, … */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly query: URLSearchParams;
  readonly token: string;
}

/** `page` is a list that is continued. */
export type Verb = "get" | "list" | "page" | "watch" | "create" | "update" | "patch" | "delete";

export function proxiedRequest({ method = "", url = "", headers }: IncomingMessage): ProxiedRequest {
  const { pathname, searchParams: query } = new URL(url, "https://proxy");
  const segments = pathname.split("/").map(decodeURIComponent);
  // "", api, VERSION or "", apis, GROUP, VERSION
  const rest = segments.slice(segments[1] === "api" ? 3 : 4);
  const isNamespaced = rest[0] === "namespaces" && rest.length > 2;
  const [resource = "", name = "", subresource = ""] = isNamespaced ? rest.slice(2) : rest;
  return {
    at: performance.now(),
    method,
    url,
    verb: verbOf(method, name, query),
    resource,
    subresource,
    namespace: isNamespaced ? (rest[1] ?? "") : "",
    name,
    query,
    token: (headers.authorization ?? "").replace("Bearer ", ""),
  };
}

/** A write of a Secret or of a status: what the guarantees are about. */
export function isWrite({ verb, resource, subresource }: ProxiedRequest): boolean {
  const isOurs = resource === "secrets" || (WITH_STATUS.has(resource) && subresource === "status");
  return isOurs && !READS.has(verb);
}

const WITH_STATUS: ReadonlySet<string> = new Set(["sshkeys", "authorizedkeys"]);

const READS: ReadonlySet<Verb> = new Set<Verb>(["get", "list", "page", "watch"]);

const VERBS: Readonly<Record<string, Verb>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

function verbOf(method: string, name: string, query: URLSearchParams): Verb {
  const verb = VERBS[method];
  if (verb !== undefined) return verb;
  if (query.has("watch")) return "watch";
  if (name !== "") return "get";
  return query.has("continue") ? "page" : "list";
}
