import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { secretsPath } from "../../../src/api/paths.ts";
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
/** So many at once are more than that lets each of them be tried every four seconds. */
const MANY = 90;
const FEW = 40;
/** One of the few. */
const FREED = 17;
/** So many attempts tell the rate, whatever comes at once. */
const WATCHED = 60;
const BURST = 4;

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

describe(`with ${FEW} Secrets that cannot be written`, () => {
  beforeAll(async () => {
    await block(0, FEW);
  });

  test("each is counted", async () => {
    expect((await stage.operator.scrape()).value("sshkey_operator_blocked_secrets")).toBe(FEW);
  });

  test("one that can be again is written, without anybody touching an SSHKey", async () => {
    await attacker.tenant.removeSecret(secretOf(FREED));
    await tenant.until(`key-${FREED}`, "Projected");
  });

  test("another tenant's keys come in and go out", async () => {
    await bystander.livesOn();
  });
});

describe(`with ${MANY} Secrets that cannot be written`, () => {
  beforeAll(async () => {
    await block(FEW, MANY + 1);
  });

  test(`they cost ${MAXIMUM_RATE} requests a second at most, all together`, async () => {
    const attempts = async () =>
      (await readRequests(stage.cluster.controlPlane.auditLog ?? "")).filter(
        ({ userAgent, uri, verb }) =>
          userAgent.startsWith("sshkey-operator/") &&
          uri.startsWith(secretsPath(tenant.namespace)) &&
          verb !== "watch",
      );
    const before = (await attempts()).length;
    const more = async () =>
      (await attempts()).length >= before + WATCHED && (await attempts()).slice(before);
    const watched = await eventually("they are tried", more, DEADLINE_MS);
    const seconds = ((watched[WATCHED - 1]?.at ?? 0) - (watched[0]?.at ?? 0)) / 1000;
    expect(seconds).toBeGreaterThanOrEqual((WATCHED - BURST) / MAXIMUM_RATE);
  });

  test("another tenant's keys come in and go out", async () => {
    await bystander.livesOn();
  });

  test("all are written when nothing is in the way any more, without anybody touching an SSHKey", async () => {
    await inTurns(MANY + 1, 8, async (index) => {
      if (index !== FREED) await attacker.tenant.removeSecret(secretOf(index));
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
    await attacker.tenant.buildCreate(secretOf(index), {});
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
