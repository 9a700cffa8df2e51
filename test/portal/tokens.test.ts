import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { Tenant } from "../operator/tenant.ts";
import { type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let tenant: Tenant;
/** One takes the tokens that are good for the audience `portal`, the other those that are good for the API server. */
let portal: PeoplePortal;
let forAPIServer: PeoplePortal;
/** Of a person, the administrator: good for the API server. */
let persons: string;

const API_AUDIENCE = "https://kubernetes.default.svc";
const KEYS = "/api/users/admin/ssh_keys";

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await cluster.kubectl(["create", "serviceaccount", "ci", "-n", tenant.namespace]);
  portal = await startPeoplePortal(cluster, tenant, "portal: {tokens: {audience: portal}}");
  forAPIServer = await startPeoplePortal(cluster, tenant, `portal: {tokens: {audience: "${API_AUDIENCE}"}}`);
  const { users } = parse(await readFile(cluster.controlPlane.kubeconfig, "utf8"));
  persons = users[0].user.token;
});

afterAll(async () => {
  await portal?.stop();
  await forAPIServer?.stop();
  await cluster?.stop();
});

async function accountToken(...audiences: readonly string[]): Promise<string> {
  const args = audiences.map((audience) => `--audience=${audience}`);
  return (await cluster.kubectl(["create", "token", "ci", "-n", tenant.namespace, ...args])).stdout.trim();
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const basic = (user: string, token: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${token}`).toString("base64")}`,
});
const status = async (at: PeoplePortal, headers: Record<string, string>, path = KEYS) =>
  (await at.as(undefined, "GET", path, { headers })).status;

test("where a claim names a person's namespace, neither a token nor a proxy gets one into another's", async () => {
  const config = `portal:
  publicURL: https://keys.example.org/
  oidc: {issuer: "https://127.0.0.1:1/", clientID: portal}
  tokens: {audience: "${API_AUDIENCE}"}
  proxy: {addresses: [127.0.0.1]}
  namespaceClaim: team
  namespaces: [${tenant.namespace}]
`;
  const teams = await startPeoplePortal(cluster, tenant, config);
  const answers = [
    await teams.as(undefined, "GET", KEYS, { headers: bearer(persons) }),
    await teams.as("alice", "GET", "/api/users/alice/ssh_keys"),
    await teams.as("alice", "GET", "/keys"),
  ];
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  await teams.stop();
  expect(answers.map(({ status: code }) => code)).toEqual([403, 403, 403]);
  expect(texts).toEqual(Array(3).fill(expect.stringContaining("names the namespace of a person here")));
});

describe("a token", () => {
  test("of a person that is good for the portal lets in, as bearer token and as password of anybody", async () => {
    expect([
      await status(forAPIServer, bearer(persons)),
      await status(forAPIServer, basic("admin", persons)),
      await status(forAPIServer, basic("bob", persons)),
    ]).toEqual([200, 200, 200]);
  });

  test("as a password does not make one the user that is named beside it", async () => {
    expect(await status(forAPIServer, basic("bob", persons), "/api/users/bob/ssh_keys")).toBe(403);
  });

  test("of an administrator of the cluster brings no group of the API server's own", async () => {
    expect(await status(forAPIServer, bearer(persons), "/api/users/alice/ssh_keys")).toBe(403);
  });

  test("of a person that is good for others lets nobody in", async () => {
    expect([await status(portal, bearer(persons)), await status(portal, basic("admin", persons))]).toEqual([
      401, 401,
    ]);
  });

  test.each([
    ["another audience", ["vault"], 401],
    ["the API server", [], 401],
    ["the portal", ["portal"], 403],
    ["the portal and others", ["vault", "portal"], 403],
  ])("of a service account for %s lets nobody in", async (_, audiences, expected) => {
    expect(await status(portal, bearer(await accountToken(...audiences)))).toBe(expected);
  });

  test("is nobody's once its account is deleted", async () => {
    await cluster.kubectl(["create", "serviceaccount", "leaving", "-n", tenant.namespace]);
    const created = await cluster.kubectl([
      "create",
      "token",
      "leaving",
      "-n",
      tenant.namespace,
      "--audience=portal",
    ]);
    const token = created.stdout.trim();
    const before = await status(portal, bearer(token));
    await cluster.kubectl(["delete", "serviceaccount", "leaving", "-n", tenant.namespace]);
    await expect.poll(() => status(portal, bearer(token)), { timeout: 15_000 }).toBe(401);
    expect(before).toBe(403);
  });

  test.each([
    ["garbage", bearer("garbage")],
    ["no token", { authorization: "Bearer" }],
    ["no password", basic("admin", "")],
    ["another scheme", { authorization: "Negotiate x" }],
    ["a token of 17 KB", bearer("x".repeat(17_000))],
    ["17 KB as a password", basic("admin", "x".repeat(17_000))],
  ])("that is %s is answered in Foreman's words", async (_, headers) => {
    const response = await portal.as(undefined, "GET", KEYS, { headers });
    expect([response.status, await response.json()]).toEqual([
      401,
      { error: { message: expect.stringContaining("Unable to authenticate user") } },
    ]);
  });

  test("opens no page", async () => {
    expect(await status(forAPIServer, bearer(persons), "/keys")).not.toBe(200);
  });

  test("stands in no line of the log", async () => {
    const log = (await portal.log()) + (await forAPIServer.log());
    const secrets = [persons, Buffer.from(`admin:${persons}`).toString("base64"), "x".repeat(100), "eyJ"];
    expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
  });
});
