import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../cluster/eventually.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, type Tenant } from "../tenant.ts";
import { type Attacker, keyOwnerOf } from "../trustboundary/attacker.ts";
import { Bastion, share } from "./bastion.ts";

const ADMIN = "admin@example.com";

let stage: Stage;
let people: Tenant;
let bastion: Bastion;
let mallory: Attacker;
let adminLine: string;
let aliceLine: string;
const adminKey = freshKey();
const aliceKey = freshKey();
const waitingKeys = [freshKey(), freshKey(), freshKey(), freshKey()];

/** People has `root` and all names that begin with team-; mallory, who may write SSHKeys in contractors, waits for any of them. */
beforeAll(async () => {
  stage = await Stage.open({ audit: true, controllerManager: true });
  await stage.run();
  people = await stage.tenant();
  bastion = new Bastion(await stage.tenant());
  const contractors = await stage.tenant();
  mallory = await keyOwnerOf(contractors);
  for (const source of [people, contractors]) await share(source, bastion.tenant.namespace);
  await people.create("admin", { user: ADMIN, key: adminKey });
  await people.create("alice", { user: "alice", key: aliceKey });
  adminLine = people.line("admin", adminKey);
  aliceLine = people.line("alice", aliceKey);
  for (const [i, user] of [ADMIN, "alice", "team-late", "root"].entries())
    await mallory.tenant.create(`wait-${i}`, { user, key: waitingKeys[i] ?? "" });
  await bastion.create("gate", {
    from: [
      { namespace: people.namespace, users: [ADMIN, "alice", "team-*"] },
      { namespace: contractors.namespace },
    ],
    logins: { map: [{ namespace: people.namespace, user: ADMIN, login: "root" }] },
  });
  await bastion.untilFiles("gate", { root: [adminLine], alice: [aliceLine] });
});

afterAll(async () => {
  mallory[Symbol.dispose]();
  await stage.close();
});

describe("nobody of a later source gets the login of an earlier one's user", () => {
  test("while both are there, and each is told where the name belongs", async () => {
    const { omitted = [] } = await bastion.until("gate", "Projected");
    expect(omitted.map(({ user, reason }) => [user, reason]).sort()).toEqual([
      [ADMIN, "UserElsewhere"],
      ["alice", "UserElsewhere"],
      ["root", "NoLogin"],
      ["team-late", "UserElsewhere"],
    ]);
  });

  test.each<readonly [string, () => Promise<void>, () => Promise<void>]>([
    [
      "whose SSHKey is deleted, and made again",
      () => people.remove("admin"),
      async () => void (await people.create("admin", { user: ADMIN, key: adminKey })),
    ],
    [
      "whose SSHKey is disabled",
      () => people.edit("admin", { disabled: true }),
      () => people.edit("admin", { disabled: null }),
    ],
    [
      "whose SSHKey expires",
      () => people.edit("admin", { expiresAt: new Date(Date.now() + 1000).toISOString() }),
      () => people.edit("admin", { expiresAt: null }),
    ],
    [
      "whose key is edited into one that is none",
      () => people.edit("admin", { key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" }),
      () => people.edit("admin", { key: adminKey }),
    ],
    [
      "whose SSHKey goes while the operator is down",
      async () => {
        await stage.crash();
        await people.remove("admin");
        await stage.run();
      },
      async () => void (await people.create("admin", { user: ADMIN, key: adminKey })),
    ],
  ])("%s", async (_, lose, giveBack) => {
    await lose();
    await bastion.untilFiles("gate", { root: [], alice: [aliceLine] });
    await giveBack();
    await bastion.untilFiles("gate", { root: [adminLine], alice: [aliceLine] });
  });

  test("whose namespace takes its consent back for a while, with a restart in between", async () => {
    await share(people, undefined);
    await bastion.untilFiles("gate", { root: [], alice: [] });
    await stage.crash();
    await stage.run();
    await bastion.until("gate", "Projected", ({ omitted = [] }) =>
      omitted.some(({ reason }) => reason === "NotShared"),
    );
    await bastion.untilFiles("gate", { root: [], alice: [] });
    await share(people, "*");
    await bastion.untilFiles("gate", { root: [adminLine], alice: [aliceLine] });
  });

  test("whose whole namespace is deleted, and made again with all that was in it", async () => {
    const path = `/api/v1/namespaces/${people.namespace}`;
    await people.send("DELETE", path);
    const isGone = async () => (await stage.cluster.request("GET", path)).status === 404;
    await eventually("the namespace is gone", isGone, DEADLINE_MS);
    await bastion.untilFiles("gate", { root: [], alice: [] });
    await people.send("POST", "/api/v1/namespaces", { metadata: { name: people.namespace } });
    await people.create("admin", { user: ADMIN, key: adminKey });
    await people.create("alice", { user: "alice", key: aliceKey });
    await stage.allIsHandled();
    await bastion.untilFiles("gate", { root: [], alice: [] });
    await share(people, bastion.tenant.namespace);
    await bastion.untilFiles("gate", { root: [adminLine], alice: [aliceLine] });
  });

  test("in no write at all", async () => {
    const written = (await stage.writesIn(bastion.tenant))
      .filter(({ resource, name }) => resource === "secrets" && name === "gate")
      .map(({ answered }) => Object.values(Object(answered.data) as Record<string, string>))
      .map((files) => files.map((file) => Buffer.from(file, "base64").toString()).join(""));
    expect(written.length).toBeGreaterThan(12);
    expect(written.filter((text) => waitingKeys.some((key) => text.includes(key)))).toEqual([]);
  });
});

describe("a name that only a pattern could match", () => {
  test("belongs to the earlier source also after the pattern has matched nobody, and its user comes", async () => {
    const key = freshKey();
    await people.create("late", { user: "team-late", key });
    const files = { root: [adminLine], alice: [aliceLine], "team-late": [people.line("late", key)] };
    await bastion.untilFiles("gate", files);
    await people.remove("late");
    await bastion.untilFiles("gate", { ...files, "team-late": [] });
  });
});
