import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { run } from "../cluster/run.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { type Call, callerOf } from "./foremancaller.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";

let cluster: Cluster;
let portal: PortalProcess;

beforeAll(async () => {
  cluster = await sharedCluster();
  const { kubeconfig } = cluster.controlPlane;
  const args = ["--insecure-user", "admin", "--insecure-admin"];
  portal = await startPortal({ kubeconfig, namespace: await cluster.namespace(), args });
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

/** What curl prints: the body as it came, then the status. */
async function curl(...args: readonly string[]): Promise<{ readonly text: string; readonly status: number }> {
  const path = args.at(-1) ?? "";
  const url = new URL(path, portal.url).href;
  const { code, stdout, stderr } = await run("curl", [
    "--silent",
    "--show-error",
    "--globoff",
    "--write-out",
    "\n%{http_code}",
    ...args.slice(0, -1),
    url,
  ]);
  if (code !== 0) throw new Error(`curl ended with ${code}, install it if it is not there: ${stderr}`);
  const end = stdout.lastIndexOf("\n");
  return { text: stdout.slice(0, end), status: Number(stdout.slice(end + 1)) };
}

const JSON_TYPE = ["--header", "Content-Type: application/json"] as const;

describe("curl, as the documents show each call", () => {
  const name = "foreman@example.com";
  const key =
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIhRoL6PfBRs9YwW3r2/pYeLrxRzEZSUO3Go8JivxMsguEKjJ3byHDPvPpMHhKKSZD/HJY/A+2Ndqp0ElB+t2qs= foreman@example.com";
  /** The record to the byte, but for its number and its time, which the API server gives. */
  const record = ({ created_at, id }: { readonly created_at: string; readonly id: number }) =>
    `{"created_at":"${created_at}","updated_at":"${created_at}","id":${id},"name":"${name}","key":"${key}","length":520,"fingerprint":"8e:0c:28:d9:99:e8:c2:84:46:1b:1d:ba:e5:78:4c:33"}`;
  let made: { readonly created_at: string; readonly id: number };

  test("adds a key", async () => {
    const body = JSON.stringify({ name, key, ssh_key: { name, key } });
    const { status, text } = await curl(...JSON_TYPE, "--data", body, "/api/users/admin/ssh_keys");
    made = JSON.parse(text);
    expect([status, text]).toEqual([201, record(made)]);
  });

  test("lists it", async () => {
    expect(await curl("/api/users/admin/ssh_keys")).toEqual({
      status: 200,
      text: `{"total":1,"subtotal":1,"page":1,"per_page":20,"search":null,"sort":{"by":null,"order":null},"results":[${record(made)}]}`,
    });
  });

  test("shows it by its number and what follows", async () => {
    expect(await curl(`/api/users/admin/ssh_keys/${made.id}-foremanexample-com`)).toEqual({
      status: 200,
      text: record(made),
    });
  });

  test("deletes it", async () => {
    const { results } = JSON.parse((await curl("/api/users")).text);
    const path = `/api/users/${results[0].id}-admin/ssh_keys/${made.id}-foremanexample-com`;
    const { status, text } = await curl(
      ...JSON_TYPE,
      "--request",
      "DELETE",
      "--data",
      '{"ssh_key":{}}',
      path,
    );
    const { created_at } = JSON.parse(text);
    expect(created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect([status, text]).toEqual([
      200,
      `{"id":${made.id},"name":"${name}","key":"${key}","fingerprint":"8e:0c:28:d9:99:e8:c2:84:46:1b:1d:ba:e5:78:4c:33","user_id":${results[0].id},"length":520,"created_at":"${created_at}","updated_at":"${created_at}"}`,
    ]);
  });
});

const call = callerOf(() => portal);

/** As hammer and nailgun send it, with a JSON type also where there is no body. */
const send: Call = (method, path, body) =>
  call(method, path, body, { accept: "application/json;version=2", "content-type": "application/json" });

describe("hammer user ssh-keys", () => {
  const login = "hammer";
  const userOf = async () => {
    const query = new URLSearchParams({ search: `login = "${login}"`, per_page: "1000", page: "1" });
    const { body } = await send("GET", `/api/users?${query}`);
    expect(body.results.length).toBe(1);
    return body.results[0].id as number;
  };

  test("finds the apidoc, in its language or without, and keeps it until its checksum changes", async () => {
    const plain = await send("GET", "/apidoc/v2.json");
    const { body } = await send("GET", "/apidoc/apipie_checksum");
    expect([plain.status, plain.headers.get("apipie-checksum")]).toEqual([200, body.checksum]);
    expect((await send("GET", "/apidoc/v2.en.json")).status).toBeLessThan(500);
  });

  test("adds keys to a user who is named by login, and pages through the list until a page is short", async () => {
    for (const name of ["one", "two"]) {
      const { status } = await send("POST", `/api/users/${login}/ssh_keys`, {
        ssh_key: { name, key: `${freshKey()}\n` },
      });
      expect(status).toBe(201);
    }
    const user = await userOf();
    const { body } = await send("GET", `/api/users/${user}/ssh_keys?per_page=1000&page=1`);
    expect(body.results.map(({ name }: { name: string }) => name).sort()).toEqual(["one", "two"]);
  });

  test("shows and deletes a key that is named by its name", async () => {
    const user = await userOf();
    const query = new URLSearchParams({ search: 'name = "one"', per_page: "1000", page: "1" });
    const found = await send("GET", `/api/users/${user}/ssh_keys?${query}`);
    expect(found.body.results.length).toBe(1);
    const path = `/api/users/${user}/ssh_keys/${found.body.results[0].id}`;
    expect((await send("GET", path)).body.name).toBe("one");
    expect((await send("DELETE", path)).status).toBe(200);
    expect((await send("GET", path)).status).toBe(404);
  });
});

describe("nailgun", () => {
  test("creates, reads, searches by the body of a GET, and deletes", async () => {
    const login = "nailgun";
    const { body: made } = await send("POST", `/api/v2/users/${login}/ssh_keys`, {
      ssh_key: { name: "robot", key: freshKey() },
    });
    expect((await send("GET", `/api/v2/users/${login}/ssh_keys/${made.id}`)).body).toEqual(made);
    const search = { search: 'name="robot"', per_page: 1 };
    const { code, stdout } = await run("curl", [
      "--silent",
      "--request",
      "GET",
      ...JSON_TYPE,
      "--data",
      JSON.stringify(search),
      new URL(`/api/v2/users/${login}/ssh_keys`, portal.url).href,
    ]);
    expect([code, JSON.parse(stdout).results]).toEqual([0, [made]]);
    expect((await send("DELETE", `/api/v2/users/${login}/ssh_keys/${made.id}`)).status).toBe(200);
    await eventually("none is left", async () => {
      const { body } = await send("GET", `/api/v2/users/${login}/ssh_keys`);
      return body.total === 0 || body.error !== undefined;
    });
  });
});

describe("odd names and bodies", () => {
  test("__proto__ in a body is no field", async () => {
    const body = `{"__proto__":{"name":"polluted"},"ssh_key":{"__proto__":{"name":"polluted"},"key":"${freshKey()}"}}`;
    const { status, text } = await curl(...JSON_TYPE, "--data", body, "/api/users/admin/ssh_keys");
    expect([status, JSON.parse(text).error.errors.name]).toEqual([422, ["can't be blank"]]);
  });

  test.each(["a;b", "a%2Fb", "a%3Fb", "..%2F..%2Fstatus"])(
    "the user %s is that user or none",
    async (user) => {
      const { status, text } = await curl("--path-as-is", `/api/users/${user}/ssh_keys`);
      const name = decodeURIComponent(user);
      expect([status, JSON.parse(text)]).toEqual([
        422,
        { error: { message: `Couldn't find User with 'id'=${name}` } },
      ]);
    },
  );
});
