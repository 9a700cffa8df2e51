import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { addRunOptions, type RunOptions } from "../../src/cli/runoptions.ts";
import { parseConfig } from "../../src/config/configfile.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { VERSION } from "../../src/version.ts";
import { eventually } from "../cluster/eventually.ts";
import { startOperator } from "../cluster/operatorprocess.ts";
import type { Finished } from "../cluster/run.ts";
import {
  type Container,
  DEPLOYMENT_PATH,
  type Deployment,
  type Installation,
  NAMESPACE,
  startInstallation,
} from "./installation.ts";
import { settingsUnder } from "./settings.ts";

let installation: Installation;
let applied: Finished;

beforeAll(async () => {
  installation = await startInstallation({ controllerManager: true });
  applied = await installation.attempt(["apply", "-k", "deploy"]);
});

afterAll(async () => {
  await installation?.stop();
});

describe("kubectl apply -k deploy", () => {
  test("installs everything on a cluster that knows nothing of it, without a warning", () => {
    expect([applied.code, applied.stderr]).toEqual([0, ""]);
    const lines = applied.stdout.trimEnd().split("\n");
    expect(lines.filter((line) => !line.endsWith(" created"))).toEqual([]);
  });

  test("changes nothing the second time", async () => {
    const budget = "/apis/policy/v1/namespaces/sshkey-operator/poddisruptionbudgets/sshkey-operator";
    const { generation } = (await installation.read<Versioned>(budget)).metadata;
    const lines = (await installation.kubectl(["apply", "-k", "deploy"])).split("\n");
    // kubectl sends the selector of a PodDisruptionBudget each time, and the API server changes nothing.
    const changed = lines.filter((line) => !line.endsWith(" unchanged"));
    expect(changed.filter((line) => !line.startsWith("poddisruptionbudget"))).toEqual([]);
    expect((await installation.read<Versioned>(budget)).metadata.generation).toBe(generation);
  });

  test("agrees with a server-side apply of the same manifests", async () => {
    const args = ["apply", "--server-side", "--dry-run=server", "-k", "deploy"];
    expect(await installation.attempt(args)).toMatchObject({ code: 0 });
  });

  test("leaves nothing that a diff would show", async () => {
    expect(await installation.attempt(["diff", "-k", "deploy"])).toMatchObject({ code: 0, stdout: "" });
  });

  test("takes the CRDs from crds/ without getting in the way of kubectl apply -f crds", async () => {
    const lines = (await installation.kubectl(["apply", "--dry-run=server", "-f", "crds"])).split("\n");
    expect(lines).toEqual([
      expect.stringContaining("authorizedkeys.sshkey-operator.dev unchanged"),
      expect.stringContaining("sshkeys.sshkey-operator.dev unchanged"),
    ]);
  });
});

describe("the pod", () => {
  test("is admitted where the pod security level restricted is enforced", async () => {
    expect(await createPod((spec) => spec)).toMatchObject({ code: 0, stderr: "" });
  });

  test("would not be admitted without its security context", async () => {
    const { code, stderr } = await createPod((spec) => ({ ...spec, securityContext: {} }));
    expect([code, stderr]).toEqual([1, expect.stringContaining('violates PodSecurity "restricted:latest"')]);
  });

  test("names the ports that the operator listens on", async () => {
    const { healthProbeBindAddress, metricsBindAddress } = addRunOptions(new Command()).opts<RunOptions>();
    const ports = (await container()).ports.map(({ name, containerPort }) => [name, `:${containerPort}`]);
    expect(Object.fromEntries(ports)).toEqual({
      health: healthProbeBindAddress,
      metrics: metricsBindAddress,
    });
  });

  test.each(["livenessProbe", "readinessProbe"] as const)(
    "has a %s that a working operator passes",
    async (probe) => {
      const operator = await startOperator({ kubeconfig: installation.controlPlane.kubeconfig });
      const { addresses } = await operator.logged("Started");
      const { httpGet } = (await container())[probe];
      const { status } = await fetch(`http://${(addresses as string[])[0]}${httpGet.path}`);
      await operator.stop();
      expect([status, httpGet.port]).toEqual([200, "health"]);
    },
  );

  test("runs the image of this version", async () => {
    expect((await container()).image).toBe(`sshkey-operator:${VERSION}`);
  });

  test("runs another image when a kustomization names one", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sshkey-operator-test-"));
    const kustomization = {
      resources: [relative(folder, "deploy")],
      images: [{ name: "sshkey-operator", newName: "registry.example/tools/sshkey-operator" }],
    };
    await writeFile(join(folder, "kustomization.yaml"), JSON.stringify(kustomization));
    const built = await installation.kubectl(["kustomize", folder]);
    await rm(folder, { recursive: true });
    expect(built).toContain(`image: registry.example/tools/sshkey-operator:${VERSION}\n`);
  });
});

describe("the configuration file", () => {
  test("spells the defaults out", async () => {
    expect(parseConfig(await mountedConfig(), "config.yaml")).toEqual(DEFAULT_SETTINGS);
  });

  test.each(["", "policy", "secrets", "refresh"])(
    "names every setting there is under `%s`",
    async (section) => {
      const known = settingsUnder(section);
      const config = await mountedConfig();
      expect(known.filter((name) => !new RegExp(`^ *(# )?${name}:`, "m").test(config))).toEqual([]);
    },
  );
});

