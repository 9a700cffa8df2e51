import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { userNumber } from "../../src/portal/sshkeys/numbers.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { type Answer, callerOf } from "./foremancaller.ts";
import { grant, type PeoplePortal, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let tenant: Tenant;
let portal: PeoplePortal;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await grant(cluster, tenant.namespace, "viewer", "list");
  await grant(cluster, tenant.namespace, "admin", "list,assign");
  portal = await startPeoplePortal(cluster, tenant);
  await portal.keyOf("alice");
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

const call = callerOf(() => portal);
const KEYS = "/api/users/alice/ssh_keys";

/** As a person; undefined for nobody. */
async function as(
  person: string | undefined,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return await call(method, path, body, {
    ...(person === undefined ? {} : { "x-forwarded-user": person }),
    ...headers,
  });
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const newKey = () => ({ name: "x", key: freshKey() });
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });

describe("whoever is not let in", () => {
  const UNABLE = "Unable to authenticate user ";

  test.each<[string, Readonly<Record<string, string>>, string]>([
    ["nobody", {}, UNABLE],
    ["a wrong password", basic("admin:wrong"), `${UNABLE}admin`],
    ["a user name alone", basic("admin"), `${UNABLE}admin`],
    ["a user name with an e-mail's sign", basic("a@example.com:x:y"), `${UNABLE}a@example.com`],
    ["a wrong bearer token", { authorization: "Bearer x" }, UNABLE],
    ["another scheme", { authorization: "Digest x" }, UNABLE],
  ])("%s: 401 names the user that was sent, and asks for nothing", async (_who, headers, message) => {
    const answer = await as(undefined, "GET", KEYS, undefined, headers);
    expect([answer.status, answer.body]).toEqual([401, { error: { message } }]);
    expect(answer.headers.get("www-authenticate")).toBe(null);
  });

  test.each([
    ["GET", KEYS, "view_ssh_keys"],
    ["GET", `${KEYS}/1`, "view_ssh_keys"],
    ["POST", KEYS, "create_ssh_keys"],
    ["DELETE", `${KEYS}/1`, "destroy_ssh_keys"],
    ["GET", "/api/users/alice", "view_users"],
    ["POST", "/api/users", "create_users"],
    ["PUT", "/api/users/alice", "edit_users"],
    ["DELETE", "/api/users/alice", "destroy_users"],
  ])("%s %s without the right: 403 names Foreman's permission", async (method, path, permission) => {
    const { status, body } = await as("bob", method, path, method === "POST" ? newKey() : undefined);
    expect([status, body]).toEqual([
      403,
      {
        error: {
          message: "Access denied",
          details: `Missing one of the required permissions: ${permission}`,
          missing_permissions: [permission],
        },
      },
    ]);
  });
});

describe("one's own keys", () => {
  test.each(["login", "number"])("need no right, by %s", async (form) => {
    const id = form === "login" ? "carol" : userNumber(tenant.namespace, "carol");
    const made = await as("carol", "POST", `/api/users/${id}/ssh_keys`, newKey());
    const list = await as("carol", "GET", `/api/users/${id}/ssh_keys`);
    const gone = await as("carol", "DELETE", `/api/users/${id}/ssh_keys/${made.body.id}`);
    expect([made.status, list.status, gone.status, list.body.results]).toEqual([201, 200, 200, [made.body]]);
  });

  test("are not there yet, and that is an empty list", async () => {
    expect((await as("keyless", "GET", "/api/users/keyless/ssh_keys")).body).toMatchObject({ total: 0 });
    expect((await as("keyless", "GET", "/api/users/keyless")).body).toMatchObject({ ssh_keys: [] });
  });

  test.each<[string, string, boolean]>([
    ["alice", "alice", true],
    ["viewer", "alice", false],
    ["admin", "alice", true],
  ])("what %s may do with the keys of %s is said: create %s, edit never", async (person, user, mayCreate) => {
    const { body } = await as(person, "GET", `/api/users/${user}/ssh_keys?include_permissions=true`);
    expect([body.can_create, body.can_edit]).toEqual([mayCreate, false]);
  });
});

