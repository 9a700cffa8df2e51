import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, type Tenant } from "../tenant.ts";
import { Bastion, messageOf, share } from "./bastion.ts";

let stage: Stage;
let people: Tenant;
let bastion: Bastion;
const keys = [freshKey(), freshKey(), freshKey()];

/** Alice and bob of people have access, Carol makes no login, and elsewhere does not share. */
beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
  people = await stage.tenant();
  bastion = new Bastion(await stage.tenant());
  const elsewhere = await stage.tenant();
  await share(people, "*");
  for (const [i, user] of ["alice", "bob", "Carol"].entries())
    await people.create(`key-${i}`, { user, key: keys[i] ?? "" });
  await bastion.create("gate", {
    from: [
      { namespace: people.namespace, users: ["alice", "bob", "Carol"] },
      { namespace: elsewhere.namespace },
    ],
  });
  await bastion.until("gate", "Projected", ({ keyCount }) => keyCount === 2);
});

afterAll(() => stage.close());

describe("what is left out", () => {
  test("is told, and makes the object incomplete but ready", async () => {
    const { conditions = [], omitted = [], omittedCount } = await bastion.until("gate", "Projected");
    expect(conditions.map(({ type, status }) => [type, status])).toEqual([
      ["Ready", "True"],
      ["Complete", "False"],
    ]);
    expect(conditions[1]?.message).toContain("1 NotShared, 1 NoLogin");
    expect([omitted.map(({ reason }) => reason).sort(), omittedCount]).toEqual([["NoLogin", "NotShared"], 2]);
  });

  test("does not keep kubectl wait from coming to an end", async () => {
    const { code } = await stage.cluster.kubectl([
      ...["-n", bastion.tenant.namespace, "wait", "--for=condition=Ready", "--timeout=10s"],
      "authorizedkeys/gate",
    ]);
    expect(code).toBe(0);
  });

  test("is counted in kubectl get, beside users, keys and STATE", async () => {
    const { stdout } = await stage.cluster.kubectl(["-n", bastion.tenant.namespace, "get", "ak", "gate"]);
    const [header = "", row = ""] = stdout
      .split("\n")
      .map((line) => line.trim().split(/\s+/).slice(0, 5).join(" "));
    expect([header, row]).toEqual(["NAME USERS KEYS OMITTED STATE", "gate 2 2 2 Projected"]);
  });
});

describe("the log says for each key", () => {
  test("that it came, with the object, where it lives and how it is known", async () => {
    expect(await changes("added")).toEqual([
      { ...said("added", 0), reason: "Projected" },
      { ...said("added", 1), reason: "Projected" },
    ]);
  });

  test("that it went, and why", async () => {
    await people.edit("key-0", { disabled: true });
    await bastion.until("gate", "Projected", ({ keyCount }) => keyCount === 1);
    await share(people, undefined);
    await bastion.until("gate", "Projected", ({ keyCount }) => keyCount === 0);
    expect(await changes("removed")).toEqual([
      { ...said("removed", 0), reason: "Disabled" },
      { ...said("removed", 1), reason: "NotShared" },
    ]);
  });

  test("nothing after a restart", async () => {
    await stage.run();
    await stage.allIsHandled();
    expect(await changesOf(() => true)).toEqual([]);
  });
});

describe("a change of STATE", () => {
  test("is one Event and one line of the log, with the message of the status", async () => {
    await bastion.create("odd", { options: ["no-port-forwarding", 'permitopen="*:22"'] });
    const message = messageOf(await bastion.until("odd", "InvalidOptions"));
    await bastion.edit("odd", { options: null });
    await bastion.until("odd", "Projected");
    const told = async () => (await events()).filter(({ regarding }) => regarding.name === "odd");
    await eventually("both are told", async () => (await told()).length === 2, DEADLINE_MS);
    expect((await told()).map(({ reason, type }) => `${type} ${reason}`).sort()).toEqual([
      "Normal Projected",
      "Warning InvalidOptions",
    ]);
    expect((await told()).map(({ note }) => note)).toContain(message);
    const lines = (await stage.operator.log()).filter(
      ({ event, authorizedKeys }) => event === "StateChanged" && authorizedKeys === "odd",
    );
    expect(lines.map(({ state, msg }) => [state, msg])).toContainEqual(["InvalidOptions", message]);
  });
});

/** What AccessChanged says of the key of this number. */
function said(change: "added" | "removed", i: number) {
  const user = ["alice", "bob"][i];
  const key = { sshKeyNamespace: people.namespace, sshKey: `key-${i}`, user, login: user };
  return { authorizedKeys: "gate", ...key, change };
}

async function changes(which: "added" | "removed") {
  return await changesOf(({ change }) => change === which);
}

async function changesOf(matches: (line: Readonly<Record<string, unknown>>) => boolean) {
  const lines = (await stage.operator.log()).filter(
    ({ event, namespace }) => event === "AccessChanged" && namespace === bastion.tenant.namespace,
  );
  return lines
    .filter(matches)
    .map(({ authorizedKeys, sshKeyNamespace, sshKey, user, login, change, reason }) => ({
      ...{ authorizedKeys, sshKeyNamespace, sshKey, user, login },
      change,
      reason,
    }));
}

interface Told {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly regarding: { readonly name: string };
}

async function events(): Promise<readonly Told[]> {
  const path = `/apis/events.k8s.io/v1/namespaces/${bastion.tenant.namespace}/events`;
  return ((await bastion.tenant.send("GET", path)) as { items: Told[] }).items;
}
