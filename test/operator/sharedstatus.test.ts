import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_VERSION, KIND } from "../../src/api/names.ts";
import { sshKeyStatusPath } from "../../src/api/paths.ts";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import type { Tenant } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage.close();
});

test("a new SSHKey says that nobody has looked at it while the operator does not run", async () => {
  const tenant = await stage.tenant();
  await tenant.create("work", { user: "alice", key: freshKey() });
  expect((await tenant.read("work")).status).toEqual({ observedGeneration: -1 });
  await stage.run();
  await tenant.until("work", "Projected");
});

describe("what another writer puts into the status", () => {
  beforeAll(async () => {
    await stage.run();
  });

  test("stays when the operator writes its part, also after a restart", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey() });
    await tenant.until("work", "Projected");
    await addCondition(tenant, "work", "example.com/Audited");
    await tenant.edit("work", { disabled: true });
    expect(foreignIn(await tenant.until("work", "Disabled"))).toEqual(["example.com/Audited"]);
    await stage.run();
    await tenant.edit("work", { disabled: false });
    expect(foreignIn(await tenant.until("work", "Projected"))).toEqual(["example.com/Audited"]);
  });

  test("stays as well when it comes between the operator's read and its write", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey() });
    const types = Array.from({ length: 30 }, (_, index) => `example.com/Audited${index}`).sort();
    for (const [index, type] of types.entries()) {
      await Promise.all([
        tenant.edit("work", { disabled: index % 2 === 0 }),
        addCondition(tenant, "work", type),
      ]);
    }
    expect(foreignIn(await tenant.until("work", "Projected"))).toEqual(types);
  });

  test("is none of the operator's business: it sets off no write", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey() });
    await tenant.until("work", "Projected");
    await addCondition(tenant, "work", "example.com/Audited");
    const before = await tenant.read("work");
    await stage.allIsHandled();
    expect(await tenant.read("work")).toEqual(before);
  });
});

/** As a controller of its own does: by server-side apply, with nothing but its condition, under its own name. */
async function addCondition(tenant: Tenant, name: string, type: string): Promise<void> {
  const condition = {
    type,
    status: "True",
    reason: "Audited",
    message: "",
    lastTransitionTime: "2026-01-02T03:04:05Z",
  };
  const manager = encodeURIComponent(type);
  const { status, body } = await tenant.cluster.request(
    "PATCH",
    `${sshKeyStatusPath(tenant.namespace, name)}?fieldManager=${manager}`,
    { apiVersion: API_VERSION, kind: KIND, metadata: { name }, status: { conditions: [condition] } },
    { "content-type": "application/apply-patch+yaml" },
  );
  expect([status, body]).toEqual([200, expect.anything()]);
}

function foreignIn({ conditions = [] }: SSHKeyStatus): readonly string[] {
  return conditions
    .map(({ type }) => type)
    .filter((type) => type.includes("/"))
    .sort();
}
