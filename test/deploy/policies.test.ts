import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DATA_KEY, MANAGED_LABEL, SECRET_ANNOTATION } from "../../src/api/names.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { secretPath, secretsPath, sshKeysPath } from "../../src/operator/paths.ts";
import { ed25519 } from "../claims/sshkeys.ts";
import type { Answer, Method } from "../cluster/adminclient.ts";
import { eventually } from "../cluster/eventually.ts";
import { armor } from "../ssh/signer.ts";
import { type ImpersonatedOptions, requestAs } from "./impersonated.ts";
import { type Installation, NAMESPACE, SERVICE_ACCOUNT, startInstallation } from "./installation.ts";
import { accountToken, base64, fieldManagers, managed, pod, secret, sshKey, TEAM } from "./objects.ts";

const OPERATOR = `system:serviceaccount:${NAMESPACE}:${SERVICE_ACCOUNT}`;
const SECOND_OPERATOR = "system:serviceaccount:second:sshkey-operator";
const PEOPLE = "people";
const SELF_SERVICE = "sshkey-operator.dev/self-service";
const REFRESH = "sshkey-operator.dev/keys-changed-at";

const PROOF = armor(Buffer.from("SSHSIG"));

let installation: Installation;

beforeAll(async () => {
  installation = await startInstallation({ controllerManager: true });
  const { kubectl } = installation;
  await kubectl(["apply", "-k", "deploy"]);
  await kubectl(["wait", "--for=condition=Established", "crd/sshkeys.sshkey-operator.dev"]);
  for (const namespace of [TEAM, PEOPLE, "second"]) await kubectl(["create", "namespace", namespace]);
  await kubectl(["label", "namespace", PEOPLE, `${SELF_SERVICE}=true`]);
  // More than they ever get: what is refused here is refused by the policies.
  await kubectl(["create", "clusterrole", "writer", "--verb=*", "--resource=secrets,pods"]);
  for (const user of ["editor", OPERATOR, SECOND_OPERATOR])
    await kubectl([
      "create",
      "clusterrolebinding",
      `writer-${user.replaceAll(":", "-")}`,
      "--clusterrole=writer",
      `--user=${user}`,
    ]);
  for (const user of ["alice", "bob", "oidc:carol", "system:node:n1", `system:serviceaccount:${PEOPLE}:bot`])
    await kubectl([
      "create",
      "rolebinding",
      `self-${user.replaceAll(":", "-")}`,
      "-n",
      PEOPLE,
      "--clusterrole=sshkey-self-service",
      `--user=${user}`,
    ]);
  await kubectl([
    "create",
    "role",
    "assigner",
    "-n",
    PEOPLE,
    "--verb=assign,create,update,patch,delete,get",
    "--resource=sshkeys.sshkey-operator.dev",
  ]);
  for (const user of ["admin", `system:serviceaccount:${PEOPLE}:flux`, "system:serviceaccount:gitops:flux"])
    await kubectl([
      "create",
      "rolebinding",
      `assigner-${user.replaceAll(":", "-")}`,
      "-n",
      PEOPLE,
      "--role=assigner",
      `--user=${user}`,
    ]);
  await eventually("the policies are in force", async () => {
    const refused = [
      await as(OPERATOR, "POST", secretsPath(TEAM), secret("probe", {}), { dryRun: true }),
      await as(OPERATOR, "POST", `/api/v1/namespaces/${TEAM}/pods`, pod("probe"), { dryRun: true }),
      await as("editor", "POST", secretsPath(TEAM), secret("sshkeys-probe", {}), { dryRun: true }),
      await as("alice", "POST", sshKeysPath(PEOPLE), sshKey("probe", "bob"), { dryRun: true }),
    ];
    return refused.every(({ status }) => status === 403);
  });
});

afterAll(async () => {
  await installation?.stop();
});

