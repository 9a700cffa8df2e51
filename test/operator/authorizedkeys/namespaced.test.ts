import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GROUP } from "../../../src/api/names.ts";
import { freshKey } from "../publickeys.ts";
import { type Rule, ServiceAccount } from "../serviceaccount.ts";
import { Stage } from "../stage.ts";
import type { Tenant } from "../tenant.ts";
import { Bastion, editNamespace, share } from "./bastion.ts";

const SERVED: readonly Rule[] = [
  { apiGroups: [""], resources: ["secrets"], verbs: ["*"] },
  { apiGroups: [GROUP], resources: ["*"], verbs: ["*"] },
];

const ITS_NAMESPACE: Rule = { apiGroups: [""], resources: ["namespaces"], verbs: ["get"] };

let stage: Stage;
let people: Tenant;
let bastion: Bastion;
let stranger: Tenant;
let account: ServiceAccount;
let kubeconfig: string;
let line: string;
const key = freshKey();

/** An operator that serves the namespaces of people and of the bastion, and no third. */
beforeAll(async () => {
  stage = await Stage.open();
  people = await stage.tenant();
  stranger = await stage.tenant();
  bastion = new Bastion(await stage.tenant());
  account = await ServiceAccount.create(bastion.tenant);
  ({ kubeconfig } = account);
  await account.may(SERVED);
  await account.may(SERVED, people);
  for (const tenant of [people, stranger]) await share(tenant, "*");
  await people.create("laptop", { user: "alice", key });
  await stranger.create("laptop", { user: "bob", key: freshKey() });
  line = people.line("laptop", key);
  await runServing();
});

afterAll(() => stage.close());

describe("without the right to get the served Namespaces", () => {
  test("an AuthorizedKeys of the own namespace works", async () => {
    const own = new Bastion(people);
    await own.create("own", {});
    await own.until("own", "Projected", ({ keyCount }) => keyCount === 1);
    await own.untilFiles("own", { alice: [line] });
  });

  test("another served namespace is in doubt, and the object says which right is missing", async () => {
    await bastion.create("gate", { from: [{ namespace: people.namespace }] });
    const { conditions } = await bastion.until("gate", "Unknown");
    const message = conditions?.find(({ type }) => type === "Ready")?.message;
    expect(message).toContain("give its account get on it");
    await bastion.untilFiles("gate", {});
  });

  test("a namespace that is not served is in doubt too, and no right on it is asked for", async () => {
    await bastion.create("strange", { from: [{ namespace: stranger.namespace }] });
    const { conditions } = await bastion.until("strange", "Unknown");
    const message = conditions?.find(({ type }) => type === "Ready")?.message;
    expect(message).toContain(`serves no namespace ${stranger.namespace}`);
    await bastion.untilFiles("strange", {});
  });
});

describe("with the right to get the served Namespaces and no other right on Namespaces", () => {
  beforeAll(async () => {
    for (const tenant of [people, bastion.tenant]) await account.may([...SERVED, ITS_NAMESPACE], tenant);
  });

  test("consent is found", async () => {
    await stage.crash();
    await runServing();
    await bastion.untilFiles("gate", { alice: [line] });
    await bastion.until("gate", "Projected");
  });

  test("a selector finds served namespaces, and never another one", async () => {
    for (const tenant of [people, stranger]) await editNamespace(tenant, { labels: { floor: "one" } });
    const from = [{ namespaceSelector: { matchLabels: { floor: "one" } } }];
    await bastion.create("floor", { from, layout: "SingleFile" });
    await stage.crash();
    await runServing();
    await bastion.untilFiles("floor", { authorized_keys: [line] });
    await bastion.until("floor", "Projected", ({ omittedCount }) => omittedCount === 0);
  });

  test("consent withdrawn is seen in ten seconds and a moment, without a watch, as a revocation", async () => {
    await share(people, undefined);
    const started = performance.now();
    await bastion.untilFiles("gate", { alice: [] });
    expect(performance.now() - started).toBeLessThan(13_000);
    await share(people, bastion.tenant.namespace);
    await stage.crash();
    await runServing();
    await bastion.untilFiles("gate", { alice: [line] });
  });

  test("that right lost leaves what was known, after a restart too", async () => {
    await account.may(SERVED, people);
    await stage.crash();
    await runServing();
    await bastion.until("gate", "Unknown");
    await bastion.untilFiles("gate", { alice: [line] });
  });

  test("and a key that is revoked is out all the same", async () => {
    await people.remove("laptop");
    await bastion.untilFiles("gate", { alice: [] });
  });
});

async function runServing(): Promise<void> {
  const args = [people, bastion.tenant].flatMap(({ namespace }) => ["--namespace", namespace]);
  await stage.run({ kubeconfig, args });
}
