import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { type Fault, FaultProxy } from "../faults/faultproxy.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { callerOf } from "./foremancaller.ts";
import { PEOPLE_CONFIG, type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let tenant: Tenant;
let proxy: FaultProxy;
let portal: PeoplePortal;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  proxy = await FaultProxy.start(cluster.controlPlane.kubeconfig);
  portal = await startPeoplePortal(cluster, tenant, PEOPLE_CONFIG, proxy.kubeconfig);
});

afterAll(async () => {
  await portal?.stop();
  await proxy?.stop();
  await cluster?.stop();
});

const call = callerOf(() => portal);
const as = (person: string) => ({ "x-forwarded-user": person });
const keysOf = (user: string) => `/api/users/${user}/ssh_keys`;
const TRY_AGAIN = { error: { message: "the cluster cannot be asked at the moment: try again" } };

/** As an admission policy of the cluster's own says it; without a reason of its own that is 422. */
function refusal(message: string): Fault {
  const body = JSON.stringify({
    ...{ apiVersion: "v1", kind: "Status", status: "Failure", code: 422, reason: "Invalid", message },
  });
  return { kind: "answer", status: 422, headers: { "content-type": "application/json" }, body };
}

describe("an API server that cannot say", () => {
  const BROKEN: Fault = { kind: "answer", status: 500 };

  test("whose a token is makes nobody of no one: 503", async () => {
    const fault = proxy.inject(({ resource }) => resource === "tokenreviews", BROKEN);
    const answer = await call("GET", keysOf("alice"), undefined, { authorization: "Bearer anybody's" });
    expect([answer.status, answer.body, fault.hits]).toEqual([503, TRY_AGAIN, 1]);
  });

  test("what one may do refuses nobody: 503", async () => {
    const fault = proxy.inject(({ resource }) => resource === "subjectaccessreviews", BROKEN);
    const answer = await call("GET", keysOf("alice"), undefined, as("bob"));
    expect([answer.status, answer.body, fault.hits]).toEqual([503, TRY_AGAIN, 1]);
    expect((await call("GET", keysOf("alice"), undefined, as("bob"))).status).toBe(403);
  });

  test.each<[string, Fault]>([
    ["fails", BROKEN],
    ["breaks off", { kind: "drop" }],
    ["is busy", { kind: "answer", status: 429 }],
  ])("that %s stores nothing, and the same may be sent again", async (_what, fault) => {
    const body = { name: "again", key: freshKey() };
    proxy.inject(({ verb, resource }) => verb === "create" && resource === "sshkeys", fault);
    const first = await call("POST", keysOf("carol"), body, as("carol"));
    const second = await call("POST", keysOf("carol"), body, as("carol"));
    expect([first.status, first.body, second.status]).toEqual([503, TRY_AGAIN, 201]);
  });

  test("that it was stored tells a second try that it is there", async () => {
    const body = { name: "lost", key: freshKey() };
    proxy.inject(({ verb, resource }) => verb === "create" && resource === "sshkeys", { kind: "lose" });
    const first = await call("POST", keysOf("dora"), body, as("dora"));
    const second = await call("POST", keysOf("dora"), body, as("dora"));
    expect([first.status, second.body.error.errors]).toEqual([
      503,
      { fingerprint: ["has already been taken"] },
    ]);
  });

  test("has no key any more that is deleted: it is deleted", async () => {
    const { body } = await call("POST", keysOf("erin"), { name: "gone", key: freshKey() }, as("erin"));
    proxy.inject(({ verb }) => verb === "delete", { kind: "answer", status: 404, forwarded: true });
    const gone = await call("DELETE", `${keysOf("erin")}/${body.id}`, undefined, as("erin"));
    expect([gone.status, gone.body.id]).toEqual([200, body.id]);
  });
});

describe("an API server that refuses a key", () => {
  const SAID =
    'sshkeys "x" is invalid: ValidatingAdmissionPolicy "titles" denied request: titles begin with a team';
  const isCreation = ({ verb, resource }: { readonly verb: string; readonly resource: string }) =>
    verb === "create" && resource === "sshkeys";

  test("says why to the program that sent it, as what is wrong with the whole", async () => {
    proxy.inject(isCreation, refusal(SAID));
    const { status, body } = await call("POST", keysOf("alice"), { name: "x", key: freshKey() }, as("alice"));
    expect([status, body]).toEqual([
      422,
      { error: { id: null, errors: { base: [SAID] }, full_messages: [SAID] } },
    ]);
  });

  test("says why to the person who sent it", async () => {
    proxy.inject(isCreation, refusal(SAID));
    const response = await portal.submit("alice", "/keys/new", { key: freshKey(), title: "x" });
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining("titles begin with a team"),
    ]);
  });

  test("since its namespace is full says so", async () => {
    await fill("frank");
    const body = { name: "one more", key: freshKey() };
    const answer = await eventually("the quota holds", async () => {
      const tried = await call("POST", keysOf("frank"), { ...body, key: freshKey() }, as("frank"));
      return tried.status !== 201 && tried;
    });
    expect([answer.status, answer.body.error.message]).toEqual([
      403,
      expect.stringContaining("exceeded quota"),
    ]);
  });

  test("is quoted in no line of the log", async () => {
    const log = await portal.log();
    expect(["titles begin", "exceeded quota"].filter((words) => log.includes(words))).toEqual([]);
  });
});

/** A quota of no SSHKeys, with the status that kube-controller-manager gives it. */
async function fill(name: string): Promise<void> {
  const hard = { "count/sshkeys.sshkey-operator.dev": "0" };
  const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name }, spec: { hard } };
  const args = ["-n", tenant.namespace];
  await cluster.kubectl(["create", ...args, "-f", "-"], JSON.stringify(quota));
  const status = JSON.stringify({ status: { hard, used: hard } });
  const patch = [
    "patch",
    "resourcequota",
    name,
    ...args,
    "--subresource=status",
    "--type=merge",
    "-p",
    status,
  ];
  const { code, stderr } = await cluster.kubectl(patch);
  if (code !== 0) throw new Error(stderr);
}
