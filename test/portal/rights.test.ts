import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { grant, type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

/** Those who try; what they want is alice's. */
const PEOPLE = [undefined, "alice", "bob", "viewer", "admin"] as const;

type Statuses = readonly [nobody: number, owner: number, another: number, viewer: number, admin: number];

const EVERYBODY: Statuses = [200, 200, 200, 200, 200];
const SIGNED_IN: Statuses = [401, 200, 200, 200, 200];
/** Pages show one's own keys only; another's are not there, whatever right one has. */
const OWN_PAGE: Statuses = [401, 200, 404, 404, 404];
const OWN_FORM: Statuses = [401, 303, 404, 404, 404];
/** Everybody's keys, by RBAC: one's own among them. */
const PEOPLE_PAGE: Statuses = [401, 403, 403, 200, 200];
const PEOPLE_CHANGE: Statuses = [401, 403, 403, 403, 200];
const PEOPLE_FORM: Statuses = [401, 403, 403, 403, 303];
/** Users are neither made nor changed here. */
const NOBODYS: Statuses = [401, 403, 403, 403, 403];
/** Programs of those who may, by RBAC. */
const SEEN: Statuses = [401, 200, 403, 200, 200];
const TO_SIGN_IN: Statuses = [401, 401, 401, 401, 401];

/** What each route answers to each of them. */
const RIGHTS: Readonly<Record<string, Statuses>> = {
  "GET /healthz": EVERYBODY,
  "GET /readyz": EVERYBODY,
  "GET /assets/:digest/portal.css": EVERYBODY,
  "GET /assets/:digest/portal.js": EVERYBODY,
  "GET /assets/:digest/icon.svg": EVERYBODY,
  "GET /": [303, 303, 303, 303, 303],
  // The issuer of this portal cannot be reached.
  "GET /sign-in": TO_SIGN_IN,
  "GET /callback": TO_SIGN_IN,
  "POST /sign-out": [303, 303, 303, 303, 303],
  "GET /keys": SIGNED_IN,
  "GET /signed-in": SIGNED_IN,
  "GET /keys/new": SIGNED_IN,
  "POST /keys/new": [401, 303, 303, 303, 303],
  "POST /keys/new/check": SIGNED_IN,
  "GET /keys/new/draft": [303, 303, 303, 303, 303],
  // There is no draft.
  "POST /keys/new/draft": [401, 403, 403, 403, 403],
  "GET /keys/:name": OWN_PAGE,
  "GET /keys/:name/raw": OWN_PAGE,
  "GET /keys/:name/delete": OWN_PAGE,
  "POST /keys/:name/delete": OWN_FORM,
  "POST /keys/:name/disable": OWN_FORM,
  "POST /keys/:name/enable": OWN_FORM,
  "GET /keys/:name/proof": OWN_PAGE,
  // What is sent is no proof.
  "POST /keys/:name/proof": [401, 422, 404, 404, 404],
  "GET /keys/:name/proof/draft": [303, 303, 303, 303, 303],
  // There is no draft.
  "POST /keys/:name/proof/draft": [401, 403, 404, 404, 404],
  "GET /people": PEOPLE_PAGE,
  "GET /people/:user": PEOPLE_PAGE,
  "GET /people/:user/new": PEOPLE_CHANGE,
  "POST /people/:user/new": PEOPLE_FORM,
  "POST /people/:user/new/check": PEOPLE_CHANGE,
  "GET /people/:user/new/draft": [303, 303, 303, 303, 303],
  // There is no draft.
  "POST /people/:user/new/draft": [401, 403, 403, 403, 403],
  "GET /people/:user/:name": PEOPLE_PAGE,
  "GET /people/:user/:name/raw": PEOPLE_PAGE,
  "GET /people/:user/:name/delete": PEOPLE_CHANGE,
  "POST /people/:user/:name/delete": PEOPLE_FORM,
  "POST /people/:user/:name/disable": PEOPLE_FORM,
  "POST /people/:user/:name/enable": PEOPLE_FORM,
  "GET /people/:user/:name/proof": PEOPLE_CHANGE,
  // What is sent is no proof.
  "POST /people/:user/:name/proof": [401, 403, 403, 403, 422],
  "GET /people/:user/:name/proof/draft": [303, 303, 303, 303, 303],
  // There is no draft.
  "POST /people/:user/:name/proof/draft": [401, 403, 403, 403, 403],
  "GET /who": PEOPLE_PAGE,
  "POST /who": PEOPLE_PAGE,
  "GET /api": SIGNED_IN,
  "GET /apidoc": EVERYBODY,
  "GET /apidoc/:version": EVERYBODY,
  "GET /apidoc/openapi.json": EVERYBODY,
  ...both("POST", "/users", NOBODYS),
  ...both("PUT", "/users/:user_id", NOBODYS),
  ...both("DELETE", "/users/:user_id", NOBODYS),
  ...both("GET", "/status", SIGNED_IN),
  ...both("GET", "/users", SIGNED_IN),
  ...both("GET", "/users/:user_id", SEEN),
  ...both("GET", "/users/:user_id/ssh_keys", SEEN),
  ...both("GET", "/users/:user_id/ssh_keys/:id", SEEN),
  ...both("POST", "/users/:user_id/ssh_keys", [401, 201, 403, 403, 201]),
  ...both("DELETE", "/users/:user_id/ssh_keys/:id", [401, 200, 403, 403, 200]),
};

function both(method: string, path: string, statuses: Statuses): Readonly<Record<string, Statuses>> {
  return { [`${method} /api${path}`]: statuses, [`${method} /api/v2${path}`]: statuses };
}

let cluster: Cluster;
let portal: PeoplePortal;
let tenant: Tenant;
let folder: string;
let routes: readonly string[];

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await grant(cluster, tenant.namespace, "viewer", "list");
  await grant(cluster, tenant.namespace, "admin", "list,assign");
  folder = await mkdtemp(join(tmpdir(), "sshkey-portal-test-"));
  process.env.ROUTES_FILE = join(folder, "routes");
  process.env.NODE_OPTIONS = `--import=${join(import.meta.dirname, "routerecorder.ts")}`;
  portal = await startPeoplePortal(cluster, tenant);
  delete process.env.NODE_OPTIONS;
  routes = [...new Set((await readFile(join(folder, "routes"), "utf8")).trim().split("\n"))];
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
  await rm(folder, { recursive: true });
});

