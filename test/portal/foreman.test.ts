import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { callerOf } from "./foremancaller.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";

let cluster: Cluster;
let tenant: Tenant;
let portal: PortalProcess;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  const { kubeconfig } = cluster.controlPlane;
  const args = ["--insecure-user", "admin", "--insecure-admin"];
  portal = await startPortal({ kubeconfig, namespace: tenant.namespace, args });
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

const EXAMPLE =
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIhRoL6PfBRs9YwW3r2/pYeLrxRzEZSUO3Go8JivxMsguEKjJ3byHDPvPpMHhKKSZD/HJY/A+2Ndqp0ElB+t2qs= foreman@example.com";

const call = callerOf(() => portal);

describe("the example of the documents", () => {
  test("is created as they show it", async () => {
    const name = "foreman@example.com";
    const { status, body } = await call("POST", "/api/users/admin/ssh_keys", {
      name,
      key: EXAMPLE,
      ssh_key: { name, key: EXAMPLE },
    });
    expect(status).toBe(201);
    expect(Object.keys(body)).toEqual([
      "created_at",
      "updated_at",
      "id",
      "name",
      "key",
      "length",
      "fingerprint",
    ]);
    expect(body).toMatchObject({
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/),
      name,
      key: EXAMPLE,
      length: 520,
      fingerprint: "8e:0c:28:d9:99:e8:c2:84:46:1b:1d:ba:e5:78:4c:33",
    });
  });

  test("is listed with what is needed to page", async () => {
    const { body } = await call("GET", "/api/users/admin/ssh_keys");
    expect({ ...body, results: body.results.length }).toEqual({
      total: 1,
      subtotal: 1,
      page: 1,
      per_page: 20,
      search: null,
      sort: { by: null, order: null },
      results: 1,
    });
  });

  test("is shown by its number with any name behind it, and is deleted with its record", async () => {
    const [{ id }] = (await call("GET", "/api/v2/users/admin/ssh_keys")).body.results;
    const shown = await call("GET", `/api/users/admin/ssh_keys/${id}-foreman-example-com`);
    expect(shown.body.id).toBe(id);
    const { status, body } = await call("DELETE", `/api/users/admin/ssh_keys/${id}`, undefined, {
      "content-type": "application/json",
    });
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual([
      ...["id", "name", "key", "fingerprint", "user_id", "length", "created_at", "updated_at"],
    ]);
    expect((await call("GET", `/api/users/admin/ssh_keys/${id}`)).status).toBe(404);
  });
});

const HAMMERS_RESOURCES = [
  ...["users", "ssh_keys", "home", "roles", "usergroups", "locations", "organizations", "architectures"],
  ...["compute_resources", "config_templates", "domains", "environments", "hostgroups", "media"],
  ...["operatingsystems", "provisioning_templates", "ptables", "smart_proxies", "subnets"],
];

interface Param {
  readonly description: unknown;
  readonly expected_type: unknown;
  readonly params?: readonly Param[];
}

/** A parameter and those within it. */
function all(param: Param): readonly Param[] {
  return [param, ...(param.params ?? []).flatMap(all)];
}

