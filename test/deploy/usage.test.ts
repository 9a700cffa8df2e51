import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { API_VERSION, AUTHORIZED_KEYS_KIND } from "../../src/api/names.ts";
import { authorizedKeysPath, sshKeyStatusPath, sshKeysPath } from "../../src/api/paths.ts";
import { addUsageOptions, type UsageCommandOptions } from "../../src/cli/usage.ts";
import { VERSION } from "../../src/version.ts";
import { eventually } from "../cluster/eventually.ts";
import type { Finished } from "../cluster/run.ts";
import { RunningUsage, send, storedKey, today, usageCommand } from "../usage/bastion.ts";
import { Kubelet } from "../usage/kubelet.ts";
import { type AuditedRequest, grants, needed, requestsOf } from "./grants.ts";
import { requestAs } from "./impersonated.ts";
import { type Deployment, type Installation, NAMESPACE, startInstallation } from "./installation.ts";

const ACCOUNT = "sshkey-usage";
const USERNAME = `system:serviceaccount:${NAMESPACE}:${ACCOUNT}`;
const FILES = ["deploy/usage/deployment.yaml", "examples/usage/nodes.yaml", "examples/usage/sidecar.yaml"];

let installation: Installation;
let applied: Finished;

beforeAll(async () => {
  installation = await startInstallation({ audit: true, controllerManager: true });
  applied = await installation.attempt(["apply", "-k", "examples/usage"]);
  await installation.kubectl(["wait", "--for=condition=Established", "crd/sshkeys.sshkey-operator.dev"]);
});

afterAll(async () => {
  await installation?.stop();
});

