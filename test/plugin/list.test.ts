import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { plugin } from "./plugin.ts";

let cluster: Cluster;
let tenant: Tenant;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await tenant.create("alice-laptop", { user: "alice", key: `${freshKey()} alice@laptop`, title: "Laptop" });
  await tenant.create("alice-desk", { user: "alice", key: freshKey(), title: "\u{1f5a5} desk" });
  await tenant.create("bob-laptop", { user: "bob", key: freshKey() });
  await say("alice-desk", "Projected", { length: 256, fingerprint: "SHA256:abc" });
  await say("bob-laptop", "Duplicate", { length: 4096, comment: "bob's LAPTOP" }, "UnusualExponent");
});

afterAll(async () => {
  await cluster?.stop();
});

/** In place of an operator: what it would say of the present spec. */
async function say(name: string, reason: string, status: object, advice?: string): Promise<void> {
  const { generation } = (await tenant.read(name)).metadata ?? {};
  const lastTransitionTime = "2026-01-01T00:00:00Z";
  const condition = { status: "True", message: "", lastTransitionTime };
  const conditions = [
    { ...condition, type: "Ready", reason },
    ...(advice === undefined ? [] : [{ ...condition, type: "Advice", reason: advice }]),
  ];
  await tenant.editStatus(name, { ...status, observedGeneration: generation, conditions });
}

async function list(...args: readonly string[]) {
  const { kubeconfig } = cluster.controlPlane;
  return await plugin(["list", "-n", tenant.namespace, ...args], { kubeconfig });
}

/** The names that it lists, in order. */
async function names(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout, stderr, code } = await list(...args, "-o", "name");
  expect([code, stderr]).toEqual([0, ""]);
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => line.slice("sshkey.sshkey-operator.dev/".length));
}

describe("the table", () => {
  test("says of each key whose it is and whether it works", async () => {
    const { stdout } = await list();
    const [titles, ...rows] = stdout.split("\n");
    expect(titles?.split(/ {2,}/)).toEqual([
      "NAME",
      "USER",
      "TITLE",
      "LENGTH",
      "FINGERPRINT",
      "STATE",
      "AGE",
    ]);
    expect(rows[0]).toMatch(
      /^alice-desk {5}alice {3}\u{1f5a5} desk {3}256 {6}SHA256:abc {4}Projected {3}\d+s$/u,
    );
    expect(rows[1]).toMatch(/Laptop .* Unknown /);
  });

  test("has what is unusual about a key with -o wide", async () => {
    const { stdout } = await list("-o", "wide");
    const [titles = "", ...rows] = stdout.trimEnd().split("\n");
    const advice = rows.map((row) => row.slice(titles.indexOf("ADVICE")).trim());
    expect(advice).toEqual(["", "", "UnusualExponent"]);
  });

  test("has the namespace of each key with -A", async () => {
    const { stdout } = await list("-A", "--user", "bob", tenant.namespace);
    expect(stdout).toBe("");
    const all = await list("-A");
    expect(all.stdout).toMatch(new RegExp(`^${tenant.namespace} +bob-laptop `, "m"));
  });
});

describe("of the SSHKeys it lists", () => {
  test.each([
    [["--user", "bob"], ["bob-laptop"]],
    [["--state", "duplicate"], ["bob-laptop"]],
    [["--state", "Unknown"], ["alice-laptop"]],
    [["laptop"], ["alice-laptop", "bob-laptop"]],
    [["laptop", "ALICE"], ["alice-laptop"]],
    [["SHA256:ab"], ["alice-desk"]],
    [["nobody's"], []],
  ])("with %j those that are such", async (args, expected) => {
    expect(await names(...args)).toEqual(expected);
  });

  test.each([
    [
      ["--sort", "length"],
      ["alice-laptop", "alice-desk", "bob-laptop"],
    ],
    [
      ["--sort", "length", "--reverse"],
      ["bob-laptop", "alice-desk", "alice-laptop"],
    ],
    [
      ["--sort", "state"],
      ["bob-laptop", "alice-desk", "alice-laptop"],
    ],
  ])("with %j them in that order", async (args, expected) => {
    expect(await names(...args)).toEqual(expected);
  });
});

