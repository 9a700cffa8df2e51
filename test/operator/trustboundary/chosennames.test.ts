import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AUTHORIZED_KEYS_ANNOTATION, USER_ANNOTATION } from "../../../src/api/names.ts";
import { authorizedKeysPath } from "../../../src/api/paths.ts";
import { Bastion, messageOf } from "../authorizedkeys/bastion.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import type { Tenant } from "../tenant.ts";
import { type Attacker, authorizedKeysEditorOf } from "./attacker.ts";

let stage: Stage;
let tenant: Tenant;
let attacker: Attacker;
/** AuthorizedKeys as whoever may write nothing but these sees them. */
let mallory: Bastion;
const keys = { alice: freshKey(), bob: freshKey() };

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
  tenant = await stage.tenant();
  attacker = await authorizedKeysEditorOf(tenant);
  mallory = new Bastion(attacker.tenant);
  await tenant.create("alices", { user: "alice", key: keys.alice });
  await tenant.until("alices", "Projected");
});

afterAll(async () => {
  attacker?.[Symbol.dispose]();
  await stage.close();
});

describe("whoever may write AuthorizedKeys and nothing else", () => {
  test("makes a Secret under a free name in the own namespace, with keys only", async () => {
    await mallory.create("free", { secretName: "database-password" });
    const line = tenant.line("alices", keys.alice);
    const { data } = await new Bastion(tenant).untilFiles("database-password", { alice: [line] });
    expect(Object.keys(data)).toEqual(["alice"]);
  });

  test("can read no Secret by it", async () => {
    const { status } = await attacker.tenant.cluster.request(
      "GET",
      `/api/v1/namespaces/${tenant.namespace}/secrets/database-password`,
    );
    expect(status).toBe(403);
  });

  test("makes none in another namespace", async () => {
    const other = await stage.tenant();
    await other.create("bobs", { user: "bob", key: keys.bob });
    const object = { metadata: { name: "free" }, spec: { secretName: "database-password" } };
    const { status } = await attacker.tenant.cluster.request("POST", authorizedKeysPath(other.namespace), {
      apiVersion: "sshkey-operator.dev/v1alpha1",
      kind: "AuthorizedKeys",
      ...object,
    });
    expect(status).toBe(403);
    await stage.allIsHandled();
    expect((await other.secrets()).map(({ metadata }) => metadata.name)).toEqual(["sshkeys-bob"]);
  });

  test("changes nothing in a Secret that has the name already", async () => {
    await tenant.buildCreate("certificate", { "tls.key": "theirs" });
    const before = await tenant.secret("certificate");
    await mallory.create("taken", { secretName: "certificate" });
    await mallory.until("taken", "SecretConflict");
    await mallory.remove("taken");
    await stage.allIsHandled();
    expect(await tenant.secret("certificate")).toEqual(before);
  });

  test("gets no user's Secret, neither one that is there nor one that may come", async () => {
    const before = await tenant.secret("sshkeys-alice");
    for (const user of ["alice", "nobody-yet"]) {
      await mallory.create(`of-${user}`, { secretName: `sshkeys-${user}`, layout: "SingleFile" });
      expect(messageOf(await mallory.until(`of-${user}`, "SecretConflict"))).toContain(
        "another spec.secretName",
      );
    }
    await stage.allIsHandled();
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
    expect(await tenant.secret("sshkeys-nobody-yet")).toBeUndefined();
  });
});

describe("a Secret of an AuthorizedKeys whose name becomes a user's by configuration", () => {
  beforeAll(async () => {
    await mallory.create("older", { secretName: "people-bob", from: [{ users: ["alice"] }] });
    await mallory.until("older", "Projected");
    await tenant.untilYounger();
    await tenant.create("bobs", { user: "bob", key: keys.bob });
    await tenant.until("bobs", "Projected");
    await stage.run({ config: "secrets: { namePrefix: people- }\n" });
  });

  test("is the user's, though the AuthorizedKeys is older", async () => {
    await tenant.until("bobs", "Projected", ({ secretName }) => secretName === "people-bob");
    const { metadata } = await tenant.untilFile("people-bob", [tenant.line("bobs", keys.bob)]);
    expect(metadata.annotations?.[USER_ANNOTATION]).toBe("bob");
    expect(metadata.annotations).not.toHaveProperty(AUTHORIZED_KEYS_ANNOTATION);
  });

  test("lets nobody in any more by the files that it had", async () => {
    const { data = {} } = (await tenant.secret("people-bob")) ?? {};
    const { authorized_keys: _, ...others } = data;
    expect(Object.values(others).join("")).toBe("");
  });

  test("is refused to the AuthorizedKeys, which says why and what to do", async () => {
    const status = await mallory.until("older", "SecretConflict");
    expect(messageOf(status)).toMatch(/begin with people-.* another spec.secretName/);
    expect([status.keyCount, status.secretName]).toEqual([0, undefined]);
  });

  test("stays the user's when the AuthorizedKeys goes", async () => {
    const before = await tenant.secret("people-bob");
    await mallory.remove("older");
    await stage.allIsHandled();
    expect(await tenant.secret("people-bob")).toEqual(before);
  });
});
