import { readFileSync } from "node:fs";
import { Command } from "commander";
import { beforeAll, describe, expect, test } from "vitest";
import { addPortalOptions } from "../../src/cli/portal.ts";
import { addRunOptions, type RunOptions } from "../../src/cli/runoptions.ts";
import { addUsageOptions, type UsageCommandOptions } from "../../src/cli/usage.ts";
import { parseConfig } from "../../src/config/configfile.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import type { Container, Deployment } from "../deploy/installation.ts";
import {
  CHART,
  deploymentIn,
  helm,
  idOf,
  type Manifest,
  manifestsIn,
  only,
  portalDeploymentIn,
  render,
  usageDeploymentIn,
} from "./helm.ts";
import { MATRIX, SECOND } from "./matrix.ts";

const BLOCKLISTS = { persistentVolumeClaim: { claimName: "blocklists" } };

const DAY = 24 * 60 * 60 * 1000;

describe.each(Object.entries(MATRIX))("with %s", (_, release) => {
  let manifests: readonly Manifest[];

  beforeAll(async () => {
    manifests = await render(release);
  });

  test("lint has nothing to say", async () => {
    const input = JSON.stringify(release.values ?? {});
    expect(await helm(["lint", "--strict", CHART, "--values", "-"], { input })).toMatchObject({ code: 0 });
  });

  test("each object has a name of its own, and the release's labels", () => {
    expect(new Set(manifests.map(idOf)).size).toBe(manifests.length);
    const { name = "sshkey-operator" } = release;
    for (const { metadata } of manifests)
      expect(metadata.labels).toMatchObject({
        "app.kubernetes.io/name": "sshkey-operator",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/managed-by": "Helm",
      });
  });

  test("the operator understands its command line and its configuration", () => {
    const [subcommand, ...args] = container(manifests).args;
    const { config } = addRunOptions(new Command()).parse(args, { from: "user" }).opts<RunOptions>();
    expect([subcommand, config]).toEqual(["run", "/etc/sshkey-operator/config.yaml"]);
    expect(() => parseConfig(configOf(manifests), "config.yaml")).not.toThrow();
  });

  test("everybody may read that configuration, by a name that is always the same, and nothing else", () => {
    expect(only(manifests, "ConfigMap", "sshkey-operator-policy").data).toEqual({
      "config.yaml": configOf(manifests),
    });
    const open = manifests.filter(({ subjects = [] }) => subjects.some(({ kind }) => kind === "Group"));
    expect(open.map(({ kind, roleRef }) => [kind, roleRef?.name])).toEqual([
      ["RoleBinding", "sshkey-operator-policy"],
    ]);
    expect(only(manifests, "Role", "sshkey-operator-policy").rules).toEqual([
      {
        apiGroups: [""],
        resources: ["configmaps"],
        resourceNames: ["sshkey-operator-policy"],
        verbs: ["get"],
      },
    ]);
  });
});

describe("the reader of logs", () => {
  test.each([
    ["the reader of logs", ["bastion"], undefined, undefined],
    [
      "everything of the reader of logs on",
      ["bastion", "git"],
      ["people", "bastion"],
      "app in (bastion, git)",
    ],
  ] as const)("of %s understands its command line", async (name, namespaces, from, selector) => {
    const [command, ...args] = usageDeploymentIn(await render(MATRIX[name])).spec.template.spec.containers[0]
      .args;
    const options = addUsageOptions(new Command()).parse(args, { from: "user" }).opts<UsageCommandOptions>();
    expect([command, options.pods, options.namespace, options.from, options.selector]).toEqual([
      "usage",
      true,
      namespaces,
      from,
      selector,
    ]);
  });
});

