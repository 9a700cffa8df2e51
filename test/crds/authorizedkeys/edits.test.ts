import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AUTHORIZED_KEYS_CONDITION_TYPES } from "../../../src/api/omissions.ts";
import { startCluster } from "../../cluster/cluster.ts";
import type { ObjectClient } from "../objectclient.ts";
import { type OldObject, storeBeforeRules } from "../stricterrules.ts";
import { startAuthorizedKeysClient } from "./client.ts";

let targets: ObjectClient;

beforeAll(async () => {
  targets = await startAuthorizedKeysClient(await startCluster());
});

afterAll(async () => {
  await targets.stop();
});

const STATUS = {
  secretName: "bastion-keys",
  userCount: 40,
  keyCount: 95,
  omitted: [
    { namespace: "people", user: "bob@example.com", reason: "NoLogin", message: "No login." },
    { namespace: "people", user: "alice", sshKey: "laptop", reason: "KeyTaken", message: "Taken." },
    { namespace: "contractors", reason: "NotShared", message: "Not shared." },
  ],
  omittedCount: 3,
  blockedRemovals: 1,
  observedGeneration: 1,
  conditions: AUTHORIZED_KEYS_CONDITION_TYPES.map((type) => ({
    type,
    status: "Unknown",
    reason: "Projected",
    message: "The Secret holds all keys.",
    observedGeneration: 1,
    lastTransitionTime: "2026-01-02T03:04:05Z",
  })),
};

describe("the name of the Secret", () => {
  const IMMUTABLE =
    "spec.secretName: Forbidden: the name of the Secret cannot be changed, nor given or left out later: delete this AuthorizedKeys and create one with the other name, which pods then have to mount";

  test.each([
    ["changed", { secretName: "one" }, { secretName: "two" }],
    ["removed", { secretName: "one" }, { secretName: null }],
    ["given", {}, { secretName: "two" }],
  ])("cannot be %s", async (_how, before, after) => {
    const { name } = await targets.create(before);
    const { code, message } = await targets.patch(name, { spec: after });
    expect([code, message]).toEqual([
      422,
      `AuthorizedKeys.sshkey-operator.dev "${name}" is invalid: ${IMMUTABLE}`,
    ]);
  });

  test("cannot be removed and given again in two steps", async () => {
    const { name } = await targets.create({ secretName: "one" });
    await targets.patch(name, { spec: { secretName: null } });
    await targets.patch(name, { spec: { secretName: "two" } });
    expect((await targets.read(name)).object.spec).toMatchObject({ secretName: "one" });
  });
});

test("everything but the name of the Secret can be edited, and removed again", async () => {
  const { name, object } = await targets.create({ secretName: "one" });
  const spec = {
    from: [{ namespace: "people" }],
    identity: "ByName",
    layout: "SingleFile",
    logins: { rule: "LocalPart", map: [{ namespace: "", user: "bob", login: "robert" }] },
    options: ["restrict"],
  };
  const edited = await targets.patch(name, { spec });
  expect([edited.message, edited.object.spec]).toEqual(["", { secretName: "one", ...spec }]);
  const none = Object.fromEntries(Object.keys(spec).map((field) => [field, null]));
  expect((await targets.patch(name, { spec: none })).object.spec).toEqual(object.spec);
});

test.each([
  ["a namespace is one person's no more", { from: [{ namespace: "a" }, {}] }, { identity: "ByNamespace" }],
  [
    "files are a login's each",
    { layout: "SingleFile", from: [{ namespace: "a" }, {}], identity: "ByNamespace" },
    { layout: "FilePerLogin" },
  ],
  [
    "options name the user",
    { layout: "SingleFile", from: [{ namespace: "a" }, {}], identity: "ByNamespace" },
    { options: ['command="%u"'] },
  ],
  [
    "mapped users need a namespace",
    { logins: { map: [{ user: "a", login: "a" }] } },
    { identity: "ByNamespace" },
  ],
  ["there is no login", { options: ['command="%l"'] }, { layout: "SingleFile" }],
])("an edit is refused by which %s, though that field is unchanged", async (_what, before, after) => {
  const { name, message: created } = await targets.create({ identity: "ByName", ...before });
  expect(created).toBe("");
  expect((await targets.patch(name, { spec: after })).code).toBe(422);
});

describe("spec and status are written apart", () => {
  test("a status that comes with an edit of the AuthorizedKeys is dropped", async () => {
    const { name } = await targets.create({});
    const { object } = await targets.patch(name, { status: STATUS });
    expect(object.status).toEqual({ observedGeneration: -1 });
  });

  test("a spec in an edit of the status is dropped, and the generation stays", async () => {
    const { name } = await targets.create({});
    const { object } = await targets.patch(name, { spec: { options: ["pty"] }, status: STATUS }, "/status");
    expect(object.spec).not.toHaveProperty("options");
    expect(object.metadata).toMatchObject({ generation: 1 });
  });

  test("every field of the status is kept", async () => {
    const { name } = await targets.create({});
    const { message, object } = await targets.patch(name, { status: STATUS }, "/status");
    expect([message, object.status]).toEqual(["", STATUS]);
  });

  test("more than 50 omissions are refused", async () => {
    const { name } = await targets.create({});
    const omitted = Array(51).fill({ reason: "NoLogin", message: "x" });
    expect((await targets.patch(name, { status: { omitted } }, "/status")).message).toContain(
      "status.omitted: Too many",
    );
  });
});

describe("an AuthorizedKeys stored before a rule was made stricter", () => {
  const OLD = {
    from: [{ namespace: "A", users: [] }, { namespace: "b" }, { namespaceSelector: { matchLabels: {} } }],
    logins: { map: [{ namespace: "", user: "", login: "5403" }] },
    options: ["", "%"],
  };
  let old: OldObject;

  beforeAll(async () => {
    old = await storeBeforeRules(targets, "crds/authorizedkeys.yaml", OLD);
  });

  afterAll(async () => {
    await old?.remove();
  });

  test("can have its status written", async () => {
    expect(await old.patch("/status", { status: STATUS })).toEqual([200, ""]);
  });

  test("can be labelled", async () => {
    expect(await old.patch("", { metadata: { labels: { a: "b" } } })).toEqual([200, ""]);
  });

  test.each([
    ["from", { options: ["restrict"] }],
    ["logins", { options: ["pty"] }],
    ["options", { from: [{ namespace: "people" }] }],
  ])("can have another field put right than %s", async (_field, spec) => {
    expect(await old.patch("?dryRun=All", { spec })).toEqual([200, ""]);
  });

  test.each([
    ["from", { from: [{ namespace: "B" }] }],
    ["logins.map", { logins: { map: [{ namespace: "a", user: "a", login: "5404" }] } }],
    ["options", { options: ["%%%"] }],
  ])("is held to the rule once %s is edited", async (field, spec) => {
    const [status, message] = await old.patch("?dryRun=All", { spec });
    expect(status).toBe(422);
    expect(message).toContain(`is invalid: spec.${field}: `);
  });

  test("can be put right", async () => {
    const spec = { from: null, logins: null, options: null };
    expect(await old.patch("", { spec })).toEqual([200, ""]);
  });
});
