import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { userNumber } from "../../src/portal/sshkeys/numbers.ts";
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

const call = callerOf(() => portal);
const keysOf = (user: string) => `/api/users/${encodeURIComponent(user)}/ssh_keys`;

async function added(user: string, name: string): Promise<{ readonly id: number; readonly name: string }> {
  const { status, body } = await call("POST", keysOf(user), { name, key: freshKey() });
  expect(status).toBe(201);
  return body;
}

describe("a user", () => {
  // Logins of people, as issuers and Kubernetes give them.
  const LOGINS = [
    "first.last",
    "first.last@example.com",
    "a.json",
    "...",
    "with space",
    "müller",
    "a/b",
    "x;y=z",
  ];

  test.each(LOGINS)("is named by the login %j", async (login) => {
    const made = await added(login, "one");
    expect((await call("GET", keysOf(login))).body.results).toEqual([made]);
  });

  test.each(LOGINS)("with the login %j is named by number, whatever follows it", async (login) => {
    const number = userNumber(tenant.namespace, login);
    for (const id of [`${number}`, `${number}-anything.at-all`]) {
      const { body } = await call("GET", `/api/users/${id}`);
      expect([body.id, body.login]).toEqual([number, login]);
    }
  });

  test("is named by its number alone, or before a hyphen, and not before letters", async () => {
    const number = userNumber(tenant.namespace, "first.last");
    const { status, body } = await call("GET", `/api/users/${number}x/ssh_keys`);
    expect([status, body.error.message]).toEqual([422, `Couldn't find User with 'id'=${number}x`]);
  });

  test("that is unknown is a 422, as parents are, by number and by login", async () => {
    for (const id of ["4711", "4711-nobody", "no.body"]) {
      const { status, body } = await call("GET", keysOf(id));
      expect([status, body]).toEqual([422, { error: { message: `Couldn't find User with 'id'=${id}` } }]);
    }
  });

  test("is never made of a number", async () => {
    const { status } = await call("POST", keysOf("4711"), { name: "x", key: freshKey() });
    expect(status).toBe(422);
  });

  test("comes with keys that have no dates", async () => {
    const made = await added("dated", "one");
    const { created_at, updated_at, ...record } = await (await call("GET", `${keysOf("dated")}/one`)).body;
    expect([created_at, updated_at, record.id]).toEqual([updated_at, created_at, made.id]);
    const { body } = await call("GET", "/api/users/dated");
    expect(body).toEqual({
      id: userNumber(tenant.namespace, "dated"),
      login: "dated",
      ssh_keys: [record],
    });
  });

  test("in the body is overruled by the one in the path", async () => {
    const sent = { name: "mine", key: freshKey(), user_id: userNumber(tenant.namespace, "first.last") };
    await call("POST", keysOf("body-owner"), { ssh_key: sent, user_id: sent.user_id });
    expect((await call("GET", keysOf("body-owner"))).body.total).toBe(1);
  });
});

interface Dated {
  readonly id: number;
  readonly created_at: string;
}