describe("kubectl apply -k examples/usage", () => {
  test("installs operator and reader of logs on a cluster that knows nothing of them, without a warning", () => {
    expect([applied.code, applied.stderr]).toEqual([0, ""]);
    const lines = applied.stdout.trimEnd().split("\n");
    expect(lines.filter((line) => !line.endsWith(" created"))).toEqual([]);
  });

  test("leaves nothing that a diff would show", async () => {
    expect(await installation.attempt(["diff", "-k", "examples/usage"])).toMatchObject({
      code: 0,
      stdout: "",
    });
  });

  test("makes a pod that is admitted where the pod security level restricted is enforced", async () => {
    const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${ACCOUNT}`;
    const { metadata, spec } = (await installation.read<Deployment>(path)).spec.template;
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { ...metadata, name: "probe" }, spec };
    const args = ["create", "--dry-run=server", "-n", NAMESPACE, "-f", "-"];
    expect(await installation.attempt(args, JSON.stringify(pod))).toMatchObject({ code: 0, stderr: "" });
  });
});

describe.each(FILES)("%s", (file) => {
  test("is taken by the API server without a warning", async () => {
    await installation.attempt(["create", "namespace", "nodes"]);
    const args = ["apply", "--dry-run=server", "-f", file];
    const namespaced = file.endsWith("sidecar.yaml") ? [...args, "-n", "bastion"] : args;
    expect(await installation.attempt(namespaced)).toMatchObject({ code: 0, stderr: "" });
  });

  test("runs the image of this version, with flags that there are", async () => {
    const { image, args } = await usageContainer(file);
    const [command, ...flags] = args;
    const { namespace } = addUsageOptions(new Command())
      .parse(flags.map(withoutVariables), { from: "user" })
      .opts<UsageCommandOptions>();
    expect([image, command, namespace.length]).toEqual([`sshkey-operator:${VERSION}`, "usage", 1]);
  });
});

describe("with the account that is shipped", () => {
  let kubelet: Kubelet;
  let requests: AuditedRequest[];
  let shipped: string[];
  let reported: readonly unknown[];

  beforeAll(async () => {
    const { kubectl, controlPlane } = installation;
    shipped = grants(await kubectl(["kustomize", "examples/usage"]), { namespace: NAMESPACE, name: ACCOUNT });
    kubelet = await Kubelet.start(installation);
    const token = await kubectl(["create", "token", ACCOUNT, "-n", NAMESPACE]);
    const account = { namespace: NAMESPACE, serviceAccount: ACCOUNT, token };
    const own = await storedKey(installation, "bastion", "own");
    const shared = await storedKey(installation, "people", "shared");
    const spec = { layout: "SingleFile", from: [{ namespace: "people" }] };
    await send(installation, "POST", authorizedKeysPath("bastion"), {
      apiVersion: API_VERSION,
      kind: AUTHORIZED_KEYS_KIND,
      metadata: { name: "bastion" },
      spec,
    });
    await eventually("the namespace has its service account", async () => {
      await kubectl(["get", "serviceaccount", "default", "-n", "bastion"]);
      return true;
    });
    await kubelet.pod("bastion", "bastion-0", { "app.kubernetes.io/name": "bastion" });
    for (const key of [own, shared]) kubelet.log("bastion", "bastion-0", key.line());
    const { args } = await usageContainer("deploy/usage/deployment.yaml");
    const kubeconfig = await controlPlane.tokenKubeconfig(account);
    const usage = await RunningUsage.start(usageCommand(kubeconfig, args.slice(1)));
    try {
      reported = await eventually("both are reported", async () => {
        const days = [(await own.lastUsed())?.time, (await shared.lastUsed())?.time];
        return !days.includes(undefined) && days;
      });
    } finally {
      await usage.stop();
    }
    requests = await requestsOf(USERNAME, controlPlane.auditLog ?? "");
  });

  afterAll(async () => {
    await kubelet?.stop();
  });

  test("it reports the keys of the bastion's namespace, and those that it takes", () => {
    expect(reported).toEqual([today(), today()]);
  });

  test("it is never refused", () => {
    const refused = requests.filter(({ responseStatus }) => [401, 403].includes(responseStatus?.code ?? 0));
    expect([...new Set(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`))]).toEqual([]);
  });

  test("it needs no right that is not shipped, and none is shipped beside", () => {
    const used = new Set(requests.flatMap(needed));
    const known = new Set(shipped);
    const foreign = requests.map(needed).filter((ways) => !ways.some((way) => known.has(way)));
    expect([...new Set(foreign.map(([way]) => way))]).toEqual([]);
    expect(shipped.filter((grant) => !used.has(grant))).toEqual([]);
  });

  test("it touches nothing else, and no other namespace", async () => {
    const lastUsed = { time: today(), source: "x", fingerprint: "SHA256:x" };
    const tried = [
      ["PATCH", `${sshKeysPath("people")}/shared`, { spec: { disabled: true } }],
      ["PATCH", sshKeyStatusPath("people", "shared"), { status: { fingerprint: "SHA256:x" } }],
      ["PATCH", sshKeyStatusPath("default", "any"), { status: { lastUsed } }],
      ["GET", sshKeysPath()],
      ["GET", "/api/v1/namespaces/bastion/secrets"],
      ["GET", "/api/v1/namespaces/people/pods"],
      ["POST", "/api/v1/namespaces/bastion/pods/bastion-0/exec", {}],
    ] as const;
    const answers = tried.map(([method, path, body]) =>
      requestAs(installation, USERNAME, method, path, body),
    );
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(tried.map(() => 403));
  });
});

interface UsageContainer {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
}

async function usageContainer(file: string): Promise<UsageContainer> {
  const containers = parseAllDocuments(await readFile(file, "utf8"))
    .map((document) => document.toJS())
    .flatMap(({ spec }) => (spec?.template?.spec.containers ?? []) as UsageContainer[]);
  const found = containers.find(({ name }) => name === "usage");
  if (found === undefined) throw new Error(`${file} has no container usage`);
  return found;
}

/** As kubelet replaces them. */
function withoutVariables(arg: string): string {
  return arg.replaceAll(/\$\([A-Z_]+\)/g, "value");
}
