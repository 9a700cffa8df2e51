import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Stage } from "../operator/stage.ts";
import { DEADLINE_MS, type Tenant } from "../operator/tenant.ts";
import { differences } from "./comparison.ts";

/** After an outage a reflector waits up to 30 s before it tries again. */

/** Of writes that others make between the backup and the restore, as many as these two multiplied. */
const ROUNDS = 250;
const AT_ONCE = 8;

const [early, late, later] = [freshKey(), freshKey(), freshKey()];

let stage: Stage;
let tenant: Tenant;
let pid: number;

/** etcd is put back to what it was before a day of work, while the operator runs on. */
beforeAll(async () => {
  stage = await Stage.open();
  tenant = await stage.tenant();
  pid = (await stage.run()).child.pid;
  await tenant.create("changes", { user: "alice", key: early });
  await tenant.create("goes", { user: "bob", key: freshKey() });
  await tenant.create("is-disabled", { user: "carol", key: freshKey() });
  await stage.allIsHandled();
  await backUp();
  await letOthersWork();
  await tenant.edit("changes", { key: late });
  await tenant.remove("goes");
  await tenant.edit("is-disabled", { disabled: true });
  await tenant.create("comes", { user: "dave", key: freshKey() });
  await tenant.until("comes", "Projected");
  await stage.allIsHandled();
  await restore();
  await tenant.edit("changes", { key: later });
});

afterAll(async () => {
  await stage?.close();
});

test("Secrets and statuses come to what the restored SSHKeys say", async () => {
  const areNone = async () => {
    const found = await differences([tenant]);
    if (found.length > 0) throw new Error(found.join("; "));
    return true;
  };
  await eventually("there are no differences", areNone, DEADLINE_MS);
});

test("an edit under a generation that was another one before is projected", async () => {
  await eventually(
    "the file holds the later key",
    async () =>
      (await tenant.secret("sshkeys-alice"))?.data.authorized_keys === `${tenant.line("changes", later)}\n`,
    DEADLINE_MS,
  );
});

test("a Secret that is edited after it is restored", async () => {
  await tenant.editSecret("sshkeys-bob", { data: { authorized_keys: "" } });
  await eventually(
    "the file holds the key",
    async () => (await tenant.secret("sshkeys-bob"))?.data.authorized_keys !== "",
    DEADLINE_MS,
  );
});

test("a revocation after it is carried out", async () => {
  await tenant.edit("is-disabled", { disabled: true });
  await tenant.untilFile("sshkeys-carol", []);
});

test("it took no restart", () => {
  expect(stage.operator.child.pid).toBe(pid);
});

/**
 * Many versions, so that the restored cluster is behind what the operator has seen for as long as the test takes: the
 * API server and the operator write to it too.
 */
async function letOthersWork(): Promise<void> {
  const path = `/api/v1/namespaces/${tenant.namespace}/configmaps`;
  await eventually("the API server has etcd back", async () => {
    await tenant.send("POST", path, { metadata: { name: "others" } });
    return true;
  });
  for (let round = 0; round < ROUNDS; round += 1) {
    const at = (i: number) => tenant.send("PATCH", `${path}/others`, { data: { at: `${round}.${i}` } });
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => at(i)));
  }
}

const data = () => join(stage.cluster.controlPlane.dir, "etcd");
const backup = () => join(stage.cluster.controlPlane.dir, "backup");

async function backUp(): Promise<void> {
  const { controlPlane } = stage.cluster;
  await controlPlane.stopEtcd();
  await cp(data(), backup(), { recursive: true });
  await controlPlane.startEtcd();
}

async function restore(): Promise<void> {
  const { controlPlane } = stage.cluster;
  await controlPlane.stopApiServer();
  await controlPlane.stopEtcd();
  await rm(data(), { recursive: true });
  await cp(backup(), data(), { recursive: true });
  await controlPlane.startEtcd();
  await controlPlane.startApiServer();
}
