import { beforeAll, describe, expect, test } from "vitest";
import { REQUESTED_BY_ANNOTATION } from "../../src/api/names.ts";
import { sshKeysPath } from "../../src/api/paths.ts";
import type { Method } from "../cluster/adminclient.ts";
import { eventually } from "../cluster/eventually.ts";
import { sshKey, TEAM } from "./objects.ts";
import { PEOPLE, PORTAL, policedCluster } from "./policedcluster.ts";

const { admin, as, kubectl } = policedCluster();

const path = (name: string) => `${sshKeysPath(PEOPLE)}/${name}`;
const requested = (name: string, user: string, by: string) => {
  const object = sshKey(name, user);
  return { ...object, metadata: { ...object.metadata, annotations: { [REQUESTED_BY_ANNOTATION]: by } } };
};
const create = (who: string, object: object) => as(who, "POST", sshKeysPath(PEOPLE), object);

describe("an account with the verb vouch", () => {
  test("creates, changes and deletes SSHKeys of the person who asked for them", async () => {
    expect([
      (await create(PORTAL, requested("alice-1", "alice", "alice"))).status,
      (await as(PORTAL, "PATCH", path("alice-1"), { spec: { disabled: true } })).status,
      (await as(PORTAL, "DELETE", path("alice-1"))).status,
    ]).toEqual([201, 200, 200]);
  });

  test("changes and deletes what people made without it", async () => {
    await create("alice", sshKey("alice-2", "alice"));
    expect([
      (await as(PORTAL, "PATCH", path("alice-2"), { spec: { disabled: true } })).status,
      (await as(PORTAL, "DELETE", path("alice-2"))).status,
    ]).toEqual([200, 200]);
  });

  test.each([
    ["without saying who asked", sshKey("v-1", "alice")],
    ["that another person asked for", requested("v-2", "alice", "bob")],
    ["that nobody asked for", requested("v-3", "alice", "")],
    ["of a name of the API server's own", requested("v-4", "system:admin", "system:admin")],
  ])("creates none %s", async (_, object) => {
    expect((await create(PORTAL, object)).status).toBe(403);
  });

  test("is none if it is a service account of that namespace", async () => {
    const own = `system:serviceaccount:${PEOPLE}:portal`;
    await create("alice", sshKey("alice-3", "alice"));
    expect([
      (await create(own, requested("v-5", "alice", "alice"))).status,
      (await as(own, "PATCH", path("alice-3"), { spec: { disabled: true } })).status,
      (await as(own, "DELETE", path("alice-3"))).status,
    ]).toEqual([403, 403, 403]);
  });

  test("writes for others what an administrator asked for, if it has assign, too", async () => {
    await kubectl(["create", "namespace", "administered"]);
    await kubectl(["label", "namespace", "administered", "sshkey-operator.dev/self-service=true"]);
    const grant = (name: string, verbs: string) => [
      [
        "create",
        "role",
        name,
        "-n",
        "administered",
        `--verb=${verbs}`,
        "--resource=sshkeys.sshkey-operator.dev",
      ],
      ["create", "rolebinding", name, "-n", "administered", `--role=${name}`, `--user=${PORTAL}`],
    ];
    for (const command of grant("portal", "vouch,assign,create")) await kubectl(command);
    // The API server itself sees a new role by a watch.
    const asked = ["auth", "can-i", "assign", "sshkeys.sshkey-operator.dev", "-n", "administered"];
    await eventually("the role counts", async () =>
      (await kubectl([...asked, "--as", PORTAL]).catch(() => "no")).startsWith("yes"),
    );
    const object = requested("by-admin", "alice", "admin");
    expect((await as(PORTAL, "POST", sshKeysPath("administered"), object)).status).toBe(201);
  });
});

describe("nobody pretends that a person asked for an SSHKey", () => {
  test.each([
    ["a person, of the own key", "alice", "alice", "alice"],
    ["a person, in another's name", "alice", "alice", "bob"],
    ["who may write everybody's", "admin", "alice", "alice"],
    ["a pipeline that may", "system:serviceaccount:gitops:flux", "alice", "alice"],
  ])("%s, in a new one", async (_, who, user, by) => {
    const { status, body } = await create(who, requested("pretended", user, by));
    expect([status, (body as { message: string }).message]).toEqual([
      403,
      expect.stringContaining("needs the verb vouch on sshkeys: leave it out"),
    ]);
  });

  describe("in one that is there", () => {
    beforeAll(async () => {
      await create("alice", sshKey("alice-own", "alice"));
      await create(PORTAL, requested("alice-portal", "alice", "alice"));
    });

    const annotate = (value: string | null) => ({
      metadata: { annotations: { [REQUESTED_BY_ANNOTATION]: value } },
    });

    test.each<[string, string, string, Method, object]>([
      ["the owner adds it", "alice", "alice-own", "PATCH", annotate("alice")],
      ["the owner changes it", "alice", "alice-portal", "PATCH", annotate("bob")],
      ["the owner takes it away", "alice", "alice-portal", "PATCH", annotate(null)],
      ["who may write everybody's adds it", "admin", "alice-own", "PATCH", annotate("alice")],
      ["the portal adds it", PORTAL, "alice-own", "PATCH", annotate("alice")],
      ["the portal changes it", PORTAL, "alice-portal", "PATCH", annotate("bob")],
      ["who replaces it forgets it", "admin", "alice-portal", "PATCH", annotate(null)],
    ])("%s", async (_, who, name, method, body) => {
      const answer = await as(who, method, path(name), body);
      expect([answer.status, (answer.body as { message: string }).message]).toEqual([
        403,
        expect.stringContaining("stays as it was"),
      ]);
    });

    test("and other changes pass, by the owner, too", async () => {
      const change = { spec: { disabled: true }, metadata: { labels: { a: "b" } } };
      expect((await as("alice", "PATCH", path("alice-portal"), change)).status).toBe(200);
    });
  });
});

test("elsewhere the annotation is anybody's, and says nothing", async () => {
  const object = requested("claimed", "alice", "bob");
  expect((await admin("POST", sshKeysPath(TEAM), object)).status).toBe(201);
});