describe("of several faults the first that Foreman looks at is told", () => {
  const BROKEN = "{";
  test.each<[string, string | undefined, string, string, unknown, Readonly<Record<string, string>>, number]>([
    ["JSON before who it is", undefined, "POST", "4711", BROKEN, {}, 400],
    ["who it is before the right", undefined, "POST", "4711", "name=x", FORM, 401],
    ["the right before the media type", "bob", "POST", "4711", "name=x", FORM, 403],
    ["the media type before the user", "admin", "POST", "4711", "name=x", FORM, 415],
    ["the user before the key", "admin", "POST", "4711", { name: "x", key: "test" }, {}, 422],
  ])("%s", async (_what, person, method, user, body, headers, status) => {
    expect((await as(person, method, `/api/users/${user}/ssh_keys`, body, headers)).status).toBe(status);
  });

  test("the user before the number of the key", async () => {
    const answers = [
      await as("admin", "GET", "/api/users/4711/ssh_keys/1"),
      await as("admin", "GET", "/api/users/alice/ssh_keys/1"),
    ];
    expect(answers.map(({ body }) => body.error.message)).toEqual([
      "Couldn't find User with 'id'=4711",
      "Resource ssh_key not found by id '1'",
    ]);
  });
});

describe("what cannot be read", () => {
  test("is told as text where it is no JSON", async () => {
    const { status, body } = await as("alice", "POST", KEYS, '{"name": ');
    expect([status, body]).toEqual([
      400,
      { status: 400, error: expect.stringMatching(/^There was a problem in the JSON you submitted: ./) },
    ]);
  });

  test.each(["application/x-www-form-urlencoded", "text/plain", "application/xml", "application/jsonp"])(
    "is told by its media type, %s",
    async (type) => {
      const { status, body } = await as("alice", "POST", KEYS, "x", { "content-type": type });
      expect([status, body]).toEqual([
        415,
        {
          error: {
            message: `Media type in 'Content-Type: ${type}' is unsupported in API v2 for POST and PUT requests. Please use 'Content-Type: application/json'.`,
          },
        },
      ]);
    },
  );

  test.each(["application/json", "application/json; charset=utf-8", "Application/JSON;version=2"])(
    "is not what comes as %s",
    async (type) => {
      expect((await as("alice", "POST", KEYS, newKey(), { "content-type": type })).status).toBe(201);
    },
  );

  test("is told when it is too large", async () => {
    const { status, body } = await as("alice", "POST", KEYS, { name: "x", key: "A".repeat(300_000) });
    expect([status, body]).toEqual([413, { error: { message: expect.any(String) } }]);
  });

  test.each<[string, string]>([
    ["page=abc", 'invalid value for Integer(): "abc"'],
    ["page=0", "invalid page: 0"],
    ["per_page=-1", "per_page must not be negative: -1"],
  ])("is told of a list, %s", async (query, message) => {
    const { status, body } = await as("alice", "GET", `${KEYS}?${query}`);
    expect([status, body]).toEqual([400, { error: { message } }]);
  });

  test.each<[string, string, string]>([
    ["search", "foo = 1", "Field 'foo' not recognized for searching!"],
    ["search", "id = abc", "Value 'abc' is not valid for field 'id'"],
    ["search", "id ~ 1", "the operator 'like' is not supported for field type 'integer'"],
    ["order", "length", "the field 'length' in the order statement is not valid field for search"],
    [
      "order",
      "fingerprint ASC",
      "the field 'fingerprint' in the order statement is not valid field for search",
    ],
  ])("is told of a %s, %s", async (field, text, message) => {
    const { status, body } = await as("alice", "GET", `${KEYS}?${new URLSearchParams({ [field]: text })}`);
    expect([status, body]).toEqual([400, { error: { message, class: "ScopedSearch::QueryNotSupported" } }]);
  });
});

describe("parameters of every call", () => {
  test.each(["location_id=1", "organization_id=Default%20Organization", "location_id=&organization_id=1-x"])(
    "%s is taken, and changes nothing",
    async (query) => {
      const made = await as("dave", "POST", `/api/users/dave/ssh_keys?${query}`, {
        ...newKey(),
        location_id: 1,
        organization_id: null,
      });
      const path = `/api/users/dave/ssh_keys/${made.body.id}`;
      expect((await as("dave", "GET", `${path}?${query}`)).body).toEqual(made.body);
      expect((await as("dave", "DELETE", `${path}?${query}`)).status).toBe(200);
      expect((await as("dave", "GET", `/api/status?${query}`)).status).toBe(200);
    },
  );

  test("root_name names one key and the list, and a blank one neither", async () => {
    const { body: made } = await as("erin", "POST", "/api/users/erin/ssh_keys", newKey());
    const path = `/api/users/erin/ssh_keys/${made.id}`;
    expect((await as("erin", "GET", `${path}?root_name=key`)).body).toEqual({ key: made });
    expect((await as("erin", "GET", `${path}?root_name=`)).body).toEqual(made);
    const list = async (name: string) =>
      (await as("erin", "GET", `/api/users/erin/ssh_keys?root_name=${name}`)).body;
    expect([(await list("keys")).keys, (await list("")).results]).toEqual([[made], [made]]);
  });
});
