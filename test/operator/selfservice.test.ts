import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SELF_SERVICE_LABEL } from "../../src/api/names.ts";
import { namespacePath } from "../../src/api/paths.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import type { Tenant } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  await stage.run();
});

afterAll(() => stage.close());

describe("in a namespace with the label of self-service", () => {
  const key = freshKey();
  let people: Tenant;

  beforeAll(async () => {
    people = await stage.tenant();
    await label(people, "true");
    await people.create("sleeper", { user: "mallory", key, disabled: true });
    await people.until("sleeper", "Disabled");
    await people.untilYounger();
    await people.create("alices", { user: "alice", key });
    await people.until("alices", "Projected");
  });

  test("mallory's older SSHKey of alice's key that wakes up puts nobody out", async () => {
    await people.edit("sleeper", { disabled: false });
    await people.until("sleeper", "Projected");
    await people.until("alices", "Projected");
    await people.untilFile("sshkeys-alice", [people.line("alices", key)]);
  });

  test("nor does it while the operator starts again: no Secret is written", async () => {
    const before = (await stage.writesIn(people)).length;
    await stage.run();
    await stage.isIdle();
    expect((await stage.writesIn(people)).length).toBe(before);
  });

  test("the older claim has the key once the label is gone", async () => {
    await label(people, null);
    await people.until("alices", "Duplicate");
    await people.untilFile("sshkeys-alice", []);
  });
});

async function label({ cluster, namespace }: Tenant, value: string | null): Promise<void> {
  const metadata = { labels: { [SELF_SERVICE_LABEL]: value } };
  const { status } = await cluster.request("PATCH", namespacePath(namespace), { metadata });
  expect(status).toBe(200);
}
