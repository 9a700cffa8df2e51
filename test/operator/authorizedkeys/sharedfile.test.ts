import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { API_VERSION, AUTHORIZED_KEYS_KIND } from "../../../src/api/names.ts";
import { authorizedKeysPath } from "../../../src/api/paths.ts";
import { makeKey, makeProof, publicKeyLine } from "../../ssh/signer.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import type { Tenant } from "../tenant.ts";
import { type Attacker, editorOf, keyOwnerOf } from "../trustboundary/attacker.ts";
import { Bastion, share } from "./bastion.ts";

let stage: Stage;
const attackers: Attacker[] = [];
beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(async () => {
  for (const attacker of attackers) attacker[Symbol.dispose]();
  await stage.close();
});

describe.concurrent("whoever writes SSHKeys in one source", () => {
  test("keeps nobody's keys from coming and going with names that are no login, nor makes anything red", async () => {
    const { people, bastion, mallory, from } = await scene();
    const names = [
      "x$",
      "authorized_keys",
      "..",
      "-o",
      "a/b",
      "l".repeat(33),
      "Mallory",
      "ü",
      "root",
      ".ssh",
    ];
    for (const [i, user] of names.entries()) await mallory.create(`odd-${i}`, { user, key: freshKey() });
    await bastion.create("gate", { from: from(["alice"]) });
    const key = freshKey();
    await people.create("laptop", { user: "alice", key });
    await bastion.untilFiles("gate", { alice: [people.line("laptop", key)] });
    const isTold = (count = 0) => count === names.length;
    const { conditions = [] } = await bastion.until("gate", "Projected", (each) => isTold(each.omittedCount));
    expect(conditions.map(({ type, status }) => `${type} ${status}`)).toEqual([
      "Ready True",
      "Complete False",
    ]);
    await people.remove("laptop");
    await bastion.untilFiles("gate", { alice: [] });
  });

  test("takes no line out of a SingleFile by an older SSHKey with somebody's public key", async () => {
    const { people, contractors, bastion, mallory, from } = await scene();
    const key = freshKey();
    await mallory.create("stolen", { user: "mallory", key });
    await bastion.create("gate", { from: from(), layout: "SingleFile" });
    await bastion.untilFiles("gate", { authorized_keys: [contractors.line("stolen", key)] });
    await people.untilYounger();
    await people.create("laptop", { user: "alice", key });
    await bastion.untilFiles("gate", { authorized_keys: [people.line("laptop", key)] });
    const { omitted = [] } = await bastion.until(
      "gate",
      "Projected",
      ({ omittedCount }) => omittedCount === 1,
    );
    expect(omitted[0]).toMatchObject({ reason: "KeyTaken", namespace: contractors.namespace });
  });

  test("nor out of another login's file", async () => {
    const { people, contractors, bastion, mallory, from } = await scene();
    const key = freshKey();
    await mallory.create("stolen", { user: "mallory", key });
    await people.untilYounger();
    await people.create("laptop", { user: "alice", key });
    await bastion.create("gate", { from: from(["alice"]) });
    await bastion.untilFiles("gate", {
      alice: [people.line("laptop", key)],
      mallory: [contractors.line("stolen", key)],
    });
  });

  test("takes nobody's login by another domain's name, and is told which map line would help", async () => {
    const { people, contractors, bastion, mallory, from } = await scene();
    const key = freshKey();
    await people.create("laptop", { user: "alice@example.com", key });
    await mallory.create("other", { user: "alice@elsewhere.example", key: freshKey() });
    await bastion.create("gate", { from: from(["*@example.com"]), logins: { rule: "LocalPart" } });
    const { omitted = [] } = await bastion.until("gate", "Projected", ({ keyCount }) => keyCount === 1);
    await bastion.untilFiles("gate", { alice: [people.line("laptop", key)] });
    expect(omitted[0]?.reason).toBe("LoginTaken");
    expect(omitted[0]?.message).toContain(`add to spec.logins.map: {namespace: ${contractors.namespace}`);
  });
});

