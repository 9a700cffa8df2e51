/** What a request does and to which resource, both from a small set of values. */
export interface RequestLabels {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch" | "apply" | "delete";
  /** The resource and subresource (`secrets`, `sshkeys/status`), or `other` for paths that name no resource. */
  readonly resource: string;
}

/** The part of a call that decides its labels. */
export interface LabelledCall {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly contentType?: string;
}

/** The labels of `call`, read off its path: names and namespaces never become labels. */
export function requestLabels(call: LabelledCall): RequestLabels {
  const segments = call.path.split("/").filter((segment) => segment !== "");
  const afterGroup = segments[0] === "api" ? 2 : segments[0] === "apis" ? 3 : segments.length;
  const rest = segments.slice(afterGroup);
  const namespaced = rest[0] === "namespaces" && rest.length > 2;
  const [resource, name, subresource] = namespaced ? rest.slice(2) : rest;
  return {
    verb: verbOf(call, name !== undefined),
    resource:
      resource === undefined ? "other" : subresource === undefined ? resource : `${resource}/${subresource}`,
  };
}

const writes = { POST: "create", PUT: "update", DELETE: "delete" } as const;

function verbOf(call: LabelledCall, named: boolean): RequestLabels["verb"] {
  switch (call.method) {
    case "GET":
      return call.query?.watch !== undefined ? "watch" : named ? "get" : "list";
    case "PATCH":
      return call.contentType?.startsWith("application/apply-patch") ? "apply" : "patch";
    default:
      return writes[call.method];
  }
}
