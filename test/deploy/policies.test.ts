import { beforeAll, describe, expect, test } from "vitest";
import { secretPath, secretsPath, sshKeysPath } from "../../src/api/paths.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { eventually } from "../cluster/eventually.ts";
import { managed, secret, sshKey, TEAM } from "./objects.ts";
import { OPERATOR, PEOPLE, policedCluster, SELF_SERVICE } from "./policedcluster.ts";

const { admin, as, kubectl, read } = policedCluster();

describe("the deletion of a namespace", () => {
  test("takes managed Secrets and other people's SSHKeys with it", async () => {
    await kubectl(["create", "namespace", "leaving"]);
    await kubectl(["label", "namespace", "leaving", `${SELF_SERVICE}=true`]);
    await admin("POST", sshKeysPath("leaving"), sshKey("bobs", "bob"));
    await as(OPERATOR, "POST", secretsPath("leaving"), managed("sshkeys-bob", { namespace: "leaving" }));
    await kubectl(["delete", "namespace", "leaving", "--wait=false"]);
    await eventually(
      "it is gone",
      async () => (await admin("GET", "/api/v1/namespaces/leaving")).status === 404,
    );
  });
});

describe("the policies", () => {
  test("hold the defaults of the configuration", async () => {
    const { namePrefix, installation: label } = DEFAULT_SETTINGS.secrets;
    const text = await kubectl(["kustomize", "deploy/policies"]);
    expect([text.includes(`startsWith("${namePrefix}")`), text.split(`"${label}"`).length]).toEqual([
      true,
      3,
    ]);
  });

  test("leave other namespaces alone in an installation for chosen ones", async () => {
    await kubectl(["apply", "-k", "deploy/namespaced"]);
    const status = async (namespace: string) =>
      (await as("editor", "POST", secretsPath(namespace), secret("sshkeys-x", {}), { dryRun: true })).status;
    await eventually("it is so", async () => (await status("second")) === 201);
    expect(await status(TEAM)).toBe(403);
  });
});

describe("a policy", () => {
  test.each([
    "own-secrets",
    "own-pods",
    "protected-secrets",
    "self-service",
    "self-service-authorizedkeys",
    "usage",
  ])("%s has no type error", async (name) => {
    const path = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/sshkey-operator-${name}`;
    interface Policy {
      readonly metadata: { readonly generation: number };
      readonly status?: {
        readonly observedGeneration?: number;
        readonly typeChecking?: { readonly expressionWarnings?: readonly unknown[] };
      };
    }
    const { status } = await eventually("it was type-checked", async () => {
      const policy = await read<Policy>(path);
      return policy.status?.observedGeneration === policy.metadata.generation && policy;
    });
    expect(status?.typeChecking?.expressionWarnings ?? []).toEqual([]);
  });
});

describe("uninstalling", () => {
  const secret = secretPath(TEAM, "sshkeys-victim");

  beforeAll(async () => {
    await as(OPERATOR, "POST", secretsPath(TEAM), managed("sshkeys-victim"));
  });

  test("is held up by nothing, and leaves the Secrets to whoever may delete Secrets", async () => {
    await kubectl(["delete", "-k", "deploy/namespaced"]);
    expect([(await admin("GET", sshKeysPath(PEOPLE))).status, (await admin("GET", secret)).status]).toEqual([
      404, 200,
    ]);
    await eventually(
      "the policies are out of force",
      async () => (await as("editor", "DELETE", secret)).status === 200,
    );
  });
});

/** As this user, who has no group but that of everybody; RBAC holds. */