describe("the list of revoked keys, switched on as the comments say,", () => {
  test("is mounted where the configuration looks for it", async () => {
    const commented = await readFile("deploy/base/deployment.yaml", "utf8");
    const text = commented.replaceAll(
      /^( *)# (- name: revoked| {2}mountPath: .*| {2}readOnly: true| {2}configMap:| {4}name: \S+)$/gm,
      "$1$2",
    );
    expect(
      await installation.attempt(["apply", "--dry-run=server", "-n", NAMESPACE, "-f", "-"], text),
    ).toMatchObject({
      code: 0,
    });
    const { containers, volumes } = (parse(text) as Deployment).spec.template.spec;
    const mount = containers[0].volumeMounts.find(({ name }) => name === "revoked");
    const volume = volumes.find(({ name }) => name === "revoked");
    const config = (await mountedConfig()).replace("# revokedKeys:", "revokedKeys:");
    const { revokedKeys = "" } = parseConfig(config, "config.yaml");
    const key = relative(mount?.mountPath ?? "/nowhere", revokedKeys);
    expect(commented).toContain(`create configmap ${volume?.configMap.name} --from-file=${key}=FILE`);
  });
});

describe("the roles for people", () => {
  const roles = ["view", "edit", "admin"] as const;
  const AUTHORIZED_KEYS = "authorizedkeys.sshkey-operator.dev";

  beforeAll(async () => {
    await installation.kubectl(["create", "namespace", "people"]);
    for (const role of roles) {
      await installation.kubectl([
        "create",
        "rolebinding",
        role,
        "-n",
        "people",
        `--clusterrole=${role}`,
        `--user=a-${role}`,
      ]);
    }
    await eventually("the roles are part of admin, edit and view", async () => {
      const served = await Promise.all(roles.map((role) => allowed(role, ["watch"])));
      const deletes = [
        await allowed("admin", ["delete"]),
        await allowed("admin", ["delete"], [], AUTHORIZED_KEYS),
      ];
      return served.flat().length === roles.length && deletes.flat().length === 2;
    });
  });

  const VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
  const READING = ["get", "list", "watch"];

  test("whoever may view a namespace may only look at its SSHKeys", async () => {
    expect(await allowed("view", VERBS)).toEqual(READING);
  });

  test.each(["edit", "admin"])(
    "whoever has %s in a namespace may do anything with its SSHKeys",
    async (role) => {
      expect(await allowed(role, VERBS)).toEqual(VERBS);
    },
  );

  test.each([
    ["view", READING],
    ["edit", READING],
    ["admin", VERBS],
  ] as const)("whoever has %s in a namespace may, with its AuthorizedKeys, %j", async (role, verbs) => {
    expect(await allowed(role, VERBS, [], AUTHORIZED_KEYS)).toEqual(verbs);
  });

  test.each(roles)("%s does not allow writing a status", async (role) => {
    const writing = ["create", "update", "patch"];
    expect([
      await allowed(role, writing, ["--subresource=status"]),
      await allowed(role, writing, ["--subresource=status"], AUTHORIZED_KEYS),
    ]).toEqual([[], []]);
  });

  async function allowed(
    role: string,
    verbs: readonly string[],
    args: readonly string[] = [],
    resource = "sshkeys.sshkey-operator.dev",
  ) {
    const answers = await Promise.all(
      verbs.map(async (verb) => {
        const question = ["auth", "can-i", verb, resource, "-n", "people", ...args];
        const { stdout } = await installation.attempt([...question, `--as=a-${role}`]);
        return { verb, answer: stdout.trim() };
      }),
    );
    return answers.filter(({ answer }) => answer === "yes").map(({ verb }) => verb);
  }
});

interface Versioned {
  readonly metadata: { readonly generation: number };
}

function deployment(): Promise<Deployment> {
  return installation.read<Deployment>(DEPLOYMENT_PATH);
}

async function container(): Promise<Container> {
  return (await deployment()).spec.template.spec.containers[0];
}

/** Asks for the Deployment's pod, with its spec changed; nothing is stored. */
async function createPod(change: (spec: object) => object): Promise<Finished> {
  const { metadata, spec } = (await deployment()).spec.template;
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { ...metadata, name: "probe" }, spec: change(spec) };
  return installation.attempt(
    ["create", "--dry-run=server", "-n", NAMESPACE, "-f", "-"],
    JSON.stringify(pod),
  );
}

/** The content of the file that the container's --config names, by way of its mount and the ConfigMap. */
async function mountedConfig(): Promise<string> {
  const { containers, volumes } = (await deployment()).spec.template.spec;
  const file = containers[0].args.find((arg) => arg.startsWith("--config="))?.slice("--config=".length) ?? "";
  const mount = containers[0].volumeMounts.find(({ mountPath }) => file.startsWith(`${mountPath}/`));
  const volume = volumes.find(({ name }) => name === mount?.name);
  const path = `/api/v1/namespaces/${NAMESPACE}/configmaps/${volume?.configMap.name}`;
  const { data } = await installation.read<{ data: Record<string, string> }>(path);
  return data[relative(mount?.mountPath ?? "", file)] ?? "";
}
