import type { Tenant } from "./tenant.ts";

/** One rule of a Role. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const RBAC = "/apis/rbac.authorization.k8s.io/v1";

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
    const account = { namespace, serviceAccount: "operator", token };
    const created = new ServiceAccount(tenant, await cluster.controlPlane.tokenKubeconfig(account));
    await created.may([]);
    return created;
  }

  /** From now on it may do this in a namespace, its own unless another is named. */
  async may(rules: readonly Rule[], { namespace } = this.#tenant): Promise<void> {
    await this.#allow(`${RBAC}/namespaces/${namespace}/`, "Role", rules);
  }

  /** From now on it may do this in every namespace, and with objects that are in none. */
  async mayEverywhere(rules: readonly Rule[]): Promise<void> {
    await this.#allow(`${RBAC}/cluster`, "ClusterRole", rules);
  }

  async #allow(path: string, kind: string, rules: readonly Rule[]): Promise<void> {
    const { cluster, namespace } = this.#tenant;
    const name = `operator-${namespace}`;
    const { status } = await cluster.request("PATCH", `${path}roles/${name}`, { rules });
    if (status !== 404) return;
    await this.#tenant.send("POST", `${path}roles`, { metadata: { name }, rules });
    await this.#tenant.send("POST", `${path}rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name },
      subjects: [{ kind: "ServiceAccount", name: "operator", namespace }],
    });
  }
}
