import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AUTHORIZED_KEYS_PLURAL, GROUP } from "../../../src/api/names.ts";
import { authorizedKeysPath, crdPath } from "../../../src/api/paths.ts";
import { eventually } from "../../cluster/eventually.ts";
import { freshKey } from "../publickeys.ts";
import { type Rule, ServiceAccount } from "../serviceaccount.ts";
import { Stage } from "../stage.ts";
import { DEADLINE_MS, type Tenant } from "../tenant.ts";
import { Bastion, share } from "./bastion.ts";

const NAMESPACES: Rule = { apiGroups: [""], resources: ["namespaces"], verbs: ["get", "list", "watch"] };

const ALL_BUT_NAMESPACES: readonly Rule[] = [
  { apiGroups: [""], resources: ["secrets"], verbs: ["*"] },
  { apiGroups: [GROUP], resources: ["*"], verbs: ["*"] },
  { apiGroups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"], verbs: ["get"] },
];

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(() => stage.close());

describe("when the right to read Namespaces is lost", () => {
  let people: Tenant;
  let bastion: Bastion;
  let kubeconfig: string;
  let lines: readonly string[];
  let account: ServiceAccount;

  beforeAll(async () => {
    await stage.run();
    people = await stage.tenant();
    bastion = new Bastion(await stage.tenant());
    await share(people, bastion.tenant.namespace);
    const keys = [freshKey(), freshKey()];
    await people.create("laptop", { user: "alice", key: keys[0] ?? "" });
    await people.create("phone", { user: "bob", key: keys[1] ?? "" });
    lines = [people.line("laptop", keys[0] ?? ""), people.line("phone", keys[1] ?? "")];
    await bastion.create("gate", { from: [{ namespace: people.namespace }], layout: "SingleFile" });
    await bastion.untilFiles("gate", { authorized_keys: lines });
    await stage.rest();
    account = await ServiceAccount.create(await stage.tenant());
    ({ kubeconfig } = account);
    await account.mayEverywhere(ALL_BUT_NAMESPACES);
    await stage.run({ kubeconfig });
  });

  test("the object is Unknown, says which right is missing, and keeps what it holds", async () => {
    const { conditions } = await bastion.until("gate", "Unknown");
    const ready = conditions?.find(({ type }) => type === "Ready");
    expect(ready?.status).toBe("Unknown");
    expect(ready?.message).toContain(`may not read Namespace ${people.namespace}`);
    await bastion.untilFiles("gate", { authorized_keys: lines });
  });

  test("a key that is revoked is out all the same", async () => {
    await people.edit("laptop", { disabled: true });
    await bastion.untilFiles("gate", { authorized_keys: lines.slice(1) });
  });

  test("nobody new comes in, and what comes back of those who were in does not either", async () => {
    await people.create("tablet", { user: "carol", key: freshKey() });
    await people.edit("laptop", { disabled: null });
    await people.until("laptop", "Projected");
    await people.until("tablet", "Projected");
    await stage.isIdle();
    await bastion.untilFiles("gate", { authorized_keys: lines.slice(1) });
  });

  test("an AuthorizedKeys of the own namespace's keys works", async () => {
    const own = new Bastion(people);
    await own.create("own", { layout: "SingleFile" });
    await own.until("own", "Projected", ({ keyCount }) => keyCount === 3);
  });

  test("and given again, it goes on as if nothing had been", async () => {
    await account.mayEverywhere([...ALL_BUT_NAMESPACES, NAMESPACES]);
    await bastion.until("gate", "Projected", ({ keyCount }) => keyCount === 3);
  });
});

describe("when the CRD of AuthorizedKeys is deleted", () => {
  let tenant: Tenant;
  let bastion: Bastion;
  let files: Readonly<Record<string, readonly string[]>>;
  let before: unknown;

  beforeAll(async () => {
    await stage.run();
    tenant = await stage.tenant();
    bastion = new Bastion(tenant);
    const key = freshKey();
    await tenant.create("laptop", { user: "alice", key });
    await bastion.create("gate", {});
    files = { alice: [tenant.line("laptop", key)] };
    await bastion.untilFiles("gate", files);
    await bastion.until("gate", "Projected");
    before = await tenant.secret("gate");
    await stage.cluster.request("DELETE", CRD);
    const isGone = async () => (await stage.cluster.request("GET", CRD)).status === 404;
    await eventually("the CRD is gone", isGone, DEADLINE_MS);
  });

  test("its Secrets keep their keys, and the log says that absence is in doubt", async () => {
    await stage.operator.logged("DeletionUnconfirmed");
    expect(await tenant.secret("gate")).toEqual(before);
  });

  test("the Secrets of users go on, and an operator that starts now leaves those of AuthorizedKeys alone", async () => {
    await stage.crash();
    await stage.run();
    await tenant.create("phone", { user: "bob", key: freshKey() });
    await tenant.until("phone", "Projected");
    await stage.isIdle();
    expect(await tenant.secret("gate")).toEqual(before);
    await tenant.remove("phone");
  });

  test("and installed again without its objects, Secrets keep their keys, after a restart too", async () => {
    await installCRD();
    const other = new Bastion(await stage.tenant());
    await other.create("gate", {});
    await other.until("gate", "Projected");
    await stage.crash();
    await stage.run();
    await other.create("second", {});
    await other.until("second", "Projected");
    await stage.isIdle();
    expect(await tenant.secret("gate")).toEqual(before);
  });

  test("and its objects applied again, they hold what they held, and lose what is revoked", async () => {
    await bastion.create("gate", {});
    await bastion.until("gate", "Projected");
    await bastion.untilFiles("gate", files);
    await tenant.edit("laptop", { disabled: true });
    await bastion.untilFiles("gate", { alice: [] });
  });

  test("an object that is applied again and then deleted is emptied at once", async () => {
    await tenant.edit("laptop", { disabled: null });
    await bastion.untilFiles("gate", files);
    await bastion.remove("gate");
    await bastion.untilFiles("gate", { alice: [] });
  });
});

const CRD = crdPath(AUTHORIZED_KEYS_PLURAL);

async function installCRD(): Promise<void> {
  const { cluster } = stage;
  const { code, stderr } = await cluster.kubectl([
    "apply",
    "--server-side",
    "-f",
    "crds/authorizedkeys.yaml",
  ]);
  expect([code, stderr]).toEqual([0, ""]);
  const isServed = async () => (await cluster.request("GET", authorizedKeysPath())).status === 200;
  await eventually("AuthorizedKeys are served", isServed, DEADLINE_MS);
}
