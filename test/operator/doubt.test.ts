import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GROUP, PLURAL } from "../../src/api/names.ts";
import { eventually } from "../cluster/eventually.ts";
import { type OperatorProcess, spawnOperator } from "../cluster/operatorprocess.ts";
import { freshKey } from "./publickeys.ts";
import { ServiceAccount } from "./serviceaccount.ts";
import { Stage } from "./stage.ts";
import { DEADLINE_MS, type Tenant } from "./tenant.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage.close();
});

describe("a list that is forbidden never looks like no SSHKeys", () => {
  let tenant: Tenant;
  let line: string;
  let account: ServiceAccount;
  let operator: OperatorProcess;

  beforeAll(async () => {
    await stage.run();
    ({ tenant, line } = await withOneKey());
    await stage.rest();
    account = await ServiceAccount.create(tenant);
    await account.may([{ apiGroups: [""], resources: ["secrets"], verbs: ["*"] }]);
    const { kubeconfig } = account;
    operator = await spawnOperator({ kubeconfig, args: ["--namespace", tenant.namespace] });
  });

  afterAll(async () => {
    await operator.kill();
  });

  test("the Secret keeps its keys while the operator is refused", async () => {
    const before = await tenant.secret("sshkeys-alice");
    await operator.logged(
      "WatchRestarted",
      ({ resource, reason }) => resource === "sshkeys" && reason === "forbidden",
    );
    await operator.logged("WatchRestarted", ({ delayMs }) => Number(delayMs) > 800);
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
  });

  test("and work goes on once it is allowed", async () => {
    await account.may([
      { apiGroups: [""], resources: ["secrets"], verbs: ["*"] },
      { apiGroups: [GROUP], resources: ["*"], verbs: ["*"] },
    ]);
    const key = freshKey();
    await tenant.create("second", { user: "alice", key });
    await tenant.untilFile("sshkeys-alice", [tenant.line("second", key), line]);
  });
});

describe("an operator whose list of Secrets is forbidden writes nothing", () => {
  test("no Secret and no status", async () => {
    const tenant = await stage.tenant();
    await tenant.create("work", { user: "alice", key: freshKey() });
    const account = await ServiceAccount.create(tenant);
    await account.may([
      { apiGroups: [""], resources: ["secrets"], verbs: ["get", "create", "patch"] },
      { apiGroups: [GROUP], resources: ["*"], verbs: ["*"] },
    ]);
    const { kubeconfig } = account;
    const operator = await spawnOperator({ kubeconfig, args: ["--namespace", tenant.namespace] });
    await operator.logged(
      "WatchRestarted",
      ({ resource, delayMs }) => resource === "secrets" && Number(delayMs) > 800,
    );
    await operator.kill();
    const { status } = await tenant.read("work");
    expect([status, await tenant.secrets()]).toEqual([{ observedGeneration: -1 }, []]);
  });
});

describe("when the CRD is deleted", () => {
  let tenant: Tenant;
  let line: string;
  let key: string;
  let before: unknown;

  beforeAll(async () => {
    await stage.run();
    ({ tenant, line, key } = await withOneKey());
    before = await tenant.secret("sshkeys-alice");
    await deleteCRD(stage);
  });

  test("Secrets keep their keys, and the log says that absence is in doubt", async () => {
    await stage.operator.logged("DeletionUnconfirmed");
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
  });

  test("an operator that starts now writes nothing", async () => {
    await stage.crash();
    const operator = await spawnOperator({ kubeconfig: stage.cluster.controlPlane.kubeconfig });
    await operator.logged(
      "WatchRestarted",
      ({ resource, reason }) => resource === "sshkeys" && reason === "notfound",
    );
    await operator.logged("WatchRestarted", ({ delayMs }) => Number(delayMs) > 800);
    await operator.kill();
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
  });

  test("and installed again without its SSHKeys, Secrets keep their keys, after a restart too", async () => {
    await installCRD(stage);
    await stage.run();
    const other = await stage.tenant();
    const otherKey = freshKey();
    await other.create("marker", { user: "bob", key: otherKey });
    await other.until("marker", "Projected");
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
  });

  test("and its SSHKeys applied again, the same Secret holds the same line", async () => {
    await tenant.create("work", { user: "alice", key });
    await tenant.until("work", "Projected");
    await tenant.untilFile("sshkeys-alice", [line]);
  });
});

describe("when the CRD is deleted and installed again under a running operator", () => {
  let tenant: Tenant;
  let before: unknown;
  let key: string;

  beforeAll(async () => {
    await stage.run();
    ({ tenant, key } = await withOneKey());
    before = await tenant.secret("sshkeys-alice");
    await deleteCRD(stage);
    await stage.operator.logged("DeletionUnconfirmed");
    await installCRD(stage);
  });

  test("keys that are applied from then on work, and those not yet applied stay in force", async () => {
    const other = await stage.tenant();
    await other.create("marker", { user: "bob", key: freshKey() });
    await other.until("marker", "Projected");
    expect(await tenant.secret("sshkeys-alice")).toEqual(before);
  });

  test("an SSHKey that is applied again and then deleted is revoked at once", async () => {
    await tenant.untilYounger();
    await tenant.create("work", { user: "alice", key });
    await tenant.until("work", "Projected");
    await tenant.remove("work");
    await tenant.untilFile("sshkeys-alice", []);
  });
});

async function withOneKey() {
  const tenant = await stage.tenant();
  const key = freshKey();
  await tenant.create("work", { user: "alice", key });
  await tenant.until("work", "Projected");
  return { tenant, key, line: tenant.line("work", key) };
}

const CRD_PATH = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${PLURAL}.${GROUP}`;

async function deleteCRD({ cluster }: Stage): Promise<void> {
  await cluster.request("DELETE", CRD_PATH);
  const gone = async () => (await cluster.request("GET", CRD_PATH)).status === 404;
  await eventually("the CRD is gone", gone, DEADLINE_MS);
}

async function installCRD({ cluster }: Stage): Promise<void> {
  const { code, stderr } = await cluster.kubectl(["apply", "--server-side", "-f", "crds/sshkeys.yaml"]);
  expect([code, stderr]).toEqual([0, ""]);
  const served = async () =>
    (await cluster.request("GET", `/apis/${GROUP}/v1alpha1/${PLURAL}`)).status === 200;
  await eventually("SSHKeys are served", served, DEADLINE_MS);
}
