import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import type { Tenant } from "../operator/tenant.ts";

const USER_ROLES = join(import.meta.dirname, "..", "..", "deploy", "base", "userroles.yaml");
const RBAC = "/apis/rbac.authorization.k8s.io/v1";

/** What Kubernetes' own roles have of the product's, in files that are aggregated to them, and of Kubernetes itself. */
const ROLES = {
  view: ["sshkey-viewer", "system:aggregate-to-view"],
  edit: ["sshkey-viewer", "sshkey-editor", "system:aggregate-to-view", "system:aggregate-to-edit"],
} as const;

/** The name, for --as, of somebody who has this role in the tenant's namespace and no other right. */
export async function personWith(role: keyof typeof ROLES, { cluster, namespace }: Tenant): Promise<string> {
  const person = `${role}er-of-${namespace}`;
  for (const name of ROLES[role]) await bind(name, person);
  return person;

  /** Nobody aggregates here, so what the product's roles say is given in the namespace itself. */
  async function bind(name: string, to: string): Promise<void> {
    const rules = RULES.get(name);
    if (rules !== undefined) {
      const made = await cluster.request("POST", `${RBAC}/namespaces/${namespace}/roles`, {
        metadata: { name },
        rules,
      });
      if (made.status >= 300 && made.status !== 409) throw new Error(JSON.stringify(made.body));
    }
    const { status, body } = await cluster.request("POST", `${RBAC}/namespaces/${namespace}/rolebindings`, {
      metadata: { name: `${role}-${name}` },
      roleRef: {
        apiGroup: "rbac.authorization.k8s.io",
        kind: rules === undefined ? "ClusterRole" : "Role",
        name,
      },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: to }],
    });
    if (status >= 300) throw new Error(JSON.stringify(body));
  }
}

const RULES: ReadonlyMap<string, unknown> = new Map(
  parseAllDocuments(readFileSync(USER_ROLES, "utf8")).map((document) => {
    const { metadata, rules } = document.toJS() as { metadata: { name: string }; rules: unknown };
    return [metadata.name, rules];
  }),
);
