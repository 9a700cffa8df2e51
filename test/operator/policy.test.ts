import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshDSSKey, freshKey, freshRSAKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { readyOf } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage.close();
});

describe("allowedTypes", () => {
  beforeAll(async () => {
    await stage.run({ config: "policy: { allowedTypes: [ssh-rsa, ssh-dss] }" });
  });

  test("a type that is not in it is Weak, and the message names the rule", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey() });
    const status = await tenant.until("work", "Weak");
    expect(readyOf(status)?.message).toContain("(allowedTypes)");
  });

  test("ssh-dss, off by default, is projected when it is in it", async () => {
    const tenant = await stage.tenant();
    const key = freshDSSKey();
    await tenant.create("work", { user: "alice", key });
    await tenant.untilFile("sshkeys-alice", [tenant.line("work", key)]);
  });
});

describe("minimumRSABits", () => {
  beforeAll(async () => {
    await stage.run({ config: "policy: { minimumRSABits: 3072 }" });
  });

  test("a key one bit short of it is Weak, with its length on status", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshRSAKey(3071) });
    const status = await tenant.until("work", "Weak");
    expect([status.length, readyOf(status)?.message]).toEqual([
      3071,
      expect.stringContaining("(minimumRSABits)"),
    ]);
  });

  test("a key of exactly so many bits is projected", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshRSAKey(3072) });
    await tenant.until("work", "Projected");
  });
});

describe("maximumLifetime", () => {
  beforeAll(async () => {
    await stage.run({ config: "policy: { maximumLifetime: 1h }" });
  });

  test("a key without expiresAt is Invalid, and the message gives the latest date", async () => {
    const tenant = await stage.tenant();
    const { metadata } = await tenant.create("work", { user: "alice", key: freshKey() });
    const status = await tenant.until("work", "Invalid");
    const latest = new Date(Date.parse(metadata.creationTimestamp ?? "") + 3_600_000);
    expect(readyOf(status)?.message).toContain(`${latest.toISOString().slice(0, 19)}Z`);
  });

  test("a key that lives no longer is projected", async () => {
    const tenant = await stage.tenant();
    const expiresAt = new Date(Date.now() + 3_500_000).toISOString();
    await tenant.create("work", { user: "alice", key: freshKey(), expiresAt });
    await tenant.until("work", "Projected");
  });

  test("a key that lives longer is Invalid", async () => {
    const tenant = await stage.tenant();
    const expiresAt = new Date(Date.now() + 3_700_000).toISOString();
    await tenant.create("work", { user: "alice", key: freshKey(), expiresAt });
    await tenant.until("work", "Invalid");
  });
});

describe("maximumKeysPerUser", () => {
  beforeAll(async () => {
    await stage.run({ config: "policy: { maximumKeysPerUser: 2 }" });
  });

  test("one key more is SecretFull, and takes the place of one that goes", async () => {
    const tenant = await stage.tenant();
    const [a, b, c] = [freshKey(), freshKey(), freshKey()];
    await tenant.create("c", { user: "alice", key: c });
    await tenant.create("b", { user: "alice", key: b });
    await tenant.untilFile("sshkeys-alice", [tenant.line("b", b), tenant.line("c", c)]);
    await tenant.untilYounger();
    await tenant.create("a", { user: "alice", key: a });
    const status = await tenant.until("a", "SecretFull");
    expect(readyOf(status)?.message).toContain("(maximumKeysPerUser)");
    await tenant.remove("c");
    await tenant.untilFile("sshkeys-alice", [tenant.line("a", a), tenant.line("b", b)]);
  });

  test("refused keys take no place", async () => {
    const tenant = await stage.tenant();
    for (const name of ["x", "y", "z"]) await tenant.create(name, { user: "alice", key: freshDSSKey() });
    await tenant.create("a", { user: "alice", key: freshKey() });
    await tenant.create("b", { user: "alice", key: freshKey() });
    await tenant.until("a", "Projected");
    await tenant.until("b", "Projected");
  });
});

test("a stricter policy takes keys out of the file at the next start, a milder one puts them back", async () => {
  const tenant = await stage.tenant();
  const key = freshRSAKey(2048);
  await stage.run();
  await tenant.create("work", { user: "alice", key });
  await tenant.untilFile("sshkeys-alice", [tenant.line("work", key)]);
  await stage.run({ config: "policy: { minimumRSABits: 4096 }" });
  await tenant.until("work", "Weak");
  await tenant.untilFile("sshkeys-alice", []);
  await stage.run();
  await tenant.until("work", "Projected");
  await tenant.untilFile("sshkeys-alice", [tenant.line("work", key)]);
});

test("another prefix makes other Secrets and empties those of the old one", async () => {
  const tenant = await stage.tenant();
  const key = freshKey();
  await stage.run();
  await tenant.create("work", { user: "alice", key });
  await tenant.untilFile("sshkeys-alice", [tenant.line("work", key)]);
  await stage.run({ config: "secrets: { namePrefix: ssh-of- }" });
  await tenant.untilFile("ssh-of-alice", [tenant.line("work", key)]);
  await tenant.untilFile("sshkeys-alice", []);
  await tenant.until("work", "Projected", ({ secretName }) => secretName === "ssh-of-alice");
});
