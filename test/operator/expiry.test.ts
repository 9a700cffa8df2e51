import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, type Tenant } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(async () => {
  await stage.close();
});

describe("a key that expires", () => {
  test.concurrent("is out of the file from that moment on, and not before", async () => {
    const { tenant, before: expiresAt } = await withExpiringKey(3);
    const { metadata } = await tenant.untilFile("sshkeys-alice", []);
    const emptySince = Date.parse(metadata.annotations?.["sshkey-operator.dev/empty-since"] ?? "");
    expect(emptySince).toBeGreaterThanOrEqual(Date.parse(expiresAt));
    await tenant.until("work", "Expired");
  });

  test.concurrent("carries the moment in its line, in UTC and to the second, behind the user's options", async () => {
    const tenant = await stage.tenant();
    const key = freshKey();
    const expiresAt = "2040-03-01T01:30:00.9+02:00";
    await tenant.create("work", { user: "alice", key, expiresAt, options: ["restrict"] });
    const options = 'restrict,expiry-time="20400229233000Z"';
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", key, options)]);
  });

  test.concurrent("leaves the user's other keys alone", async () => {
    const tenant = await stage.tenant();
    const key = freshKey();
    await tenant.create("kept", { user: "alice", key });
    await tenant.create("going", { user: "alice", key: freshKey(), expiresAt: secondsFromNow(1) });
    await tenant.until("going", "Expired");
    await tenant.untilFile("sshkeys-alice", [tenant.line("kept", key)]);
  });

  test.concurrent("in ten years is projected now and stays so while others expire", async () => {
    const tenant = await stage.tenant();
    const key = freshKey();
    const expiresAt = `${new Date().getUTCFullYear() + 10}-01-01T00:00:00Z`;
    await tenant.create("work", { user: "alice", key, expiresAt });
    await tenant.until("work", "Projected");
    // Node fires a timer of more than 2^31 ms at once.
    await tenant.create("next", { user: "bob", key: freshKey(), expiresAt: secondsFromNow(1) });
    await tenant.until("next", "Expired");
    await tenant.until("work", "Projected");
  });

  test.concurrent("never enters a file when its date has passed already", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey(), expiresAt: "2020-01-01T00:00:00Z" });
    await tenant.until("work", "Expired");
    expect(await tenant.secrets()).toEqual([]);
  });
});

describe("an edited expiresAt counts", () => {
  test.concurrent.each<readonly [string, string | null, string]>([
    ["later", "2040-01-01T00:00:00Z", 'expiry-time="20400101000000Z"'],
    ["never", null, ""],
  ])("%s: the key that would have gone stays", async (_when, expiresAt, options) => {
    const { tenant, key, before } = await withExpiringKey(3);
    await tenant.edit("work", { expiresAt });
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", key, options)]);
    await until(before);
    await tenant.create("marker", { user: "bob", key: freshKey() });
    await tenant.until("marker", "Projected");
    await tenant.until("work", "Projected");
  });

  test.concurrent("sooner: the key goes sooner", async () => {
    const { tenant } = await withExpiringKey(3600);
    await tenant.edit("work", { expiresAt: secondsFromNow(1) });
    await tenant.until("work", "Expired");
    await tenant.untilFile("sshkeys-alice", []);
  });

  test.concurrent("in the past: the key goes at once", async () => {
    const { tenant } = await withExpiringKey(3600);
    await tenant.edit("work", { expiresAt: "2020-01-01T00:00:00Z" });
    await tenant.until("work", "Expired");
    await tenant.untilFile("sshkeys-alice", []);
  });

  test.concurrent("later, after it has passed: the key comes back", async () => {
    const { tenant, key } = await withExpiringKey(3);
    await tenant.until("work", "Expired");
    await tenant.edit("work", { expiresAt: "2040-01-01T00:00:00Z" });
    const line = tenant.line("work", key, 'expiry-time="20400101000000Z"');
    await tenant.untilFile("sshkeys-alice", [line]);
  });
});

describe("a disabled key", () => {
  test("is out of the file, keeps its facts on status, and comes back when enabled", async () => {
    const tenant = await stage.tenant();
    const key = freshKey();
    await tenant.create("work", { user: "alice", key });
    const { fingerprint } = await tenant.until("work", "Projected");
    await tenant.edit("work", { disabled: true });
    const status = await tenant.until("work", "Disabled");
    expect([status.fingerprint, status.secretName]).toEqual([fingerprint, undefined]);
    await tenant.untilFile("sshkeys-alice", []);
    await tenant.edit("work", { disabled: false });
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", key)]);
  });

  test("is not Stalled: somebody wanted it so", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey(), disabled: true });
    const { conditions } = await tenant.until("work", "Disabled");
    expect(conditions?.map(({ type }) => type)).toEqual(["Valid", "Unique", "Projected", "Ready"]);
  });
});

test("a key that expires is found out of date by an operator that was away at that moment", async () => {
  const { tenant, before: expiresAt } = await withExpiringKey(3);
  await stage.crash();
  await until(expiresAt);
  await stage.run();
  await tenant.untilFile("sshkeys-alice", []);
  await tenant.until("work", "Expired");
});

/** A key that is in the file, and has been given an end. */
async function withExpiringKey(seconds: number): Promise<{ tenant: Tenant; key: string; before: string }> {
  const tenant = await stage.tenant();
  const key = freshKey();
  await tenant.create("work", { user: "alice", key });
  await tenant.until("work", "Projected");
  const before = secondsFromNow(seconds);
  await tenant.edit("work", { expiresAt: before });
  return { tenant, key, before };
}

/** A whole second at least that far away. */
function secondsFromNow(seconds: number): string {
  const at = Math.ceil(Date.now() / 1000 + seconds) * 1000;
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

async function until(moment: string): Promise<void> {
  await eventually(`it is ${moment}`, () => Date.now() > Date.parse(moment), DEADLINE_MS);
}
