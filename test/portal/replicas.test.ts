import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { FaultProxy } from "../faults/faultproxy.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { PEOPLE_CONFIG, type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let proxy: FaultProxy;
let folder: string;
/** Of the third, the test spoils the way to the API server. */
let [one, two, third]: PeoplePortal[] = [];

const replicas = () => [one, two, third] as [PeoplePortal, PeoplePortal, PeoplePortal];

beforeAll(async () => {
  cluster = await sharedCluster();
  const tenant = new Tenant(cluster, await cluster.namespace());
  // Replicas know each other's cookies by the session keys that they share.
  folder = await mkdtemp(join(tmpdir(), "sshkey-portal-test-"));
  await writeFile(join(folder, "1"), "0".repeat(64));
  proxy = await FaultProxy.start(cluster.controlPlane.kubeconfig);
  const config = `${PEOPLE_CONFIG}  session: {keysFolder: ${folder}}\n`;
  [one, two] = await Promise.all([1, 2].map(() => startPeoplePortal(cluster, tenant, config)));
  third = await startPeoplePortal(cluster, tenant, config, proxy.kubeconfig);
});

afterAll(async () => {
  await Promise.all(replicas().map((each) => each?.stop()));
  await proxy?.stop();
  await cluster?.stop();
  await rm(folder, { recursive: true });
});

/** What a browser sends back of what an answer has set. */
function cookieOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");
}

describe("what is written at one replica", () => {
  test("is on the next page, whichever replica serves it", async () => {
    const [first, other] = replicas();
    for (const title of ["Laptop", "Desktop", "Phone", "Tablet", "Server"]) {
      const written = await first.submit("alice", "/keys/new", { key: freshKey(), title });
      const cookie = cookieOf(written);
      const page = await (await other.as("alice", "GET", "/keys", { headers: { cookie } })).text();
      expect(page).toContain(`Key ${title} successfully added.`);
      expect(page).toContain(`>${title}</a>`);
    }
  });

  test("is in the REST list of another within a second", async () => {
    const [first, other] = replicas();
    const body = JSON.stringify({ name: "made", key: freshKey() });
    const path = "/api/users/bob/ssh_keys";
    const headers = { "content-type": "application/json" };
    const written = await first.as("bob", "POST", path, { body, headers });
    const since = performance.now();
    expect(written.status).toBe(201);
    await eventually("it is in the list", async () =>
      (await (await other.as("bob", "GET", path)).text()).includes('"made"'),
    );
    expect(performance.now() - since).toBeLessThan(1000);
  });
});

describe("a replica whose watch brings nothing", () => {
  const path = (name: string | undefined) => `/keys/${name}`;

  beforeAll(() => {
    proxy.silence("sshkeys");
  });

  test("asks the API server for what its reader wrote, made or deleted", async () => {
    const [first, , late] = replicas();
    const written = await first.submit("carol", "/keys/new", { key: freshKey(), title: "Laptop" });
    const shown = await late.as("carol", "GET", "/keys", { headers: { cookie: cookieOf(written) } });
    const page = await shown.text();
    expect(page).toContain(">Laptop</a>");
    const name = /href="\/keys\/(carol-laptop-[0-9a-f]+)"/.exec(page)?.[1];
    const deleted = await first.submit("carol", `${path(name)}/delete`);
    const after = await late.as("carol", "GET", "/keys", { headers: { cookie: cookieOf(deleted) } });
    expect(await after.text()).not.toContain(">Laptop</a>");
  });

  test("shows its page all the same when the API server does not answer", async () => {
    const [first, , late] = replicas();
    const written = await first.submit("dave", "/keys/new", { key: freshKey(), title: "Laptop" });
    const hang = proxy.inject(({ url }) => url.includes("/sshkeys/dave-"), {
      kind: "hang",
      forwarded: false,
    });
    const shown = await late.as("dave", "GET", "/keys", { headers: { cookie: cookieOf(written) } });
    hang.end();
    expect([shown.status, hang.hits]).toEqual([200, 1]);
  });
});
