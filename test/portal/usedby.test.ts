import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { authorizedKeysPath } from "../../src/api/paths.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { FaultProxy } from "../faults/faultproxy.ts";
import { Bastion } from "../operator/authorizedkeys/bastion.ts";
import { Tenant } from "../operator/tenant.ts";
import { grant, PEOPLE_CONFIG, type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let tenant: Tenant;
let proxy: FaultProxy;
let portal: PeoplePortal;
let key: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await grant(cluster, tenant.namespace, "viewer", "list");
  proxy = await FaultProxy.start(cluster.controlPlane.kubeconfig);
  portal = await startPeoplePortal(cluster, tenant, PEOPLE_CONFIG, proxy.kubeconfig);
  await new Bastion(tenant).create("hop", { from: [{ users: ["alice"] }], layout: "SingleFile" });
  await new Bastion(tenant).create("closed", { from: [{ users: ["bob"] }], layout: "SingleFile" });
  await makePod("shell", "sshkeys-alice");
  await makePod("jump", "hop");
  await makePod("other", "closed");
  key = await portal.keyOf("alice");
  await status("Projected");
});

afterAll(async () => {
  await portal?.stop();
  await proxy?.stop();
  await cluster?.stop();
});

async function makePod(name: string, secretName: string): Promise<void> {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: tenant.namespace },
    spec: {
      automountServiceAccountToken: false,
      containers: [{ name: "sshd", image: "none", volumeMounts: [{ name: "keys", mountPath: "/keys" }] }],
      volumes: [{ name: "keys", secret: { secretName } }],
    },
  };
  const { code, stderr } = await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(pod));
  if (code !== 0) throw new Error(stderr);
}

/** As an operator of one's own would say: none runs here. */
async function status(reason: string): Promise<void> {
  const now = new Date().toISOString();
  const ready = { type: "Ready", status: "True", reason, message: "in", lastTransitionTime: now };
  await tenant.editStatus(key, { observedGeneration: 1, secretName: "sshkeys-alice", conditions: [ready] });
  await eventually("the portal has seen it", async () => (await page("alice")).includes(`>${reason}<`));
}

/** As an operator says it of a namespace that does not share its keys. */
async function leaveOut({ namespace }: Tenant, name: string): Promise<void> {
  const omitted = [{ namespace: tenant.namespace, reason: "NotShared", message: "not shared" }];
  const status = { observedGeneration: 1, userCount: 0, keyCount: 0, omittedCount: 1, omitted };
  await tenant.send("PATCH", `${authorizedKeysPath(namespace)}/${name}/status`, { status });
}

/** Lets a person list the AuthorizedKeys of a namespace. */
async function grantTargets(user: string, namespace: string): Promise<void> {
  const resource = "--resource=authorizedkeys.sshkey-operator.dev";
  for (const command of [
    ["create", "role", user, "-n", namespace, "--verb=list", resource],
    ["create", "rolebinding", user, "-n", namespace, `--role=${user}`, `--user=${user}`],
  ]) {
    const { code, stderr } = await cluster.kubectl(command);
    if (code !== 0) throw new Error(stderr);
  }
}

const pathFor = (person: string) => (person === "alice" ? `/keys/${key}` : `/people/alice/${key}`);

async function page(person: string): Promise<string> {
  return await (await portal.as(person, "GET", pathFor(person))).text();
}