describe("the agents on nodes", () => {
  const nodes = { enabled: true, namespace: "nodes" };

  test("are those of examples/usage, but for what Helm says of itself", async () => {
    const example = manifestsIn(readFileSync("examples/usage/nodes.yaml", "utf8"));
    const made = await render({ values: { usage: { nodes } } });
    const own = made.filter(({ metadata }) => metadata.namespace === "nodes");
    expect(own.map(idOf).sort()).toEqual(example.map(idOf).sort());
    for (const object of example)
      expect(own.find((each) => idOf(each) === idOf(object))).toMatchObject({ ...object });
  });

  test("understand their command line, and mount the folder of the log", async () => {
    const values = { usage: { nodes: { ...nodes, folder: "/var/log/ssh", file: "secure" } } };
    const { spec } = only<Deployment>(await render({ values }), "DaemonSet").spec.template;
    const [, ...args] = spec.containers[0].args;
    const command = addUsageOptions(new Command()).parse(args, { from: "user" });
    const { follow, namespace } = command.opts<UsageCommandOptions>();
    expect([follow, namespace, command.args]).toEqual([true, ["nodes"], ["/var/log/node/secure"]]);
    expect(spec.volumes).toEqual([{ name: "log", hostPath: { path: "/var/log/ssh", type: "Directory" } }]);
  });

  test("have no rights outside of their namespace", async () => {
    const made = await render({ values: { usage: { nodes } } });
    const bound = made.filter(({ subjects = [] }) => subjects.some(({ name }) => name === "sshkey-usage"));
    expect(bound.map(idOf)).toEqual(["RoleBinding nodes/sshkey-usage"]);
  });
});

test("a NetworkPolicy admits metrics and probes only, wherever the reader of logs has pods", async () => {
  const usage = { enabled: true, namespaces: ["bastion"], nodes: { enabled: true, namespace: "nodes" } };
  const made = await render({ values: { usage, networkPolicy: { enabled: true } } });
  const policies = made.filter(
    ({ kind, metadata }) => kind === "NetworkPolicy" && metadata.name === "sshkey-usage",
  );
  expect(policies.map(idOf).sort()).toEqual([
    "NetworkPolicy nodes/sshkey-usage",
    "NetworkPolicy sshkey-operator/sshkey-usage",
  ]);
  const admitted = { ingress: [{ ports: [{ port: "metrics" }] }, { ports: [{ port: "health" }] }] };
  for (const policy of policies) expect(policy).toMatchObject({ spec: admitted });
});

describe("the portal", () => {
  const values = (portal: object = {}) => ({ portal: { enabled: true, namespace: "people", ...portal } });

  test.each(["the portal", "everything of the portal on"] as const)(
    "of %s understands its command line",
    async (name) => {
      const [command, ...args] = portalContainer(await render(MATRIX[name])).args;
      const { namespace } = addPortalOptions(new Command()).parse(args, { from: "user" }).opts();
      expect([command, namespace]).toEqual(["portal", "team-a"]);
    },
  );

  test("has the same image and the same configuration as the operator", async () => {
    const manifests = await render({ values: values() });
    const [own, other] = [deploymentIn(manifests), portalDeploymentIn(manifests)].map(
      ({ spec }) => spec.template.spec,
    );
    expect(other?.containers[0].image).toBe(own?.containers[0].image);
    expect(other?.volumes.find(({ name }) => name === "config")).toEqual(
      own?.volumes.find(({ name }) => name === "config"),
    );
  });

  test("seals sessions with the keys that are mounted, unless another folder is named", async () => {
    const folder = async (config: object) =>
      parseConfig(configOf(await render({ values: values({ config }) })), "config.yaml").portal.session
        .keysFolder;
    const { volumeMounts } = portalContainer(await render({ values: values() }));
    const mounted = volumeMounts.find(({ name }) => name === "session")?.mountPath;
    expect([await folder({}), await folder({ session: { keysFolder: "/keys" } })]).toEqual([
      mounted,
      "/keys",
    ]);
  });

  test("has the list of revoked keys where the configuration says that it is", async () => {
    const portal = values();
    const manifests = await render({
      values: { ...portal, revokedKeys: { configMap: "revoked", key: "list" } },
    });
    const { volumes } = portalDeploymentIn(manifests).spec.template.spec;
    expect(volumes).toContainEqual({ name: "revoked", configMap: { name: "revoked" } });
    const mount = portalContainer(manifests).volumeMounts.find(({ name }) => name === "revoked");
    expect(parseConfig(configOf(manifests), "config.yaml").revokedKeys).toBe(`${mount?.mountPath}/list`);
  });

  test("has the lists of compromised keys where the configuration says that they are", async () => {
    const manifests = await render({ values: { ...values(), blocklists: { volume: BLOCKLISTS } } });
    const { volumes } = portalDeploymentIn(manifests).spec.template.spec;
    expect(volumes).toContainEqual({ name: "blocklists", ...BLOCKLISTS });
    const mount = portalContainer(manifests).volumeMounts.find(({ name }) => name === "blocklists");
    expect(parseConfig(configOf(manifests), "config.yaml").blocklists).toBe(mount?.mountPath);
  });

  test("may list pods and AuthorizedKeys only where usedBy is on", async () => {
    const names = async (config: object) =>
      (await render({ values: values({ config }) })).map(idOf).filter((id) => id.includes("usedby"));
    expect(await names({ usedBy: false })).toEqual([]);
    expect(await names({})).toEqual([
      "ClusterRole /sshkey-operator-portal-usedby",
      "RoleBinding people/sshkey-operator-portal-usedby",
    ]);
  });

  test("may list AuthorizedKeys, and nothing else, in the namespaces that usedByNamespaces names", async () => {
    const config = { usedByNamespaces: ["bastion"] };
    const made = (await render({ values: values({ config }) })).filter(({ metadata }) =>
      ["bastion"].includes(metadata.namespace ?? ""),
    );
    expect(made.map(idOf).sort()).toEqual([
      "Role bastion/sshkey-operator-portal-targets",
      "RoleBinding bastion/sshkey-operator-portal-targets",
    ]);
    expect(made.find(({ kind }) => kind === "Role")).toMatchObject({
      rules: [{ apiGroups: ["sshkey-operator.dev"], resources: ["authorizedkeys"], verbs: ["list"] }],
    });
  });

  test("has rights in each namespace that a claim may name, once", async () => {
    const config = { namespaceClaim: "team", namespaces: ["people", "team-b"] };
    const bindings = (await render({ values: values({ config }) })).filter(
      ({ roleRef }) => roleRef?.name === "sshkey-operator-portal",
    );
    expect(bindings.map(idOf).sort()).toEqual([
      "RoleBinding people/sshkey-operator-portal",
      "RoleBinding team-b/sshkey-operator-portal",
    ]);
  });

  test("is nowhere unless it is switched on", async () => {
    expect((await render()).filter((manifest) => JSON.stringify(manifest).includes("-portal"))).toEqual([]);
  });
});

