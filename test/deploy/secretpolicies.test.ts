import { beforeAll, describe, expect, test } from "vitest";
import { DATA_KEY, MANAGED_LABEL, SECRET_ANNOTATION } from "../../src/api/names.ts";
import { secretPath, secretsPath } from "../../src/api/paths.ts";
import type { Method } from "../cluster/adminclient.ts";
import { eventually } from "../cluster/eventually.ts";
import { accountToken, base64, fieldManagers, managed, pod, secret, TEAM } from "./objects.ts";
import { OPERATOR, policedCluster, SECOND_OPERATOR } from "./policedcluster.ts";

const { admin, as } = policedCluster();

const REFRESH = "sshkey-operator.dev/keys-changed-at";

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
