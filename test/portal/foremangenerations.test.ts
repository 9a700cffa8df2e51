import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ForemanGeneration } from "../../src/config/portalsettings.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { altered, freshDSSKey, freshKey, freshKeysOfEveryType } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { type Call, callerOf } from "./foremancaller.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";

interface Generation {
  readonly version: string;
  readonly fingerprint: RegExp;
  readonly p256: number;
  readonly p384: number;
  readonly p521: number;
  readonly hasPerPageAll: boolean;
  readonly errorsOfShortBlob: readonly string[];
}

const SHA256 = /^[A-Za-z0-9+/]{43}=$/;
const BEFORE = { p256: 520, p384: 776, p521: 1064, errorsOfShortBlob: ["key", "length"] } as const;

const GENERATIONS: Readonly<Record<ForemanGeneration, Generation>> = {
  "1.19": {
    ...{ ...BEFORE, version: "1.19.0", hasPerPageAll: false },
    fingerprint: /^[0-9a-f]{2}(?::[0-9a-f]{2}){15}$/,
  },
  "2": { ...BEFORE, version: "5.0.0", hasPerPageAll: true, fingerprint: SHA256 },
  "5.1": {
    ...{ version: "5.1.0", hasPerPageAll: true, fingerprint: SHA256 },
    ...{ p256: 256, p384: 384, p521: 521, errorsOfShortBlob: ["key", "fingerprint", "length"] },
  },
};

let cluster: Cluster;
const portals = new Map<string, PortalProcess>();
const KEYS = "/api/users/admin/ssh_keys";

/** Keys of every type, all of the same user, and one that came by kubectl. */
const LINES = new Map(freshKeysOfEveryType().map(({ key }) => [key.split(" ")[0] ?? "", key]));
// Before 5.1 one that begins with a byte of zeros is shorter.
LINES.set(
  "ssh-ed25519",
  altered(freshKey(), (blob) => Buffer.concat([blob.subarray(0, -32), randomKey()])),
);

function randomKey(): Buffer {
  return Buffer.concat([Buffer.of(1), randomBytes(31)]);
}

beforeAll(async () => {
  cluster = await sharedCluster();
  const tenant = new Tenant(cluster, await cluster.namespace());
  const { kubeconfig } = cluster.controlPlane;
  const args = ["--insecure-user", "admin", "--insecure-admin"];
  const starting = Object.keys(GENERATIONS).map(async (generation) => {
    const config = `portal: {foreman: {generation: "${generation}"}}`;
    portals.set(generation, await startPortal({ kubeconfig, namespace: tenant.namespace, config, args }));
  });
  await Promise.all(starting);
  await tenant.create("by-kubectl", { user: "admin", key: freshDSSKey(), title: "ssh-dss" });
  for (const [name, key] of LINES) {
    const { status } = await of("1.19")("POST", KEYS, { name, key });
    if (status !== 201) throw new Error(`the key ${name} was not added: ${status}`);
  }
  await eventually("all have seen all keys", async () => {
    const totals = Object.keys(GENERATIONS).map(async (each) => (await of(each)("GET", KEYS)).body.total);
    return (await Promise.all(totals)).every((total) => total === LINES.size + 1);
  });
});

afterAll(async () => {
  await Promise.all([...portals.values()].map((portal) => portal.stop()));
  await cluster?.stop();
});

function of(generation: string): Call {
  return callerOf(() => {
    const portal = portals.get(generation);
    if (portal === undefined) throw new Error(`no portal is a Foreman ${generation}`);
    return portal;
  });
}

describe.each(Object.entries(GENERATIONS))("as Foreman %s", (generation, expected) => {
  const call = of(generation);
  const record = async (name: string) => (await call("GET", `${KEYS}/${name}`)).body;

  test.each([
    ["ecdsa-sha2-nistp256", expected.p256],
    ["ecdsa-sha2-nistp384", expected.p384],
    ["ecdsa-sha2-nistp521", expected.p521],
    ["ssh-ed25519", 256],
    ["ssh-rsa", 3072],
    ["ssh-dss", 1024],
  ])("the length of %s is %d", async (name, length) => {
    expect((await record(name)).length).toBe(length);
  });

  test("fingerprints have its form", async () => {
    const { body } = await call("GET", KEYS);
    const prints = body.results.map(({ fingerprint }: { readonly fingerprint: string }) => fingerprint);
    expect(prints.filter((each: string) => !expected.fingerprint.test(each))).toEqual([]);
  });

  test("a creation, a show, a list, a deletion and the user have the same length and fingerprint", async () => {
    const key = LINES.get("ecdsa-sha2-nistp384");
    const user = `user-of-${generation}`;
    const { body: made } = await call("POST", `/api/users/${user}/ssh_keys`, { name: "x", key });
    const { body: shown } = await call("GET", `/api/users/${user}/ssh_keys/x`);
    const { body: list } = await call("GET", `/api/users/${user}/ssh_keys`);
    const { body: whole } = await call("GET", `/api/users/${user}`);
    const { body: deleted } = await call("DELETE", `/api/users/${user}/ssh_keys/x`);
    const all = [made, shown, list.results[0], whole.ssh_keys[0], deleted];
    expect(new Set(all.map((each) => `${each.length} ${each.fingerprint}`)).size).toBe(1);
  });

  test("status and headers say which it is", async () => {
    const { headers, body } = await call("GET", "/api/status");
    expect(body).toEqual({ result: "ok", status: 200, version: expected.version, api_version: 2 });
    expect(headers.get("foreman_version")).toBe(expected.version);
  });

  test("per_page=all gives all keys where it has that, and else none", async () => {
    const { body } = await call("GET", `${KEYS}?per_page=all&page=1`);
    const count = expected.hasPerPageAll ? LINES.size + 1 : 0;
    expect([body.per_page, body.page, body.results.length]).toEqual([count, 1, count]);
  });

  test("ssh-rsa 1234567 has the errors that it finds", async () => {
    const { status, body } = await call("POST", KEYS, { name: "x", key: "ssh-rsa 1234567" });
    expect([status, Object.keys(body.error.errors)]).toEqual([422, expected.errorsOfShortBlob]);
  });

  test("a key that the user has is taken", async () => {
    const key = LINES.get("ssh-rsa");
    const { status, body } = await call("POST", KEYS, { name: "again", key });
    expect([status, body.error.full_messages]).toEqual([422, ["Fingerprint has already been taken"]]);
  });

  test("the id can be searched and sorted by", async () => {
    const { id } = await record("ssh-ed25519");
    const { body } = await call(
      "GET",
      `${KEYS}?${new URLSearchParams({ search: `id = ${id}`, order: "id" })}`,
    );
    expect(body.results.map(({ name }: { readonly name: string }) => name)).toEqual(["ssh-ed25519"]);
  });
});

test("another user may have the same key, under the same name", async () => {
  const key = freshKey();
  const statuses = [];
  for (const user of ["one", "two"])
    statuses.push((await of("1.19")("POST", `/api/users/${user}/ssh_keys`, { name: "same", key })).status);
  expect(statuses).toEqual([201, 201]);
});