describe("the image", () => {
  const digest = `sha256:${"ab".repeat(32)}`;

  test.each([
    [{}, "sshkey-operator:0.1.0"],
    [{ repository: "registry.example/keys", tag: "1.2.3" }, "registry.example/keys:1.2.3"],
    [{ repository: "registry.example/keys", tag: "1.2.3", digest }, `registry.example/keys@${digest}`],
  ])("of %j is %s", async (image, expected) => {
    expect(container(await render({ values: { image } })).image).toBe(expected);
  });
});

describe("the configuration", () => {
  test("is the built-in one where nothing is said", async () => {
    expect(parseConfig(configOf(await render()), "config.yaml")).toEqual(DEFAULT_SETTINGS);
  });

  test("has each value that is said, and the default of each that is not", async () => {
    const config = { policy: { maximumLifetime: "365d" }, secrets: { retention: "48h" } };
    const { policy, secrets } = DEFAULT_SETTINGS;
    expect(parseConfig(configOf(await render({ values: { config } })), "config.yaml")).toEqual({
      ...DEFAULT_SETTINGS,
      policy: { ...policy, maximumLifetime: 365 * DAY },
      secrets: { ...secrets, retention: 2 * DAY },
    });
  });

  test("restarts the operator when it changes, and nothing else of it does", async () => {
    const template = async (values: object) => deploymentIn(await render({ values })).spec.template;
    const first = await template({});
    expect(await template({ policies: { usernamePrefix: "oidc:" } })).toEqual(first);
    expect(await template({ config: { concurrency: 8 } })).not.toEqual(first);
  });

  test("names the file of revoked keys where the ConfigMap of them is mounted", async () => {
    const manifests = await render({ values: { revokedKeys: { configMap: "revoked", key: "list" } } });
    const { containers, volumes } = deploymentIn(manifests).spec.template.spec;
    expect(volumes).toContainEqual({ name: "revoked", configMap: { name: "revoked" } });
    const mount = containers[0].volumeMounts.find(({ name }) => name === "revoked");
    expect(parseConfig(configOf(manifests), "config.yaml").revokedKeys).toBe(`${mount?.mountPath}/list`);
  });
});

test("the folder of lists of compromised keys is where their volume is mounted", async () => {
  const manifests = await render({ values: { blocklists: { volume: BLOCKLISTS } } });
  const { containers, volumes } = deploymentIn(manifests).spec.template.spec;
  expect(volumes).toContainEqual({ name: "blocklists", ...BLOCKLISTS });
  const mount = containers[0].volumeMounts.find(({ name }) => name === "blocklists");
  expect(parseConfig(configOf(manifests), "config.yaml").blocklists).toBe(mount?.mountPath);
});

