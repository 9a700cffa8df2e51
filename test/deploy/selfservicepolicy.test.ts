import { beforeAll, describe, expect, test } from "vitest";
import { sshKeysPath } from "../../src/api/paths.ts";
import { ed25519 } from "../claims/sshkeys.ts";
import type { Method } from "../cluster/adminclient.ts";
import { eventually } from "../cluster/eventually.ts";
import { armor } from "../ssh/signer.ts";
import { fieldManagers, sshKey, TEAM } from "./objects.ts";
import { PEOPLE, policedCluster } from "./policedcluster.ts";

const { admin, as, kubectl } = policedCluster();

const PROOF = armor(Buffer.from("SSHSIG"));

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
    await kubectl([
      "create",
      "rolebinding",
      "self",
      "-n",
      TEAM,
      "--clusterrole=sshkey-self-service",
      "--user=alice",
    ]);
    const question = ["auth", "can-i", "create", "sshkeys", "-n", TEAM, "--as=alice"];
    await eventually(
      "the API server knows of the right",
      async () => (await kubectl(question)).trim() === "yes",
    );
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
    await kubectl(["delete", "configmap", "owner", "-n", PEOPLE, "--cascade=foreground"]);
    await eventually("it is collected", async () => (await admin("GET", path("owned"))).status === 404);
  });

  test("with a prefix: only names that carry it are people, and it is stripped once", async () => {
    const policy =
      "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/sshkey-operator-self-service";
    const variable = { op: "replace", path: "/spec/variables/0/expression", value: '"oidc:"' };
    const headers = { "content-type": "application/json-patch+json" };
    expect((await admin("PATCH", policy, [variable], headers)).status).toBe(200);
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
