import { existsSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import type { ApiServer } from "./apiserver.ts";
import { type Child, spawnChild } from "./child.ts";
import { answersOk } from "./probe.ts";
import { READY_MS, ready } from "./ready.ts";

const CONTROLLERS = [
  "namespace-controller",
  "garbage-collector-controller",
  "serviceaccount-controller",
  "serviceaccount-token-controller",
  "root-ca-certificate-publisher-controller",
  "clusterrole-aggregation-controller",
  "validatingadmissionpolicy-status-controller",
];

/**
 * Starts kube-controller-manager with the controllers for namespaces, garbage collection, service accounts, aggregated
 * roles and the type check of policies; resolves when the first default service account exists, which shows them at work.
 */
export async function startControllerManager(o: {
  readonly binary: string;
  readonly dir: string;
  readonly kubeconfig: string;
  readonly apiserver: ApiServer;
}): Promise<{ readonly child: Child }> {
  if (!existsSync(o.binary)) {
    throw new ControllerManagerError(o.binary);
  }
  const ca = join(o.dir, "ca.crt");
  writeFileSync(ca, o.apiserver.ca);
  const child = spawnChild({
    name: "kube-controller-manager",
    command: o.binary,
    args: [
      `--kubeconfig=${o.kubeconfig}`,
      `--controllers=${CONTROLLERS.join(",")}`,
      `--root-ca-file=${ca}`,
      `--service-account-private-key-file=${join(o.dir, "sa.key")}`,
      // Each controller is an account of its own, as in most clusters: policies see who it is.
      "--use-service-account-credentials=true",
      "--leader-elect=false",
      // No listener, so no port to collide.
      "--secure-port=0",
      "--kube-api-qps=500",
      "--kube-api-burst=1000",
    ],
    logFile: join(o.dir, "kube-controller-manager.log"),
  });
  try {
    await ready(child, () => defaultAccount(o.apiserver), READY_MS);
  } catch (error) {
    await child.stop(0);
    throw error;
  }
  return { child };
}

/** The folder of `KUBEBUILDER_ASSETS` usually has no kube-controller-manager. */
class ControllerManagerError extends Error {
  readonly code = "CONTROLLER_MANAGER_MISSING";

  constructor(binary: string) {
    super(`${binary} is missing: put it there, or unset KUBEBUILDER_ASSETS to have it built`);
    this.name = "ControllerManagerError";
  }
}

async function defaultAccount(apiserver: ApiServer): Promise<true | undefined> {
  const { server, ca, adminToken } = apiserver;
  const headers = { authorization: `Bearer ${adminToken}` };
  const path = "/api/v1/namespaces/default/serviceaccounts/default";
  return answersOk(request(`${server}${path}`, { ca, agent: false, headers }));
}