describe("own-secrets: the operator's account", () => {
  test("creates, changes and deletes a Secret as it does itself", async () => {
    const name = "sshkeys-whole";
    const path = secretPath(TEAM, name);
    const changed = { data: { [DATA_KEY]: base64("x\n") } };
    expect([
      (await as(OPERATOR, "POST", secretsPath(TEAM), managed(name))).status,
      (await as(OPERATOR, "PATCH", path, changed)).status,
      (await as(OPERATOR, "DELETE", path)).status,
    ]).toEqual([201, 200, 200]);
  });

  test.each([
    ["without the label", secret("a", {})],
    ["with the label of another installation", managed("a", { label: "other" })],
    ["that says it is another one", { ...managed("a"), metadata: { ...managed("a").metadata, name: "b" } }],
    ["with another data key", managed("a", { data: { password: "" } })],
    ["that is a token of a service account", accountToken("a")],
  ])("cannot create one %s", async (_, object) => {
    expect((await as(OPERATOR, "POST", secretsPath(TEAM), object)).status).toBe(403);
  });

  describe("and a Secret that is not managed", () => {
    const path = secretPath(TEAM, "database");

    beforeAll(async () => {
      await admin("POST", secretsPath(TEAM), secret("database", { password: base64("s3cret") }));
    });

    test.each<[string, Method, object?]>([
      ["cannot be changed", "PATCH", { data: { password: "" } }],
      ["cannot be given the label", "PATCH", { metadata: managed("database").metadata }],
      ["cannot be given the label and its data at once", "PATCH", managed("database")],
      ["cannot be deleted", "DELETE"],
    ])("%s", async (_, method, body) => {
      expect((await as(OPERATOR, method, path, body)).status).toBe(403);
    });
  });

  test("cannot take the label off its own", async () => {
    await as(OPERATOR, "POST", secretsPath(TEAM), managed("sshkeys-own"));
    const body = { metadata: { labels: { [MANAGED_LABEL]: null } } };
    expect((await as(OPERATOR, "PATCH", secretPath(TEAM, "sshkeys-own"), body)).status).toBe(403);
  });

  test("cannot hang a finalizer or an owner on its own", async () => {
    await as(OPERATOR, "POST", secretsPath(TEAM), managed("sshkeys-bare"));
    const change = (metadata: object) =>
      as(OPERATOR, "PATCH", secretPath(TEAM, "sshkeys-bare"), { metadata });
    const ownerReferences = [{ apiVersion: "v1", kind: "Secret", name: "x", uid: "x" }];
    expect([
      (await change({ finalizers: ["example.dev/x"] })).status,
      (await change({ ownerReferences })).status,
    ]).toEqual([403, 403]);
  });

  test("empties one of another type that was made before there were policies", async () => {
    await admin("POST", secretsPath(TEAM), { ...managed("sshkeys-typed"), type: "example.dev/x" });
    const body = { data: { [DATA_KEY]: base64("x") } };
    expect((await as(OPERATOR, "PATCH", secretPath(TEAM, "sshkeys-typed"), body)).status).toBe(200);
  });
});

describe("own-pods: the operator's account, which may patch pods here,", () => {
  const pods = `/api/v1/namespaces/${TEAM}/pods`;

  beforeAll(async () => {
    await admin("POST", pods, pod("bastion"));
  });

  test("sets the annotation that makes kubelet refresh the volumes", async () => {
    const body = { metadata: { annotations: { [REFRESH]: "2026-01-01T00:00:00Z" } } };
    expect((await as(OPERATOR, "PATCH", `${pods}/bastion`, body)).status).toBe(200);
  });

  test.each<[string, object]>([
    ["an image", { spec: { containers: [{ name: "main", image: "evil" }] } }],
    ["a label", { metadata: { labels: { app: "other" } } }],
    ["another annotation", { metadata: { annotations: { other: "x" } } }],
    ["another annotation by taking it away", { metadata: { annotations: { kept: null } } }],
    ["an owner", { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "x", uid: "x" }] } }],
    ["a finalizer", { metadata: { finalizers: ["example.dev/x"] } }],
  ])("cannot change %s", async (_, body) => {
    const headers = { "content-type": "application/strategic-merge-patch+json" };
    expect((await as(OPERATOR, "PATCH", `${pods}/bastion`, body, { headers })).status).toBe(403);
  });

  test("cannot delete one, create one or start a container in it", async () => {
    const ephemeral = { spec: { ephemeralContainers: [{ name: "debug", image: "x" }] } };
    const headers = { "content-type": "application/strategic-merge-patch+json" };
    expect([
      (await as(OPERATOR, "DELETE", `${pods}/bastion`)).status,
      (await as(OPERATOR, "POST", pods, pod("other"))).status,
      (await as(OPERATOR, "PATCH", `${pods}/bastion/ephemeralcontainers`, ephemeral, { headers })).status,
    ]).toEqual([403, 403, 403]);
  });
});

