import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONDITION_TYPES } from "../../src/api/states.ts";
import { startCluster } from "../cluster/cluster.ts";
import { FINGERPRINT, PUBLIC_KEY, type SSHKeyClient, sshKey, startSSHKeyClient } from "./sshkeyclient.ts";
import { type OldObject, storeBeforeRules } from "./stricterrules.ts";

let sshKeys: SSHKeyClient;

beforeAll(async () => {
  sshKeys = await startSSHKeyClient(await startCluster());
});

afterAll(async () => {
  await sshKeys.stop();
});

const STATUS = {
  type: "ssh-ed25519",
  length: 256,
  fingerprint: FINGERPRINT,
  fingerprintMD5: "6f:1a:8a:c1:4f:13:5c:36:6e:3f:be:eb:49:3b:8e:3e",
  comment: "alice@laptop",
  secretName: "sshkeys-alice",
  duplicateOf: { name: "other", namespace: "team-a" },
  claimedSince: "2026-01-02T03:04:05Z",
  lastUsed: { time: "2027-01-31T00:00:00Z", source: "pod/bastion/bastion-0", fingerprint: FINGERPRINT },
  observedGeneration: 1,
  conditions: CONDITION_TYPES.map(condition),
};

/** What the API server says for the operator until it has looked: tools that compare generations wait. */
const UNSEEN = { observedGeneration: -1 };

describe("spec and status are written apart", () => {
  test("a status that comes with a new SSHKey is dropped", async () => {
    const { cluster, namespace } = sshKeys;
    const path = `/apis/sshkey-operator.dev/v1alpha1/namespaces/${namespace}/sshkeys`;
    const { body } = await cluster.request("POST", path, { ...sshKey("with-status"), status: STATUS });
    expect(Object(body).status).toEqual(UNSEEN);
  });

  test("a status in an edit of the SSHKey is dropped", async () => {
    const { name } = await sshKeys.create({});
    expect((await sshKeys.patch(name, { status: STATUS })).object.status).toEqual(UNSEEN);
  });

  test("a spec in an edit of the status is dropped", async () => {
    const { name } = await sshKeys.create({});
    const { object } = await sshKeys.patch(name, { spec: { user: "bob" }, status: STATUS }, "/status");
    expect(object.spec).toMatchObject({ user: "alice" });
  });

  test("an edit of the spec raises the generation, one of the status does not", async () => {
    const { name } = await sshKeys.create({});
    await sshKeys.patch(name, { status: STATUS }, "/status");
    expect((await sshKeys.read(name)).object.metadata).toMatchObject({ generation: 1 });
    await sshKeys.patch(name, { spec: { disabled: true } });
    expect((await sshKeys.read(name)).object.metadata).toMatchObject({ generation: 2 });
  });
});

test("every field of the status is kept", async () => {
  const { name } = await sshKeys.create({});
  const { message, object } = await sshKeys.patch(name, { status: STATUS }, "/status");
  expect([message, object.status]).toEqual(["", STATUS]);
});

test("a status can hold the longest comment and message", async () => {
  const { name } = await sshKeys.create({});
  const status = {
    comment: "x".repeat(16384),
    conditions: [{ ...condition("Ready"), message: "x".repeat(32768) }],
  };
  expect((await sshKeys.patch(name, { status }, "/status")).message).toBe("");
});

describe("a condition is held to the limits of metav1.Condition", () => {
  const cases: readonly [what: string, broken: object, message: string][] = [
    ["a status of its own", { status: "Maybe" }, 'supported values: "True", "False", "Unknown"'],
    ["an empty reason", { reason: "" }, "reason in body should be at least 1 chars long"],
    ["a reason of several words", { reason: "not good" }, "reason in body should match"],
    ["no transition time", { lastTransitionTime: undefined }, "lastTransitionTime: Required value"],
    ["a message of more than 32768 characters", { message: "x".repeat(32769) }, "message: Too long"],
  ];
  test.each(cases)("%s is refused", async (_what, broken, message) => {
    const { name } = await sshKeys.create({});
    const patched = await sshKeys.patch(
      name,
      { status: { conditions: [{ ...condition("Ready"), ...broken }] } },
      "/status",
    );
    expect(patched.message).toContain(message);
  });

  test("two of one type are refused", async () => {
    const { name } = await sshKeys.create({});
    const { message } = await sshKeys.patch(
      name,
      { status: { conditions: [condition("Ready"), condition("Ready")] } },
      "/status",
    );
    expect(message).toContain("status.conditions[1]: Duplicate value");
  });

  test("two writers of different conditions do not undo each other", async () => {
    const { name } = await sshKeys.create({});
    await apply(name, "one", [condition("Valid")]);
    await apply(name, "two", [condition("Ready")]);
    expect((await sshKeys.read(name)).object.status).toMatchObject({
      conditions: [{ type: "Valid" }, { type: "Ready" }],
    });
  });
});

describe("a last use", () => {
  const good = { time: "2027-01-31T00:00:00Z", source: "node-1", fingerprint: FINGERPRINT };
  test.each([
    ["without a time", { time: undefined }],
    ["without a source", { source: undefined }],
    ["without the key that was used", { fingerprint: undefined }],
    ["at a time that is none", { time: "yesterday" }],
    ["with a source without end", { source: "x".repeat(257) }],
  ])("%s is refused", async (_what, broken) => {
    const { name } = await sshKeys.create({});
    const { message } = await sshKeys.patch(
      name,
      { status: { lastUsed: { ...good, ...broken } } },
      "/status",
    );
    expect(message).toContain("status.lastUsed");
  });
});

describe("an SSHKey stored before a rule was made stricter", () => {
  const OLD = { user: " alice", key: "no key", title: "two\nlines", options: [""], expiresAt: "tomorrow" };
  let old: OldObject;

  beforeAll(async () => {
    old = await storeBeforeRules(sshKeys, "crds/sshkeys.yaml", OLD);
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

  test("can be disabled", async () => {
    expect(await old.patch("", { spec: { disabled: true } })).toEqual([200, ""]);
  });

  test.each(Object.keys(OLD).filter((field) => field !== "user"))(
    "is held to the rule once %s is edited",
    async (field) => {
      const [status, message] = await old.patch("?dryRun=All", {
        spec: { [field]: field === "options" ? ["", ""] : "\n" },
      });
      expect(status).toBe(422);
      expect(message).toContain(`is invalid: spec.${field}: `);
    },
  );

  test("can be put right", async () => {
    expect(await old.patch("?dryRun=All", { spec: { key: PUBLIC_KEY } })).toEqual([200, ""]);
  });
});

function condition(type: string) {
  return {
    type,
    status: "True",
    reason: "Projected",
    message: "The key is in Secret sshkeys-alice.",
    observedGeneration: 1,
    lastTransitionTime: "2026-01-02T03:04:05Z",
  };
}

async function apply(name: string, fieldManager: string, conditions: object[]): Promise<void> {
  const { cluster, namespace } = sshKeys;
  const { status } = await cluster.request(
    "PATCH",
    `/apis/sshkey-operator.dev/v1alpha1/namespaces/${namespace}/sshkeys/${name}/status?fieldManager=${fieldManager}`,
    { apiVersion: "sshkey-operator.dev/v1alpha1", kind: "SSHKey", status: { conditions } },
    { "content-type": "application/apply-patch+yaml" },
  );
  expect(status).toBe(200);
}
