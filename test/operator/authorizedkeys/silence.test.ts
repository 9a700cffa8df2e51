import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MANAGED_LABEL } from "../../../src/api/names.ts";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import type { Tenant } from "../tenant.ts";
import { annotate, Bastion, editNamespace, share } from "./bastion.ts";

let stage: Stage;
let people: Tenant;
let gates: Bastion;

beforeAll(async () => {
  stage = await Stage.open({ audit: true });
  await stage.run();
  people = await stage.tenant();
  gates = new Bastion(await stage.tenant());
  await createOneOfEach();
  await stage.allIsHandled();
});

afterAll(() => stage.close());

describe("in converged namespaces nothing is written of AuthorizedKeys", () => {
  test.each([1, 2, 3])("after a restart, the %i. time", async () => {
    expect(await writesDuring(async () => void (await stage.run()))).toEqual([]);
  });

  test("after a crash", async () => {
    expect(
      await writesDuring(async () => {
        await stage.crash();
        await stage.run();
      }),
    ).toEqual([]);
  });

  test("when labels of the objects are edited, and annotations of a source that are not the operator's", async () => {
    expect(
      await writesDuring(async () => {
        await gates.editMetadata("projected", { labels: { team: "a" } });
        await annotate(people, { "example.com/note": "a" });
        await editNamespace(people, { labels: { team: "a" } });
      }),
    ).toEqual([]);
  });

  test("when consent is written in other words", async () => {
    expect(await writesDuring(() => share(people, "test-*, nobody-else"))).toEqual([]);
  });
});

test("a key that comes costs one write of each Secret and one of each status", async () => {
  const writes = await writesDuring(async () => {
    await people.create("tablet", { user: "alice", key: freshKey() });
    for (const name of ["projected", "single"])
      await gates.until(name, "Projected", ({ keyCount }) => keyCount === 3);
  });
  expect(writes.filter((write) => !/events|blocked|conflict|unlabelled/.test(write)).sort()).toEqual([
    "patch authorizedkeys/projected/status",
    "patch authorizedkeys/single/status",
    "patch secrets/projected",
    "patch secrets/single",
    "patch secrets/sshkeys-alice",
    "patch sshkeys/tablet/status",
  ]);
});

/** The operator's writes in both namespaces until all that `act` brought about is handled. */
async function writesDuring(act: () => Promise<void>): Promise<readonly string[]> {
  const written = async () => [...(await stage.writesIn(people)), ...(await stage.writesIn(gates.tenant))];
  const before = new Set((await written()).map(({ id }) => id));
  await act();
  await stage.allIsHandled();
  const writes = (await written()).filter(({ id }) => !before.has(id));
  return writes.map(({ verb, resource, name, subresource }) => {
    const object = resource === "events" ? resource : `${resource}/${name}`;
    return `${verb} ${object}${subresource === "" ? "" : `/${subresource}`}`;
  });
}

async function createOneOfEach(): Promise<void> {
  await share(people, "*");
  await people.create("laptop", { user: "alice", key: freshKey() });
  await people.create("phone", { user: "bob", key: freshKey() });
  await people.create("leaving", { user: "dave", key: freshKey() });
  await people.create("odd", { user: "Carol", key: freshKey() });
  const { namespace } = people;
  const from = [{ namespace }];
  await gates.create("projected", { from });
  await gates.create("single", {
    from: [{ namespace, users: ["alice", "bo*"] }],
    layout: "SingleFile",
    options: ["restrict"],
  });
  await gates.create("not-shared", { from: [{ namespace: "nowhere-at-all" }] });
  await gates.create("invalid", { from, options: ["no-port-forwarding", 'permitopen="*:22"'] });
  await gates.create("prefixed", { from, secretName: "sshkeys-alice" });
  await gates.create("gone", { from });
  await gates.create("blocked", { from });
  await gates.create("unlabelled", { from });
  await gates.tenant.buildCreate("conflict", {});
  await gates.create("conflict", { from });
  for (const name of ["projected", "gone", "blocked", "unlabelled"])
    await gates.until(name, "Projected", ({ userCount }) => userCount === 3);
  await gates.until("single", "Projected", ({ userCount }) => userCount === 2);
  await people.untilYounger();
  await gates.create("younger", { from, secretName: "single" });
  await gates.remove("gone");
  await gates.untilFiles("gone", { alice: [], bob: [], dave: [] });
  await gates.tenant.editSecret("blocked", { immutable: true });
  await gates.tenant.editSecret("unlabelled", { metadata: { labels: { [MANAGED_LABEL]: null } } });
  await people.remove("leaving");
  for (const name of ["younger", "conflict", "prefixed"]) await gates.until(name, "SecretConflict");
  for (const name of ["blocked", "unlabelled"])
    await gates.until(name, "SecretConflict", ({ blockedRemovals }) => blockedRemovals === 1);
  await gates.until("invalid", "InvalidOptions");
  await gates.until("not-shared", "Projected", ({ omittedCount }) => omittedCount === 1);
  await gates.until("projected", "Projected", ({ keyCount }) => keyCount === 2);
}