describe("protected-secrets: who may edit the namespace", () => {
  const path = secretPath(TEAM, "sshkeys-victim");
  const forged = { data: { [DATA_KEY]: base64("forged\n") } };

  beforeAll(async () => {
    await as(OPERATOR, "POST", secretsPath(TEAM), managed("sshkeys-victim"));
    await admin("POST", secretsPath(TEAM), secret("theirs", {}));
  });

  test.each<[string, Method, string, object?]>([
    ["create a managed Secret", "POST", secretsPath(TEAM), managed("any")],
    [
      "create a Secret of a name that the operator may need",
      "POST",
      secretsPath(TEAM),
      secret("sshkeys-new", {}),
    ],
    [
      "have one of such a name generated",
      "POST",
      secretsPath(TEAM),
      { metadata: { generateName: "sshkeys-" } },
    ],
    ["change its data", "PATCH", path, forged],
    ["take its label off", "PATCH", path, { metadata: { labels: { [MANAGED_LABEL]: null } } }],
    [
      "take its label off and change its data at once",
      "PATCH",
      path,
      { metadata: { labels: { [MANAGED_LABEL]: null } }, ...forged },
    ],
    [
      "give it to another installation",
      "PATCH",
      path,
      { metadata: { labels: { [MANAGED_LABEL]: "other" } } },
    ],
    ["take its annotation off", "PATCH", path, { metadata: { annotations: { [SECRET_ANNOTATION]: null } } }],
    ["freeze it", "PATCH", path, { immutable: true }],
    ["hold it with a finalizer", "PATCH", path, { metadata: { finalizers: ["example.dev/x"] } }],
    [
      "give it an owner",
      "PATCH",
      path,
      { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Secret", name: "x", uid: "x" }] } },
    ],
    ["delete it", "DELETE", path],
    ["delete it with all others", "DELETE", secretsPath(TEAM)],
    [
      "put the label on a Secret of their own",
      "PATCH",
      secretPath(TEAM, "theirs"),
      { metadata: { labels: { [MANAGED_LABEL]: "default" } } },
    ],
  ])("cannot %s", async (_, method, target, body) => {
    expect((await as("editor", method, target, body)).status).toBe(403);
  });

  test.each([
    ["forge who wrote it", [{}]],
    ["make every later write slow by field managers", fieldManagers(200)],
  ])("cannot %s", async (_, managedFields) => {
    const object = (await admin("GET", path)).body as { readonly metadata: object };
    const body = { ...object, metadata: { ...object.metadata, managedFields } };
    expect((await as("editor", "PUT", path, body)).status).toBe(403);
  });

  test("deletes what the operator asks them to delete: a copy, and an immutable Secret", async () => {
    await admin("POST", secretsPath(TEAM), {
      ...managed("copy"),
      metadata: { ...managed("other").metadata, name: "copy" },
    });
    await admin("POST", secretsPath(TEAM), { ...managed("sshkeys-frozen"), immutable: true });
    expect([
      (
        await as("editor", "PATCH", secretPath(TEAM, "copy"), {
          metadata: { labels: { [MANAGED_LABEL]: null } },
        })
      ).status,
      (await as("editor", "DELETE", secretPath(TEAM, "copy"))).status,
      (await as("editor", "DELETE", secretPath(TEAM, "sshkeys-frozen"))).status,
    ]).toEqual([403, 200, 200]);
  });

  test("does not keep the garbage collector from finishing a foreground deletion", async () => {
    await admin("POST", secretsPath(TEAM), managed("sshkeys-leaving"));
    await admin("DELETE", `${secretPath(TEAM, "sshkeys-leaving")}?propagationPolicy=Foreground`);
    await eventually(
      "it is gone",
      async () => (await admin("GET", secretPath(TEAM, "sshkeys-leaving"))).status === 404,
    );
  });

  test("takes a finalizer off a Secret that is being deleted, and off no other", async () => {
    const finalizers = ["example.dev/x"];
    const held = {
      ...managed("sshkeys-held"),
      metadata: { ...managed("sshkeys-held").metadata, finalizers },
    };
    await admin("POST", secretsPath(TEAM), held);
    const release = () =>
      as("editor", "PATCH", secretPath(TEAM, "sshkeys-held"), { metadata: { finalizers: null } });
    expect((await release()).status).toBe(403);
    await admin("DELETE", secretPath(TEAM, "sshkeys-held"));
    expect((await release()).status).toBe(200);
  });

  test("is told what to do instead", async () => {
    const { body } = await as("editor", "PATCH", path, forged);
    expect((body as { message: string }).message).toContain("To change who can log in, change SSHKeys.");
  });

  test("writes back what is there: a storage migration changes nothing", async () => {
    const { body } = await admin("GET", path);
    expect((await as("editor", "PUT", path, body as object)).status).toBe(200);
  });

  test("goes on with Secrets of their own", async () => {
    expect([
      (await as("editor", "POST", secretsPath(TEAM), secret("mine", {}))).status,
      (await as("editor", "PATCH", secretPath(TEAM, "mine"), forged)).status,
      (await as("editor", "DELETE", secretPath(TEAM, "mine"))).status,
    ]).toEqual([201, 200, 200]);
  });

  test("is not the break-glass group, which may do all of it", async () => {
    const name = "sshkeys-restored";
    expect([
      (await admin("POST", secretsPath(TEAM), managed(name))).status,
      (await admin("PATCH", secretPath(TEAM, name), forged)).status,
      (await admin("DELETE", secretPath(TEAM, name))).status,
    ]).toEqual([201, 200, 200]);
  });
});

describe("a second installation with a label and a prefix of its own", () => {
  const name = "logins-alice";

  test("is not in the way of the first, nor the first in its", async () => {
    const object = managed(name, { label: "second" });
    expect([
      (await as(SECOND_OPERATOR, "POST", secretsPath(TEAM), object)).status,
      (await as(SECOND_OPERATOR, "PATCH", secretPath(TEAM, name), { data: { [DATA_KEY]: "" } })).status,
      (await as(OPERATOR, "PATCH", secretPath(TEAM, name), { data: { [DATA_KEY]: "" } })).status,
      (
        await as(SECOND_OPERATOR, "PATCH", secretPath(TEAM, "sshkeys-victim"), {
          data: { [DATA_KEY]: base64("x") },
        })
      ).status,
    ]).toEqual([201, 200, 403, 403]);
  });
});

describe("self-service", () => {
  const path = (name: string) => `${sshKeysPath(PEOPLE)}/${name}`;
  const create = (who: string, name: string, user: string) =>
    as(who, "POST", sshKeysPath(PEOPLE), sshKey(name, user));

  test("lets people create, change and delete their own SSHKeys", async () => {
    expect([
      (await create("alice", "alice-1", "alice")).status,
      (await as("alice", "PATCH", path("alice-1"), { spec: { disabled: true } })).status,
      (await as("alice", "PATCH", path("alice-1"), { metadata: { labels: { a: "b" } } })).status,
      (await as("alice", "DELETE", path("alice-1"))).status,
    ]).toEqual([201, 200, 200, 200]);
  });

  test("lets them use server-side apply, on what is theirs", async () => {
    const apply = (who: string, labels: object) => {
      const object = sshKey("alice-ssa", "alice");
      const headers = { "content-type": "application/apply-patch+yaml" };
      const body = { ...object, metadata: { ...object.metadata, labels } };
      return as(who, "PATCH", `${path("alice-ssa")}?fieldManager=kubectl`, body, { headers });
    };
    expect([
      (await apply("alice", {})).status,
      (await apply("alice", { a: "b" })).status,
      (await apply("bob", { a: "b", c: "d" })).status,
    ]).toEqual([201, 200, 403]);
  });

  test("lets people prove their own key, at once or later", async () => {
    const object = sshKey("alice-proven", "alice");
    const proven = { ...object, spec: { ...object.spec, proof: PROOF } };
    const prove = (proof: string | null) => as("alice", "PATCH", path("alice-proven"), { spec: { proof } });
    expect([
      (await as("alice", "POST", sshKeysPath(PEOPLE), proven)).status,
      (await prove(null)).status,
      (await prove(PROOF)).status,
    ]).toEqual([201, 200, 200]);
  });

  describe("protects another's SSHKey", () => {
    beforeAll(async () => {
      await create("admin", "bobs", "bob");
      await admin("PATCH", path("bobs"), { spec: { proof: PROOF } });
    });

    test.each<[string, Method, object?]>([
      ["key", "PATCH", { spec: { key: ed25519(99) } }],
      ["proof", "PATCH", { spec: { proof: armor(Buffer.from("SSHSIG of another")) } }],
      ["proof from being taken away", "PATCH", { spec: { proof: null } }],
      ["labels", "PATCH", { metadata: { labels: { a: "b" } } }],
      ["annotations", "PATCH", { metadata: { annotations: { a: "b" } } }],
      ["finalizers", "PATCH", { metadata: { finalizers: ["example.dev/x"] } }],
      [
        "owner",
        "PATCH",
        { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Secret", name: "x", uid: "x" }] } },
      ],
      ["existence", "DELETE"],
    ])("%s", async (_, method, body) => {
      expect((await as("alice", method, path("bobs"), body)).status).toBe(403);
    });

    test("managed fields", async () => {
      const object = (await admin("GET", path("bobs"))).body as { readonly metadata: object };
      const body = { ...object, metadata: { ...object.metadata, managedFields: fieldManagers(200) } };
      expect((await as("alice", "PUT", path("bobs"), body)).status).toBe(403);
    });

    test("and lets an update pass that changes nothing", async () => {
      const { body } = await admin("GET", path("bobs"));
      expect((await as("alice", "PUT", path("bobs"), body as object)).status).toBe(200);
    });
  });

  test("tells who one is and what one may", async () => {
    const { body } = await create("alice", "alice-for-bob", "bob");
    const { message } = body as { message: string };
    expect(message).toContain("you are alice, so you may write only SSHKeys with spec.user alice");
  });

  test.each([
    ["a person with assign", "admin", "bob", 201],
    ["a service account of another namespace with assign", "system:serviceaccount:gitops:flux", "bob", 201],
    [
      "a service account of this namespace, assign or not",
      `system:serviceaccount:${PEOPLE}:flux`,
      "bob",
      403,
    ],
    [
      "a service account as itself",
      `system:serviceaccount:${PEOPLE}:bot`,
      `system:serviceaccount:${PEOPLE}:bot`,
      403,
    ],
    ["a name of the system's as itself", "system:node:n1", "system:node:n1", 403],
    ["somebody whose name has a prefix, without it", "oidc:carol", "carol", 403],
    ["somebody whose name has a prefix, with it", "oidc:carol", "oidc:carol", 201],
  ])("%s writes for %s as %s: %i", async (_, who, user, status) => {
    const name = `k-${who.replaceAll(/[^a-z]/g, "-")}-${status}-${user.length}`;
    expect((await create(who, name, user)).status).toBe(status);
  });

  test("holds in labelled namespaces only", async () => {
    await installation.kubectl([
      "create",
      "rolebinding",
      "self",
      "-n",
      TEAM,
      "--clusterrole=sshkey-self-service",
      "--user=alice",
    ]);
    expect((await as("alice", "POST", sshKeysPath(TEAM), sshKey("for-bob", "bob"))).status).toBe(201);
  });

  test("lets the garbage collector delete an SSHKey whose owner is gone", async () => {
    const owner = { metadata: { name: "owner" } };
    const { body } = await admin("POST", `/api/v1/namespaces/${PEOPLE}/configmaps`, owner);
    const { uid } = (body as { metadata: { uid: string } }).metadata;
    const ownerReferences = [
      { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid, blockOwnerDeletion: true },
    ];
    const owned = sshKey("owned", "bob");
    await admin("POST", sshKeysPath(PEOPLE), { ...owned, metadata: { ...owned.metadata, ownerReferences } });
    await installation.kubectl(["delete", "configmap", "owner", "-n", PEOPLE, "--cascade=foreground"]);
    await eventually("it is collected", async () => (await admin("GET", path("owned"))).status === 404);
  });

  test("with a prefix: only names that carry it are people, and it is stripped once", async () => {
    const policy =
      "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/sshkey-operator-self-service";
    const variable = { op: "replace", path: "/spec/variables/0/expression", value: '"oidc:"' };
    const headers = { "content-type": "application/json-patch+json" };
    expect((await installation.request("PATCH", policy, [variable], headers)).status).toBe(200);
    await eventually(
      "the prefix is in force",
      async () => (await create("oidc:carol", "carol-1", "carol")).status === 201,
    );
    expect([
      (await create("alice", "alice-plain", "alice")).status,
      (await create("oidc:carol", "carol-2", "oidc:carol")).status,
      (await create("oidc:system:x", "system-x", "system:x")).status,
    ]).toEqual([403, 403, 403]);
  });
});

describe("the deletion of a namespace", () => {
  test("takes managed Secrets and other people's SSHKeys with it", async () => {
    const { kubectl } = installation;
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
    const text = await installation.kubectl(["kustomize", "deploy/policies"]);
    expect([text.includes(`startsWith("${namePrefix}")`), text.split(`"${label}"`).length]).toEqual([
      true,
      3,
    ]);
  });

  test("leave other namespaces alone in an installation for chosen ones", async () => {
    const { kubectl } = installation;
    await kubectl(["apply", "-k", "deploy/namespaced"]);
    const status = async (namespace: string) =>
      (await as("editor", "POST", secretsPath(namespace), secret("sshkeys-x", {}), { dryRun: true })).status;
    await eventually("it is so", async () => (await status("second")) === 201);
    expect(await status(TEAM)).toBe(403);
  });
});

describe("a policy", () => {
  test.each(["own-secrets", "own-pods", "protected-secrets", "self-service", "self-service-authorizedkeys"])(
    "%s has no type error",
    async (name) => {
      const path = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/sshkey-operator-${name}`;
      interface Policy {
        readonly metadata: { readonly generation: number };
        readonly status?: {
          readonly observedGeneration?: number;
          readonly typeChecking?: { readonly expressionWarnings?: readonly unknown[] };
        };
      }
      const { status } = await eventually("it was type-checked", async () => {
        const policy = await installation.read<Policy>(path);
        return policy.status?.observedGeneration === policy.metadata.generation && policy;
      });
      expect(status?.typeChecking?.expressionWarnings ?? []).toEqual([]);
    },
  );
});

describe("uninstalling", () => {
  test("is held up by nothing, and leaves the Secrets to whoever may delete Secrets", async () => {
    await installation.kubectl(["delete", "-k", "deploy/namespaced"]);
    const secret = secretPath(TEAM, "sshkeys-victim");
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
async function as(
  user: string,
  method: Method,
  path: string,
  body?: object,
  o?: ImpersonatedOptions,
): Promise<Answer> {
  return await requestAs(installation, user, method, path, body, o);
}

/** As a member of system:masters. */
async function admin(method: Method, path: string, body?: object): Promise<Answer> {
  return await installation.request(method, path, body);
}
