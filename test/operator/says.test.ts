import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { State } from "../../src/api/states.ts";
import { eventually } from "../cluster/eventually.ts";
import { altered, freshDSSKey, freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, readyOf, type Tenant } from "./tenant.ts";

let stage: Stage;
let tenant: Tenant;
let log: string;
const keys: string[] = [];

/** An SSHKey for each STATE, by its name. */
const STATES: readonly (readonly [name: string, state: State])[] = [
  ["projected", "Projected"],
  ["invalid", "Invalid"],
  ["weak", "Weak"],
  ["duplicate", "Duplicate"],
  ["expired", "Expired"],
  ["disabled", "Disabled"],
  ["conflict", "SecretConflict"],
  ["full", "SecretFull"],
];

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run({ config: "policy: { maximumKeysPerUser: 1 }" });
  tenant = await stage.tenant();
  await createOneOfEach();
  for (const [name, state] of STATES) await tenant.until(name, state);
  await eventually(
    "every STATE has its Event",
    async () => (await events()).length >= STATES.length,
    DEADLINE_MS,
  );
  const toldOf = () => changesIn(stage.operator.child.output()).length;
  await eventually("every STATE is in the log", () => toldOf() >= STATES.length, DEADLINE_MS);
  log = stage.operator.child.output();
});

afterAll(async () => {
  await stage.close();
});

describe("the same word says why", () => {
  test.each(STATES)("%s is %s in kubectl get", async (name, state) => {
    const { stdout } = await stage.cluster.kubectl(["-n", tenant.namespace, "get", "sshkey", name]);
    const [header = "", row = ""] = stdout.split("\n");
    expect(row.slice(header.indexOf("STATE"), header.indexOf("EXPIRES")).trim()).toBe(state);
  });

  test.each(STATES)("%s is %s in its one Event, with the message of its status", async (name, state) => {
    const message = readyOf((await tenant.read(name)).status)?.message;
    const told = (await events()).filter(({ regarding }) => regarding.name === name);
    expect(told.map(({ reason, note }) => [reason, note])).toEqual([[state, message]]);
  });

  test.each(STATES)("%s is %s in the log, with the message of its status", async (name, state) => {
    const message = readyOf((await tenant.read(name)).status)?.message;
    const told = changesIn(log).filter((line) => line.name === name);
    expect(told.map(({ state: said, msg }) => [said, msg])).toEqual([[state, message]]);
  });

  test("an Event is a Warning exactly when a person has to act", async () => {
    const warnings = (await events()).filter(({ type }) => type === "Warning").map(({ reason }) => reason);
    const stalled = (await tenant.list())
      .filter(({ status }) => status?.conditions?.some(({ type }) => type === "Stalled"))
      .map(({ status }) => readyOf(status)?.reason);
    expect(warnings.sort()).toEqual(stalled.sort());
  });

  test("kubectl describe shows the reason and the message", async () => {
    const { stdout } = await stage.cluster.kubectl(["-n", tenant.namespace, "describe", "sshkey", "weak"]);
    expect(stdout).toMatch(/Events:.*Warning\s+Weak\s.*Keys of type ssh-dss are not accepted here/s);
  });
});

test("no Event is repeated after a restart", async () => {
  const before = (await events()).length;
  await stage.run({ config: "policy: { maximumKeysPerUser: 1 }" });
  await tenant.create("marker", { user: "marker", key: freshKey() });
  const ofMarker = async () => (await events()).some(({ regarding }) => regarding.name === "marker");
  await eventually("the marker has its Event", ofMarker, DEADLINE_MS);
  expect((await events()).length).toBe(before + 1);
});

test("a change of STATE makes an Event of its own", async () => {
  await tenant.create("changing", { user: "changing", key: freshKey() });
  await tenant.until("changing", "Projected");
  await tenant.edit("changing", { disabled: true });
  await tenant.until("changing", "Disabled");
  const reasons = async () =>
    (await events()).filter(({ regarding }) => regarding.name === "changing").map(({ reason }) => reason);
  await eventually("both Events are there", async () => (await reasons()).length === 2, DEADLINE_MS);
  expect((await reasons()).sort()).toEqual(["Disabled", "Projected"]);
});

describe("the log at its most talkative", () => {
  test("holds no key", () => {
    const blobs = keys.map((key) => key.split(" ")[1] ?? "");
    expect(blobs.filter((blob) => log.includes(blob.slice(0, 60)))).toEqual([]);
  });

  test("holds no comment and no title", () => {
    expect(log).not.toMatch(/comment-of|title-of/);
  });

  test("holds no token", async () => {
    const { stdout } = await stage.cluster.kubectl([
      "config",
      "view",
      "--raw",
      "-o",
      "jsonpath={.users[0].user.token}",
    ]);
    expect([stdout.length > 20, log.includes(stdout)]).toEqual([true, false]);
  });

  test("is one JSON object a line with time, level and event", () => {
    const lines = log.split("\n").slice(0, -1);
    expect(
      lines.filter(
        (line) => !("time" in JSON.parse(line) && "level" in JSON.parse(line) && "event" in JSON.parse(line)),
      ),
    ).toEqual([]);
  });
});

test("a message that quotes a converted key stays out of the log", async () => {
  const pem =
    "-----BEGIN PUBLIC KEY----- MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE= -----END PUBLIC KEY-----";
  await tenant.create("converted", { user: "converted", key: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ${pem}` });
  await tenant.until("converted", "Invalid");
  await stage.operator.logged("StateChanged", ({ name }) => name === "converted");
  expect(stage.operator.child.output()).not.toMatch(/AAAAC3NzaC1lZDI1NTE5/);
});

interface Told {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly regarding: { readonly name: string };
}

async function events(): Promise<readonly Told[]> {
  const path = `/apis/events.k8s.io/v1/namespaces/${tenant.namespace}/events`;
  return ((await tenant.send("GET", path)) as { items: Told[] }).items;
}

async function createOneOfEach(): Promise<void> {
  const create = async (name: string, key: string, more: object = {}) => {
    keys.push(key);
    const spec = { user: name, key: `${key} comment-of-${name}`, title: `title-of-${name}`, ...more };
    await tenant.create(name, spec);
  };
  const shared = freshKey();
  await create("projected", shared);
  await tenant.until("projected", "Projected");
  await tenant.untilYounger();
  await create("duplicate", shared);
  await create("full", freshKey(), { user: "projected" });
  await create(
    "invalid",
    altered(freshKey(), (blob) => blob.subarray(0, 40)),
  );
  await create("weak", freshDSSKey());
  await create("expired", freshKey(), { expiresAt: "2020-01-01T00:00:00Z" });
  await create("disabled", freshKey(), { disabled: true });
  await tenant.buildCreate("sshkeys-conflict", {});
  await create("conflict", freshKey());
}

interface StateChange {
  readonly event: string;
  readonly name: string;
  readonly state: string;
  readonly msg: string;
}

/** The changes of STATE that whole lines of the log tell of. */
function changesIn(text: string): readonly StateChange[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line): StateChange => JSON.parse(line)).filter(({ event }) => event === "StateChanged");
}
