import { beforeAll, describe, expect, test } from "vitest";
import { API_VERSION, GROUP, KIND } from "../../src/api/names.ts";
import { sshKeyStatusPath, sshKeysPath } from "../../src/api/paths.ts";
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
const used = (day = "2027-01-31") => ({
  lastUsed: { time: `${day}T00:00:00Z`, source: "pod/team-a/bastion", fingerprint: "SHA256:x" },
});
const projected = {
  type: "Projected",
  status: "True",
  reason: "Projected",
  message: "",
  lastTransitionTime: "2026-01-02T03:04:05Z",
};
const FACTS = {
  observedGeneration: 1,
  type: "ssh-ed25519",
  fingerprint: "SHA256:x",
  conditions: [projected],
};

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
      (await apply(REPORTER, "work", used("2027-02-01"))).status,
      (await read<{ status: object }>(path("work"))).status,
    ]).toEqual([200, 200, { ...FACTS, ...used("2027-02-01") }]);
  });

  test("takes over what an administrator wrote there by hand", async () => {
    await admin("POST", sshKeysPath(TEAM), sshKey("by-hand", "alice"));
    await admin("PATCH", status("by-hand"), { status: used() });
    expect((await apply(REPORTER, "by-hand", used("2027-02-01"))).status).toBe(200);
  });

  test.each([
    ["a condition", { conditions: [{ ...projected, status: "False" }] }],
    ["a condition of its own", { conditions: [{ ...projected, type: "example.com/Used" }] }],
    ["the fingerprint", { fingerprint: "SHA256:y" }],
    ["a field that was not there", { secretName: "sshkeys-alice" }],
    ["the generation", { observedGeneration: 2 }],
  ])("does not change %s", async (_, changed) => {
    const answer = await apply(REPORTER, "untouched", { ...used(), ...changed });
    expect([answer.status, (answer.body as { message: string }).message]).toEqual([
      403,
      expect.stringContaining("nothing of an SSHKey but status.lastUsed"),
    ]);
  });

  test.each([
    ["a field away", { type: null }],
    ["the conditions away", { conditions: [] }],
  ])("does not take %s", async (_, changed) => {
    expect((await as(REPORTER, "PATCH", status("untouched"), { status: changed })).status).toBe(403);
  });

  test("leaves no entry of another field manager, however it calls itself", async () => {
    expect((await apply(REPORTER, "untouched", used(), "somebody-else")).status).toBe(403);
  });

  test("cannot make the API server forget what the operator owns", async () => {
    const forget = { metadata: { managedFields: [{}] }, status: used() };
    await as(REPORTER, "PATCH", `${status("untouched")}?fieldManager=sshkey-usage`, forget);
    const { metadata } = await read<{ metadata: { managedFields: readonly { manager: string }[] } }>(
      path("untouched"),
    );
    expect(metadata.managedFields.map(({ manager }) => manager)).toContain("sshkey-operator");
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
