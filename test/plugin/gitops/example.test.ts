import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { API_VERSION } from "../../../src/api/names.ts";
import { AUTHORIZED_KEYS_STATES, type AuthorizedKeysState } from "../../../src/api/omissions.ts";
import { authorizedKeysStatusWrite } from "../../../src/projection/authorizedkeysstatus.ts";
import { withoutSecret } from "../../../src/projection/authorizedkeysverdict.ts";
import { authorizedKeysRecord } from "../../authorizedkeys/scene.ts";
import { type Manifest, manifestsIn, only } from "../../chart/helm.ts";
import { type Cluster, startCluster } from "../../cluster/cluster.ts";
import { eventually } from "../../cluster/eventually.ts";
import { NOW } from "../../projection/secrets.ts";
import { plugin } from "../plugin.ts";

const EXAMPLE = "examples/gitops";
const TEAMS = ["bastion", "team-a", "team-b"];

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  for (const file of ["test/plugin/gitops/crds.yaml", "deploy/base/userroles.yaml"])
    await done("apply", "-f", file);
  await done("wait", "--for=condition=Established", "crd", "--all");
  for (const namespace of ["flux-system", "argocd"]) await done("create", "namespace", namespace);
  await done("apply", "-k", join(EXAMPLE, "namespaces"));
});

afterAll(async () => {
  await cluster?.stop();
});

describe("the manifests of examples/gitops", () => {
  test("pass check as they are", async () => {
    expect(await plugin(["check", "-R", "keys"], { cwd: EXAMPLE })).toMatchObject({ code: 0, stdout: "" });
  });

  test("pass check as kustomize renders them", async () => {
    expect(await plugin(["check", "-"], { input: await rendered("keys") })).toMatchObject({
      code: 0,
      stdout: "",
    });
  });

  test("are taken by the API server as kustomize renders them", async () => {
    const args = ["apply", "--server-side", "--dry-run=server", "-f", "-"];
    expect(await cluster.kubectl(args, await rendered("keys"))).toMatchObject({ code: 0, stderr: "" });
  });

  test.each([...TEAMS.map((team) => `keys/${team}`), "namespaces"])(
    "are all named by the kustomization of %s",
    (folder) => {
      const { resources } = parse(readFileSync(join(EXAMPLE, folder, "kustomization.yaml"), "utf8"));
      const files = readdirSync(join(EXAMPLE, folder)).filter((name) => name !== "kustomization.yaml");
      expect(resources).toEqual(files.sort());
    },
  );

  test.each(TEAMS)("of %s go to its namespace whatever they name", async (team) => {
    const namespaces = manifestsIn(await rendered(`keys/${team}`)).map(({ metadata }) => metadata.namespace);
    expect(new Set(namespaces)).toEqual(new Set([team]));
  });
});

describe.each(["flux", "argocd"])("what examples/gitops has for %s", (tool) => {
  test("is taken by the API server, with no field that the tool does not have", async () => {
    const args = ["apply", "--dry-run=server", "--validate=strict", "-f", join(EXAMPLE, tool)];
    expect(await cluster.kubectl(args)).toMatchObject({ code: 0 });
  });

  test("takes each folder of keys, and the namespaces, from where they are", () => {
    const paths = manifestsOf(tool).flatMap((each) => pathOf(each) ?? []);
    expect(paths.sort()).toEqual([...TEAMS.map((team) => `keys/${team}`), "namespaces"]);
    for (const path of paths) expect(existsSync(join(EXAMPLE, path, "kustomization.yaml"))).toBe(true);
  });

  test("prunes keys, which revokes them, and no namespace", () => {
    const prunes = manifestsOf(tool)
      .filter((each) => pathOf(each) !== undefined)
      .map((each) => [pathOf(each), (each.spec.syncPolicy?.automated ?? each.spec).prune]);
    expect(Object.fromEntries(prunes)).toEqual({
      "keys/bastion": true,
      "keys/team-a": true,
      "keys/team-b": true,
      namespaces: false,
    });
  });

  test("never deletes an object to create it again", () => {
    const text = JSON.stringify(manifestsOf(tool).map(({ spec }) => spec));
    expect(text).not.toMatch(/Replace=true|Force=true|"force":true/);
  });
});

describe("the account by which Flux applies the keys of a team", () => {
  beforeAll(async () => {
    for (const team of TEAMS) {
      const own = manifestsOf("flux", `${team}.yaml`).filter(({ kind }) => kind !== "Kustomization");
      const { code, stderr } = await cluster.kubectl(["apply", "-f", "-"], list(own));
      if (code !== 0) throw new Error(stderr);
    }
  });

  test.each(TEAMS)("may apply those of %s", async (team) => {
    expect(await applyAs(team, await rendered(`keys/${team}`))).toMatchObject({ code: 0 });
  });

  test("may apply no key to another team's namespace", async () => {
    const { code, stderr } = await applyAs("team-a", await rendered("keys/team-b"));
    expect([code, stderr]).toEqual([1, expect.stringContaining("forbidden")]);
  });

  test("may not share another team's keys", async () => {
    const { code, stderr } = await applyAs("team-a", await rendered("namespaces"));
    expect([code, stderr]).toEqual([1, expect.stringContaining("forbidden")]);
  });
});

