import { afterAll, beforeAll, expect, test } from "vitest";
import { freshKey } from "../publickeys.ts";
import { Stage } from "../stage.ts";
import { readyOf } from "../tenant.ts";
import { Bastion } from "./bastion.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(() => stage.close());

test("with secrets.perUser false users' Secrets become empty, keys are Accepted, and AuthorizedKeys have them", async () => {
  const [tenant, key] = [await stage.tenant(), freshKey()];
  const bastion = new Bastion(tenant);
  await stage.run();
  await tenant.create("laptop", { user: "alice", key });
  await tenant.until("laptop", "Projected");
  await stage.run({ config: "secrets: { perUser: false }\n" });
  const status = await tenant.until("laptop", "Accepted");
  expect(readyOf(status)?.status).toBe("True");
  await tenant.untilFile("sshkeys-alice", []);
  await tenant.create("desk", { user: "bob", key: freshKey() });
  await tenant.until("desk", "Accepted");
  expect(await tenant.secret("sshkeys-bob")).toBeUndefined();
  await bastion.create("gate", { layout: "FilePerLogin", from: [{ users: ["alice"] }] });
  await bastion.untilFiles("gate", { alice: [tenant.line("laptop", key)] });
});
