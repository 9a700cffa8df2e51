import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { secretsPath, sshKeysPath } from "../../src/api/paths.ts";
import { addPortalOptions, type PortalCommandOptions } from "../../src/cli/portal.ts";
import { VERSION } from "../../src/version.ts";
import type { Finished } from "../cluster/run.ts";
import { freshKey } from "../operator/publickeys.ts";
import { type PortalProcess, startPortal } from "../portal/portalprocess.ts";
import { type AuditedRequest, grants, needed, requestsOf } from "./grants.ts";
import { requestAs } from "./impersonated.ts";
import { type Deployment, type Installation, NAMESPACE, startInstallation } from "./installation.ts";
import { sshKey } from "./objects.ts";

const ACCOUNT = "sshkey-operator-portal";
const USERNAME = `system:serviceaccount:${NAMESPACE}:${ACCOUNT}`;
const PEOPLE = "people";
/** The audience that static tokens of the API server are good for: that of its administrator is one. */
const AUDIENCE = "https://kubernetes.default.svc";

let installation: Installation;
let applied: Finished;

beforeAll(async () => {
  installation = await startInstallation({ audit: true, controllerManager: true });
  applied = await installation.attempt(["apply", "-k", "examples/portal"]);
  await installation.kubectl(["wait", "--for=condition=Established", "crd/sshkeys.sshkey-operator.dev"]);
});

afterAll(async () => {
  await installation?.stop();
});

describe("kubectl apply -k examples/portal", () => {
  test("installs operator and portal on a cluster that knows nothing of them, without a warning", () => {
    expect([applied.code, applied.stderr]).toEqual([0, ""]);
    const lines = applied.stdout.trimEnd().split("\n");
    expect(lines.filter((line) => !line.endsWith(" created"))).toEqual([]);
  });

  test("leaves nothing that a diff would show", async () => {
    expect(await installation.attempt(["diff", "-k", "examples/portal"])).toMatchObject({
      code: 0,
      stdout: "",
    });
  });
});

describe("the portal's pod", () => {
  test("is admitted where the pod security level restricted is enforced", async () => {
    const { metadata, spec } = (await deployment()).spec.template;
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { ...metadata, name: "probe" }, spec };
    const args = ["create", "--dry-run=server", "-n", NAMESPACE, "-f", "-"];
    expect(await installation.attempt(args, JSON.stringify(pod))).toMatchObject({ code: 0, stderr: "" });
  });

  test("runs the image of this version", async () => {
    const [container] = (await deployment()).spec.template.spec.containers;
    expect(container.image).toBe(`sshkey-operator:${VERSION}`);
  });

  test("is none of the operator's, whose Deployment and budget select by one label", async () => {
    const { labels } = (await deployment()).spec.template.metadata;
    expect(labels).toEqual({ "app.kubernetes.io/name": "sshkey-portal" });
  });

  test("is started by flags that there are, and listens where its port says", async () => {
    const [container] = (await deployment()).spec.template.spec.containers;
    const [command, ...args] = container.args;
    const { namespace, listen, metricsBindAddress } = addPortalOptions(new Command())
      .parse(args, { from: "user" })
      .opts<PortalCommandOptions>();
    expect([command, namespace]).toEqual(["portal", PEOPLE]);
    expect(container.ports.map(({ name, containerPort }) => [name, `:${containerPort}`])).toEqual([
      ["http", listen],
      ["metrics", metricsBindAddress],
    ]);
  });

  test("has the Secrets mounted where the example's configuration looks for them", async () => {
    const { portal } = parse(await readFile("examples/portal/config.yaml", "utf8"));
    const [container] = (await deployment()).spec.template.spec.containers;
    const folders = container.volumeMounts.map(({ mountPath }) => mountPath);
    expect(folders).toContain(portal.session.keysFolder);
    expect(folders).toContain(portal.oidc.clientSecretFile.replace(/\/[^/]+$/, ""));
  });
});

