import { beforeAll, describe, expect, test } from "vitest";
import { API_VERSION, GROUP, KIND } from "../../src/api/names.ts";
import { sshKeyStatusPath, sshKeysPath } from "../../src/api/paths.ts";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { eventually } from "../cluster/eventually.ts";
import { sshKey, TEAM } from "./objects.ts";
import { PEOPLE, policedCluster } from "./policedcluster.ts";

const { admin, as, kubectl, read } = policedCluster();

/** Whose rights the policy narrows: here it has more than it ever gets. */
const REPORTER = "system:serviceaccount:bastion:sshkey-usage";

const path = (name: string) => `${sshKeysPath(TEAM)}/${name}`;
const status = (name: string) => sshKeyStatusPath(TEAM, name);
const apply = (who: string, name: string, changed: object, manager = "sshkey-usage") =>
  as(
    who,
    "PATCH",
    `${status(name)}?fieldManager=${manager}&force=true`,
    { apiVersion: API_VERSION, kind: KIND, metadata: { name }, status: changed },
    { headers: { "content-type": "application/apply-patch+yaml" } },
  );
const DAY_MS = 86_400_000;
/** So many days from today. */
const dayFrom = (days: number) =>
  `${new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10)}T00:00:00Z`;
const used = (time = dayFrom(-1)) => ({
  lastUsed: { time, source: "pod/team-a/bastion", fingerprint: "SHA256:x" },
});
const projected = {
  type: "Projected",
  status: "True",
  reason: "Projected",
  message: "",
  lastTransitionTime: "2026-01-02T03:04:05Z",
};
/** Every field of the status but lastUsed, as the operator writes it, and another value. */
const FIELDS: Readonly<Record<Exclude<keyof SSHKeyStatus, "lastUsed">, readonly [unknown, unknown]>> = {
  observedGeneration: [1, 2],
  type: ["ssh-ed25519", "ssh-rsa"],
  length: [256, 4096],
  fingerprint: ["SHA256:x", "SHA256:y"],
  fingerprintMD5: ["00:11", "00:22"],
  comment: ["alice@laptop", "bob@laptop"],
  proof: [
    { touched: false, userVerified: false },
    { touched: true, userVerified: false },
  ],
  secretName: ["sshkeys-alice", "sshkeys-bob"],
  duplicateOf: [
    { namespace: TEAM, name: "a" },
    { namespace: TEAM, name: "b" },
  ],
  claimedSince: ["2026-01-02T03:04:05Z", "2025-01-02T03:04:05Z"],
  conditions: [[projected], [{ ...projected, status: "False" }]],
};
const FACTS = Object.fromEntries(Object.entries(FIELDS).map(([field, [value]]) => [field, value]));

interface Managed {
  readonly metadata: { readonly managedFields: readonly ManagedFields[] };
}

interface ManagedFields {
  readonly manager: string;
}

beforeAll(async () => {
  await admin("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {
    metadata: { name: "all-of-sshkeys" },
    rules: [{ apiGroups: [GROUP], resources: ["sshkeys", "sshkeys/status"], verbs: ["*"] }],
  });
  for (const user of [REPORTER, "writer"])
    await kubectl([
      "create",
      "clusterrolebinding",
      `all-${user.replaceAll(":", "-")}`,
      "--clusterrole=all-of-sshkeys",
      `--user=${user}`,
    ]);
  await admin("POST", sshKeysPath(TEAM), sshKey("bare", "alice"));
  for (const name of ["work", "untouched"]) {
    await admin("POST", sshKeysPath(TEAM), sshKey(name, "alice"));
    await eventually(
      "the rights are in force",
      async () => (await apply("writer", name, FACTS, "sshkey-operator")).status === 200,
    );
  }
  await eventually("the policy is in force", async () => {
    const { body } = await as(REPORTER, "DELETE", path("work"), undefined, { dryRun: true });
    return JSON.stringify(body).includes("sshkey-operator-usage");
  });
});

