import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { type Answer, callerOf } from "./foremancaller.ts";
import { type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let portal: PeoplePortal;

beforeAll(async () => {
  cluster = await sharedCluster();
  const tenant = new Tenant(cluster, await cluster.namespace());
  portal = await startPeoplePortal(cluster, tenant);
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

const call = callerOf(() => portal);
const KEYS = "/api/users/alice/ssh_keys";
const ALICE = { "x-forwarded-user": "alice" };

/** What every answer of the portal has, whatever it is. */
const OF_THE_PORTAL = [
  ...["cache-control", "content-length", "content-security-policy", "content-type"],
  ...["cross-origin-opener-policy", "cross-origin-resource-policy", "referrer-policy"],
  ...["strict-transport-security", "x-content-type-options", "x-frame-options"],
  // Of HTTP itself.
  ...["connection", "date", "keep-alive"],
];
const OF_THE_API = ["apipie-checksum", "x-request-id"];
const OF_FOREMAN = {
  foreman_version: "1.19.0",
  foreman_api_version: "2",
  foreman_current_organization: "; ANY",
  foreman_current_location: "; ANY",
};

/** No Location, ETag, Set-Cookie or WWW-Authenticate among them. */
function ownHeaders({ headers }: Answer): readonly string[] {
  return [...headers.keys()].filter((name) => !OF_THE_PORTAL.includes(name)).sort();
}

const post = async (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  await call("POST", KEYS, body, { ...ALICE, ...headers });

const LET_IN: Readonly<Record<string, () => Promise<Answer>>> = {
  "a list": () => call("GET", KEYS, undefined, ALICE),
  "a list of version 2": () => call("GET", `/api/v2${KEYS.slice(4)}`, undefined, ALICE),
  "a user": () => call("GET", "/api/users/alice", undefined, ALICE),
  "the users": () => call("GET", "/api/users", undefined, ALICE),
  "the status": () => call("GET", "/api/status", undefined, ALICE),
  "the index": () => call("GET", "/api", undefined, ALICE),
  "a creation": () => post({ name: "x", key: freshKey() }),
  "a show": async () => {
    const { body } = await post({ name: "shown", key: freshKey() });
    return await call("GET", `${KEYS}/${body.id}`, undefined, ALICE);
  },
  "a deletion": async () => {
    const { body } = await post({ name: "gone", key: freshKey() });
    return await call("DELETE", `${KEYS}/${body.id}`, undefined, ALICE);
  },
  "a key that is not there": () => call("GET", `${KEYS}/99`, undefined, ALICE),
  "what is no key": () => post({ name: "x", key: "test" }),
  "a search that is not understood": () => call("GET", `${KEYS}?search=foo%3D1`, undefined, ALICE),
  "another media type": () => post("x", { "content-type": "text/plain" }),
};

test.each(Object.entries(LET_IN))("%s says of which Foreman it is, and no more", async (_what, send) => {
  const answer = await send();
  expect(ownHeaders(answer)).toEqual([...OF_THE_API, ...Object.keys(OF_FOREMAN)].sort());
  expect(Object.fromEntries(answer.headers)).toMatchObject(OF_FOREMAN);
});

const NOT_LET_IN: Readonly<Record<string, () => Promise<Answer>>> = {
  "a 401": () => call("GET", KEYS),
  "a 401 of a write": () => call("POST", KEYS, { name: "x", key: freshKey() }),
  "a 403": () => call("GET", "/api/users/bob/ssh_keys", undefined, ALICE),
  "a 403 of what nobody may": () => call("POST", "/api/users", {}, ALICE),
  "no route": () => call("GET", "/api/nothing", undefined, ALICE),
  "a path that is none": () => call("GET", "/api/users/%E0%A4%A/ssh_keys", undefined, ALICE),
  "no JSON": () => post("{"),
  "too much": () => post({ name: "x", key: "A".repeat(300_000) }),
  "the apidoc": () => call("GET", "/apidoc/v2.json"),
  "the apidoc in a language": () => call("GET", "/apidoc/v2.de.json"),
  "the checksum": () => call("GET", "/apidoc/apipie_checksum"),
  "no apidoc": () => call("GET", "/apidoc/v3.json"),
};

test.each(Object.entries(NOT_LET_IN))("%s says nothing of Foreman", async (_what, send) => {
  expect(ownHeaders(await send())).toEqual(OF_THE_API);
});

test.each(Object.entries({ ...LET_IN, ...NOT_LET_IN }))(
  "%s is JSON, and stays in no cache",
  async (_what, send) => {
    const { headers } = await send();
    expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(headers.get("cache-control")).toBe("no-store");
  },
);

test("the checksum is the same on every answer, so that clients keep the apidoc", async () => {
  const sums = [];
  for (const send of [...Object.values(LET_IN), ...Object.values(NOT_LET_IN)])
    sums.push((await send()).headers.get("apipie-checksum"));
  const { body } = await call("GET", "/apidoc/apipie_checksum");
  expect(new Set(sums)).toEqual(new Set([body.checksum]));
});

test("X-Request-Id finds the write in the log", async () => {
  const { headers } = await post({ name: "logged", key: freshKey() });
  const id = headers.get("x-request-id") ?? "";
  const line = await eventually("the write is in the log", async () => {
    const all = (await portal.log()).split("\n");
    return all.find((each) => each.includes('"event":"KeyWritten"') && each.includes(id));
  });
  expect(JSON.parse(line)).toMatchObject({ request: id });
});

test("X-Request-Id is another one for each request, and never the client's", async () => {
  const headers = { ...ALICE, "x-request-id": "of-the-client" };
  const ids = [];
  for (const _ of [1, 2]) ids.push((await call("GET", KEYS, undefined, headers)).headers.get("x-request-id"));
  expect(new Set([...ids, "of-the-client"]).size).toBe(3);
});
