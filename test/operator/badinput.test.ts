import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { freshKey } from "./publickeys.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, stateOf } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
});

afterAll(async () => {
  await stage.close();
});

describe("nothing that the API server stores makes the operator fail", () => {
  test.each([
    ["the longest key line", { key: `${freshKey()} ${"x".repeat(16_000)}` }],
    ["a comment of other scripts", { key: `${freshKey()} 山田 👩‍💻 \u202e` }],
    [
      "the most options",
      { key: freshKey(), options: Array.from({ length: 32 }, (_, i) => `permitopen="h:${i + 1}"`) },
    ],
    ["the last date of all", { key: freshKey(), expiresAt: "9999-12-31T23:59:59.999999999Z" }],
    ["the first date of all", { key: freshKey(), expiresAt: "0000-01-01T00:00:00Z" }],
    ["a date behind the last one of all", { key: freshKey(), expiresAt: "9999-12-31T23:59:59-23:59" }],
    ["a leap second's neighbour", { key: freshKey(), expiresAt: "2028-02-29T23:59:59+00:00" }],
  ])("%s", async (_what, spec) => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", ...spec });
    await eventually(
      "it has a verdict",
      async () => stateOf((await tenant.read("work")).status) !== "",
      DEADLINE_MS,
    );
    const failures = (await stage.operator.log()).filter(({ level }) => level === "error");
    expect(failures).toEqual([]);
  });

  test("an SSHKey with the longest names in the longest namespace", async () => {
    const tenant = await stage.tenant();
    const name = "n".repeat(253);
    const key = freshKey();
    await tenant.create(name, { user: "u".repeat(253), key });
    const { secretName = "" } = await tenant.until(name, "Projected");
    await tenant.untilFile(secretName, [tenant.line(name, key)]);
  });

  test("an SSHKey that is deleted and made again in one breath", async () => {
    const tenant = await stage.tenant();
    const [first, second] = [freshKey(), freshKey()];
    await tenant.create("work", { user: "alice", key: first });
    await tenant.remove("work");
    await tenant.create("work", { user: "bob", key: second });
    await tenant.until("work", "Projected");
    await tenant.untilFile("sshkeys-bob", [tenant.line("work", second)]);
    const ofAlice = async () =>
      ["", undefined].includes((await tenant.secret("sshkeys-alice"))?.data.authorized_keys);
    await eventually("alice's file holds nothing", ofAlice, DEADLINE_MS);
  });
});