test.concurrent("two users of one namespace with one login are both out, and one comes back when the other is mapped", async () => {
  const { people, bastion } = await twoTenants();
  const keys = [freshKey(), freshKey()];
  await people.create("one", { user: "alice@one.example", key: keys[0] ?? "" });
  await people.create("two", { user: "alice@two.example", key: keys[1] ?? "" });
  const { namespace } = people;
  await bastion.create("gate", { from: [{ namespace }], logins: { rule: "LocalPart" } });
  const { omitted = [] } = await bastion.until("gate", "Projected", ({ omittedCount }) => omittedCount === 2);
  expect(omitted.map(({ reason }) => reason)).toEqual(["LoginTaken", "LoginTaken"]);
  await bastion.untilFiles("gate", {});
  const map = [{ namespace, user: "alice@two.example", login: "alice2" }];
  await bastion.edit("gate", { logins: { rule: "LocalPart", map } });
  await bastion.untilFiles("gate", {
    alice: [people.line("one", keys[0] ?? "")],
    alice2: [people.line("two", keys[1] ?? "")],
  });
});

test.concurrent("a proof puts out whoever registered the key before, and its owner in", async () => {
  const { people, bastion } = await twoTenants();
  const pair = makeKey("ssh-ed25519");
  const key = publicKeyLine(pair);
  await people.create("squat", { user: "mallory", key });
  await bastion.create("gate", { from: [{ namespace: people.namespace }], layout: "SingleFile" });
  await bastion.untilFiles("gate", { authorized_keys: [people.line("squat", key)] });
  await people.untilYounger();
  await people.create("laptop", { user: "alice", key });
  await people.until("laptop", "Duplicate");
  await people.edit("laptop", { proof: makeProof(pair, "alice") });
  await bastion.untilFiles("gate", { authorized_keys: [people.line("laptop", key)] });
});

test.concurrent("a key that expires is out of the file when it does", async () => {
  const { people, bastion } = await twoTenants();
  const key = freshKey();
  const expiresAt = Math.ceil(Date.now() / 1000 + 2) * 1000;
  await people.create("laptop", { user: "alice", key, expiresAt: new Date(expiresAt).toISOString() });
  await bastion.create("gate", { from: [{ namespace: people.namespace }] });
  await bastion.untilFiles("gate", { alice: [] });
  expect(Date.now() - expiresAt).toBeGreaterThanOrEqual(0);
  expect(Date.now() - expiresAt).toBeLessThan(2000);
});

test.concurrent("an SSHKey says how it stands in its own namespace, whatever a bastion still holds", async () => {
  const { people, bastion } = await twoTenants();
  await people.create("laptop", { user: "alice", key: freshKey() });
  await bastion.create("gate", { from: [{ namespace: people.namespace }] });
  await bastion.until("gate", "Projected", ({ keyCount }) => keyCount === 1);
  await bastion.tenant.editSecret("gate", { immutable: true });
  await people.edit("laptop", { disabled: true });
  await bastion.until("gate", "SecretConflict", ({ blockedRemovals }) => blockedRemovals === 1);
  await people.until("laptop", "Disabled");
});

test.concurrent("a person with edit in a namespace can write no AuthorizedKeys there", async () => {
  const { people } = await twoTenants();
  using editor = await editorOf(people);
  const object = {
    apiVersion: API_VERSION,
    kind: AUTHORIZED_KEYS_KIND,
    metadata: { name: "gate" },
    spec: {},
  };
  const { status } = await editor.tenant.cluster.request(
    "POST",
    authorizedKeysPath(people.namespace),
    object,
  );
  expect(status).toBe(403);
});

/** Mallory may write SSHKeys in contractors, which the bastion takes after people. */
async function scene() {
  const { people, bastion } = await twoTenants();
  const contractors = await stage.tenant();
  await share(contractors, bastion.tenant.namespace);
  const attacker = await keyOwnerOf(contractors);
  attackers.push(attacker);
  const from = (users = ["*"]) => [
    { namespace: people.namespace, users },
    { namespace: contractors.namespace },
  ];
  return { people, contractors, bastion, mallory: attacker.tenant, from };
}

/** A namespace of people that shares its keys with that of a bastion. */
async function twoTenants(): Promise<{ people: Tenant; bastion: Bastion }> {
  const people = await stage.tenant();
  const bastion = new Bastion(await stage.tenant());
  await share(people, bastion.tenant.namespace);
  return { people, bastion };
}
