import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { Tenant } from "../operator/tenant.ts";
import { type PeoplePortal, PUBLIC_ORIGIN, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
/** Its proxy is elsewhere; loopback, where the tests are, is trusted about where a request comes from, and about nothing else. */
let portal: PeoplePortal;

beforeAll(async () => {
  cluster = await sharedCluster();
  const tenant = new Tenant(cluster, await cluster.namespace());
  const config = `portal:
  publicURL: ${PUBLIC_ORIGIN}/
  proxy: {addresses: [10.0.0.1]}
  trustedProxies: [127.0.0.1]
`;
  portal = await startPeoplePortal(cluster, tenant, config);
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

describe("who comes past the proxy", () => {
  test.each<[string, Record<string, string>]>([
    ["a user's name alone", {}],
    ["the proxy's address in X-Forwarded-For", { "x-forwarded-for": "10.0.0.1" }],
    ["it twice", { "x-forwarded-for": "10.0.0.1, 10.0.0.1" }],
    ["it in Forwarded", { forwarded: "for=10.0.0.1" }],
    ["it in X-Real-IP", { "x-real-ip": "10.0.0.1" }],
    ["groups, too", { "x-forwarded-groups": "admins", "x-forwarded-for": "10.0.0.1" }],
  ])("is nobody with %s", async (_, headers) => {
    const page = await portal.as("alice", "GET", "/keys", { headers });
    const program = await portal.as("alice", "GET", "/api/users/alice/ssh_keys", { headers });
    expect([page.ok, program.status]).toEqual([false, 401]);
  });

  test("is nobody by a name in other headers that proxies use", async () => {
    for (const name of [
      "x-remote-user",
      "remote-user",
      "x-auth-request-user",
      "x_forwarded_user",
      "x-webauth-user",
    ])
      expect((await portal.as(undefined, "GET", "/keys", { headers: { [name]: "alice" } })).ok).toBe(false);
  });
});