/** HEAD is what GET is. */
const asListed = (route: string) => route.replace(/^HEAD /, "GET ");

test("every route has a line here that says who may", () => {
  expect(routes.length).toBeGreaterThan(20);
  expect(routes.filter((route) => !(asListed(route) in RIGHTS))).toEqual([]);
});

async function tried(route: string, person: string | undefined): Promise<number> {
  const [method = "", template = ""] = route.split(" ");
  const key = /:name|:id/.test(template) ? await portal.keyOf("alice") : "";
  const path = template
    .replace(":name", key)
    .replace(/:user_id|:user/, "alice")
    .replace(":id", key)
    .replace(":version", "v2.json")
    .replace(":digest", "0");
  if (method === "POST" && path.startsWith("/api")) {
    const body = JSON.stringify({ name: "made", key: freshKey() });
    return (await portal.as(person, method, path, { body, headers: { "content-type": "application/json" } }))
      .status;
  }
  if (method === "POST") return (await portal.submit(person, path, { key: freshKey() })).status;
  return (await portal.as(person, method, path)).status;
}

test.each(Object.entries(RIGHTS))("%s answers each as it should", async (route, statuses) => {
  const given: number[] = [];
  for (const person of PEOPLE) given.push(await tried(route, person));
  expect(given).toEqual(statuses);
});

test("what pages and programs are told in vain is the same for a key of another's and for none", async () => {
  const key = await portal.keyOf("alice");
  const answer = async (path: string) => {
    const response = await portal.as("bob", "GET", path);
    const text = await response.text();
    return [response.status, text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID")];
  };
  expect(await answer(`/keys/${key}`)).toEqual(await answer("/keys/none"));
  expect(await answer(`/api/users/alice/ssh_keys/${key}`)).toEqual(
    await answer("/api/users/alice/ssh_keys/none"),
  );
  expect(await answer("/api/users/alice/ssh_keys")).toEqual(await answer("/api/users/nobody/ssh_keys"));
});

test("a right that is withdrawn ends within 5 s", async () => {
  await grant(cluster, tenant.namespace, "helper", "list");
  const status = async () => (await portal.as("helper", "GET", "/api/users/alice/ssh_keys")).status;
  await eventually("the right is there", async () => (await status()) === 200);
  await cluster.kubectl(["delete", "rolebinding", "helper", "-n", tenant.namespace]);
  const since = performance.now();
  await eventually("the right is gone", async () => (await status()) === 403);
  expect(performance.now() - since).toBeLessThan(5000);
});
