import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_VERSION, KIND } from "../../src/api/names.ts";
import { sshKeyStatusPath } from "../../src/api/paths.ts";
import type { SSHKeyCondition, SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { honest, rsaBlob } from "../ssh/weakness/weakrsa.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { readyOf, type Tenant } from "./tenant.ts";

const UNUSUAL = `ssh-rsa ${rsaBlob({ ...honest(2048), exponent: 35n }).toString("base64")}`;

let stage: Stage;
let tenant: Tenant;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
  tenant = await stage.tenant();
});

afterAll(async () => {
  await stage.close();
});

function adviceIn({ conditions = [] }: SSHKeyStatus): SSHKeyCondition | undefined {
  return conditions.find(({ type }) => type === "Advice");
}

test("a key with advice is in force, and its status says what to do", async () => {
  await tenant.create("old", { user: "alice", key: UNUSUAL });
  const status = await tenant.until("old", "Projected");
  expect([readyOf(status)?.status, adviceIn(status)]).toMatchObject([
    "True",
    {
      status: "True",
      reason: "UnusualExponent",
      message: expect.stringMatching(/no key is refused.*: ssh-keygen -t ed25519\.$/),
    },
  ]);
  await tenant.untilFile("sshkeys-alice", [tenant.line("old", UNUSUAL)]);
});

describe("the condition", () => {
  test("comes and goes with the key, and what others put beside it stays", async () => {
    await tenant.create("work", { user: "bob", key: freshKey() });
    expect(adviceIn(await tenant.until("work", "Projected"))).toBeUndefined();
    await addCondition("work", "example.com/Audited");
    await tenant.edit("work", { key: UNUSUAL, disabled: true });
    expect(typesOf(await tenant.until("work", "Disabled"))).toEqual(
      expect.arrayContaining(["Advice", "example.com/Audited"]),
    );
    await tenant.edit("work", { key: freshKey(), disabled: null });
    const types = typesOf(await tenant.until("work", "Projected"));
    expect(types).toContain("example.com/Audited");
    expect(types).not.toContain("Advice");
  });

  test("that another client made is taken out", async () => {
    await tenant.create("forged", { user: "carol", key: freshKey() });
    await tenant.until("forged", "Projected");
    await addCondition("forged", "Advice");
    await tenant.until("forged", "Projected", (status) => adviceIn(status) === undefined);
  });
});

function typesOf({ conditions = [] }: SSHKeyStatus): readonly string[] {
  return conditions.map(({ type }) => type);
}

/** As a controller of its own does, by server-side apply. */
async function addCondition(name: string, type: string): Promise<void> {
  const lastTransitionTime = "2026-01-02T03:04:05Z";
  const condition = { type, status: "True", reason: "Audited", message: "", lastTransitionTime };
  const { status, body } = await tenant.cluster.request(
    "PATCH",
    `${sshKeyStatusPath(tenant.namespace, name)}?fieldManager=auditor`,
    { apiVersion: API_VERSION, kind: KIND, metadata: { name }, status: { conditions: [condition] } },
    { "content-type": "application/apply-patch+yaml" },
  );
  expect([status, body]).toEqual([200, expect.anything()]);
}
