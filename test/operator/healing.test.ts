import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GROUP, SECRET_ANNOTATION, USER_ANNOTATION } from "../../src/api/names.ts";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { eventually } from "../cluster/eventually.ts";
import { spawnOperator } from "../cluster/operatorprocess.ts";
import type { FlakyLine } from "./flakyline.ts";
import { freshKey } from "./publickeys.ts";
import { ServiceAccount } from "./serviceaccount.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, type Tenant } from "./tenant.ts";

let stage: Stage;
let line: FlakyLine;

beforeAll(async () => {
  stage = await Stage.open();
  line = await stage.flakyLine();
  await stage.run({ kubeconfig: line.kubeconfig });
});

afterAll(async () => {
  await stage.close();
});

describe("a managed Secret is restored after", () => {
  test.each<readonly [string, (tenant: Tenant) => Promise<void>]>([
    [
      "its file is edited",
      (tenant) => tenant.editSecret("sshkeys-alice", { stringData: { authorized_keys: "x" } }),
    ],
    [
      "its file is emptied",
      (tenant) => tenant.editSecret("sshkeys-alice", { data: { authorized_keys: "" } }),
    ],
    [
      "its file is removed",
      (tenant) => tenant.editSecret("sshkeys-alice", { data: { authorized_keys: null } }),
    ],
    ["a foreign key is added", addForeignKey],
    [
      "another data key is added",
      (tenant) => tenant.editSecret("sshkeys-alice", { stringData: { more: "x" } }),
    ],
    [
      "thousands of data keys are added",
      (tenant) => tenant.editSecret("sshkeys-alice", { data: thousands("") }),
    ],
    [
      "its file is one of thousands of others",
      (tenant) =>
        tenant.editSecret("sshkeys-alice", { data: { authorized_keys: null, ...thousands("eA==") } }),
    ],
    ["it is deleted", (tenant) => tenant.removeSecret("sshkeys-alice")],
    ["its user is changed", (tenant) => annotate(tenant, "mallory")],
    ["its user is removed", (tenant) => annotate(tenant, null)],
  ])("%s", async (_what, tamper) => {
    const { tenant, key, before } = await withOneKey();
    await tamper(tenant);
    const isRestored = async () => {
      const secret = await tenant.secret("sshkeys-alice");
      expect(secret?.data).toEqual({ authorized_keys: `${tenant.line("work", key)}\n` });
      expect(secret?.metadata.annotations).toEqual({
        [SECRET_ANNOTATION]: `${tenant.namespace}/sshkeys-alice`,
        [USER_ANNOTATION]: "alice",
      });
      return secret?.metadata.resourceVersion !== before?.metadata.resourceVersion;
    };
    await eventually("the Secret is restored", isRestored, DEADLINE_MS);
  });
});

describe("a status is restored after", () => {
  test.each([
    ["its fingerprint is changed", { fingerprint: "SHA256:false" }],
    ["its conditions are removed", { conditions: null }],
    ["it is told that it is refused", { conditions: [refusedCondition("Ready")] }],
    ["it is told that a person has to act", { conditions: [refusedCondition("Stalled")] }],
    ["a Secret is named that it is not in", { secretName: "sshkeys-bob" }],
    ["a duplicate is claimed", { duplicateOf: { namespace: "a", name: "b" } }],
  ])("%s", async (_what, status) => {
    const { tenant } = await withOneKey();
    const before = await tenant.until("work", "Projected");
    await tenant.editStatus("work", status);
    await tenant.until("work", "Projected", (now) =>
      isDeepStrictEqual(withoutTimes(now), withoutTimes(before)),
    );
  });
});