describe("who reports last use", () => {
  test("says when a key was used, and says it again another day", async () => {
    expect([
      (await apply(REPORTER, "work", used())).status,
      (await apply(REPORTER, "work", used(dayFrom(0)))).status,
      (await read<{ status: object }>(path("work"))).status,
    ]).toEqual([200, 200, { ...FACTS, ...used(dayFrom(0)) }]);
  });

  test("takes over what an administrator wrote there by hand", async () => {
    await admin("POST", sshKeysPath(TEAM), sshKey("by-hand", "alice"));
    await admin("PATCH", status("by-hand"), { status: { ...used(), comment: "by hand" } });
    expect((await apply(REPORTER, "by-hand", used(dayFrom(0)))).status).toBe(200);
  });

  test("says it of an object whose managedFields somebody took away, too", async () => {
    await admin("POST", sshKeysPath(TEAM), sshKey("forgotten", "alice"));
    await admin("PATCH", path("forgotten"), { metadata: { managedFields: [{}] } });
    expect((await apply(REPORTER, "forgotten", used())).status).toBe(200);
  });

  test("names no day that has not come yet", async () => {
    const answer = await apply(REPORTER, "untouched", used(dayFrom(2)));
    expect([answer.status, (answer.body as { message: string }).message]).toEqual([
      403,
      expect.stringContaining("a day in status.lastUsed that has not come yet"),
    ]);
  });

  test("names none by a time of its own in managedFields", async () => {
    const { metadata } = await read<Managed>(path("untouched"));
    const [own] = metadata.managedFields;
    const managedFields = [
      ...metadata.managedFields,
      {
        ...own,
        manager: "sshkey-usage",
        operation: "Apply",
        time: "2999-01-01T00:00:00Z",
        subresource: "status",
      },
    ];
    const patch = { metadata: { managedFields }, status: used(dayFrom(2)) };
    expect(
      (await as(REPORTER, "PATCH", `${status("untouched")}?fieldManager=sshkey-usage`, patch)).status,
    ).toBe(403);
  });

  describe.each(Object.entries(FIELDS))("leaves status.%s", (field, [value, other]) => {
    const refused = { status: 403, body: { message: expect.stringContaining("sshkey-usage may") } };

    test("as it is", async () => {
      expect(await apply(REPORTER, "untouched", { ...used(), [field]: other })).toMatchObject(refused);
    });

    test("to its owner, who may take it back", async () => {
      expect(await apply(REPORTER, "untouched", { ...used(), [field]: value })).toMatchObject(refused);
    });

    test("where it is", async () => {
      expect(await as(REPORTER, "PATCH", status("untouched"), { status: { [field]: null } })).toMatchObject(
        refused,
      );
    });

    test("away where it is not", async () => {
      expect(await apply(REPORTER, "bare", { ...used(), [field]: other })).toMatchObject(refused);
    });
  });

  test.each<[string, object]>([
    ["labels", { metadata: { labels: { a: "b" } } }],
    ["annotations", { metadata: { annotations: { a: "b" } } }],
    ["finalizers", { metadata: { finalizers: ["example.com/a"] } }],
    [
      "owners",
      {
        metadata: {
          ownerReferences: [
            { apiVersion: "v1", kind: "Node", name: "n", uid: "00000000-0000-0000-0000-000000000000" },
          ],
        },
      },
    ],
    ["spec", { spec: { disabled: true } }],
    [
      "a condition of its own",
      { status: { conditions: [projected, { ...projected, type: "example.com/Used" }] } },
    ],
  ])("changes no %s by the status either", async (_, changed) => {
    const { metadata, ...before } = await read<Managed>(path("untouched"));
    await as(REPORTER, "PATCH", `${status("untouched")}?fieldManager=sshkey-usage`, changed);
    const { metadata: after, ...rest } = await read<Managed>(path("untouched"));
    expect([rest, after]).toEqual([before, metadata]);
  });

  test("leaves no entry of another field manager, however it calls itself", async () => {
    expect((await apply(REPORTER, "untouched", used(), "somebody-else")).status).toBe(403);
  });

  test.each<[string, (entries: readonly ManagedFields[]) => readonly object[]]>([
    ["forget", () => [{}]],
    ["take for another's", (entries) => entries.map((entry) => ({ ...entry, manager: "somebody-else" }))],
    [
      "take for nobody's",
      (entries) => entries.map((entry) => ({ ...entry, fieldsV1: { "f:status": { "f:type": {} } } })),
    ],
  ])("cannot make the API server %s what the operator owns", async (_, changed) => {
    const operators = async () => {
      const { metadata } = await read<Managed>(path("untouched"));
      return metadata.managedFields.filter(({ manager }) => manager === "sshkey-operator");
    };
    const before = await operators();
    const patch = { metadata: { managedFields: changed(before) }, status: used() };
    await as(REPORTER, "PATCH", `${status("untouched")}?fieldManager=sshkey-usage`, patch);
    expect(before.length).toBe(1);
    expect(await operators()).toEqual(before);
  });

  test.each<[string, () => Promise<{ status: number }>]>([
    ["creates", () => as(REPORTER, "POST", sshKeysPath(TEAM), sshKey("new", "alice"))],
    ["changes", () => as(REPORTER, "PATCH", path("untouched"), { spec: { disabled: true } })],
    ["labels", () => as(REPORTER, "PATCH", path("untouched"), { metadata: { labels: { a: "b" } } })],
    ["deletes", () => as(REPORTER, "DELETE", path("untouched"))],
    ["deletes all", () => as(REPORTER, "DELETE", sshKeysPath(TEAM))],
  ])("%s no SSHKey", async (_, act) => {
    expect((await act()).status).toBe(403);
  });
});

describe("the policy does not bind", () => {
  test.each([
    ["an account of another name", "writer"],
    ["the operator", "system:serviceaccount:sshkey-operator:sshkey-operator"],
  ])("%s", async (_, who) => {
    await admin("POST", sshKeysPath(PEOPLE), sshKey("free", "alice"));
    const answer = await as(
      who,
      "PATCH",
      `${sshKeyStatusPath(PEOPLE, "free")}?fieldManager=sshkey-operator&force=true`,
      { apiVersion: API_VERSION, kind: KIND, metadata: { name: "free" }, status: FACTS },
      { headers: { "content-type": "application/apply-patch+yaml" } },
    );
    expect(answer.status).toBe(200);
  });
});
