import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { GROUP, PLURAL } from "../../src/api/names.ts";
import { eventually } from "../cluster/eventually.ts";
import type { Tenant } from "../operator/tenant.ts";

const USER_ROLES = join(import.meta.dirname, "..", "..", "deploy", "base", "userroles.yaml");
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/** What a person may be in a namespace: two of Kubernetes' own roles, and the product's for namespaces with self-service. */
export type PersonRole = "edit" | "view" | "self-service";

/** Kubernetes' own part of its roles; theirs and the product's are put together by a controller that does not run here. */
const KUBERNETES: Readonly<Record<PersonRole, readonly string[]>> = {
  view: ["system:aggregate-to-view"],
  edit: ["system:aggregate-to-view", "system:aggregate-to-edit"],
  "self-service": [],
};

/**
 * The name, for --as, of somebody who has this role in the tenant's namespace and no other right. The role is in force. A
 * name that another namespace has as well is the same person.
 */
export async function personWith(
  role: PersonRole,
  { cluster, namespace }: Tenant,
  person = `${role}-in-${namespace}`,
): Promise<string> {
  const send = async (path: string, body: object) => {
    const { status, body: answer } = await cluster.request("POST", path, body);
    if (status >= 300 && status !== 409) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const bind = async (kind: "Role" | "ClusterRole", name: string) => {
    const apiGroup = "rbac.authorization.k8s.io";
    await send(`${RBAC}/namespaces/${namespace}/rolebindings`, {
      metadata: { name: `${person}-${name.replaceAll(":", "-")}` },
      roleRef: { apiGroup, kind, name },
      subjects: [{ apiGroup, kind: "User", name: person }],
    });
  };
  const may = async (verb: string) => {
    const resourceAttributes = { namespace, verb, group: GROUP, resource: PLURAL };
    const review = await send(REVIEWS, { spec: { user: person, resourceAttributes } });
    return (review as { status?: { allowed?: boolean } }).status?.allowed === true;
  };
  for (const name of KUBERNETES[role]) await bind("ClusterRole", name);
  for (const { metadata, rules } of PRODUCT.filter((each) => isPartOf(role, each))) {
    await send(`${RBAC}/namespaces/${namespace}/roles`, { metadata: { name: metadata.name }, rules });
    await bind("Role", metadata.name);
  }
  await eventually(
    `${person} has the role ${role}`,
    async () => (await may("list")) && (role === "view" || (await may("create"))),
  );
  return person;
}

interface ProductRole {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly rules: unknown;
}

const PRODUCT: readonly ProductRole[] = parseAllDocuments(readFileSync(USER_ROLES, "utf8")).map((document) =>
  document.toJS(),
);

function isPartOf(role: PersonRole, { metadata }: ProductRole): boolean {
  return role === "self-service"
    ? metadata.name === "sshkey-self-service"
    : metadata.labels?.[`rbac.authorization.k8s.io/aggregate-to-${role}`] === "true";
}
