import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { findBinaries } from "../../controlplane/binaries.ts";
import { parseConfig } from "../../src/config/configfile.ts";
import { run } from "../cluster/run.ts";
import { withRefresh } from "../deploy/refresh.ts";
import { idOf, type Manifest, manifestsIn, render } from "./helm.ts";

/** What Helm says of itself in labels and annotations, and `deploy/` of nobody. */
const HELM_LABELS = [
  "helm.sh/chart",
  "app.kubernetes.io/instance",
  "app.kubernetes.io/version",
  "app.kubernetes.io/managed-by",
];
const HELM_ANNOTATIONS = ["helm.sh/resource-policy", "checksum/config"];

const REFRESH = { config: { refresh: { pods: true } } };
const PORTAL = { portal: { enabled: true, namespace: "people", config: portalSection() } };
const USAGE = {
  usage: {
    enabled: true,
    namespaces: ["bastion"],
    from: ["people"],
    selector: "app.kubernetes.io/name=bastion",
  },
};
/** The example has objects that are nobody's but its user's. */
const EXAMPLES = ["Ingress", "sshkey-portal-admins"];
const asItIs = <T>(folder: string, use: (folder: string) => Promise<T>) => use(folder);

describe.each([
  ["deploy", "deploy", asItIs, {}],
  ["deploy/namespaced", "deploy/namespaced", asItIs, { namespaces: ["team-a"] }],
  ["deploy with deploy/refresh", "deploy", withRefresh, REFRESH],
  [
    "deploy/namespaced with deploy/refresh",
    "deploy/namespaced",
    withRefresh,
    { namespaces: ["team-a"], ...REFRESH },
  ],
  ["examples/portal", "examples/portal", asItIs, PORTAL],
  ["examples/usage", "examples/usage", asItIs, USAGE],
])("%s and the chart", (_, folder, kustomized, values) => {
  let applied: ReadonlyMap<string, object>;
  let rendered: ReadonlyMap<string, object>;

  beforeAll(async () => {
    const kubectl = `${await findBinaries({ names: ["kubectl"] })}/kubectl`;
    const { stdout } = await kustomized(folder, (path) => run(kubectl, ["kustomize", path]));
    applied = byId(
      manifestsIn(stdout)
        .filter(
          ({ kind, metadata }) =>
            kind !== "Namespace" && !EXAMPLES.some((each) => [kind, metadata.name].includes(each)),
        )
        .map(withoutHash),
    );
    rendered = byId((await render({ values })).map(withoutHelm));
  });

  test("have the same objects", () => {
    expect([...rendered.keys()].sort()).toEqual([...applied.keys()].sort());
    expect(applied.size).toBeGreaterThan(20);
  });

  test("say the same in each", () => {
    for (const [id, object] of applied) expect.soft(rendered.get(id), id).toEqual(object);
  });
});

test("the Namespace is Helm's to make, by a command that the chart's README has with the same labels", async () => {
  const readme = await readFile("charts/sshkey-operator/README.md", "utf8");
  const namespace = parse(await readFile("deploy/base/namespace.yaml", "utf8")) as Manifest;
  const labels = Object.entries(namespace.metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  expect(labels.filter((label) => !readme.includes(label))).toEqual([]);
  expect(readme).toContain("--create-namespace");
});

function portalSection(): object {
  return parse(readFileSync("examples/portal/config.yaml", "utf8")).portal;
}

function byId(manifests: readonly Manifest[]): ReadonlyMap<string, object> {
  return new Map(manifests.map((manifest) => [idOf(manifest), comparable(manifest)]));
}

/** The configuration counts by what it says, not by its comments; CEL by its words, since kustomize breaks lines anew. */
function comparable(manifest: Manifest): object {
  return JSON.parse(JSON.stringify(manifest), (key, value) => {
    if (key === "config.yaml") return parseConfig(value, key);
    if (/^(expression|messageExpression)$/.test(key) && manifest.kind === "ValidatingAdmissionPolicy")
      return value.replaceAll(/\s+/g, " ");
    return value;
  });
}

/** kustomize puts a hash at the end of the configuration's name to restart the operator; the chart has an annotation. */
function withoutHash(manifest: Manifest): Manifest {
  return JSON.parse(
    JSON.stringify(manifest).replaceAll(/"sshkey-operator-config-[0-9a-z]{10}"/g, '"sshkey-operator-config"'),
  );
}

function withoutHelm(manifest: Manifest): Manifest {
  return JSON.parse(JSON.stringify(manifest), (key, value) => {
    if (key === "labels") return without(value, HELM_LABELS);
    if (key !== "annotations") return value;
    const annotations = without(value, HELM_ANNOTATIONS);
    return Object.keys(annotations).length === 0 ? undefined : annotations;
  });
}

function without(map: object, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)));
}
