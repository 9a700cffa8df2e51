import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sshKeysPath } from "../../../src/api/paths.ts";
import type { SSHKeyStatus } from "../../../src/api/sshkey.generated.ts";
import { eventually } from "../../cluster/eventually.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, readyOf, type Tenant } from "../tenant.ts";
import { keyOwnerOf } from "./attacker.ts";

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage.close();
});

describe("an older SSHKey that is edited into a key that somebody holds", () => {
  let tenant: Tenant;
  let key: string;
  let before: string | undefined;

  beforeEach(async () => {
    await stage.run();
    [tenant, key] = [await stage.tenant(), freshKey()];
    await tenant.create("old", { user: "mallory", key: freshKey() });
    await tenant.until("old", "Projected");
    await tenant.untilYounger();
    await tenant.create("alices", { user: "alice", key });
    await tenant.until("alices", "Projected");
    before = (await tenant.secret("sshkeys-alice"))?.metadata.resourceVersion;
  });

  const edit = async () => {
    using mallory = await keyOwnerOf(tenant);
    await mallory.tenant.edit("old", { key });
  };

  const displacesNobody = async () => {
    await tenant.until("old", "Duplicate", ({ duplicateOf }) => duplicateOf?.name === "alices");
    await stage.allIsHandled();
    await tenant.until("alices", "Projected");
    expect((await tenant.secret("sshkeys-alice"))?.metadata.resourceVersion).toBe(before);
  };

  test("displaces nobody", async () => {
    await edit();
    await displacesNobody();
  });

  test("displaces nobody after a restart", async () => {
    await edit();
    await tenant.until("old", "Duplicate");
    await stage.run();
    await displacesNobody();
  });

  test("displaces nobody while the operator is away", async () => {
    await stage.crash();
    await edit();
    await stage.run();
    await displacesNobody();
  });

  test("displaces nobody when the operator is killed before it has written the status", async () => {
    await refuseStatuses(tenant);
    await edit();
    await stage.operator.logged("ReconcileFailed", ({ sshKey }) => sshKey === `${tenant.namespace}/old`);
    await stage.crash();
    await tenant.send("DELETE", `${ADMISSION}/validatingadmissionpolicybindings/${tenant.namespace}`);
    await eventually("statuses are admitted", async () => !(await areRefused(tenant)), DEADLINE_MS);
    await stage.run();
    await displacesNobody();
  });
});

describe("an SSHKey that is deleted and kept by a finalizer", () => {
  let tenant: Tenant;
  let key: string;

  beforeEach(async () => {
    await stage.run();
    [tenant, key] = [await stage.tenant(), freshKey()];
    await tenant.create("first", { user: "alice", key });
    await tenant.until("first", "Projected");
    await tenant.untilYounger();
    using owner = await keyOwnerOf(tenant);
    const path = `${sshKeysPath(tenant.namespace)}/first`;
    await owner.tenant.send("PATCH", path, { metadata: { finalizers: ["example.com/hold"] } });
    await tenant.create("second", { user: "bob", key });
    await tenant.until("second", "Duplicate");
    await owner.tenant.remove("first");
  });

  test("is out of the Secret at once, Terminating and Ready, and its key goes to the next in line", async () => {
    const status = await tenant.until("first", "Terminating");
    await tenant.untilFile("sshkeys-alice", []);
    await tenant.until("second", "Projected");
    await tenant.untilFile("sshkeys-bob", [tenant.line("second", key)]);
    expect([byType(status, "Ready"), byType(status, "Stalled"), byType(status, "Projected")]).toEqual([
      "True",
      undefined,
      "False",
    ]);
  });

  test("is so after a restart too, whatever is edited", async () => {
    await tenant.until("first", "Terminating");
    await stage.run();
    await tenant.edit("first", { key: freshKey() });
    await tenant.until("first", "Terminating");
    await stage.allIsHandled();
    await tenant.untilFile("sshkeys-alice", []);
  });
});

test("whoever revokes one of two SSHKeys of a key is told that it stays in force through the other", async () => {
  await stage.run();
  const [tenant, key] = [await stage.tenant(), freshKey()];
  await tenant.create("laptop", { user: "alice", key });
  await tenant.until("laptop", "Projected");
  await tenant.untilYounger();
  await tenant.create("backup", { user: "alice", key });
  await tenant.until("backup", "Duplicate");
  await tenant.edit("laptop", { disabled: true });
  await tenant.untilFile("sshkeys-alice", [tenant.line("backup", key)]);
  const status = await tenant.until("laptop", "Disabled", (each) =>
    (readyOf(each)?.message ?? "").includes("stays in force"),
  );
  expect(readyOf(status)?.message).toContain("through SSHKey backup; disable or delete that one too");
});

function byType({ conditions = [] }: SSHKeyStatus, type: string): string | undefined {
  return conditions.find((condition) => condition.type === type)?.status;
}

/** From now on no status of an SSHKey of the namespace can be written. */
async function refuseStatuses(tenant: Tenant): Promise<void> {
  const metadata = { name: tenant.namespace };
  const rule = {
    apiGroups: ["sshkey-operator.dev"],
    apiVersions: ["v1alpha1"],
    operations: ["UPDATE"],
    resources: ["sshkeys/status"],
  };
  await tenant.send("POST", `${ADMISSION}/validatingadmissionpolicies`, {
    metadata,
    spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: "false" }] },
  });
  await tenant.send("POST", `${ADMISSION}/validatingadmissionpolicybindings`, {
    metadata,
    spec: {
      policyName: tenant.namespace,
      validationActions: ["Deny"],
      matchResources: {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": tenant.namespace } },
      },
    },
  });
  await eventually("statuses are refused", () => areRefused(tenant), DEADLINE_MS);
}

async function areRefused({ cluster, namespace }: Tenant): Promise<boolean> {
  const path = `${sshKeysPath(namespace)}/alices/status?dryRun=All`;
  return (await cluster.request("PATCH", path, { status: { comment: "probe" } })).status === 422;
}
