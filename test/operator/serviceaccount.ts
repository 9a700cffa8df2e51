import type { Tenant } from "./tenant.ts";

/** One rule of a Role. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces";

/** A service account of a tenant's namespace that may do there what its one Role says, and nothing else. */
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

  /** From now on it may do this and nothing else. */
  async may(rules: readonly Rule[]): Promise<void> {
    await this.#tenant.send("PATCH", `${RBAC}/${this.#tenant.namespace}/roles/operator`, { rules });
  }
}
