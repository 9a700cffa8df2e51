import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { SHARE_KEYS_ANNOTATION } from "../../src/api/names.ts";
import type { Method } from "../cluster/adminclient.ts";
import { eventually } from "../cluster/eventually.ts";
import { startOperator } from "../cluster/operatorprocess.ts";
import { type AuditedRequest, grants, needed, requestsOf } from "./grants.ts";
import { requestAs } from "./impersonated.ts";
import {
  DEPLOYMENT_PATH,
  type Deployment,
  type Installation,
  NAMESPACE,
  SERVICE_ACCOUNT,
  startInstallation,
} from "./installation.ts";
import { refreshingConfig, withRefresh } from "./refresh.ts";
import { liveThrough } from "./scenario.ts";

const USERNAME = `system:serviceaccount:${NAMESPACE}:${SERVICE_ACCOUNT}`;

describe.each([
  { ships: "deploy", folder: "deploy", kustomized: asItIs, config: shippedConfig },
  { ships: "deploy/namespaced", folder: "deploy/namespaced", kustomized: asItIs, config: shippedConfig },
  {
    ships: "deploy with deploy/refresh",
    folder: "deploy",
    kustomized: withRefresh,
    config: refreshingConfig,
  },
])("the permissions that $ships ships", ({ folder, kustomized, config }) => {
  let installation: Installation;
  let kubeconfig: string;
  let flowSchema: string;
  let shipped: string[];
  let servedBefore: number;
  let work: PromiseSettledResult<void>;
  let requests: AuditedRequest[];

  beforeAll(async () => {
    installation = await startInstallation({ audit: true });
    await installation.kubectl(["create", "namespace", "team-a"]);
    await kustomized(folder, (path) => installation.kubectl(["apply", "-k", path]));
    await installation.kubectl(["wait", "--for=condition=Established", "crd/sshkeys.sshkey-operator.dev"]);
    const manifests = await kustomized(folder, (path) => installation.kubectl(["kustomize", path]));
    shipped = grants(manifests, {
      namespace: NAMESPACE,
      name: SERVICE_ACCOUNT,
    });
    kubeconfig = await operatorKubeconfig(installation);
    flowSchema = (await installation.read<Identified>(FLOW_SCHEMA_PATH)).metadata.uid;
    await eventually("the API server takes note of the FlowSchema", async () => {
      return (await flowSchemaOf(installation, kubeconfig, REQUESTS[0])) === flowSchema;
    });
    servedBefore = await servedBy("service-accounts", installation);
    const operator = await startOperator({
      kubeconfig,
      config: withRetention(await config(), "1s"),
      args: [
        ...(await shippedArgs(installation)),
        "--leader-elect=true",
        `--leader-election-namespace=${NAMESPACE}`,
      ],
    });
    [work] = await Promise.allSettled([
      liveThrough(installation, "team-a", { refreshes: kustomized === withRefresh }),
    ]);
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

  test.each(REQUESTS)("come with a share of the API server of the operator's own for %s", async (path) => {
    expect(await flowSchemaOf(installation, kubeconfig, path)).toBe(flowSchema);
  });

  test("come with that share for all that the operator does", async () => {
    expect(await servedBy("service-accounts", installation)).toBe(servedBefore);
    expect(await servedBy("sshkey-operator", installation)).toBeGreaterThan(requests.length / 2);
  });

  test("let it read Secrets everywhere only if it works everywhere", async () => {
    const question = ["auth", "can-i", "list", "secrets", "-n", "kube-system", `--as=${USERNAME}`];
    const { stdout } = await installation.attempt(question);
    expect(stdout.trim()).toBe(folder === "deploy" ? "yes" : "no");
  });

  test("let it read the Namespace objects that it serves, and change none", async () => {
    const statusOf = async (method: Method, path: string, body?: object) =>
      (await requestAs(installation, USERNAME, method, path, body)).status;
    const everywhere = folder === "deploy" ? 200 : 403;
    const annotated = { metadata: { annotations: { [SHARE_KEYS_ANNOTATION]: "*" } } };
    expect([
      await statusOf("GET", "/api/v1/namespaces"),
      await statusOf("GET", "/api/v1/namespaces/kube-system"),
      await statusOf("GET", "/api/v1/namespaces/team-a"),
      await statusOf("PATCH", "/api/v1/namespaces/team-a", annotated),
    ]).toEqual([everywhere, 403, folder === "deploy" ? 403 : 200, 403]);
  });
});

const FLOW_SCHEMA_PATH = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/sshkey-operator";

interface Identified {
  readonly metadata: { readonly uid: string };
}

/** One of each kind that the operator sends; a refused one is matched too. */
const REQUESTS = [
  "/api/v1/namespaces/team-a/secrets",
  "/api/v1/secrets",
  "/apis/sshkey-operator.dev/v1alpha1/sshkeys",
  "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sshkeys.sshkey-operator.dev",
  "/apis/coordination.k8s.io/v1/namespaces/sshkey-operator/leases/sshkey-operator",
] as const;

/** UID of the FlowSchema by which the API server serves this request of the operator, as it says in the answer. */
async function flowSchemaOf({ attempt }: Installation, kubeconfig: string, path: string) {
  const { stderr } = await attempt(["get", "--raw", path, `--kubeconfig=${kubeconfig}`, "-v=8"]);
  return /X-Kubernetes-Pf-Flowschema-Uid: (\S+)/i.exec(stderr)?.[1];
}

/** How many requests were served by a FlowSchema. `service-accounts` is everybody's; the operator has the only one. */
async function servedBy(name: string, { kubectl }: Installation): Promise<number> {
  const metrics = (await kubectl(["get", "--raw", "/metrics"])).split("\n");
  const lines = metrics.filter(
    (line) =>
      line.startsWith("apiserver_flowcontrol_dispatched_requests_total{") &&
      line.includes(`flow_schema="${name}"`),
  );
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

async function operatorKubeconfig({ kubectl, controlPlane }: Installation): Promise<string> {
  const token = await kubectl(["create", "token", SERVICE_ACCOUNT, "-n", NAMESPACE]);
  return controlPlane.tokenKubeconfig({ namespace: NAMESPACE, serviceAccount: SERVICE_ACCOUNT, token });
}

async function shippedConfig(): Promise<string> {
  return await readFile("deploy/base/config.yaml", "utf8");
}

function withRetention(text: string, retention: string): string {
  const config = parseDocument(text);
  config.setIn(["secrets", "retention"], retention);
  return String(config);
}

function asItIs<T>(folder: string, use: (folder: string) => Promise<T>): Promise<T> {
  return use(folder);
}

/** The arguments of the shipped container, but for the command and the file that exists in the pod only. */
async function shippedArgs({ read }: Installation): Promise<string[]> {
  const { containers } = (await read<Deployment>(DEPLOYMENT_PATH)).spec.template.spec;
  return containers[0].args.filter((arg) => arg !== "run" && !arg.startsWith("--config="));
}