describe("labels for everything", () => {
  test("are on every object and on the pods, and the pods' own beside them", async () => {
    const values = { commonLabels: { team: "platform" }, podLabels: { tier: "system" } };
    const manifests = await render({ values });
    expect(manifests.filter(({ metadata }) => metadata.labels?.team !== "platform").map(idOf)).toEqual([]);
    expect(deploymentIn(manifests).spec.template.metadata.labels).toMatchObject({
      team: "platform",
      tier: "system",
    });
  });

  test("leave the selector as it is, which cannot be changed", async () => {
    const selector = async (values: object) => deploymentIn(await render({ values })).spec.selector;
    expect(await selector({ commonLabels: { team: "platform" } })).toEqual(await selector({}));
  });
});

describe("a second installation", () => {
  let first: readonly Manifest[];
  let second: readonly Manifest[];

  beforeAll(async () => {
    [first, second] = await Promise.all([render(), render(SECOND)]);
  });

  test("has no object of the first one's", () => {
    const taken = new Set(first.map(idOf));
    expect(second.filter((each) => taken.has(idOf(each))).map(idOf)).toEqual([]);
  });

  test.each([
    ["release", { name: "sshkey-operator", namespace: "elsewhere" }],
    ["release and namespace", { name: "keys", namespace: "keys" }],
    ["name within the namespace", { name: "other", namespace: "sshkey-operator" }],
  ])("under another %s shares the CRDs and the one fixed name with it at most", async (_, release) => {
    const taken = new Set(first.map(idOf));
    const shared = (await render(release)).filter((each) => taken.has(idOf(each)));
    const policy = shared.filter(({ metadata }) => metadata.name !== "sshkey-operator-policy");
    expect(policy.map(idOf)).toEqual([
      "CustomResourceDefinition /authorizedkeys.sshkey-operator.dev",
      "CustomResourceDefinition /sshkeys.sshkey-operator.dev",
    ]);
  });

  test("has policies for its own account, label value and prefix", () => {
    const policies = second.filter(({ kind }) => kind === "ValidatingAdmissionPolicy");
    const text = JSON.stringify(policies);
    expect(text).toContain("system:serviceaccount:second:second-sshkey-operator");
    expect(text).not.toMatch(/sshkey-operator:sshkey-operator|\\"default\\"|managed=default|sshkeys-/);
    expect(
      text.match(/== \\"second\\"|\\"second\\"|managed=second|second-(?!sshkey)/g)?.length,
    ).toBeGreaterThan(4);
  });

  test("binds its own account alone", () => {
    const accounts = second.flatMap(({ subjects = [] }) =>
      subjects.filter(({ kind }) => kind === "ServiceAccount"),
    );
    expect(new Set(accounts.map(({ name }) => name))).toEqual(new Set(["second-sshkey-operator"]));
  });
});

describe("chosen namespaces", () => {
  const values = { namespaces: ["team-a", "team-b"] };

  test("are the only ones where the operator has rights on Secrets", async () => {
    const bindings = (await render({ values })).filter(({ roleRef }) => roleRef?.name === "sshkey-operator");
    expect(bindings.map(idOf).sort()).toEqual([
      "RoleBinding team-a/sshkey-operator",
      "RoleBinding team-b/sshkey-operator",
    ]);
  });

  test("without cluster rights everything is in those and in the release's own", async () => {
    const manifests = await render(MATRIX["no rights on the cluster"]);
    const namespaces = new Set(manifests.map(({ metadata }) => metadata.namespace));
    expect(namespaces).toEqual(new Set(["sshkey-operator", "team-a"]));
  });
});

function container(manifests: readonly Manifest[]): Container {
  return deploymentIn(manifests).spec.template.spec.containers[0];
}

function portalContainer(manifests: readonly Manifest[]): Container {
  return portalDeploymentIn(manifests).spec.template.spec.containers[0];
}

/** The file that the operator's pod has. */
function configOf(manifests: readonly Manifest[]): string {
  const { volumes } = deploymentIn(manifests).spec.template.spec;
  const config = volumes.find(({ name }) => name === "config");
  return only(manifests, "ConfigMap", config?.configMap.name).data?.["config.yaml"] ?? "";
}