describe("by what a key is used", () => {
  test("is a number for its owner", async () => {
    const text = await page("alice");
    expect(text).toContain("<dt>Used by pods</dt><dd>2 pods</dd>");
    expect(text).toContain("<dt>Taken by AuthorizedKeys</dt><dd>1 AuthorizedKeys</dd>");
  });

  test("is told by name to who may list SSHKeys", async () => {
    const text = await page("viewer");
    expect(text).toContain("2 pods: jump, shell</dd>");
    expect(text).toContain("1 AuthorizedKeys: hop</dd>");
  });

  test("says what was looked at", async () => {
    expect(await page("alice")).toContain(
      `<dt>Looked at</dt><dd>Pods and AuthorizedKeys of the namespace ${tenant.namespace}. AuthorizedKeys of other namespaces are not looked at`,
    );
  });

  test("is listed once, however many look", async () => {
    const lists = () => proxy.requests.filter(({ url }) => /\/(?:pods|authorizedkeys)\?/.test(url)).length;
    await page("alice");
    const before = lists();
    await Promise.all(Array.from({ length: 20 }, () => page("alice")));
    expect(lists() - before).toBeLessThanOrEqual(2);
  });

  test("is not known where pods may not be listed, and the rest of the page is there", async () => {
    const refusal = proxy.inject(({ url }) => url.includes("/pods?"), { kind: "answer", status: 403 }, 100);
    const other = await startPeoplePortal(cluster, tenant, PEOPLE_CONFIG, proxy.kubeconfig);
    const text = await (await other.as("alice", "GET", pathFor("alice"))).text();
    refusal.end();
    await other.stop();
    expect(text).toContain("<dt>Used by pods</dt><dd>not known");
    expect(text).toContain("<dd>1 AuthorizedKeys</dd>");
  });

  describe("in another namespace", () => {
    let other: Tenant;
    let config: string;
    let wide: PeoplePortal;

    beforeAll(async () => {
      other = new Tenant(cluster, await cluster.namespace());
      config = `${PEOPLE_CONFIG}  usedByNamespaces: [${other.namespace}]\n`;
      const from = (users: string[]) => [{ namespace: tenant.namespace, users }];
      const bastion = new Bastion(other);
      await bastion.create("gate", { from: from(["alice"]), layout: "SingleFile" });
      await bastion.create("closed", { from: from(["bob"]), layout: "SingleFile" });
      await bastion.create("refused", { from: from(["alice"]), layout: "SingleFile" });
      await bastion.create("own", { from: [{ users: ["alice"] }], layout: "SingleFile" });
      await leaveOut(other, "refused");
      await grant(cluster, tenant.namespace, "keeper", "list");
      await grantTargets("keeper", other.namespace);
      wide = await startPeoplePortal(cluster, tenant, config, proxy.kubeconfig);
    });

    afterAll(async () => {
      await wide?.stop();
    });

    const seenBy = async (person: string, of = wide) =>
      await (await of.as(person, "GET", pathFor(person))).text();

    /** The page, once the API server knows of the rights. */
    const seenByKeeper = async (of = wide) =>
      await eventually("the rights are there", async () => {
        const text = await seenBy("keeper", of);
        return text.includes("Taken in") ? text : undefined;
      });

    test("is told by name to who may list AuthorizedKeys there, with what was looked at", async () => {
      const text = await seenByKeeper();
      expect(text).toContain(`<dt>Taken in ${other.namespace}</dt><dd>1 AuthorizedKeys: gate</dd>`);
      expect(text).toContain(`AuthorizedKeys that name it in ${other.namespace}.`);
    });

    test.each(["alice", "viewer"])("is not told to %s, who may not", async (person) => {
      const text = await seenBy(person);
      expect([text.includes(other.namespace), text.includes("gate")]).toEqual([false, false]);
    });

    test("is not known where the portal may not list them", async () => {
      const path = `/namespaces/${other.namespace}/authorizedkeys?`;
      const refusal = proxy.inject(({ url }) => url.includes(path), { kind: "answer", status: 403 }, 100);
      const refused = await startPeoplePortal(cluster, tenant, config, proxy.kubeconfig);
      const text = await seenByKeeper(refused);
      refusal.end();
      await refused.stop();
      expect(text).toContain(`<dt>Taken in ${other.namespace}</dt><dd>not known`);
    });
  });

  test("is not looked at with usedBy: false", async () => {
    const seen = proxy.requests.length;
    const config = `${PEOPLE_CONFIG}  usedBy: false\n`;
    const other = await startPeoplePortal(cluster, tenant, config, proxy.kubeconfig);
    const text = await (await other.as("alice", "GET", pathFor("alice"))).text();
    await other.stop();
    const lists = proxy.requests.slice(seen).filter(({ url }) => /\/(?:pods|authorizedkeys)\?/.test(url));
    expect([text.includes("Used by"), lists]).toEqual([false, []]);
  });
});
