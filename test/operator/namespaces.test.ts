import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, type Tenant } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ controllerManager: true });
});

afterAll(async () => {
  await stage.close();
});

describe("with --namespace given twice", () => {
  let one: Tenant;
  let two: Tenant;
  let other: Tenant;
  const key = freshKey();

  beforeAll(async () => {
    [one, two, other] = [await stage.tenant(), await stage.tenant(), await stage.tenant()];
    await other.create("work", { user: "alice", key });
    await stage.run({ args: ["--namespace", one.namespace, "--namespace", two.namespace] });
  });

  test("both namespaces are served, and a third is not touched", async () => {
    for (const tenant of [one, two]) {
      await tenant.create("work", { user: "bob", key: freshKey() });
      await tenant.until("work", "Projected");
    }
    expect([(await other.read("work")).status, await other.secrets()]).toEqual([
      { observedGeneration: -1 },
      [],
    ]);
  });

  test("a key of the third namespace stands in nobody's way", async () => {
    await one.create("same", { user: "carol", key });
    await one.until("same", "Projected");
  });

  test("a key of one is nobody's business in the other", async () => {
    const shared = freshKey();
    await one.create("first", { user: "dave", key: shared });
    await one.until("first", "Projected");
    await two.untilYounger();
    await two.create("second", { user: "erin", key: shared });
    await two.until("second", "Projected");
  });

  test("SSHKeys of both that went while the operator was away are revoked", async () => {
    const gone = freshKey();
    await two.create("gone", { user: "frank", key: gone });
    await two.untilFile("sshkeys-frank", [two.line("gone", gone)]);
    await stage.crash();
    await two.remove("gone");
    await stage.run({ args: ["--namespace", one.namespace, "--namespace", two.namespace] });
    await two.untilFile("sshkeys-frank", []);
  });
});

describe("a namespace that is deleted", () => {
  beforeAll(async () => {
    await stage.run();
  });

  test.concurrent("goes away with its SSHKeys and Secrets, and nothing holds it up", async () => {
    const tenant = await stage.tenant();
    for (const user of ["alice", "bob", "carol@example.com"]) {
      await tenant.create(user.slice(0, 3), { user, key: freshKey() });
      await tenant.until(user.slice(0, 3), "Projected");
    }
    await deleteNamespace(tenant);
  });

  test.concurrent("leaves its keys in force where others have them", async () => {
    const [tenant, other] = [await stage.tenant(), await stage.tenant()];
    const key = freshKey();
    await tenant.create("first", { user: "alice", key });
    await tenant.until("first", "Projected");
    await other.create("second", { user: "alice", key });
    const before = await other.untilFile("sshkeys-alice", [other.line("second", key)]);
    await deleteNamespace(tenant);
    await stage.allIsHandled();
    expect(await other.secret("sshkeys-alice")).toEqual(before);
  });

  test.concurrent("while SSHKeys are being made in it leaves the operator at work for others", async () => {
    const [tenant, other] = [await stage.tenant(), await stage.tenant()];
    const making = Array.from({ length: 30 }, (_, index) =>
      tenant.create(`key-${index}`, { user: `user-${index}`, key: freshKey() }).then(
        () => "made",
        () => "refused",
      ),
    );
    await deleteNamespace(tenant);
    await Promise.all(making);
    await other.create("work", { user: "alice", key: freshKey() });
    await other.until("work", "Projected");
    const failures = (await stage.operator.log()).filter(({ level }) => level === "error");
    expect(failures).toEqual([]);
  });
});

async function deleteNamespace(tenant: Tenant): Promise<void> {
  const path = `/api/v1/namespaces/${tenant.namespace}`;
  await tenant.send("DELETE", path);
  const isGone = async () => (await stage.cluster.request("GET", path)).status === 404;
  await eventually("the namespace is gone", isGone, DEADLINE_MS);
}
