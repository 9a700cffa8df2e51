import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { type PeoplePortal, PUBLIC_ORIGIN, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let portal: PeoplePortal;

beforeAll(async () => {
  cluster = await sharedCluster();
  portal = await startPeoplePortal(cluster, new Tenant(cluster, await cluster.namespace()));
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

const OWN = { origin: PUBLIC_ORIGIN, "sec-fetch-site": "same-origin" };

describe("a form that another site sends", () => {
  const send = async (
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
  ) => {
    const body = new URLSearchParams({ key: freshKey(), title: "forged", ...fields });
    return (await portal.as("alice", "POST", "/keys/new", { body, headers })).status;
  };

  test.each<[string, () => Promise<string>]>([
    ["without its token", async () => ""],
    ["with a token that was made up", async () => "x.y.z"],
    ["with another person's token", () => portal.formToken("mallory")],
    ["with the token of somebody whose name begins alike", () => portal.formToken("alice2")],
  ])("%s changes nothing", async (_, csrf) => {
    expect(await send({ csrf: await csrf() }, OWN)).toBe(403);
  });

  test.each<[string, Record<string, string>]>([
    ["a foreign Origin", { origin: "https://evil.example" }],
    ["an Origin that begins alike", { origin: `${PUBLIC_ORIGIN}.evil.example` }],
    ["another scheme", { origin: "http://keys.example.org" }],
    ["the Origin null", { origin: "null" }],
    ["Sec-Fetch-Site cross-site", { "sec-fetch-site": "cross-site" }],
    ["Sec-Fetch-Site same-site", { origin: PUBLIC_ORIGIN, "sec-fetch-site": "same-site" }],
  ])("with a stolen token and %s changes nothing", async (_, headers) => {
    expect(await send({ csrf: await portal.formToken("alice") }, headers)).toBe(403);
  });

  test("with its token twice changes nothing", async () => {
    const csrf = await portal.formToken("alice");
    const body = new URLSearchParams([
      ["csrf", csrf],
      ["csrf", csrf],
      ["key", freshKey()],
    ]);
    expect((await portal.as("alice", "POST", "/keys/new", { body, headers: OWN })).status).toBe(403);
  });

  test("of no form's type changes nothing", async () => {
    for (const type of ["application/json", "text/plain", "multipart/form-data; boundary=x"]) {
      const headers = { ...OWN, "content-type": type };
      const { status } = await portal.as("alice", "POST", "/keys/new", { body: '{"key":"x"}', headers });
      expect([type, status >= 400]).toEqual([type, true]);
    }
  });

  test("has left nothing behind", async () => {
    expect(await (await portal.as("alice", "GET", "/keys")).text()).not.toContain("forged");
  });

  test("deletes, disables and signs out nobody", async () => {
    const key = await portal.keyOf("alice");
    const csrf = await portal.formToken("alice");
    const headers = { origin: "https://evil.example" };
    const statuses: number[] = [];
    for (const path of [`/keys/${key}/delete`, `/keys/${key}/disable`, "/sign-out"]) {
      const body = new URLSearchParams({ csrf });
      statuses.push((await portal.as("alice", "POST", path, { body, headers })).status);
    }
    expect(statuses).toEqual([403, 403, 403]);
  });
});

describe("the REST API, where a proxy signs people in, whose browsers other sites make use of,", () => {
  const body = () => JSON.stringify({ name: "forged", key: freshKey() });

  test.each<[string, Record<string, string>]>([
    ["from another site", { origin: "https://evil.example", "content-type": "application/json" }],
    ["from another site without a type", { origin: "https://evil.example" }],
    ["cross-site", { "sec-fetch-site": "cross-site", "content-type": "application/json" }],
  ])("creates nothing %s", async (_, headers) => {
    const blob = new Blob([body()]) as unknown as string;
    const { status } = await portal.as("alice", "POST", "/api/users/alice/ssh_keys", { body: blob, headers });
    expect(status).toBe(403);
  });

  test("deletes nothing from another site", async () => {
    const key = await portal.keyOf("alice");
    const headers = { origin: "https://evil.example" };
    expect((await portal.as("alice", "DELETE", `/api/users/alice/ssh_keys/${key}`, { headers })).status).toBe(
      403,
    );
  });

  test("lets no other site read", async () => {
    const headers = { origin: "https://evil.example" };
    const answer = await portal.as("alice", "GET", "/api/users/alice/ssh_keys", { headers });
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });

  test("takes what programs send without a word on where it comes from", async () => {
    const headers = { "content-type": "application/json" };
    const answer = await portal.as("carol", "POST", "/api/users/carol/ssh_keys", { body: body(), headers });
    expect(answer.status).toBe(201);
  });
});
