import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";

/** One line for each verb on each resource that the manifests allow the service account, sorted. */
export function grants(manifests: string, account: { namespace: string; name: string }): string[] {
  const objects = parseAllDocuments(manifests).map((document): Manifest => document.toJS());
  const lines = objects
    .filter(({ subjects = [] }) =>
      subjects.some(
        (subject) =>
          subject.kind === "ServiceAccount" &&
          subject.name === account.name &&
          subject.namespace === account.namespace,
      ),
    )
    .flatMap(({ roleRef }) =>
      objects.filter(({ kind, metadata }) => kind === roleRef?.kind && metadata.name === roleRef.name),
    )
    .flatMap(({ rules = [] }) => rules.flatMap(linesOf));
  return [...new Set(lines)].sort();
}

/** The parts of roles and bindings that say who may do what. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly {
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string;
  }[];
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

function linesOf({ apiGroups, resources, resourceNames, verbs }: Rule): string[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        (resourceNames ?? [undefined]).map((name) => permission(verb, group, resource, name)),
      ),
    ),
  );
}

/** A request of the audit log as the authorizer saw it. */
export interface AuditedRequest {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource?: string;
    readonly apiGroup?: string;
    readonly subresource?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code: number };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The user's requests that the audit log holds so far, in the order in which they were answered. */
export async function requestsOf(username: string, auditLog: string): Promise<AuditedRequest[]> {
  const lines = (await readFile(auditLog, "utf8")).split("\n").slice(0, -1);
  return lines
    .map((line): AuditedRequest => JSON.parse(line))
    .filter(({ user }) => user.username === username);
}

/** What a role has to allow for this request, with and without the object's name. */
export function needed({ verb, objectRef = {} }: AuditedRequest): readonly [string, string] {
  const { resource = "", subresource, apiGroup = "", name } = objectRef;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  return [permission(verb, apiGroup, full, undefined), permission(verb, apiGroup, full, name)];
}

function permission(verb: string, group: string, resource: string, name: string | undefined): string {
  const qualified = group === "" ? resource : `${resource}.${group}`;
  return name === undefined ? `${verb} ${qualified}` : `${verb} ${qualified} ${name}`;
}