describe("for programs", () => {
  test("json and yaml have the objects as the API server gave them", async () => {
    const [json, yaml] = await Promise.all([list("-o", "json"), list("-o", "yaml")]);
    const { items } = JSON.parse(json.stdout);
    expect(items).toEqual(await tenant.list());
    expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout));
  });

  test("names are in kubectl's form, of what is there and of what is made", async () => {
    const inNamespace = ["-n", tenant.namespace];
    const got = await cluster.kubectl(["get", "sshkeys", "-o", "name", ...inNamespace]);
    expect((await list("-o", "name")).stdout).toBe(got.stdout);
    const { kubeconfig } = cluster.controlPlane;
    const args = ["add", "-", "--user", "carol", "--dry-run=client", ...inNamespace];
    const input = freshKey();
    const manifest = await plugin([...args, "-o", "json"], { kubeconfig, input });
    const made = await cluster.kubectl(
      ["create", "-f", "-", "-o", "name", "--dry-run=server", ...inNamespace],
      manifest.stdout,
    );
    expect((await plugin([...args, "-o", "name"], { kubeconfig, input })).stdout).toBe(made.stdout);
  });

  test("an empty list is a list", async () => {
    expect(JSON.parse((await list("nobody's", "-o", "json")).stdout).items).toEqual([]);
  });
});

describe("what cannot be done is said in a sentence:", () => {
  test("a namespace that one may not read", async () => {
    const { kubeconfig } = cluster.controlPlane;
    const { code, stderr } = await plugin(["list", "--as", "mallory"], { kubeconfig });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: sshkeys.sshkey-operator.dev is forbidden: User "mallory" cannot list /);
  });

  test("an API server that is not there", async () => {
    const { code, stderr } = await plugin(["list", "-s", "http://127.0.0.1:1"], {});
    expect([code, stderr]).toEqual([2, expect.stringContaining("check that the API server is up")]);
  });

  test("a word that is no STATE", async () => {
    const { code, stderr } = await list("--state", "Broken");
    expect([code, stderr]).toEqual([2, expect.stringContaining("Projected")]);
  });
});

describe("keys that nobody uses", () => {
  const DAY_MS = 86_400_000;
  const FINGERPRINT = "SHA256:gyzHUKl1eO8Bk1Cvn4joRgxRlXo1+1HJ3Vho/hAtKEg";
  const day = (ago: number) => `${new Date(Date.now() - ago * DAY_MS).toISOString().slice(0, 10)}T00:00:00Z`;
  let people: Tenant;
  const listed = async (...args: readonly string[]) => {
    const { kubeconfig } = cluster.controlPlane;
    return await plugin(["list", "-n", people.namespace, ...args], { kubeconfig });
  };

  beforeAll(async () => {
    people = new Tenant(cluster, await cluster.namespace());
    const used = { source: "pod/a/b", fingerprint: FINGERPRINT };
    const statuses = {
      today: { lastUsed: { ...used, time: day(0) } },
      never: {},
      rotated: { lastUsed: { ...used, fingerprint: "SHA256:another", time: day(0) } },
    };
    for (const [name, status] of Object.entries(statuses)) {
      await people.create(name, { user: "alice", key: freshKey() });
      await people.editStatus(name, { observedGeneration: 1, fingerprint: FINGERPRINT, ...status });
    }
  });

  test("are those without a report since they are there", async () => {
    await people.untilYounger();
    const { stdout } = await listed("--unused", "1ms", "-o", "name");
    expect(stdout.match(/[a-z]+(?=\n)/g)).toEqual(["never", "rotated", "today"]);
  });

  test("are not found before the time is over", async () => {
    const { stderr } = await listed("--unused", "90d");
    expect(stderr).toContain("None of the 3 SSHKeys");
  });

  test("have no day in the wide table, nor has one whose key is another by now", async () => {
    const { stdout } = await listed("-o", "wide", "--sort", "name");
    const [titles = "", ...rows] = stdout.trimEnd().split("\n");
    const days = rows.map((row) => row.slice(titles.indexOf("LAST USED")));
    expect(days).toEqual(["", "", day(0).slice(0, 10)]);
  });

  test("want a time", async () => {
    const { code, stderr } = await listed("--unused", "long");
    expect([code, stderr]).toEqual([2, expect.stringContaining("Give a duration such as 24h or 90d.")]);
  });
});
