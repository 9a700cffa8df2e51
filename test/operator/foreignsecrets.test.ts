import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATION } from "../../src/api/names.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { readyOf, type Tenant } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(async () => {
  await stage.close();
});

const OWN = { metadata: { labels: { [MANAGED_LABEL]: "default" } } };

describe("a Secret of the user's Secret's name without the label", () => {
  test("is left alone and reported", async () => {
    const { tenant, before } = await withForeignSecret();
    const status = await tenant.until("work", "SecretConflict");
    expect(readyOf(status)?.message).toContain(`kubectl delete secret -n ${tenant.namespace} sshkeys-alice`);
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
  });

  test("is not handed over by the label alone: it is treated as a copy and left alone", async () => {
    const { tenant } = await withForeignSecret();
    await tenant.until("work", "SecretConflict");
    await tenant.editSecret("sshkeys-alice", OWN);
    const before = await tenant.secret("sshkeys-alice");
    const status = await tenant.until("work", "SecretConflict", (each) =>
      (readyOf(each)?.message ?? "").includes("it is treated as a copy"),
    );
    expect(readyOf(status)?.message).toContain("kubectl delete secret");
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
  });

  test("that is given label and annotation holds the key, and nothing of what was in it", async () => {
    const { tenant, key } = await withForeignSecret();
    await tenant.until("work", "SecretConflict");
    const annotations = { [SECRET_ANNOTATION]: `${tenant.namespace}/sshkeys-alice` };
    await tenant.editSecret("sshkeys-alice", { metadata: { ...OWN.metadata, annotations } });
    await tenant.until("work", "Projected");
    expect((await tenant.secret("sshkeys-alice"))?.data).toEqual({
      authorized_keys: `${tenant.line("work", key)}\n`,
    });
  });

  test("that is deleted makes room, without anybody touching an SSHKey", async () => {
    const { tenant, key } = await withForeignSecret();
    await tenant.until("work", "SecretConflict");
    await tenant.removeSecret("sshkeys-alice");
    await tenant.until("work", "Projected");
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", key)]);
  });

  test("stands in the way of its user alone", async () => {
    const { tenant } = await withForeignSecret();
    await tenant.create("bobs", { user: "bob", key: freshKey() });
    await tenant.until("bobs", "Projected");
    await tenant.until("work", "SecretConflict");
  });

  test("is not touched when the user's SSHKeys go", async () => {
    const { tenant, before } = await withForeignSecret();
    await tenant.until("work", "SecretConflict");
    await tenant.remove("work");
    await tenant.create("bobs", { user: "bob", key: freshKey() });
    await tenant.until("bobs", "Projected");
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
  });
});

describe("a managed Secret whose label is taken away", () => {
  test("is reported and left alone from then on, even when its key is revoked", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey() });
    await tenant.until("work", "Projected");
    await tenant.editSecret("sshkeys-alice", { metadata: { labels: { [MANAGED_LABEL]: null } } });
    await tenant.until("work", "SecretConflict");
    const before = await tenant.secret("sshkeys-alice");
    await tenant.edit("work", { disabled: true });
    const status = await tenant.until("work", "SecretConflict");
    expect(readyOf(status)?.message).toContain("must be removed from Secret sshkeys-alice");
    expect(status.conditions?.find(({ type }) => type === "Projected")?.status).toBe("Unknown");
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
  });

  test("is taken up again with its label", async () => {
    const tenant = await stage.tenant();
    const key = freshKey();
    await tenant.create("work", { user: "alice", key });
    await tenant.until("work", "Projected");
    await tenant.editSecret("sshkeys-alice", { metadata: { labels: { [MANAGED_LABEL]: null } } });
    await tenant.until("work", "SecretConflict");
    await tenant.editSecret("sshkeys-alice", OWN);
    await tenant.until("work", "Projected");
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", key)]);
  });
});

describe("an immutable managed Secret", () => {
  test("is reported with a next step while a key waits to come in", async () => {
    const { tenant } = await withImmutableSecret();
    await tenant.create("second", { user: "alice", key: freshKey() });
    const status = await tenant.until("second", "SecretConflict");
    expect(readyOf(status)?.message).toMatch(/immutable.* run: kubectl delete secret -n /);
  });

  test("never makes the status of a key that it still holds say that the key is out", async () => {
    const { tenant } = await withImmutableSecret();
    await tenant.edit("work", { disabled: true });
    const status = await tenant.until("work", "SecretConflict");
    expect(readyOf(status)?.status).toBe("False");
  });

  test("that is deleted is made anew, without anybody touching an SSHKey", async () => {
    const { tenant, key } = await withImmutableSecret();
    const second = freshKey();
    await tenant.create("second", { user: "alice", key: second });
    await tenant.until("second", "SecretConflict");
    await tenant.removeSecret("sshkeys-alice");
    await tenant.until("second", "Projected");
    await tenant.untilFile("sshkeys-alice", [tenant.line("second", second), tenant.line("work", key)]);
  });
});

test("a key that an immutable Secret of another user still holds comes into the Secret of its own user", async () => {
  const { tenant, key } = await withImmutableSecret();
  await tenant.edit("work", { disabled: true });
  await tenant.until("work", "SecretConflict");
  await tenant.create("bobs", { user: "bob", key });
  await tenant.until("bobs", "Projected");
  await tenant.untilFile("sshkeys-bob", [tenant.line("bobs", key)]);
});

test("a Secret that is deleted and made again by somebody else is not overwritten", async () => {
  const tenant = await stage.tenant();
  const key = freshKey();
  await tenant.create("work", { user: "alice", key });
  await tenant.until("work", "Projected");
  await stage.crash();
  await tenant.removeSecret("sshkeys-alice");
  await tenant.buildCreate("sshkeys-alice", { password: "theirs" });
  await stage.run();
  await tenant.until("work", "SecretConflict");
  expect((await tenant.secret("sshkeys-alice"))?.data).toEqual({ password: "theirs" });
});

async function withForeignSecret() {
  const tenant = await stage.tenant();
  const key = freshKey();
  await tenant.buildCreate("sshkeys-alice", { authorized_keys: "theirs", password: "theirs" });
  const before = await tenant.secret("sshkeys-alice");
  await tenant.create("work", { user: "alice", key });
  return { tenant, key, before };
}

async function withImmutableSecret(): Promise<{ tenant: Tenant; key: string }> {
  const tenant = await stage.tenant();
  const key = freshKey();
  await tenant.create("work", { user: "alice", key });
  await tenant.until("work", "Projected");
  await tenant.editSecret("sshkeys-alice", { immutable: true });
  return { tenant, key };
}
