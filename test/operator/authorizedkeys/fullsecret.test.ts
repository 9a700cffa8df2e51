import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AuthorizedKeysStatus } from "../../../src/api/authorizedkeys.generated.ts";
import { eventually } from "../../cluster/eventually.ts";
import { inTurns } from "../../cluster/inturns.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, type PlainSecret, type Tenant } from "../tenant.ts";
import { Bastion, share } from "./bastion.ts";

/** So many of the lines below fit if their data keys count twice, and one more if they counted once. */
const ROOM = 60;
const LINE_BYTES = 16_345;
const LOGIN_LENGTH = 32;
const LIMIT = 1_000_000;

const CONTRACTORS = ROOM + 2;
const PEOPLE = 3;

let stage: Stage;
let people: Tenant;
let contractors: Tenant;
let bastion: Bastion;

/** More keys of contractors, the last entry, than there is room for, in the Secret of an object older than all of them. */
beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
  [people, contractors] = [await stage.tenant(), await stage.tenant()];
  bastion = new Bastion(await stage.tenant());
  for (const source of [people, contractors]) await share(source, "*");
  await bastion.create("first", spec());
  await inTurns(CONTRACTORS, 8, (i) => addKey(contractors, `contractor-${i}`));
  await untilHeld("first", await oldest(contractors, ROOM));
});

afterAll(() => stage.close());

test("the numbers of this test tell whether data keys count twice", () => {
  const fitting = (times: number) => Math.floor(LIMIT / (LINE_BYTES + times * LOGIN_LENGTH));
  expect([fitting(2), fitting(1)]).toEqual([ROOM, ROOM + 1]);
});

test("the youngest keys of the last entry stay out, and the API server takes the rest", async () => {
  await untilTold("first", (await byAge(contractors)).slice(ROOM));
});

test("the object is ready and not complete, and says where to go from there", async () => {
  const { conditions = [], omitted = [], keyCount } = await bastion.until("first", "Projected");
  expect(conditions.map(({ type, status }) => `${type} ${status}`)).toEqual(["Ready True", "Complete False"]);
  expect(conditions[1]?.message).toContain("2 SecretFull");
  expect(omitted[0]?.message).toContain("mount both Secrets in one projected volume");
  expect(keyCount).toBe(ROOM);
});

describe("keys of an earlier entry, the youngest of all", () => {
  beforeAll(async () => {
    await people.untilYounger();
    await inTurns(PEOPLE, PEOPLE, (i) => addKey(people, `person-${i}`));
  });

  test("are in the Secret, in place of the youngest of the last one", async () => {
    await untilHeld("first", await expected());
    await untilTold("first", (await byAge(contractors)).slice(ROOM - PEOPLE));
  });

  test("and all is the same in the Secret of an object that is younger than the keys", async () => {
    await bastion.create("last", spec());
    const { data } = await untilHeld("last", await expected());
    expect((await bastion.tenant.secret("first"))?.data).toEqual(data);
  });

  test("a restart writes nothing and tells the same", async () => {
    const secret = await bastion.tenant.secret("first");
    const status = await bastion.until("first", "Projected");
    await stage.crash();
    await stage.run();
    await stage.allIsHandled();
    expect(await bastion.tenant.secret("first")).toEqual(secret);
    expect((await bastion.read("first")).status).toEqual(status);
  });

  test("a key that goes makes room for the oldest of those that were left out", async () => {
    const [oldestKey = ""] = await byAge(contractors);
    await contractors.remove(oldestKey);
    await untilHeld("first", await expected());
    await untilTold("first", (await byAge(contractors)).slice(ROOM - PEOPLE));
  });
});

function spec() {
  const from = [{ namespace: people.namespace, users: ["person-*"] }, { namespace: contractors.namespace }];
  return { from };
}

/** A key whose line is as long as all others, of a user whose name is as long as a login may be. */
async function addKey(tenant: Tenant, name: string): Promise<void> {
  const key = freshKey();
  const host = (length: number) => `permitopen="${"h".repeat(length)}:22"`;
  const most = Array.from({ length: 15 }, () => host(1000));
  const withLastHost = (length: number) => [...most, host(length)];
  const bytes = (options: readonly string[]) => tenant.line(name, key, options.join(",")).length + 1;
  const options = withLastHost(LINE_BYTES - bytes(withLastHost(0)));
  await tenant.create(name, { user: `${name}-`.padEnd(LOGIN_LENGTH, "x"), key, options });
}

/** Names of the SSHKeys, by the order in which claims compete. */
async function byAge(tenant: Tenant): Promise<readonly string[]> {
  const ages = (await tenant.list()).map(({ metadata }) => {
    const { creationTimestamp = "", uid = "", name = "" } = metadata ?? {};
    return { age: `${creationTimestamp} ${uid}`, name };
  });
  return ages.sort((a, b) => (a.age < b.age ? -1 : 1)).map(({ name }) => name);
}

async function oldest(tenant: Tenant, count: number): Promise<readonly string[]> {
  return (await byAge(tenant)).slice(0, count).map((name) => `${tenant.namespace}/${name}`);
}

/** All of people, and of contractors the oldest that fit. */
async function expected(): Promise<readonly string[]> {
  return [...(await oldest(people, PEOPLE)), ...(await oldest(contractors, ROOM - PEOPLE))];
}

/** Waits until the Secret holds the lines of these SSHKeys and no others. */
async function untilHeld(name: string, sshKeys: readonly string[]): Promise<PlainSecret> {
  const wanted = [...sshKeys].sort().join(" ");
  return await eventually(
    `Secret ${name} holds ${sshKeys.length} keys`,
    async () => {
      const secret = await bastion.tenant.secret(name);
      const held = heldIn(secret).join(" ");
      if (secret !== undefined && held === wanted) return secret;
      throw new Error(`it holds ${held} and should hold ${wanted}`);
    },
    DEADLINE_MS,
  );
}

function heldIn(secret: PlainSecret | undefined): readonly string[] {
  const lines = Object.values(secret?.data ?? {}).flatMap((file) => file.split("\n").slice(0, -1));
  return lines.map((line) => line.slice(line.lastIndexOf(" ") + 1)).sort();
}

/** Waits until the status says SecretFull of these SSHKeys of contractors, and of nothing else. */
async function untilTold(name: string, sshKeys: readonly string[]): Promise<void> {
  const wanted = sshKeys.map((sshKey) => `SecretFull ${contractors.namespace}/${sshKey}`).sort();
  const said = ({ omitted = [] }: AuthorizedKeysStatus) =>
    omitted.map(({ reason, namespace, sshKey }) => `${reason} ${namespace}/${sshKey}`).sort();
  await bastion.until(name, "Projected", (status) => said(status).join() === wanted.join());
}
