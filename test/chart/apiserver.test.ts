import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_VERSION, KIND, PLURAL } from "../../src/api/names.ts";
import { crdPath, secretPath, secretsPath, sshKeysPath } from "../../src/api/paths.ts";
import { ed25519 } from "../claims/sshkeys.ts";
import { eventually } from "../cluster/eventually.ts";
import { startOperator } from "../cluster/operatorprocess.ts";
import type { Finished } from "../cluster/run.ts";
import { type Deployment, type Installation, startInstallation } from "../deploy/installation.ts";
import { managed } from "../deploy/objects.ts";
import { CHART, deploymentIn, helm, helmRelease, type Manifest, manifestsIn, type Release } from "./helm.ts";
import { MATRIX, SECOND, valuesWithoutClusterRights } from "./matrix.ts";

const CRD_PATH = crdPath(PLURAL);
const RELEASE = "sshkey-operator";
const DEPLOYMENT = `/apis/apps/v1/namespaces/${RELEASE}/deployments/${RELEASE}`;
const READABLE = "configmaps/sshkey-operator-policy";

let installation: Installation;
let env: NodeJS.ProcessEnv;

/** There is no node, so no pod ever runs: Helm is not told to wait for them. */
beforeAll(async () => {
  installation = await startInstallation();
  env = { KUBECONFIG: installation.controlPlane.kubeconfig };
  await installation.kubectl(["apply", "-f", "test/chart/monitoringcrds.yaml"]);
  await installation.kubectl(["wait", "--for=condition=Established", "crd", "--all"]);
  const others = ["team-a", "team-b", "platform", "second", "bastion", "git", "people", "nodes"];
  for (const namespace of [...others, RELEASE])
    await installation.kubectl(["create", "namespace", namespace]);
});

afterAll(async () => {
  await installation?.stop();
});

