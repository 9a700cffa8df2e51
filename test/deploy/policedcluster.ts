import { afterAll, beforeAll } from "vitest";
import { secretsPath, sshKeysPath } from "../../src/api/paths.ts";
import type { AdminClient, Answer, Method } from "../cluster/adminclient.ts";
import { eventually } from "../cluster/eventually.ts";
import { type ImpersonatedOptions, requestAs } from "./impersonated.ts";
import { type Installation, NAMESPACE, SERVICE_ACCOUNT, startInstallation } from "./installation.ts";
import { pod, secret, sshKey, TEAM } from "./objects.ts";

export const OPERATOR = `system:serviceaccount:${NAMESPACE}:${SERVICE_ACCOUNT}`;
export const SECOND_OPERATOR = "system:serviceaccount:second:sshkey-operator";
/** A service account that may say for whom it writes, and nothing more. */
export const PORTAL = "system:serviceaccount:portal:sshkey-portal";
/** The namespace with self-service. */
export const PEOPLE = "people";
export const SELF_SERVICE = "sshkey-operator.dev/self-service";

export interface PolicedCluster {
  /** Sends a request as this user, who has no group but that of everybody; RBAC holds. */
  as(user: string, method: Method, path: string, body?: object, o?: ImpersonatedOptions): Promise<Answer>;
  /** Sends a request as a member of system:masters. */
  readonly admin: AdminClient["request"];
  readonly kubectl: Installation["kubectl"];
  readonly read: Installation["read"];
}

/** For the tests of one file: an installation whose policies are in force, and users with more rights than they ever get. */
export function policedCluster(): PolicedCluster {
  let started: Installation | undefined;
  const installation = () => {
    if (started === undefined) throw new Error("the cluster is there when the tests run");
    return started;
  };
  const cluster: PolicedCluster = {
    as: (...request) => requestAs(installation(), ...request),
    admin: (...request) => installation().request(...request),
    kubectl: (...command) => installation().kubectl(...command),
    read: <T>(path: string) => installation().read<T>(path),
  };
  beforeAll(async () => {
    started = await startInstallation({ controllerManager: true });
    await install(cluster);
  });
  afterAll(async () => {
    await started?.stop();
  });
  return cluster;
}

async function install({ as, kubectl }: PolicedCluster): Promise<void> {
  await kubectl(["apply", "-k", "deploy"]);
  await kubectl(["wait", "--for=condition=Established", "crd/sshkeys.sshkey-operator.dev"]);
  for (const namespace of [TEAM, PEOPLE, "second"]) await kubectl(["create", "namespace", namespace]);
  await kubectl(["label", "namespace", PEOPLE, `${SELF_SERVICE}=true`]);
  // More than they ever get: what is refused here is refused by the policies.
  await kubectl(["create", "clusterrole", "writer", "--verb=*", "--resource=secrets,pods"]);
  for (const user of ["editor", OPERATOR, SECOND_OPERATOR])
    await kubectl([
      "create",
      "clusterrolebinding",
      `writer-${user.replaceAll(":", "-")}`,
      "--clusterrole=writer",
      `--user=${user}`,
    ]);
  for (const user of ["alice", "bob", "oidc:carol", "system:node:n1", `system:serviceaccount:${PEOPLE}:bot`])
    await kubectl([
      "create",
      "rolebinding",
      `self-${user.replaceAll(":", "-")}`,
      "-n",
      PEOPLE,
      "--clusterrole=sshkey-self-service",
      `--user=${user}`,
    ]);
  await kubectl([
    "create",
    "role",
    "assigner",
    "-n",
    PEOPLE,
    "--verb=assign,create,update,patch,delete,get",
    "--resource=sshkeys.sshkey-operator.dev",
  ]);
  for (const user of ["admin", `system:serviceaccount:${PEOPLE}:flux`, "system:serviceaccount:gitops:flux"])
    await kubectl([
      "create",
      "rolebinding",
      `assigner-${user.replaceAll(":", "-")}`,
      "-n",
      PEOPLE,
      "--role=assigner",
      `--user=${user}`,
    ]);
  await kubectl([
    "create",
    "role",
    "voucher",
    "-n",
    PEOPLE,
    "--verb=vouch,create,update,patch,delete,get",
    "--resource=sshkeys.sshkey-operator.dev",
  ]);
  for (const user of [PORTAL, `system:serviceaccount:${PEOPLE}:portal`])
    await kubectl([
      "create",
      "rolebinding",
      `voucher-${user.replaceAll(":", "-")}`,
      "-n",
      PEOPLE,
      "--role=voucher",
      `--user=${user}`,
    ]);
  await eventually("the policies are in force", async () => {
    const refused = [
      await as(OPERATOR, "POST", secretsPath(TEAM), secret("probe", {}), { dryRun: true }),
      await as(OPERATOR, "POST", `/api/v1/namespaces/${TEAM}/pods`, pod("probe"), { dryRun: true }),
      await as("editor", "POST", secretsPath(TEAM), secret("sshkeys-probe", {}), { dryRun: true }),
      await as("alice", "POST", sshKeysPath(PEOPLE), sshKey("probe", "bob"), { dryRun: true }),
    ];
    return refused.every(({ status }) => status === 403);
  });
}
