import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dayOf, lastUse } from "../../src/api/lastused.ts";
import { API_VERSION, KIND } from "../../src/api/names.ts";
import { sshKeyStatusPath } from "../../src/api/paths.ts";
import type { SSHKeyLastUsed, SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { formatRFC3339 } from "../../src/api/time.ts";
import { eventually } from "../cluster/eventually.ts";
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

describe("the last use", () => {
  beforeAll(async () => {
    await stage.run();
  });

  test("stays, whatever the operator writes, also after a restart", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey() });
    const used = await reportUse(tenant, "work", await tenant.until("work", "Projected"));
    await tenant.edit("work", { disabled: true });
    expect((await tenant.until("work", "Disabled")).lastUsed).toEqual(used);
    await stage.run();
    await tenant.edit("work", { disabled: false });
    expect((await tenant.until("work", "Projected")).lastUsed).toEqual(used);
  });

  test("belongs to whoever reports it, and not to the operator", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey() });
    await reportUse(tenant, "work", await tenant.until("work", "Projected"));
    await tenant.edit("work", { disabled: true });
    await tenant.until("work", "Disabled");
    const { metadata } = (await tenant.read("work")) as unknown as Owned;
    const owners = metadata.managedFields
      .filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes("f:lastUsed"))
      .map(({ manager }) => manager);
    expect(owners).toEqual(["sshkey-usage"]);
  });

  test("sets off no write of the operator", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey() });
    await reportUse(tenant, "work", await tenant.until("work", "Projected"));
    const before = await tenant.read("work");
    await stage.allIsHandled();
    expect(await tenant.read("work")).toEqual(before);
  });

  test("counts no more once the key is another one", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey() });
    const before = await tenant.until("work", "Projected");
    await reportUse(tenant, "work", before);
    await tenant.edit("work", { key: freshKey() });
    const isNew = ({ fingerprint }: SSHKeyStatus) =>
      fingerprint !== undefined && fingerprint !== before.fingerprint;
    const after = await eventually("the status is of the new key", async () => {
      const { status = {} } = await tenant.read("work");
      return isNew(status) && status;
    });
    const now = Date.now();
    const lastUses = [
      lastUse({ ...before, lastUsed: after.lastUsed as SSHKeyLastUsed }, now),
      lastUse(after, now),
    ];
    expect(lastUses).toEqual([dayOf(now), undefined]);
  });
});

interface Owned {
  readonly metadata: {
    readonly managedFields: readonly { readonly manager: string; readonly fieldsV1: object }[];
  };
}

/** As `sshkey-operator usage` does. */
async function reportUse(tenant: Tenant, name: string, { fingerprint = "" }: SSHKeyStatus) {
  const lastUsed = { time: formatRFC3339(dayOf(Date.now())), source: "pod/a/b", fingerprint };
  await apply(tenant, name, "sshkey-usage", { lastUsed });
  return lastUsed;
}

/** As a controller of its own does: by server-side apply, with nothing but its condition, under its own name. */
async function addCondition(tenant: Tenant, name: string, type: string): Promise<void> {
  const condition = {
    type,
    status: "True",
    reason: "Audited",
    message: "",
    lastTransitionTime: "2026-01-02T03:04:05Z",
  };
  await apply(tenant, name, type, { conditions: [condition] });
}

async function apply(tenant: Tenant, name: string, manager: string, status: object): Promise<void> {
  const answer = await tenant.cluster.request(
    "PATCH",
    `${sshKeyStatusPath(tenant.namespace, name)}?fieldManager=${encodeURIComponent(manager)}`,
    { apiVersion: API_VERSION, kind: KIND, metadata: { name }, status },
    { "content-type": "application/apply-patch+yaml" },
  );
  expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
}

function foreignIn({ conditions = [] }: SSHKeyStatus): readonly string[] {
  return conditions
    .map(({ type }) => type)
    .filter((type) => type.includes("/"))
    .sort();
}