describe("the API server takes", () => {
  test.each(Object.entries(MATRIX))("%s, without a warning", async (_, release) => {
    const { stdout } = await helmRelease(["template"], release);
    const args = ["apply", "--server-side", "--dry-run=server", "-f", "-"];
    expect(await installation.attempt(args, stdout)).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("a release", () => {
  let installed: Finished;

  beforeAll(async () => {
    installed = await succeed(["install"]);
    await installation.kubectl(["wait", "--for=condition=Established", "crd/sshkeys.sshkey-operator.dev"]);
    await declare("alice", 1);
  });

  test("is installed without a warning, and says what to do next", () => {
    expect(installed.stderr).toBe("");
    expect(installed.stdout).toContain(`kubectl -n ${RELEASE} rollout status deployment/${RELEASE}`);
    expect(installed.stdout).toContain("kind: SSHKey");
  });

  test("lets everybody read the configuration, by its name alone", async () => {
    const may = async (verb: string, what: string) => {
      const question = ["auth", "can-i", verb, what, "-n", RELEASE, "--as=alice"];
      return (await installation.attempt(question)).stdout.trim();
    };
    expect(
      await Promise.all([may("get", READABLE), may("update", READABLE), may("list", "configmaps")]),
    ).toEqual(["yes", "no", "no"]);
    expect(await may("get", "configmaps/sshkey-operator-config")).toBe("no");
  });

  test("changes no object when it is upgraded to the same", async () => {
    const before = await versions();
    await succeed(["upgrade"]);
    expect(await versions()).toEqual(before);
  });

  test("brings a newer CRD and other values by an upgrade, and takes them back by a rollback", async () => {
    const before = await state();
    const { revision } = await status();
    const chart = await chartWithNewerCRD();
    await succeed(["upgrade"], { chart, values: { logging: { level: "debug" } } });
    await rm(chart, { recursive: true });
    expect(await state()).toEqual({
      columns: before.columns + 1,
      args: [...before.args, "--log-level=debug"],
    });
    await helmOf(["rollback", RELEASE, String(revision)]);
    expect(await state()).toEqual(before);
  });

  test("stands beside a second one, whose policies let its own account write its own Secrets only", async () => {
    await succeed(["install"], SECOND);
    const account = { "impersonate-user": "system:serviceaccount:second:second-sshkey-operator" };
    const create = (label: string) =>
      installation.request("POST", `${secretsPath("team-a")}?dryRun=All`, managed("x", { label }), account);
    // Of several policies that refuse, the API server names any one: this is refused by none but its own.
    await eventually("its policy refuses what is neither's", async () => {
      const { status, body } = await create("third");
      return status === 403 && JSON.stringify(body).includes("'second-sshkey-operator-own-secrets'");
    });
    expect(await create("second")).toMatchObject({ status: 201 });
    await helmOf(["uninstall", SECOND.name, "--namespace", SECOND.namespace]);
  });

  test("refuses to share its namespace with another one", async () => {
    const { code, stderr } = await helmRelease(["install"], { name: "other", namespace: RELEASE }, env);
    expect([code, stderr]).toEqual([1, expect.stringContaining("sshkey-operator-policy")]);
  });

  test("leaves the CRDs and the SSHKeys when it is uninstalled, and nothing else", async () => {
    const objects = manifestsIn((await helmOf(["get", "manifest", RELEASE])).stdout);
    await helmOf(["uninstall", RELEASE]);
    const left = await installation.attempt(
      ["get", "-f", "-", "-o", "name", "--ignore-not-found"],
      asList(objects),
    );
    expect(left.stdout.trim().split("\n").sort()).toEqual([
      "customresourcedefinition.apiextensions.k8s.io/authorizedkeys.sshkey-operator.dev",
      "customresourcedefinition.apiextensions.k8s.io/sshkeys.sshkey-operator.dev",
    ]);
    expect(await users()).toEqual(["alice"]);
  });

  test("takes over the CRDs it has left when it is installed again", async () => {
    expect((await succeed(["install"])).stderr).toBe("");
    expect(await users()).toEqual(["alice"]);
  });

  test("deletes the CRDs if it is told to", async () => {
    await succeed(["upgrade"], { values: { crds: { keep: false } } });
    await helmOf(["uninstall", RELEASE]);
    await eventually("the CRDs are gone", async () => {
      const left = await installation.kubectl(["get", "crds", "-o", "name"]);
      return !left.includes("sshkey-operator.dev");
    });
  });
});

describe("an installation by kubectl apply -k deploy", () => {
  beforeAll(async () => {
    await installation.kubectl(["apply", "-k", "deploy"]);
    await installation.kubectl(["wait", "--for=condition=Established", "crd/sshkeys.sshkey-operator.dev"]);
    await declare("bob", 2);
  });

  afterAll(async () => {
    await helmOf(["uninstall", RELEASE]);
  });

  test("is taken over by the commands of the chart's README, with its SSHKeys", async () => {
    const { generation } = (await installation.read<Live>(CRD_PATH)).metadata;
    const [takeOver, cleanUp] = await commandsUnder("From `kubectl apply -k deploy/` to Helm");
    expect(await helm(takeOver.slice(1), { env })).toMatchObject({ code: 0 });
    await installation.kubectl(cleanUp.slice(1));
    const { stdout } = await helmOf(["get", "manifest", RELEASE]);
    expect(await installation.attempt(["diff", "-f", "-"], stdout)).toMatchObject({ code: 0, stdout: "" });
    expect((await installation.read<Live>(CRD_PATH)).metadata.generation).toBe(generation);
    expect(await users()).toEqual(["bob"]);
  });

  test("leaves no configuration behind that nobody uses", async () => {
    const listed = await installation.kubectl(["get", "configmaps", "-n", RELEASE, "-o", "name"]);
    expect(listed.split("\n").filter((name) => name.includes("sshkey-operator-"))).toEqual([
      "configmap/sshkey-operator-config",
      "configmap/sshkey-operator-policy",
    ]);
  });
});

describe("who has rights in two namespaces and none on the cluster", () => {
  const INSTALLER = "team-admin";
  const release: Release = { namespace: "platform", values: valuesWithoutClusterRights() };

  beforeAll(async () => {
    await installation.kubectl(["apply", "-f", "crds"]);
    for (const namespace of ["platform", "team-a"]) {
      const binding = ["create", "rolebinding", INSTALLER, "-n", namespace, `--user=${INSTALLER}`];
      await installation.kubectl([...binding, "--clusterrole=cluster-admin"]);
    }
  });

  test("cannot install the default release", async () => {
    const { code, stderr } = await as(INSTALLER, ["install"], { namespace: "platform" });
    expect([code, stderr]).toEqual([1, expect.stringContaining("forbidden")]);
  });

  test("installs by the values of the chart's README, and the operator does its work", async () => {
    expect(await as(INSTALLER, ["install"], release)).toMatchObject({ code: 0, stderr: "" });
    const { stdout } = await helmOf(["get", "manifest", RELEASE], "platform");
    const { args } = deploymentIn(manifestsIn(stdout)).spec.template.spec.containers[0];
    const token = await installation.kubectl(["create", "token", RELEASE, "-n", "platform"]);
    const account = { namespace: "platform", serviceAccount: RELEASE, token };
    const operator = await startOperator({
      kubeconfig: await installation.controlPlane.tokenKubeconfig(account),
      args: [
        ...args.filter((arg) => arg.startsWith("--namespace=")),
        "--leader-elect=true",
        "--leader-election-namespace=platform",
      ],
    });
    try {
      await declare("carol", 3);
      await eventually("carol's Secret is there", async () => {
        return (await installation.request("GET", secretPath("team-a", "sshkeys-carol"))).status === 200;
      });
    } finally {
      await operator.stop();
    }
  });
});

interface Live {
  readonly metadata: { readonly generation: number; readonly resourceVersion: string };
}

interface PrintedColumns {
  readonly spec: { readonly versions: readonly [{ readonly additionalPrinterColumns: readonly object[] }] };
}

/** Throws with Helm's words if it fails. */
async function succeed(command: readonly string[], release: Release = {}): Promise<Finished> {
  const finished = await helmRelease(command, release, env);
  if (finished.code !== 0) throw new Error(finished.stderr);
  return finished;
}

function as(user: string, command: readonly string[], release: Release): Promise<Finished> {
  return helmRelease([...command, "--kube-as-user", user], release, env);
}

/** A command about a release that there is. */
async function helmOf(args: readonly string[], namespace = RELEASE): Promise<Finished> {
  const finished = await helm(args.includes("--namespace") ? args : [...args, "--namespace", namespace], {
    env,
  });
  if (finished.code !== 0) throw new Error(finished.stderr);
  return finished;
}

async function status(): Promise<{ revision: number }> {
  const { stdout } = await helmOf(["status", RELEASE, "--output", "json"]);
  return { revision: JSON.parse(stdout).version };
}

/** The resourceVersion of each object of the release. */
async function versions(): Promise<Record<string, string>> {
  const objects = manifestsIn((await helmOf(["get", "manifest", RELEASE])).stdout);
  const { stdout } = await installation.attempt(["get", "-f", "-", "-o", "json"], asList(objects));
  const { items } = JSON.parse(stdout) as { items: (Manifest & Live)[] };
  expect(items.length).toBe(objects.length);
  return Object.fromEntries(
    items.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]),
  );
}

/** What an upgrade of the test changes. */
async function state(): Promise<{ columns: number; args: readonly string[] }> {
  const crd = await installation.read<PrintedColumns>(CRD_PATH);
  const deployment = await installation.read<Deployment>(DEPLOYMENT);
  return {
    columns: crd.spec.versions[0].additionalPrinterColumns.length,
    args: deployment.spec.template.spec.containers[0].args,
  };
}

/** A copy of the chart of which the CRD prints one column more; a folder. */
async function chartWithNewerCRD(): Promise<string> {
  const chart = await mkdtemp(join(tmpdir(), "sshkey-operator-test-"));
  await cp(CHART, chart, { recursive: true });
  const crd = join(chart, "templates", "crds", "sshkeys.yaml");
  const column = '- { name: New, type: string, jsonPath: ".spec.user" }';
  const text = await readFile(crd, "utf8");
  await writeFile(
    crd,
    text.replace("additionalPrinterColumns:\n", `additionalPrinterColumns:\n        ${column}\n`),
  );
  return chart;
}

/** The two commands in the section of the chart's README, in words. */
async function commandsUnder(section: string): Promise<[string[], string[]]> {
  const readme = await readFile(`${CHART}/README.md`, "utf8");
  const [, block = ""] = /```sh\n([\s\S]*?)```/.exec(readme.slice(readme.indexOf(`## ${section}`))) ?? [];
  const [first = "", second = ""] = block.split("\n");
  return [first.split(" "), second.split(" ")];
}

function asList(items: readonly Manifest[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/** In team-a, as the API server takes it, which is busy for a moment after a CRD has changed. */
async function declare(user: string, key: number): Promise<void> {
  const object = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: user },
    spec: { user, key: ed25519(key) },
  };
  await eventually(`${user}'s SSHKey is created`, async () => {
    return (await installation.request("POST", sshKeysPath("team-a"), object)).status === 201;
  });
}

/** Users of the SSHKeys in team-a. */
async function users(): Promise<string[]> {
  return await eventually("the SSHKeys are listed", async () => {
    const { status, body } = await installation.request("GET", sshKeysPath("team-a"));
    return (
      status === 200 && (body as { items: { spec: { user: string } }[] }).items.map(({ spec }) => spec.user)
    );
  });
}