describe("with the account that is shipped", () => {
  let portal: PortalProcess;
  let work: PromiseSettledResult<void>;
  let requests: AuditedRequest[];
  let shipped: string[];

  beforeAll(async () => {
    const { kubectl, controlPlane } = installation;
    shipped = grants(await kubectl(["kustomize", "examples/portal"]), {
      namespace: NAMESPACE,
      name: ACCOUNT,
    });
    const bob = { ...sshKey("bob-laptop", "bob"), spec: { user: "bob", key: freshKey() } };
    await kubectl(["apply", "-n", PEOPLE, "-f", "-"], JSON.stringify(bob));
    const admins = ["create", "rolebinding", "me", "-n", PEOPLE, "--clusterrole=sshkey-portal-admin"];
    await kubectl([...admins, "--user=admin"]);
    const token = await kubectl(["create", "token", ACCOUNT, "-n", NAMESPACE]);
    portal = await startPortal({
      kubeconfig: await controlPlane.tokenKubeconfig({
        namespace: NAMESPACE,
        serviceAccount: ACCOUNT,
        token,
      }),
      namespace: PEOPLE,
      config: `portal: { tokens: { audience: "${AUDIENCE}" } }`,
    });
    [work] = await Promise.allSettled([live()]);
    requests = await requestsOf(USERNAME, controlPlane.auditLog ?? "");
  });

  afterAll(async () => {
    await portal?.stop();
  });

  /** As a program with the administrator's token: own keys, and somebody else's. */
  async function live(): Promise<void> {
    const { users } = parse(await readFile(installation.controlPlane.kubeconfig, "utf8"));
    const headers = { authorization: `Bearer ${users[0].user.token}`, "content-type": "application/json" };
    const call = async (method: string, path: string, body?: object) => {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(new URL(path, portal.url), { method, headers, ...sent });
      const answer = (await response.json()) as { readonly total?: number; readonly id?: number };
      return { status: response.status, body: answer };
    };
    for (const user of ["admin", "bob"]) {
      const keys = `/api/users/${user}/ssh_keys`;
      const made = await call("POST", keys, { name: "new", key: freshKey() });
      expect(made.status).toBe(201);
      expect((await call("GET", keys)).body.total).toBe(user === "bob" ? 2 : 1);
      expect((await call("DELETE", `${keys}/${made.body.id}`)).status).toBe(200);
    }
  }

  test("it does its work", () => {
    expect(work).toEqual({ status: "fulfilled", value: undefined });
  });

  test("it is never refused", () => {
    const refused = requests.filter(({ responseStatus }) => [401, 403].includes(responseStatus?.code ?? 0));
    expect([...new Set(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`))]).toEqual([]);
  });

  test("it needs no right that is not shipped, and little is shipped beside", () => {
    const used = new Set(requests.flatMap(needed));
    const known = new Set(shipped);
    const foreign = requests.map(needed).filter((ways) => !ways.some((way) => known.has(way)));
    expect([...new Set(foreign.map(([way]) => way))]).toEqual([]);
    expect(shipped.filter((grant) => !used.has(grant) && !NOT_FOR_PROGRAMS.includes(grant))).toEqual([]);
  });

  test("it reads and writes no Secret, and no SSHKey of another namespace", async () => {
    const key = sshKey("planted", "alice");
    const tried = [
      ["GET", secretsPath(PEOPLE)],
      ["GET", `${secretsPath(NAMESPACE)}/sshkey-operator-portal-session`],
      ["POST", secretsPath(PEOPLE), { metadata: { name: "planted" } }],
      ["GET", sshKeysPath("default")],
      ["GET", sshKeysPath()],
      ["POST", sshKeysPath("default"), key],
      ["GET", "/api/v1/namespaces/default/pods"],
      ["POST", `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/sshkey-operator/token`, {}],
    ] as const;
    const answers = tried.map(([method, path, body]) =>
      requestAs(installation, USERNAME, method, path, body, { dryRun: method === "POST" }),
    );
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(tried.map(() => 403));
  });

  test("it writes no status of an SSHKey", async () => {
    const path = `${sshKeysPath(PEOPLE)}/bob-laptop/status`;
    expect((await requestAs(installation, USERNAME, "PATCH", path, { status: {} })).status).toBe(403);
  });
});

/** What pages need and no program, and what policies look at. */
const NOT_FOR_PROGRAMS = [
  "get sshkeys.sshkey-operator.dev",
  "patch sshkeys.sshkey-operator.dev",
  "list pods",
  "list authorizedkeys.sshkey-operator.dev",
  "assign sshkeys.sshkey-operator.dev",
  "vouch sshkeys.sshkey-operator.dev",
];

async function deployment(): Promise<Deployment> {
  return await installation.read<Deployment>(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${ACCOUNT}`);
}
