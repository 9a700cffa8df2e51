import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAXIMUM_TARGETS } from "../../../src/projection/authorizedkeysobjects.ts";
import { inTurns } from "../../cluster/inturns.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import type { Tenant } from "../tenant.ts";
import { Bastion, messageOf } from "./bastion.ts";

/** Made one after the other, and younger than as many as get a Secret. */
const YOUNGEST = ["one-more", "two-more"] as const;

let stage: Stage;
let tenant: Tenant;
let bastion: Bastion;
let line: string;
const key = freshKey();

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
  tenant = await stage.tenant();
  bastion = new Bastion(tenant);
  await tenant.create("laptop", { user: "alice", key });
  line = tenant.line("laptop", key);
  await inTurns(MAXIMUM_TARGETS, 8, (i) => bastion.create(`gate-${i}`, {}));
  for (const name of YOUNGEST) {
    await tenant.untilYounger();
    await bastion.create(name, {});
  }
});

afterAll(() => stage.close());

test(`the ${MAXIMUM_TARGETS} oldest AuthorizedKeys of a namespace get a Secret`, async () => {
  await inTurns(MAXIMUM_TARGETS, 8, (i) => bastion.untilFiles(`gate-${i}`, { alice: [line] }));
});

describe.each(YOUNGEST)("a younger one, %s", (name) => {
  test("is not ready, says that a person has to act, and how", async () => {
    const status = await bastion.until(name, "TooMany");
    expect(status.conditions?.map(({ type, status }) => `${type} ${status}`)).toContain("Ready False");
    expect(status.conditions?.map(({ type, status }) => `${type} ${status}`)).toContain("Stalled True");
    expect(messageOf(status)).toContain(`${MAXIMUM_TARGETS} older AuthorizedKeys`);
  });

  test("has no Secret", async () => {
    await bastion.until(name, "TooMany");
    await stage.allIsHandled();
    expect(await tenant.secret(name)).toBeUndefined();
  });
});

test("another namespace has its own, as many as it likes up to there", async () => {
  const other = await stage.tenant();
  await other.create("laptop", { user: "alice", key });
  await new Bastion(other).create("gate", {});
  await new Bastion(other).untilFiles("gate", { alice: [other.line("laptop", key)] });
});

test("a restart changes nothing of it", async () => {
  await stage.crash();
  await stage.run();
  await stage.allIsHandled();
  for (const name of YOUNGEST) {
    await bastion.until(name, "TooMany");
    expect(await tenant.secret(name)).toBeUndefined();
  }
});

test("when an older one goes the next gets its Secret, and no other", async () => {
  const [next, last] = YOUNGEST;
  await bastion.remove("gate-0");
  await bastion.untilFiles(next, { alice: [line] });
  await bastion.until(next, "Projected");
  await bastion.untilFiles("gate-0", { alice: [] });
  await stage.allIsHandled();
  await bastion.until(last, "TooMany");
  expect(await tenant.secret(last)).toBeUndefined();
});
