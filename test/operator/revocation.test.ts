import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EMPTY_SINCE_ANNOTATION } from "../../src/api/names.ts";
import { eventually } from "../cluster/eventually.ts";
import { History, type Version } from "../cluster/history.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, type Tenant } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage.close();
});

describe("when a user's last key goes, the Secret stays and its file is empty", () => {
  beforeAll(async () => {
    await stage.run();
  });

  test.each<readonly [string, (tenant: Tenant) => Promise<void>]>([
    ["deleted", (tenant) => tenant.remove("only")],
    ["disabled", (tenant) => tenant.edit("only", { disabled: true })],
    ["expired", (tenant) => tenant.edit("only", { expiresAt: "2020-01-01T00:00:00Z" })],
    ["made invalid", (tenant) => tenant.edit("only", { key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" })],
  ])("%s", async (_how, revoke) => {
    const { tenant, uid } = await withOneKey();
    await revoke(tenant);
    const { metadata } = await tenant.untilFile("sshkeys-alice", []);
    expect(metadata.uid).toBe(uid);
  });

  test("also when the key went while the operator was away", async () => {
    const { tenant, uid } = await withOneKey();
    await stage.crash();
    await tenant.remove("only");
    await stage.run();
    const { metadata } = await tenant.untilFile("sshkeys-alice", []);
    expect(metadata.uid).toBe(uid);
  });

  test("and a later key of the user comes into the same Secret", async () => {
    const { tenant, uid } = await withOneKey();
    await tenant.remove("only");
    await tenant.untilFile("sshkeys-alice", []);
    const key = freshKey();
    await tenant.create("new", { user: "alice", key });
    const { metadata } = await tenant.untilFile("sshkeys-alice", [tenant.line("new", key)]);
    expect([metadata.uid, metadata.annotations?.[EMPTY_SINCE_ANNOTATION]]).toEqual([uid, undefined]);
  });

  test("and the keys of other users stay", async () => {
    const { tenant } = await withOneKey();
    const key = freshKey();
    await tenant.create("bobs", { user: "bob", key });
    await tenant.untilFile("sshkeys-bob", [tenant.line("bobs", key)]);
    await tenant.remove("only");
    await tenant.untilFile("sshkeys-alice", []);
    expect((await tenant.secret("sshkeys-bob"))?.data).toEqual({
      authorized_keys: `${tenant.line("bobs", key)}\n`,
    });
  });
});

test("nothing owns the Secret, and neither it nor the SSHKey has a finalizer", async () => {
  await stage.run();
  const { tenant } = await withOneKey();
  const { metadata: secret } = (await tenant.secret("sshkeys-alice")) ?? {};
  const { metadata: key } = (await tenant.read("only")) as { metadata: object };
  expect([secret?.ownerReferences, secret?.finalizers, "finalizers" in key]).toEqual([
    undefined,
    undefined,
    false,
  ]);
});

describe("an empty Secret", () => {
  beforeAll(async () => {
    await stage.run({ config: "secrets: { retention: 1s }" });
  });

  test("is collected after the retention when no SSHKey names the user", async () => {
    const history = await History.start(stage.cluster.controlPlane.kubeconfig);
    try {
      const { tenant } = await withOneKey();
      await tenant.remove("only");
      const isEnd = ({ resource, isGone, object }: Version) =>
        resource === "secrets" && isGone && object.metadata.namespace === tenant.namespace;
      const { at, object } = await eventually("it is collected", () => history.ordered().find(isEnd));
      const emptySince = Date.parse(object.metadata.annotations?.[EMPTY_SINCE_ANNOTATION] ?? "");
      expect(object.data).toEqual({ authorized_keys: "" });
      expect(at).toBeGreaterThanOrEqual(emptySince + 1000);
    } finally {
      await history.stop();
    }
  });

  test("is kept while an SSHKey that is not projected names the user", async () => {
    const { tenant, uid } = await withOneKey();
    const { tenant: other } = await withOneKey();
    await tenant.edit("only", { disabled: true });
    await tenant.untilFile("sshkeys-alice", []);
    await other.remove("only");
    await untilGone(other);
    expect((await tenant.secret("sshkeys-alice"))?.metadata.uid).toBe(uid);
  });

  test("is collected by the next operator when the last one had no time to", async () => {
    const { tenant } = await withOneKey();
    await stage.run();
    await tenant.remove("only");
    await tenant.untilFile("sshkeys-alice", []);
    await stage.run({ config: "secrets: { retention: 1s }" });
    await untilGone(tenant);
  });

  test("is made anew for a user who returns after that", async () => {
    const { tenant, uid } = await withOneKey();
    await tenant.remove("only");
    await untilGone(tenant);
    const key = freshKey();
    await tenant.create("new", { user: "alice", key });
    const { metadata } = await tenant.untilFile("sshkeys-alice", [tenant.line("new", key)]);
    expect(metadata.uid).not.toBe(uid);
  });
});

async function withOneKey(): Promise<{ tenant: Tenant; uid: string }> {
  const tenant = await stage.tenant();
  const key = freshKey();
  await tenant.create("only", { user: "alice", key });
  const { metadata } = await tenant.untilFile("sshkeys-alice", [tenant.line("only", key)]);
  return { tenant, uid: metadata.uid };
}

async function untilGone(tenant: Tenant): Promise<void> {
  const gone = async () => (await tenant.secret("sshkeys-alice")) === undefined;
  await eventually("the Secret is collected", gone, DEADLINE_MS);
}
