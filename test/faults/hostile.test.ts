import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sshKeysPath } from "../../src/api/paths.ts";
import type { SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import type { State } from "../../src/api/states.ts";
import { DEFAULT_SETTINGS } from "../../src/config/settings.ts";
import { byOperator, readWrites, type Write } from "../cluster/auditlog.ts";
import { eventually } from "../cluster/eventually.ts";
import { inTurns } from "../cluster/inturns.ts";
import { freshKey } from "../operator/publickeys.ts";
import { stateOf, type Tenant } from "../operator/tenant.ts";
import { Arena } from "./arena.ts";
import { Bystander } from "./bystander.ts";
import { differences } from "./comparison.ts";
import { untilOlder } from "./scenarios.ts";

const INVALID_OBJECTS = 1000;
const FIGHTERS = 300;
const EDITS = 300;
/** Requests of an attacker. */
const AT_ONCE = 8;
/** Of an attacker's namespace that may be in front of another user: four times what is written at once. */
const MOST_WRITES = 4 * DEFAULT_SETTINGS.concurrency;
const LEAST_SAMPLES = 15;

let arena: Arena;
let tenants: readonly Tenant[];
let user: Bystander;

beforeAll(async () => {
  arena = await Arena.open();
  tenants = await Promise.all(PARTS.map(() => arena.tenant()));
  const args = tenants.map(({ namespace }) => `--namespace=${namespace}`);
  // Not behind the proxy, which would make the attackers and the operator share a thread.
  await arena.stage.run({ args });
  user = await Bystander.arrive(tenantFor("another user"));
});

afterAll(async () => {
  await user?.leave();
  await arena?.close();
});

describe("another user waits for few of the writes", () => {
  test(`while ${INVALID_OBJECTS} invalid objects come in, each of which gets its verdict`, async () => {
    const attacker = tenantFor("invalid objects");
    await isServedDuring(attacker, () =>
      inTurns(INVALID_OBJECTS, AT_ONCE, (index) =>
        attacker.create(`junk-${index}`, { user: `user-${index}`, key: JUNK[index % JUNK.length] ?? "" }),
      ),
    );
    await untilAre(attacker, "Invalid", INVALID_OBJECTS);
    expect(await attacker.secrets()).toEqual([]);
  });

  test(`while ${FIGHTERS} SSHKeys of as many users fight for one key, of which the oldest has it`, async () => {
    const [attacker, key] = [tenantFor("fighters"), freshKey()];
    await attacker.create("owner", { user: "owner", key });
    await attacker.until("owner", "Projected");
    await untilOlder(attacker, "owner");
    await isServedDuring(attacker, () =>
      inTurns(FIGHTERS, AT_ONCE, async (index) => {
        const name = `fighter-${index}`;
        await attacker.create(name, { user: name, key });
      }),
    );
    await untilAre(attacker, "Duplicate", FIGHTERS);
  });

  test("while the oldest of them goes, one is promoted and the others hear of it", async () => {
    const attacker = tenantFor("fighters");
    await isServedDuring(attacker, async () => {
      await attacker.remove("owner");
      await untilAre(attacker, "Duplicate", FIGHTERS - 1);
    });
    expect(await differences([attacker])).toEqual([]);
  });

  test(`while one object is edited ${EDITS} times in a row`, async () => {
    const attacker = tenantFor("edits");
    const keys = [freshKey(), freshKey()];
    await attacker.create("one", { user: "alice", key: keys[0] ?? "" });
    await isServedDuring(attacker, async () => {
      await inTurns(EDITS, AT_ONCE, (edit) => attacker.edit("one", { key: keys[edit % 2] }));
      await attacker.edit("one", { key: keys[0] });
    });
    await attacker.untilFile("sshkeys-alice", [attacker.line("one", keys[0] ?? "")]);
    await attacker.until("one", "Projected");
  });
});

test("users and titles of every category of Unicode are served, each in a Secret of its own", async () => {
  const tenant = tenantFor("Unicode");
  const texts = UNICODE.map((sample) => `a${sample}b`);
  let valid = 0;
  for (const [index, text] of texts.entries()) {
    const spec = { user: text, title: text, key: freshKey() };
    const object = {
      apiVersion: "sshkey-operator.dev/v1alpha1",
      kind: "SSHKey",
      metadata: { name: `key-${index}` },
      spec,
    };
    const { status } = await tenant.cluster.request("POST", sshKeysPath(tenant.namespace), object);
    // What cannot be seen is refused by the CRD.
    expect([text, status]).toEqual([text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text) ? 422 : 201]);
    // One name has one spelling; CEL cannot tell.
    if (status === 201 && text === text.normalize("NFC")) valid += 1;
  }
  await eventually("all are as the oracle has them", async () => {
    const found = await differences([tenant]);
    if (found.length > 0) throw new Error(found.join("; "));
    return true;
  });
  const secrets = await tenant.secrets();
  expect(secrets.length).toBe(valid);
  expect(secrets.every(({ data }) => /^[\x20-\x7e]*\n$/.test(data.authorized_keys ?? ""))).toBe(true);
});

