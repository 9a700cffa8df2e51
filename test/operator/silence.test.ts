import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MANAGED_SELECTOR, secretsPath } from "../../src/operator/api.ts";
import { freshDSSKey, freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import type { Tenant } from "./tenant.ts";

let stage: Stage;
let tenant: Tenant;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  await stage.run();
  tenant = await withOneOfEach();
  await stage.allIsHandled();
});

afterAll(async () => {
  await stage.close();
});

describe("in a converged namespace the operator writes nothing", () => {
  test("while nothing happens to it", async () => {
    expect(await writesDuring(async () => undefined)).toEqual([]);
  });

  test("after a restart", async () => {
    expect(
      await writesDuring(async () => {
        await stage.run();
      }),
    ).toEqual([]);
  });

  test("after a crash", async () => {
    expect(
      await writesDuring(async () => {
        await stage.crash();
        await stage.run();
      }),
    ).toEqual([]);
  });

  test("when labels of its SSHKeys are edited", async () => {
    expect(
      await writesDuring(async () => {
        for (const { metadata } of await tenant.list()) await tenant.label(metadata.name, { team: "a" });
      }),
    ).toEqual([]);
  });

  test("when labels and annotations of its Secrets are edited that are not the operator's", async () => {
    const metadata = { labels: { team: "a" }, annotations: { "example.com/note": "a" } };
    expect(await writesDuring(() => tenant.editSecret("sshkeys-alice", { metadata }))).toEqual([]);
  });

  test("when another controller adds a condition of its own", async () => {
    const { status } = await tenant.read("projected");
    const condition = {
      type: "example.com/Audited",
      status: "True",
      reason: "Audited",
      message: "",
      lastTransitionTime: "2026-01-02T03:04:05Z",
    };
    const conditions = [...(status?.conditions ?? []), condition];
    expect(await writesDuring(() => tenant.editStatus("projected", { conditions }))).toEqual([]);
  });

  test("when an SSHKey is applied again as it is", async () => {
    const { spec } = await tenant.read("projected");
    expect(await writesDuring(() => tenant.edit("projected", { ...spec }))).toEqual([]);
  });
});

test("a change costs one Secret write and one status write", async () => {
  const writes = await writesDuring(async () => {
    await tenant.create("one-more", { user: "carol", key: freshKey() });
    await tenant.until("one-more", "Projected");
  });
  expect(writes.filter((write) => !write.includes("events"))).toEqual([
    "create secrets/sshkeys-carol",
    "patch sshkeys/one-more/status",
  ]);
});

test("Secrets are listed and watched by the label alone", async () => {
  const log = await readFile(stage.cluster.controlPlane.auditLog ?? "", "utf8");
  const requests = log
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { verb: string; userAgent?: string; requestURI: string })
    .filter(({ verb, userAgent }) => /^(list|watch)$/.test(verb) && userAgent?.startsWith("sshkey-operator/"))
    .map(({ requestURI }) => new URL(requestURI, "https://cluster"))
    .filter(({ pathname }) => pathname.endsWith("/secrets"));
  expect(new Set(requests.map(({ searchParams }) => searchParams.get("labelSelector")))).toEqual(
    new Set([MANAGED_SELECTOR]),
  );
});

test("a user's Secrets of one key that cannot be made in two namespaces do not set off one another", async () => {
  const tenants = [await stage.tenant(), await stage.tenant()];
  const key = freshKey();
  for (const each of tenants) {
    await each.createSecret("sshkeys-grace", {});
    await each.create("conflict", { user: "grace", key });
  }
  for (const each of tenants) await each.until("conflict", "SecretConflict");
  await stage.allIsHandled();
  const before = await attemptsIn(tenants);
  await stage.allIsHandled();
  expect(await attemptsIn(tenants)).toBe(before);
});

/** How often the operator has tried to make a Secret in these namespaces. */
async function attemptsIn(tenants: readonly Tenant[]): Promise<number> {
  const log = await readFile(stage.cluster.controlPlane.auditLog ?? "", "utf8");
  const paths = new Set(tenants.map(({ namespace }) => secretsPath(namespace)));
  return log
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { verb: string; userAgent?: string; requestURI: string })
    .filter(({ verb, userAgent }) => verb === "create" && userAgent?.startsWith("sshkey-operator/"))
    .filter(({ requestURI }) => paths.has(new URL(requestURI, "https://cluster").pathname)).length;
}

/** The operator's writes in the tenant's namespace, Events included, until all that `act` brought about is handled. */
async function writesDuring(act: () => Promise<void>): Promise<string[]> {
  const before = new Set((await stage.writesIn(tenant)).map(({ id }) => id));
  await act();
  await stage.allIsHandled();
  const writes = (await stage.writesIn(tenant)).filter(({ id }) => !before.has(id));
  return writes.map(({ verb, resource, name, subresource }) => {
    const object = resource === "events" ? resource : `${resource}/${name}`;
    return `${verb} ${object}${subresource === "" ? "" : `/${subresource}`}`;
  });
}

async function withOneOfEach(): Promise<Tenant> {
  const fresh = await stage.tenant();
  const key = freshKey();
  await fresh.create("projected", { user: "alice", key });
  await fresh.create("with-options", { user: "alice", key: freshKey(), options: ["restrict"] });
  await fresh.create("expiring", { user: "bob", key: freshKey(), expiresAt: "2040-01-01T00:00:00.5+01:00" });
  await fresh.until("projected", "Projected");
  await fresh.untilYounger();
  await fresh.create("duplicate", { user: "bob", key });
  await fresh.create("weak", { user: "bob", key: freshDSSKey() });
  await fresh.create("invalid", { user: "alice", key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" });
  await fresh.create("expired", { user: "alice", key: freshKey(), expiresAt: "2020-01-01T00:00:00Z" });
  await fresh.create("disabled", { user: "alice", key: freshKey(), disabled: true });
  await fresh.createSecret("sshkeys-dave", {});
  await fresh.create("conflict", { user: "dave", key: freshKey() });
  const held = freshKey();
  await fresh.create("held", { user: "erin", key: held });
  await fresh.until("held", "Projected");
  await fresh.editSecret("sshkeys-erin", { immutable: true });
  await fresh.edit("held", { disabled: true });
  await fresh.create("waiting", { user: "frank", key: held });
  await fresh.until("with-options", "Projected");
  await fresh.until("expiring", "Projected");
  await fresh.until("duplicate", "Duplicate");
  await fresh.until("weak", "Weak");
  await fresh.until("invalid", "Invalid");
  await fresh.until("expired", "Expired");
  await fresh.until("disabled", "Disabled");
  await fresh.until("conflict", "SecretConflict");
  await fresh.until("held", "SecretConflict");
  await fresh.until("waiting", "SecretConflict");
  return fresh;
}