describe("the health check by which Flux judges the bastion", () => {
  beforeAll(async () => {
    await done("apply", "-f", join(EXAMPLE, "keys/bastion/bastion.yaml"));
    const { code, stderr } = await cluster.kubectl(["apply", "-f", "-"], list(judges()));
    if (code !== 0) throw new Error(stderr);
    await eventually("the policy is in force", async () => (await health({})) === "in progress");
  });

  test.each(Object.entries(AUTHORIZED_KEYS_STATES))(
    "has %s as the table of states has it",
    async (state, meaning) => {
      const expected = meaning.stalled ? "failed" : meaning.ready === "True" ? "current" : "unknown";
      expect(await health(statusOf(state))).toBe(expected);
    },
  );

  test("fails where a key is left out", async () => {
    expect(await health(statusOf("Projected", "False"))).toBe("failed");
  });

  test("waits while the operator has not seen a change", async () => {
    expect(await health({ ...statusOf("Projected"), observedGeneration: 0 })).toBe("in progress");
  });
});

/** What Flux makes of an AuthorizedKeys with this status: which of its expressions is true first. */
async function health(status: object): Promise<string> {
  const patch = JSON.stringify({ status });
  const { stderr } = await cluster.kubectl([
    ...["patch", "authorizedkeys", "bastion", "-n", "bastion", "--subresource=status", "--type=merge"],
    ...["--dry-run=server", "-p", patch],
  ]);
  return ["in progress", "failed", "current"].find((word) => stderr.includes(`it is ${word}`)) ?? "unknown";
}

function statusOf(state: string, complete = "True") {
  const record = authorizedKeysRecord({});
  const verdict = withoutSecret(state as AuthorizedKeysState, "It is so.");
  const { conditions, observedGeneration } = authorizedKeysStatusWrite(record, verdict, NOW)?.status ?? {};
  const told = conditions?.map((each) => (each.type === "Complete" ? { ...each, status: complete } : each));
  return { conditions: told, observedGeneration };
}

/** Flux evaluates CEL over the fields of the object; the API server does so, too, and warns of each that is true. */
function judges(): readonly object[] {
  const { healthCheckExprs } = only<Synced>(
    manifestsOf("flux", "bastion.yaml"),
    "Kustomization",
    "sshkeys-bastion",
  ).spec;
  const [{ inProgress = "", failed = "", current = "" } = {}] = healthCheckExprs ?? [];
  const validations = [
    { expression: ofObject(inProgress), message: "it is in progress" },
    { expression: ofObject(failed), message: "it is failed" },
    { expression: ofObject(current), message: "it is current" },
  ];
  const kind = "ValidatingAdmissionPolicy";
  const apiVersion = "admissionregistration.k8s.io/v1";
  return [
    ...validations.map((validation, index) => ({
      apiVersion,
      kind,
      metadata: { name: `judge-${index}` },
      spec: {
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [API_VERSION.split("/")[0]],
              apiVersions: ["*"],
              resources: ["authorizedkeys/status"],
              operations: ["UPDATE"],
            },
          ],
        },
        validations: [{ ...validation, expression: `!(${validation.expression})` }],
      },
    })),
    ...validations.map((_, index) => ({
      apiVersion,
      kind: `${kind}Binding`,
      metadata: { name: `judge-${index}` },
      spec: { policyName: `judge-${index}`, validationActions: ["Warn"] },
    })),
  ];
}

function ofObject(expression: string): string {
  return expression.replaceAll(/\b(status|metadata)(?=\.)(?<!\.\1)/g, "object.$1");
}

interface Synced {
  readonly spec: {
    readonly path?: string;
    readonly source?: { readonly path: string };
    readonly prune?: boolean;
    readonly syncPolicy?: { readonly automated: { readonly prune: boolean } };
    readonly healthCheckExprs?: readonly {
      readonly inProgress?: string;
      readonly failed?: string;
      readonly current: string;
    }[];
  };
}

function manifestsOf(tool: string, file?: string): readonly (Manifest & Synced)[] {
  const folder = join(EXAMPLE, tool);
  const files = file === undefined ? readdirSync(folder) : [file];
  return files.flatMap(
    (name) => manifestsIn(readFileSync(join(folder, name), "utf8")) as (Manifest & Synced)[],
  );
}

/** Of what is synced, where it is in the repository. */
function pathOf({ spec }: Synced): string | undefined {
  return spec?.source?.path ?? spec?.path?.replace("./", "");
}

function list(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

async function rendered(folder: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(["kustomize", join(EXAMPLE, folder)]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

async function applyAs(team: string, manifests: string) {
  const account = `system:serviceaccount:flux-system:sshkeys-${team}`;
  return await cluster.kubectl(
    ["apply", "--server-side", "--dry-run=server", "--as", account, "-f", "-"],
    manifests,
  );
}

async function done(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await cluster.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
}
