import { readFile } from "node:fs/promises";
import { adminClient } from "../../cluster/adminclient.ts";
import { Tenant } from "../tenant.ts";

/** What `edit` is made of; the controller manager would add them up. */
const EDIT = ["system:aggregate-to-edit", "system:aggregate-to-view", "sshkey-editor"] as const;

/** Rights on SSHKeys alone. */
const SSH_KEYS = ["sshkey-editor"] as const;

/** Rights on AuthorizedKeys alone, which `admin` has. */
const AUTHORIZED_KEYS = ["sshkey-authorizedkeys-editor"] as const;

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const USER_ROLES = new URL("../../../deploy/base/userroles.yaml", import.meta.url).pathname;

/** Somebody with rights in one namespace and none elsewhere, who does there whatever these rights allow. */
export interface Attacker extends Disposable {
  /** The namespace as this person can work in it. */
  readonly tenant: Tenant;
}

/** A person with `edit` in the namespace of the tenant. */
export function editorOf(tenant: Tenant): Promise<Attacker> {
  return personWith(tenant, EDIT);
}

/** A person who may write SSHKeys in the namespace of the tenant, and nothing else. */
export function keyOwnerOf(tenant: Tenant): Promise<Attacker> {
  return personWith(tenant, SSH_KEYS);
}

/** A person who may write AuthorizedKeys in the namespace of the tenant, and nothing else. */
export function authorizedKeysEditorOf(tenant: Tenant): Promise<Attacker> {
  return personWith(tenant, AUTHORIZED_KEYS);
}

async function personWith(tenant: Tenant, roles: readonly string[]): Promise<Attacker> {
  const { cluster, namespace } = tenant;
  await cluster.kubectl(["apply", "-f", "-"], await readFile(USER_ROLES, "utf8"));
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const name = "mallory";
  await tenant.send("POST", accounts, { metadata: { name } });
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const answer = await tenant.send("POST", `${accounts}/${name}/token`, request);
  const { token } = (answer as { status: { token: string } }).status;
  for (const role of roles) {
    await tenant.send("POST", `${RBAC}/namespaces/${namespace}/rolebindings`, {
      metadata: { name: role },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    });
  }
  const { controlPlane } = cluster;
  const kubeconfig = await controlPlane.tokenKubeconfig({ namespace, serviceAccount: name, token });
  const client = await adminClient(controlPlane.kubectl, kubeconfig);
  return {
    tenant: new Tenant({ ...cluster, request: client.request }, namespace),
    [Symbol.dispose]: () => void client.close(),
  };
}