describe("a key", () => {
  const user = "owner.of.names";
  const keys = keysOf(user);

  test.each(["user@example.com", "a.json", "my laptop", "a/b", "schlüssel", "50% off?", "...", "-dash"])(
    "is named by its name %j",
    async (name) => {
      const made = await added(user, name);
      expect((await call("GET", `${keys}/${encodeURIComponent(name)}`)).body).toEqual(made);
    },
  );

  test("is named by its number, alone or before a hyphen, a dot or letters", async () => {
    const made = await added(user, "numbered");
    for (const rest of ["", "-numbered", "-another-name", "-schlüssel my laptop", ".json", "abc"])
      expect((await call("GET", `${keys}/${made.id}${encodeURIComponent(rest)}`)).body).toEqual(made);
  });

  test("is named by the number before a hyphen also when another key has that name", async () => {
    const made = await added(user, "first");
    const other = await added(user, `${made.id}-first`);
    expect((await call("GET", `${keys}/${made.id}-first`)).body.id).toBe(made.id);
    expect((await call("GET", `${keys}/${other.id}`)).body.name).toBe(`${made.id}-first`);
  });

  test("is never named by a name of digits", async () => {
    const made = await added(user, "2027");
    expect([(await call("GET", `${keys}/2027`)).status, made.name]).toEqual([404, "2027"]);
  });

  test("begins with digits and is named by its whole name first", async () => {
    const made = await added(user, "5th floor");
    expect((await call("GET", `${keys}/5th%20floor`)).body).toEqual(made);
  });

  test("whose name two have is the older of them, and of one second the one with the lower number", async () => {
    for (const _ of ["one", "two", "three"]) await added(user, "again");
    const { results } = (await call("GET", `${keys}?search=name%3Dagain`)).body;
    const [oldest] = results.toSorted((a: Dated, b: Dated) =>
      a.created_at === b.created_at ? a.id - b.id : a.created_at < b.created_at ? -1 : 1,
    );
    expect((await call("GET", `${keys}/again`)).body).toEqual(oldest);
  });

  test("of somebody else is not there, by number and by name", async () => {
    const made = await added("somebody.else", "theirs");
    for (const id of [`${made.id}`, `${made.id}-theirs`, "theirs"]) {
      const { status, body } = await call("GET", `${keys}/${id}`);
      expect([status, body]).toEqual([
        404,
        { error: { message: `Resource ssh_key not found by id '${id}'` } },
      ]);
    }
  });

  test("that came by kubectl is named by its title, the comment of its line or its own name", async () => {
    await tenant.create("titled", { user: "by.kubectl", key: freshKey(), title: "A title" });
    await tenant.create("commented", { user: "by.kubectl", key: `${freshKey()} me@home` });
    await tenant.create("plain", { user: "by.kubectl", key: freshKey() });
    const names = async () => {
      const { body } = await call("GET", `${keysOf("by.kubectl")}?order=name`);
      return (body.results ?? []).map(({ name }: { readonly name: string }) => name);
    };
    await expect.poll(names, { timeout: 30_000 }).toEqual(["A title", "me@home", "plain"]);
  });

  test("is deleted by any of its names, once", async () => {
    for (const nameOf of [(id: number) => `${id}`, (id: number) => `${id}-gone.x`, () => "gone.x"]) {
      const { id } = await added(user, "gone.x");
      const path = `${keys}/${nameOf(id)}`;
      const { status, body } = await call("DELETE", path);
      expect([status, body.id, body.user_id]).toEqual([200, id, userNumber(tenant.namespace, user)]);
      expect((await call("DELETE", path)).status).toBe(404);
    }
  });
});

describe("paths", () => {
  test.each([
    ["POST", "/api/ssh_keys"],
    ["GET", "/api/ssh_keys"],
    ["PUT", `${keysOf("admin")}/1`],
    ["PATCH", `${keysOf("admin")}/1`],
    ["DELETE", keysOf("admin")],
    ["GET", "/api/v1/users/admin/ssh_keys"],
    ["GET", "/api/v3/users/admin/ssh_keys"],
  ])("%s %s is no call", async (method, path) => {
    const { status, body } = await call(method, path, method === "GET" ? undefined : {});
    expect([status, body]).toEqual([404, { error: { message: "Not Found" } }]);
  });

  test("of version 2 answer as those without", async () => {
    await added("two.versions", "one");
    for (const path of ["users/two.versions", "users/two.versions/ssh_keys", "status"])
      expect((await call("GET", `/api/v2/${path}`)).body).toEqual((await call("GET", `/api/${path}`)).body);
  });

  test.each(["application/json;version=1", "application/json;version=2", "text/html", "*/*"])(
    "choose the version, and Accept: %s does not",
    async (accept) => {
      const { status, headers, body } = await call("GET", "/api/status", undefined, { accept });
      expect([status, body.api_version]).toEqual([200, 2]);
      expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
    },
  );
});
