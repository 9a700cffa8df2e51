import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { USER_ANNOTATION } from "../../src/api/names.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { readyOf } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(async () => {
  await stage.close();
});

const digest = (user: string) => createHash("sha256").update(user).digest("hex").slice(0, 20);

const named = (user: string, slug: string): readonly [string, string] => [
  user,
  `sshkeys-${slug === "" ? "" : `${slug}-`}${digest(user)}`,
];

describe("the Secret of", () => {
  test.concurrent.each<readonly [string, string]>([
    ["alice", "sshkeys-alice"],
    ["a".repeat(43), `sshkeys-${"a".repeat(43)}`],
    named("a".repeat(44), "a".repeat(22)),
    named("alice-0123456789abcdef0123", "alice-0123456789abcdef"),
    ["0", "sshkeys-0"],
    named("alice@example.com", "alice-example-com"),
    named("Alice", "alice"),
    named("alice.b", "alice-b"),
    named("-", ""),
    named("Zoë Ångström", "zo-ngstr-m"),
    named("山田 太郎", ""),
    named("💻", ""),
    named("a".repeat(253), "a".repeat(22)),
    named("system:serviceaccount:team-a:builder", "system-serviceaccount"),
    named("__proto__", "proto"),
    named("../../etc/passwd", "etc-passwd"),
    named('"; rm -rf / #', "rm-rf"),
  ])("%s is %s, and says whose it is", async (user, name) => {
    const tenant = await stage.tenant();
    const key = freshKey();
    await tenant.create("work", { user, key });
    const { metadata } = await tenant.untilFile(name, [tenant.line("work", key)]);
    expect(metadata.annotations?.[USER_ANNOTATION]).toBe(user);
  });
});

test("a user named like the Secret of another gets a Secret of its own", async () => {
  const tenant = await stage.tenant();
  const victim = "alice@example.com";
  const aimed = `alice-example-com-${digest(victim)}`;
  const [key, attack] = [freshKey(), freshKey()];
  await tenant.create("victim", { user: victim, key });
  await tenant.create("attack", { user: aimed, key: attack });
  const status = await tenant.until("attack", "Projected");
  expect(status.secretName).toBe(`sshkeys-alice-example-com-${digest(victim).slice(0, 4)}-${digest(aimed)}`);
  await tenant.untilFile(`sshkeys-${aimed}`, [tenant.line("victim", key)]);
});

test("users that differ in case, width or accents alone have Secrets of their own", async () => {
  const tenant = await stage.tenant();
  const users = ["zoe", "Zoe", "ｚoe", "zo\u00eb"];
  const keys = users.map(() => freshKey());
  for (const [index, user] of users.entries())
    await tenant.create(`key-${index}`, { user, key: keys[index] ?? "" });
  const names = await Promise.all(
    users.map(async (_, index) => (await tenant.until(`key-${index}`, "Projected")).secretName),
  );
  expect(new Set(names).size).toBe(users.length);
});

test("a user that is spelled with combining characters is told to use composed ones", async () => {
  const tenant = await stage.tenant();
  await tenant.create("work", { user: "zoe\u0308", key: freshKey() });
  const status = await tenant.until("work", "Invalid");
  expect(readyOf(status)?.message).toContain("NFC");
});
