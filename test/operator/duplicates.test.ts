import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { freshKey, freshRSAKey, respelledRSAKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { readyOf, type Tenant } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage.close();
});

/** Where the second SSHKey of a key stands, seen from the first: in which namespace, and whose it is. */
type Second = "here, same user" | "here, other user" | "elsewhere, same user" | "elsewhere, other user";

const OUTCOMES: readonly (readonly [scope: string, second: Second, state: "Projected" | "Duplicate"])[] = [
  ["Namespace", "here, same user", "Duplicate"],
  ["Namespace", "here, other user", "Duplicate"],
  ["Namespace", "elsewhere, same user", "Projected"],
  ["Namespace", "elsewhere, other user", "Projected"],
  ["User", "here, same user", "Duplicate"],
  ["User", "here, other user", "Projected"],
  ["User", "elsewhere, same user", "Projected"],
  ["User", "elsewhere, other user", "Projected"],
];

describe.each(["Namespace", "User"])("with duplicateScope %s", (scope) => {
  beforeAll(async () => {
    await stage.run({ config: `duplicateScope: ${scope}` });
  });

  test.concurrent.each(OUTCOMES.filter(([each]) => each === scope))(
    "%s: a second SSHKey %s is %s",
    async (_scope, second, state) => {
      const { first, status } = await secondOf(second, state);
      expect(status.secretName === undefined).toBe(state === "Duplicate");
      await first.until("first", "Projected");
    },
  );
});

describe("the next in line is promoted, without anybody touching it, when the holder is", () => {
  beforeAll(async () => {
    await stage.run();
  });

  test.concurrent.each<readonly [string, (tenant: Tenant) => Promise<void>]>([
    ["deleted", (tenant) => tenant.remove("first")],
    ["disabled", (tenant) => tenant.edit("first", { disabled: true })],
    ["expired", (tenant) => tenant.edit("first", { expiresAt: new Date(Date.now() + 500).toISOString() })],
    ["given another key", (tenant) => tenant.edit("first", { key: freshKey() })],
    ["made invalid", (tenant) => tenant.edit("first", { key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" })],
  ])("%s", async (_how, give) => {
    const { first, key } = await secondOf("here, other user", "Duplicate");
    await give(first);
    const status = await first.until("second", "Projected");
    await first.untilFile("sshkeys-bob", [first.line("second", key)]);
    expect([status.duplicateOf, readyOf(status)?.status]).toEqual([undefined, "True"]);
  });

  test.concurrent("and the holder that comes back is the holder again, being the oldest", async () => {
    const { first, key } = await secondOf("here, other user", "Duplicate");
    await first.edit("first", { disabled: true });
    await first.until("second", "Projected");
    await first.edit("first", { disabled: false });
    await first.until("second", "Duplicate");
    await first.untilFile("sshkeys-alice", [first.line("first", key)]);
    await first.untilFile("sshkeys-bob", []);
  });

  test.concurrent("and of several that wait it is the oldest", async () => {
    const { first, key } = await secondOf("here, other user", "Duplicate");
    await first.untilYounger();
    await first.create("a-third", { user: "carol", key });
    await first.until("a-third", "Duplicate");
    await first.remove("first");
    await first.until("second", "Projected");
    await first.until("a-third", "Duplicate", ({ duplicateOf }) => duplicateOf?.name === "second");
  });
});

describe("what a duplicate is told", () => {
  beforeAll(async () => {
    await stage.run();
  });

  test.concurrent("inside a namespace: which SSHKey holds the key", async () => {
    const { first, status } = await secondOf("here, other user", "Duplicate");
    expect(status.duplicateOf).toEqual({ namespace: first.namespace, name: "first" });
    expect(readyOf(status)?.message).toContain("SSHKey first of another user holds this key");
  });

  test.concurrent("across namespaces: nothing of who has it or where, in status and Events alike", async () => {
    const { first, other, status } = await secondOf("elsewhere, other user", "Projected");
    const unique = status.conditions?.find(({ type }) => type === "Unique");
    expect([status.duplicateOf, unique?.status]).toEqual([undefined, "True"]);
    const path = `/apis/events.k8s.io/v1/namespaces/${other.namespace}/events`;
    const told = JSON.stringify([await other.read("second"), await other.send("GET", path)]);
    expect([told.includes(first.namespace), /alice|"first"/.test(told)]).toEqual([false, false]);
  });
});

test("two spellings of one key are one key", async () => {
  await stage.run();
  const tenant = await stage.tenant();
  const key = freshRSAKey(2048);
  await tenant.create("first", { user: "alice", key });
  const { fingerprint } = await tenant.until("first", "Projected");
  await tenant.untilYounger();
  await tenant.create("second", { user: "bob", key: `${respelledRSAKey(key)} another comment` });
  const status = await tenant.until("second", "Duplicate");
  expect(status.fingerprint).toBe(fingerprint);
});

async function secondOf(
  second: Second,
  state: "Projected" | "Duplicate",
): Promise<{ first: Tenant; other: Tenant; key: string; status: SSHKeyStatus }> {
  const first = await stage.tenant();
  const other = second.startsWith("here") ? first : await stage.tenant();
  const key = freshKey();
  await first.create("first", { user: "alice", key });
  await first.until("first", "Projected");
  await first.untilYounger();
  await other.create("second", { user: second.endsWith("same user") ? "alice" : "bob", key });
  return { first, other, key, status: await other.until("second", state) };
}
