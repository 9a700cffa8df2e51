import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { startOperator } from "../cluster/operatorprocess.ts";
import { type AuditedRequest, grants, needed, requestsOf } from "./grants.ts";
import {
  DEPLOYMENT_PATH,
  type Deployment,
  type Installation,
  NAMESPACE,
  SERVICE_ACCOUNT,
  startInstallation,
} from "./installation.ts";
import { liveThrough } from "./scenario.ts";

const USERNAME = `system:serviceaccount:${NAMESPACE}:${SERVICE_ACCOUNT}`;

describe.each(["deploy", "deploy/namespaced"])("the permissions that %s ships", (folder) => {
  let installation: Installation;
  let shipped: string[];
  let work: PromiseSettledResult<void>;
  let requests: AuditedRequest[];

  beforeAll(async () => {
    installation = await startInstallation({ audit: true });
    await installation.kubectl(["create", "namespace", "team-a"]);
    await installation.kubectl(["apply", "-k", folder]);
    await installation.kubectl(["wait", "--for=condition=Established", "crd/sshkeys.sshkey-operator.dev"]);
    shipped = grants(await installation.kubectl(["kustomize", folder]), {
      namespace: NAMESPACE,
      name: SERVICE_ACCOUNT,
    });
    const operator = await startOperator({
      kubeconfig: await operatorKubeconfig(installation),
      config: await shippedConfig({ retention: "1s" }),
      args: [
        ...(await shippedArgs(installation)),
        "--leader-elect=true",
        `--leader-election-namespace=${NAMESPACE}`,
      ],
    });
    [work] = await Promise.allSettled([liveThrough(installation, "team-a")]);
    await operator.stop();
    requests = await requestsOf(USERNAME, installation.controlPlane.auditLog ?? "");
  });

  afterAll(async () => {
    await installation?.stop();
  });

  test("are enough for all its work", () => {
    expect(work).toEqual({ status: "fulfilled", value: undefined });
  });

  test("lack nothing: the operator is never refused", () => {
    const refused = requests.filter(({ responseStatus }) => [401, 403].includes(responseStatus?.code ?? 0));
    expect([...new Set(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`))]).toEqual([]);
  });

  test("hold nothing that the operator does not use", () => {
    const used = new Set(requests.flatMap(needed));
    expect(shipped.filter((grant) => !used.has(grant))).toEqual([]);
  });

  test("are all that it leans on: nothing is allowed to it by the cluster's own roles", () => {
    const known = new Set(shipped);
    const foreign = requests.map(needed).filter((ways) => !ways.some((way) => known.has(way)));
    expect([...new Set(foreign.map(([way]) => way))]).toEqual([]);
  });

  test("are not spent on trying again and again what a foreign Secret stands in the way of", () => {
    const refused = requests.filter(
      ({ verb, responseStatus }) => verb === "create" && responseStatus?.code === 409,
    );
    // Once for the SSHKey, and at most once more when its status comes back by the watch.
    expect(refused.length).toBeLessThanOrEqual(2);
  });

  test("let it read Secrets everywhere only if it works everywhere", async () => {
    const question = ["auth", "can-i", "list", "secrets", "-n", "kube-system", `--as=${USERNAME}`];
    const { stdout } = await installation.attempt(question);
    expect(stdout.trim()).toBe(folder === "deploy" ? "yes" : "no");
  });
});

async function operatorKubeconfig({ kubectl, controlPlane }: Installation): Promise<string> {
  const token = await kubectl(["create", "token", SERVICE_ACCOUNT, "-n", NAMESPACE]);
  return controlPlane.tokenKubeconfig({ namespace: NAMESPACE, serviceAccount: SERVICE_ACCOUNT, token });
}

async function shippedConfig({ retention }: { retention: string }): Promise<string> {
  const config = parseDocument(await readFile("deploy/base/config.yaml", "utf8"));
  config.setIn(["secrets", "retention"], retention);
  return String(config);
}

/** The arguments of the shipped container, but for the command and the file that exists in the pod only. */
async function shippedArgs({ read }: Installation): Promise<string[]> {
  const { containers } = (await read<Deployment>(DEPLOYMENT_PATH)).spec.template.spec;
  return containers[0].args.filter((arg) => arg !== "run" && !arg.startsWith("--config="));
}
