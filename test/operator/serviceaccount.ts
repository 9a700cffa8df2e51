import type { Tenant } from "./tenant.ts";

/** One rule of a Role. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const RBAC_GROUP = "/apis/rbac.authorization.k8s.io/v1";
const RBAC = `${RBAC_GROUP}/namespaces`;

/** A service account of a tenant's namespace that may do what it is told that it may, and nothing else. */
export class ServiceAccount {
  /** Path of a kubeconfig file with its token. */
  readonly kubeconfig: string;
  readonly #tenant: Tenant;

  private constructor(tenant: Tenant, kubeconfig: string) {
    this.#tenant = tenant;
    this.kubeconfig = kubeconfig;
  }

  static async create(tenant: Tenant): Promise<ServiceAccount> {
    const { namespace, cluster } = tenant;
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await tenant.send("POST", accounts, { metadata: { name: "operator" } });
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const answer = await tenant.send("POST", `${accounts}/operator/token`, request);
    const { token } = (answer as { status: { token: string } }).status;
    await tenant.send("POST", `${RBAC}/${namespace}/roles`, { metadata: { name: "operator" }, rules: [] });
    await tenant.send("POST", `${RBAC}/${namespace}/rolebindings`, {
      metadata: { name: "operator" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "operator" },
      subjects: [{ kind: "ServiceAccount", name: "operator", namespace }],
    });
    const account = { namespace, serviceAccount: "operator", token };
    return new ServiceAccount(tenant, await cluster.controlPlane.tokenKubeconfig(account));
  }

  /** From now on it may do this in its namespace. */
  async may(rules: readonly Rule[]): Promise<void> {
    await this.#tenant.send("PATCH", `${RBAC}/${this.#tenant.namespace}/roles/operator`, { rules });
  }

  /** From now on it may do this in every namespace, and with objects that are in none. */
  async mayEverywhere(rules: readonly Rule[]): Promise<void> {
    const { cluster, namespace } = this.#tenant;
    const name = `operator-${namespace}`;
    const edited = await cluster.request("PATCH", `${RBAC_GROUP}/clusterroles/${name}`, { rules });
    if (edited.status !== 404) return;
    await this.#tenant.send("POST", `${RBAC_GROUP}/clusterroles`, { metadata: { name }, rules });
    await this.#tenant.send("POST", `${RBAC_GROUP}/clusterrolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: "operator", namespace }],
    });
  }
}
