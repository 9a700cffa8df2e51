import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import manifest from "../../package.json" with { type: "json" };
import { settingsUnder } from "../deploy/settings.ts";
import { CHART, helmRelease, type Manifest } from "./helm.ts";

const chart = parse(readFileSync(`${CHART}/Chart.yaml`, "utf8"));
const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, "utf8"));

describe("what is refused, in Helm's words:", () => {
  test.each([
    ["a value that there is none of", { replica: 3 }, "at '': additional properties 'replica' not allowed"],
    [
      "a setting that there is none of",
      { config: { policy: { minimumRsaBits: 3072 } } },
      "at '/config/policy': additional properties 'minimumRsaBits' not allowed",
    ],
    ["a word for a number", { replicas: "two" }, "at '/replicas': got string, want integer"],
    [
      "a setting out of its limits",
      { config: { policy: { minimumRSABits: 512 } } },
      "at '/config/policy/minimumRSABits': minimum: got 512, want 1,024",
    ],
    [
      "a prefix without its dash",
      { config: { secrets: { namePrefix: "keys" } } },
      "at '/config/secrets/namePrefix': 'keys' does not match pattern",
    ],
    ["a tag for a digest", { image: { digest: "v1" } }, "at '/image/digest': 'v1' does not match pattern"],
    [
      "a label that selects the pods",
      { commonLabels: { "app.kubernetes.io/name": "x" } },
      "at '/commonLabels/app.kubernetes.io~1name': false schema",
    ],
    [
      "a PodDisruptionBudget that no node can be drained with",
      { podDisruptionBudget: { maxUnavailable: 0 } },
      "at '/podDisruptionBudget/maxUnavailable': minimum: got 0, want 1",
    ],
    [
      "two writers",
      { leaderElection: { enabled: false } },
      "leaderElection.enabled is false: set replicas to 1, since each replica writes",
    ],
    [
      "rights on the whole cluster without a ClusterRole",
      { rbac: { clusterRoles: false } },
      "rbac.clusterRoles is false: name the namespaces to serve in `namespaces`",
    ],
    [
      "an account without a name",
      { serviceAccount: { create: false } },
      "serviceAccount.create is false: serviceAccount.name must name the account",
    ],
    [
      "leaving out an alert that there is none of",
      { prometheusRule: { enabled: true, disabledAlerts: ["Down"] } },
      "prometheusRule.disabledAlerts: there is no alert Down; the alerts are SSHKeyOperatorDown, ",
    ],
    [
      "a setting of the portal that there is none of",
      { portal: { config: { oidc: { issuer: "https://x.example", clientID: "x", user: "sub" } } } },
      "at '/portal/config/oidc': additional properties 'user' not allowed",
    ],
    [
      "a portal by plain http",
      { portal: { config: { publicURL: "http://keys.example.com/" } } },
      "at '/portal/config/publicURL': 'http://keys.example.com/' does not match pattern",
    ],
    [
      "a portal of no namespace",
      { portal: { enabled: true } },
      "portal.enabled is true: portal.namespace must name the namespace of people's SSHKeys",
    ],
    [
      "a reader of logs that reads none",
      { usage: { enabled: true } },
      "usage.enabled is true: usage.namespaces must name the namespaces of the pods whose logs are read",
    ],
    [
      "a reader of logs that may not see who shares keys with whom",
      {
        usage: { enabled: true, namespaces: ["bastion"] },
        namespaces: ["people"],
        rbac: { clusterRoles: false },
      },
      "who shares keys with whom stands on Namespace objects, which takes a ClusterRole",
    ],
    [
      "a reader of logs whose account no policy holds",
      { usage: { enabled: true, namespaces: ["bastion"] }, policies: { enabled: false } },
      "without the policy usage the account sshkey-usage changes the whole status",
    ],
    [
      "an agent on nodes whose account no policy holds",
      { usage: { nodes: { enabled: true, namespace: "nodes" } }, policies: { enabled: false } },
      "without the policy usage the account sshkey-usage changes the whole status",
    ],
    [
      "an agent on nodes of nobody's SSHKeys",
      { usage: { nodes: { enabled: true } } },
      "usage.nodes.namespace must name the namespace of the SSHKeys with which people log in to nodes",
    ],
    [
      "an agent on nodes beside the operator",
      { usage: { nodes: { enabled: true, namespace: "sshkey-operator" } } },
      "usage.nodes.namespace is the release's: name another",
    ],
    [
      "a folder of the log that is none",
      { usage: { nodes: { folder: "var/log" } } },
      "at '/usage/nodes/folder': 'var/log' does not match pattern",
    ],
    [
      "a portal that may not ask who may do what",
      {
        portal: { enabled: true, namespace: "people" },
        namespaces: ["people"],
        rbac: { clusterRoles: false },
      },
      "the portal asks the API server who may see whose keys, which takes a ClusterRole",
    ],
    [
      "an Ingress of no host",
      { portal: { enabled: true, namespace: "people", ingress: { enabled: true } } },
      "portal.ingress.enabled is true: portal.config.publicURL must be the address that people open",
    ],
  ])("%s", async (_, values, message) => {
    const { code, stderr } = await helmRelease(["template"], { values });
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});

test("as a dependency of another chart it takes what Helm hands down", async () => {
  const values = { global: { registry: "registry.example" }, enabled: true };
  expect(await helmRelease(["template"], { values })).toMatchObject({ code: 0 });
});

describe("the schema", () => {
  test.each([
    ["", schema.properties.config],
    ["policy", schema.properties.config.properties.policy],
    ["secrets", schema.properties.config.properties.secrets],
    ["refresh", schema.properties.config.properties.refresh],
  ])("has every setting there is under `%s`", (section, { properties }) => {
    // The chart itself names the file of revoked keys and the folder of blocklists: it mounts them. The portal has values of its own.
    const elsewhere = ["revokedKeys", "blocklists", "portal"];
    const known = settingsUnder(section).filter((name) => !elsewhere.includes(name));
    expect(Object.keys(properties).sort()).toEqual(known.sort());
  });

  test.each(["portal", "portal.oidc", "portal.tokens", "portal.proxy", "portal.session", "portal.foreman"])(
    "has every setting there is under `%s`",
    (section) => {
      const [, ...within] = section.split(".");
      const { properties } = within.reduce(
        ({ properties: of }, name) => of[name],
        schema.properties.portal.properties.config,
      );
      expect(Object.keys(properties).sort()).toEqual(settingsUnder(section).sort());
    },
  );

  test("leaves no value open that it has names for", () => {
    expect(openObjects(schema.properties, "")).toEqual([
      "global",
      "blocklists.volume",
      "resources",
      "podSecurityContext",
      "securityContext",
      "affinity",
      "portal.resources",
      "portal.podSecurityContext",
      "portal.affinity",
      "usage.resources",
      "usage.nodes.resources",
    ]);
  });
});

describe("Chart.yaml", () => {
  test("has the version of the operator, for the chart and the image", () => {
    expect([chart.version, chart.appVersion]).toEqual([manifest.version, manifest.version]);
    const [{ image }] = parse(chart.annotations["artifacthub.io/images"]);
    expect(image).toBe(`sshkey-operator:${manifest.version}`);
  });

  test("tells Artifact Hub of the CRDs that the chart has, with an example of each", () => {
    const crds = readdirSync("crds")
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => parse(readFileSync(`crds/${name}`, "utf8")))
      .filter(({ kind }) => kind === "CustomResourceDefinition");
    const told: { kind: string; version: string; name: string }[] = parse(
      chart.annotations["artifacthub.io/crds"],
    );
    expect(told.map(({ kind, version, name }) => ({ kind, version, name }))).toEqual(
      crds.map(({ metadata, spec }) => ({
        kind: spec.names.kind,
        version: spec.versions[0].name,
        name: metadata.name,
      })),
    );
    const examples: Manifest[] = parse(chart.annotations["artifacthub.io/crdsExamples"]);
    expect(examples.map(({ kind }) => kind)).toEqual(told.map(({ kind }) => kind));
  });
});

interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
}

/** Paths of the objects that may have any field. */
function openObjects(properties: Readonly<Record<string, Schema>>, prefix: string): string[] {
  return Object.entries(properties).flatMap(([name, { type, properties, additionalProperties }]) => {
    if (type !== "object") return [];
    const within = openObjects(properties ?? {}, `${prefix}${name}.`);
    return additionalProperties === undefined ? [`${prefix}${name}`, ...within] : within;
  });
}
