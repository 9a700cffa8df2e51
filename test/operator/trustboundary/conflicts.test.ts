import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRequests } from "../../cluster/auditlog.ts";
import { eventually } from "../../cluster/eventually.ts";
import { inTurns } from "../../cluster/inturns.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, stateOf, type Tenant } from "../tenant.ts";
import { type Attacker, editorOf } from "./attacker.ts";
import { Bystander } from "./bystander.ts";

/** What is blocked costs so many requests a second at most, all of it together. */
const MAXIMUM_RATE = 20;
const WINDOW_MS = 6000;

let stage: Stage;
let bystander: Bystander;
let tenant: Tenant;
let attacker: Attacker;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  await stage.run();
  bystander = await Bystander.in(stage);
  tenant = await stage.tenant();
  attacker = await editorOf(tenant);
});

afterAll(async () => {
  attacker?.[Symbol.dispose]();
  await stage.close();
});

describe("with 99 Secrets that cannot be written", () => {
  beforeAll(async () => {
    await block(0, 99);
  });

  test("each is counted", async () => {
    expect((await stage.operator.scrape()).value("sshkey_operator_blocked_secrets")).toBe(99);
  });

  test("one that can be again is written within 10 s, without anybody touching an SSHKey", async () => {
    const started = performance.now();
    await attacker.tenant.removeSecret("sshkeys-user-42");
    await tenant.until("key-42", "Projected");
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test("another tenant's keys come in and go out", async () => {
    await bystander.livesOn();
  });
});

describe("with 150 Secrets that cannot be written", () => {
  beforeAll(async () => {
    await block(99, 151);
  });

  test(`they cost ${MAXIMUM_RATE} requests a second at most, all together`, async () => {
    const started = Date.now();
    await eventually("the window is over", () => Date.now() - started >= WINDOW_MS, DEADLINE_MS);
    const requests = (await readRequests(stage.cluster.controlPlane.auditLog ?? "")).filter(
      ({ userAgent, at, verb }) =>
        userAgent.startsWith("sshkey-operator/") &&
        at >= started &&
        at < started + WINDOW_MS &&
        verb !== "watch",
    );
    expect(requests.length).toBeLessThanOrEqual((MAXIMUM_RATE * WINDOW_MS) / 1000);
    expect(requests.length).toBeGreaterThan(0);
  });

  test("another tenant's keys come in and go out", async () => {
    await bystander.livesOn();
  });

  test("all are written when nothing is in the way any more, without anybody touching an SSHKey", async () => {
    await inTurns(151, 8, async (index) => {
      if (index !== 42) await attacker.tenant.removeSecret(secretOf(index));
    });
    const areProjected = async () =>
      (await tenant.list()).every(({ status }) => stateOf(status) === "Projected");
    await eventually("every key is projected", areProjected, DEADLINE_MS);
    expect((await stage.operator.scrape()).value("sshkey_operator_blocked_secrets")).toBe(0);
  });
});

/** Puts a Secret of another hand in the way of each of these users, and makes their SSHKeys. */
async function block(from: number, to: number): Promise<void> {
  await inTurns(to - from, 8, async (count) => {
    const index = from + count;
    await attacker.tenant.createSecret(secretOf(index), {});
    await attacker.tenant.create(`key-${index}`, { user: `user-${index}`, key: freshKey() });
  });
  await eventually(
    "every key is told",
    async () => {
      const states = (await tenant.list()).map(({ status }) => stateOf(status));
      return states.every((state) => state === "SecretConflict" || state === "Projected");
    },
    DEADLINE_MS,
  );
}

function secretOf(index: number): string {
  return `sshkeys-user-${index}`;
}
