import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AUTHORIZED_KEYS_ANNOTATION, USER_ANNOTATION } from "../../../src/api/names.ts";
import { authorizedKeysPath } from "../../../src/api/paths.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import type { Tenant } from "../tenant.ts";
import { Bastion, messageOf } from "./bastion.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(() => stage.close());

describe("two AuthorizedKeys that ask for one Secret", () => {
  let tenant: Tenant;
  let bastion: Bastion;
  let line: string;

  beforeAll(async () => {
    ({ tenant, bastion, line } = await withOneKey());
    await bastion.create("older", { secretName: "shared" });
    await bastion.untilFiles("shared", { alice: [line] });
    await tenant.untilYounger();
    await bastion.create("younger", { secretName: "shared", layout: "SingleFile" });
  });

  test("the older has it, and the other says whose it is", async () => {
    const status = await bastion.until("younger", "SecretConflict");
    expect(messageOf(status)).toContain("is that of the older AuthorizedKeys older");
    expect([status.keyCount, status.secretName]).toEqual([0, undefined]);
    await bastion.until("older", "Projected");
    await bastion.untilFiles("shared", { alice: [line] });
  });

  test("also after a restart, and after the older one is edited", async () => {
    await stage.crash();
    await stage.run();
    await bastion.edit("older", { options: ["restrict"] });
    await bastion.untilFiles("shared", { alice: [`restrict ${line}`] });
    await bastion.until("younger", "SecretConflict");
  });

  test("when the older goes the other takes it over in its place", async () => {
    const before = await tenant.secret("shared");
    await bastion.remove("older");
    await bastion.until("younger", "Projected", ({ keyCount }) => keyCount === 1);
    const { metadata } = await bastion.untilFiles("shared", { authorized_keys: [line], alice: [] });
    expect([metadata.uid, metadata.annotations?.[AUTHORIZED_KEYS_ANNOTATION]]).toEqual([
      before?.metadata.uid,
      "younger",
    ]);
  });
});

describe("a name with the prefix of users' Secrets", () => {
  test.each([
    ["by secretName", "gate", { secretName: "sshkeys-alice" }],
    ["by the object's own name", "sshkeys-alice", {}],
  ])("%s is refused, and the user's Secret stays the user's", async (_, name, spec) => {
    const { tenant, bastion } = await withOneKey();
    const before = await tenant.secret("sshkeys-alice");
    await bastion.create(name, { ...spec, layout: "SingleFile" });
    const status = await bastion.until(name, "SecretConflict");
    expect(messageOf(status)).toMatch(/begin with sshkeys-.* another spec.secretName/);
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
    await bastion.remove(name);
    await stage.allIsHandled();
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
  });

  test("is refused too before the user has any key, and stands in nobody's way then", async () => {
    const { tenant, bastion } = await withOneKey();
    await bastion.create("gate", { secretName: "sshkeys-bob", layout: "SingleFile" });
    await bastion.until("gate", "SecretConflict");
    expect(await tenant.secret("sshkeys-bob")).toBeUndefined();
    const key = freshKey();
    await tenant.create("bobs", { user: "bob", key });
    await tenant.until("bobs", "Projected");
    const { metadata } = await tenant.untilFile("sshkeys-bob", [tenant.line("bobs", key)]);
    expect(metadata.annotations?.[USER_ANNOTATION]).toBe("bob");
  });
});

describe("a Secret of the name that is somebody else's", () => {
  test("is left alone and told, and its deletion makes room", async () => {
    const { tenant, bastion, line } = await withOneKey();
    await tenant.buildCreate("gate", { password: "theirs" });
    const before = await tenant.secret("gate");
    await bastion.create("gate", {});
    const status = await bastion.until("gate", "SecretConflict");
    expect(messageOf(status)).toContain(`kubectl delete secret -n ${tenant.namespace} gate`);
    expect(await tenant.secret("gate")).toEqual(before);
    await tenant.removeSecret("gate");
    await bastion.untilFiles("gate", { alice: [line] });
    await bastion.until("gate", "Projected");
  });

  test("and stays when the object goes", async () => {
    const { tenant, bastion } = await withOneKey();
    await tenant.buildCreate("gate", { password: "theirs" });
    const before = await tenant.secret("gate");
    await bastion.create("gate", {});
    await bastion.until("gate", "SecretConflict");
    await bastion.remove("gate");
    await stage.allIsHandled();
    expect(await tenant.secret("gate")).toEqual(before);
  });
});

test("the name of the Secret cannot be changed, and the next step is named", async () => {
  const { tenant, bastion } = await withOneKey();
  await bastion.create("gate", { secretName: "one" });
  const path = `${authorizedKeysPath(tenant.namespace)}/gate`;
  const { status, body } = await tenant.cluster.request("PATCH", path, { spec: { secretName: "two" } });
  expect(status).toBe(422);
  expect(JSON.stringify(body)).toContain("delete this AuthorizedKeys and create one with the other name");
});

async function withOneKey(): Promise<{ tenant: Tenant; bastion: Bastion; line: string }> {
  const tenant = await stage.tenant();
  const key = freshKey();
  await tenant.create("laptop", { user: "alice", key });
  await tenant.until("laptop", "Projected");
  return { tenant, bastion: new Bastion(tenant), line: tenant.line("laptop", key) };
}