describe("what clients need before they call", () => {
  test.each(["/apidoc/v2.json", "/apidoc/v2.en.json"])("%s describes the resources", async (path) => {
    const { status, headers, body } = await call("GET", path);
    expect([status, headers.get("apipie-checksum")]).toEqual([200, expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(Object.keys(body.docs.resources)).toEqual(expect.arrayContaining(["home", "ssh_keys", "users"]));
  });

  // As hammer-cli-foreman 0.13 to 5.1 do (associating_commands.rb), which end without any of them.
  test.each(HAMMERS_RESOURCES)("hammer finds the resource %s when it loads", async (resource) => {
    const { body } = await call("GET", "/apidoc/v2.json");
    expect(body.docs.resources[resource]?.methods).toEqual(expect.any(Array));
  });

  test.each([
    ["ssh_keys", ["id", "name", "user_id"]],
    ["users", ["id", "login"]],
  ])("what is said to be searched of %s can be, and sorted by", async (resource, fields) => {
    const { body } = await call("GET", "/apidoc/v2.json");
    const methods: { name: string; metadata: { search: { name: string }[] } }[] =
      body.docs.resources[resource].methods;
    const said = methods.find(({ name }) => name === "index")?.metadata.search.map(({ name }) => name) ?? [];
    const path = resource === "users" ? "/api/users" : "/api/users/admin/ssh_keys";
    const statuses = said.map(
      async (each) => (await call("GET", `${path}?search=${each}%3D1&order=${each}`)).status,
    );
    expect([said, await Promise.all(statuses)]).toEqual([fields, fields.map(() => 200)]);
  });

  test("descriptions and types are texts, since null makes clients fail", async () => {
    const { body } = await call("GET", "/apidoc/v2.json");
    const resources = Object.values(body.docs.resources) as { methods: { params: Param[] }[] }[];
    const params = resources
      .flatMap(({ methods }) => methods.flatMap((method) => method.params))
      .flatMap(all);
    expect(params.length).toBeGreaterThan(20);
    expect(params.filter((param) => typeof param.description !== "string")).toEqual([]);
    expect(params.filter((param) => typeof param.expected_type !== "string")).toEqual([]);
  });

  test("a login is one row of the users", async () => {
    const query = new URLSearchParams({ search: 'login = "admin"', per_page: "1000", page: "1" });
    const { body } = await call("GET", `/api/users?${query}`);
    expect([body.subtotal, body.results[0].login]).toEqual([1, "admin"]);
  });
});

describe("errors have Foreman's words", () => {
  test("of a key that is none", async () => {
    const { status, body } = await call("POST", "/api/users/admin/ssh_keys", { name: "x", key: "test" });
    expect([status, body.error.full_messages]).toEqual([
      422,
      [
        "Key is not a valid public ssh key",
        "Key must be in OpenSSH public key format",
        "Fingerprint could not be generated",
        "Length could not be calculated",
      ],
    ]);
  });

  test("of nothing at all", async () => {
    const { status, body } = await call("POST", "/api/users/admin/ssh_keys", {});
    expect([status, body.error.full_messages]).toEqual([
      422,
      [
        "Name can't be blank",
        "Key can't be blank",
        "Key must be in OpenSSH public key format",
        "Fingerprint could not be generated",
        "Length could not be calculated",
      ],
    ]);
  });

  test("of a key that the user has", async () => {
    const key = freshKey();
    await call("POST", "/api/users/admin/ssh_keys", { name: "one", key });
    const { status, body } = await call("POST", "/api/users/admin/ssh_keys", { name: "two", key });
    expect([status, body.error.errors]).toEqual([422, { fingerprint: ["has already been taken"] }]);
  });

  test("of a key that is sent twice at once, which is stored once", async () => {
    const sent = { name: "at once", key: freshKey() };
    const answers = await Promise.all([1, 2].map(() => call("POST", "/api/users/at-once/ssh_keys", sent)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 422]);
    const refused = answers.find(({ status }) => status === 422);
    expect(refused?.body.error.errors).toEqual({ fingerprint: ["has already been taken"] });
  });

  test.each([
    ["a body that is no JSON", "POST", "/api/users/admin/ssh_keys", "{", 400, { status: 400 }],
    [
      "a key that is not there",
      "GET",
      "/api/users/admin/ssh_keys/99",
      undefined,
      404,
      { error: { message: "Resource ssh_key not found by id '99'" } },
    ],
    [
      "a user that is not there",
      "GET",
      "/api/users/99/ssh_keys",
      undefined,
      422,
      { error: { message: "Couldn't find User with 'id'=99" } },
    ],
    [
      "a search for an unknown field",
      "GET",
      "/api/users/admin/ssh_keys?search=foo%3D1",
      undefined,
      400,
      { error: { class: "ScopedSearch::QueryNotSupported" } },
    ],
    [
      "an order by an unknown field",
      "GET",
      "/api/users/admin/ssh_keys?order=created_at",
      undefined,
      400,
      { error: { message: "the field 'created_at' in the order statement is not valid field for search" } },
    ],
    ["a route that is not there", "GET", "/api/nothing", undefined, 404, { error: {} }],
    ["a path that is no UTF-8", "GET", "/api/users/%E0%A4%A/ssh_keys", undefined, 400, { error: {} }],
  ])("of %s", async (_what, method, path, body, status, shape) => {
    const answer = await call(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject(shape);
  });
});

describe("clients that are not as tidy as Fastify", () => {
  test("have the search of a GET in its body", async () => {
    const { port, hostname } = new URL(portal.url);
    const body = JSON.stringify({ search: 'name = "nobody\'s"', per_page: 5 });
    const answer = await new Promise<string>((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const asked = request({ hostname, port, path: "/api/users/admin/ssh_keys", headers }, (response) => {
        let all = "";
        response.on("data", (chunk) => {
          all += chunk;
        });
        response.on("end", () => resolve(all));
      });
      asked.on("error", reject);
      asked.end(body);
    });
    expect(JSON.parse(answer)).toMatchObject({ subtotal: 0, per_page: 5, results: [] });
  });

  test.each([
    ["a slash at the end", "/api/users/admin/ssh_keys/", 200],
    ["a login of 120 characters", `/api/users/${"x".repeat(120)}/ssh_keys`, 422],
    ["a location and an organization", "/api/users/admin/ssh_keys?location_id=1&organization_id=2", 200],
    ["the name of the results", "/api/users/admin/ssh_keys?root_name=keys", 200],
    ["a parameter twice", "/api/users/admin/ssh_keys?page=1&page=2", 400],
  ])("may send %s", async (_what, path, status) => {
    expect((await call("GET", path)).status).toBe(status);
  });

  test("who sends no JSON is told", async () => {
    const type = { "content-type": "application/x-www-form-urlencoded" };
    const { status, body } = await call("POST", "/api/users/admin/ssh_keys", "name=x", type);
    expect([status, body.error.message]).toEqual([
      415,
      "Media type in 'Content-Type: application/x-www-form-urlencoded' is unsupported in API v2 for POST and PUT requests. Please use 'Content-Type: application/json'.",
    ]);
  });

  test("what is no text is no key", async () => {
    const { status, body } = await call("POST", "/api/users/admin/ssh_keys", { name: 5, key: null });
    expect([status, Object.keys(body.error.errors)]).toEqual([422, ["key", "fingerprint", "length"]]);
  });

  test("an administrator adds the first key of a user", async () => {
    const made = await call("POST", "/api/users/new-person/ssh_keys", { name: "first", key: freshKey() });
    const listed = await call("GET", "/api/users/new-person/ssh_keys");
    expect([made.status, listed.body.total]).toEqual([201, 1]);
  });
});