describe("needs nobody", () => {
  test("when the line to the API server is cut again and again", async () => {
    const tenant = await stage.tenant();
    const lines: string[] = [];
    for (const name of ["a", "b", "c", "d"]) {
      const key = freshKey();
      lines.push(tenant.line(name, key));
      line.cut("whole");
      await tenant.create(name, { user: "alice", key });
    }
    await tenant.untilFile("sshkeys-alice", lines);
  });

  test("when the line is dead while SSHKeys are made, edited and deleted", async () => {
    const { tenant } = await withOneKey();
    const [a, b] = [freshKey(), freshKey()];
    await tenant.create("a", { user: "alice", key: a });
    await tenant.until("a", "Projected");
    line.cut("down");
    await tenant.remove("work");
    await tenant.edit("a", { options: ["restrict"] });
    await tenant.create("b", { user: "alice", key: b });
    line.turn("whole");
    await tenant.untilFile("sshkeys-alice", [tenant.line("a", a, "restrict"), tenant.line("b", b)]);
  });

  test("when the answers to its writes are lost", async () => {
    const tenant = await stage.tenant();
    const key = freshKey();
    const other = freshKey();
    await tenant.create("work", { user: "alice", key });
    await tenant.until("work", "Projected");
    line.turn("answerless");
    await tenant.edit("work", { key: other });
    line.cut("whole");
    await tenant.until("work", "Projected");
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", other)]);
  });

  test("when the API server is killed and comes back with edits waiting", async () => {
    const { tenant } = await withOneKey();
    const key = freshKey();
    const { controlPlane } = stage.cluster;
    // With the backoff of the cut lines above it would wait longer than it has to.
    await stage.run();
    await controlPlane.stopApiServer("SIGKILL");
    await controlPlane.startApiServer();
    await tenant.edit("work", { disabled: true });
    await tenant.create("new", { user: "alice", key });
    await tenant.untilFile("sshkeys-alice", [tenant.line("new", key)]);
    await tenant.until("work", "Disabled");
  });
});

describe("a status that may not be written", () => {
  test("is written once it may, without the SSHKey being touched", async () => {
    await stage.rest();
    const tenant = await stage.tenant();
    const account = await ServiceAccount.create(tenant);
    const allButStatus = [
      { apiGroups: [""], resources: ["secrets"], verbs: ["*"] },
      { apiGroups: [GROUP], resources: ["sshkeys"], verbs: ["*"] },
    ];
    await account.may(allButStatus);
    const { kubeconfig } = account;
    const operator = await spawnOperator({ kubeconfig, args: ["--namespace", tenant.namespace] });
    const key = freshKey();
    await tenant.create("work", { user: "alice", key });
    await operator.logged("ReconcileFailed", ({ err }) =>
      String(Object(err).message).includes("/sshkeys/work/status: 403"),
    );
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", key)]);
    await account.may([
      ...allButStatus,
      { apiGroups: [GROUP], resources: ["sshkeys/status"], verbs: ["patch"] },
    ]);
    await tenant.until("work", "Projected");
    await operator.kill();
  });
});

function thousands(value: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`data-key-${i}`, value]));
}

async function withOneKey() {
  const tenant = await stage.tenant();
  const key = freshKey();
  await tenant.create("work", { user: "alice", key });
  await tenant.until("work", "Projected");
  return { tenant, key, before: await tenant.secret("sshkeys-alice") };
}

function annotate(tenant: Tenant, user: string | null): Promise<void> {
  return tenant.editSecret("sshkeys-alice", { metadata: { annotations: { [USER_ANNOTATION]: user } } });
}

async function addForeignKey(tenant: Tenant): Promise<void> {
  const { data } = (await tenant.secret("sshkeys-alice")) ?? {};
  const authorized_keys = `${data?.authorized_keys}${freshKey()} mallory\n`;
  await tenant.editSecret("sshkeys-alice", { stringData: { authorized_keys } });
}

function withoutTimes({ conditions = [], ...rest }: SSHKeyStatus) {
  return { ...rest, conditions: conditions.map((condition) => ({ ...condition, lastTransitionTime: "" })) };
}

function refusedCondition(type: string) {
  return {
    type,
    status: "False",
    reason: "Invalid",
    message: "False.",
    lastTransitionTime: "2026-01-02T03:04:05Z",
  };
}