test("no write on the way broke a guarantee", async () => {
  const { breaches, statusWrites } = await arena.judge(10_000);
  expect(breaches).toEqual([]);
  expect(statusWrites).toBeGreaterThan(INVALID_OBJECTS + FIGHTERS);
});

const JUNK = [
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA",
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAA==",
  `ssh-rsa AAAAB3NzaC1yc2E${"A".repeat(16_000)}`,
  "ssh-none AAAACHNzaC1ub25l",
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= one",
];

/** A character of each general category (Unicode 16, table 4-4), and some that text handling trips over. */
const UNICODE = [
  ..."Aaǅʰª\u0301\u0903\u20dd5Ⅷ½_-(]«»!$+^©",
  "\u00a0",
  "\u2028",
  "\u2029",
  "\u0007",
  "\u200d",
  "\ue000",
  "\u{10ffff}",
  "\u202e",
  "\ufeff",
  "\u{1f468}\u200d\u{1f469}",
  "ß",
  "İ",
  "Å",
  "A\u030a",
  "#",
  '"',
  "\\",
  "`$(id)`",
  "%00",
  "../..",
];

/**
 * Lets another user's keys come in one after the other until the attack is over, and holds each of them against what
 * happens meanwhile in the attacker's namespace: all writes there from the creation of the SSHKey to the status that
 * says Projected, the operator's and the attacker's own, in the order in which they took effect.
 */
async function isServedDuring(attacker: Tenant, attack: () => Promise<unknown>): Promise<void> {
  let isOver = false;
  const attacking = attack().finally(() => {
    isOver = true;
  });
  const names: string[] = [];
  while (names.length < LEAST_SAMPLES || !isOver) names.push(await user.served());
  await attacking;
  const writes = await readWrites(arena.stage.cluster.controlPlane.auditLog ?? "");
  const theirs = writes.filter(({ namespace }) => namespace === attacker.namespace);
  const waits = names.map((name) => {
    const [from, to] = lifeOf(name, writes);
    const between = theirs.filter((w) => w.resourceVersion > from && w.resourceVersion < to);
    return { served: between.filter(byOperator).length, all: between.length };
  });
  expect(Math.max(...waits.map(({ served }) => served))).toBeLessThanOrEqual(MOST_WRITES);
  expect(mean(waits.map(({ all }) => all))).toBeLessThanOrEqual(MOST_WRITES);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The revisions of the creation of the other user's SSHKey and of the status that says Projected. */
function lifeOf(key: string, writes: readonly Write[]): readonly [number, number] {
  const { namespace } = tenantFor("another user");
  const on = writes.filter(
    (write) => write.resource === "sshkeys" && write.namespace === namespace && write.name === key,
  );
  const made = on.find(({ verb }) => verb === "create");
  const told = on.find(({ sent }) => stateOf(sent.status as SSHKeyStatus | undefined) === "Projected");
  return [made?.resourceVersion ?? Number.NaN, told?.resourceVersion ?? Number.NaN];
}

/** Waits until so many SSHKeys of the tenant have this STATE. */
async function untilAre(tenant: Tenant, state: State, count: number): Promise<void> {
  const isCounted = async () =>
    (await arena.stage.operator.scrape()).value("sshkey_operator_sshkeys", { state }) === count;
  await eventually(`${count} are ${state}`, isCounted);
  const areTold = async () =>
    (await tenant.list()).filter(({ status }) => stateOf(status) === state).length === count;
  await eventually(`${count} are told that they are ${state}`, areTold);
}

/** Each has a namespace of its own, known before the operator starts. */
const PARTS = ["another user", "invalid objects", "fighters", "edits", "Unicode"] as const;

function tenantFor(part: (typeof PARTS)[number]): Tenant {
  const tenant = tenants[PARTS.indexOf(part)];
  if (tenant === undefined) throw new Error("the namespaces are made before");
  return tenant;
}
