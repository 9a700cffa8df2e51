import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { personWith } from "./person.ts";
import { plugin } from "./plugin.ts";

let cluster: Cluster;
let folder: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  folder = await mkdtemp(join(tmpdir(), "import-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await cluster?.stop();
});

/** Without a cluster, which manifests do not need. */
async function imported(format: string, input: string | Buffer, ...args: readonly string[]) {
  const file = join(folder, `${Math.random()}`);
  await writeFile(file, input);
  return { file, ...(await plugin(["import", format, file, ...args])) };
}

async function newTenant(): Promise<Tenant> {
  return new Tenant(cluster, await cluster.namespace());
}

async function apply(tenant: Tenant, as: string, input: string, ...args: readonly string[]) {
  const common = ["--apply", "--user", "alice", "-n", tenant.namespace, "--as", as];
  const { kubeconfig } = cluster.controlPlane;
  return await plugin(["import", "authorized_keys", "-", ...common, ...args], { kubeconfig, input });
}

describe("manifests", () => {
  test("are taken by kubectl as they are, whatever the words look like in YAML", async () => {
    const tenant = await newTenant();
    const users = [
      "on",
      "012",
      "1_000",
      "null",
      "0x1F",
      "1e3",
      "y",
      "~",
      "2027-01-31",
      "1:30",
      "0o17",
      "=",
      "a: b",
      "#",
    ];
    const outputs = await Promise.all(
      users.map((user) =>
        imported("authorized_keys", `${freshKey()} ${user}`, "--user", user, "-n", tenant.namespace),
      ),
    );
    const { code, stderr } = await cluster.kubectl(
      ["apply", "-f", "-"],
      outputs.map(({ stdout }) => stdout).join(""),
    );
    expect([code, stderr]).toEqual([0, ""]);
    const stored = await tenant.list();
    expect(stored.map(({ spec }) => spec.user).toSorted()).toEqual(users.toSorted());
    expect(stored.map(({ spec }) => spec.title).toSorted()).toEqual(users.toSorted());
  });

  test("are documents of one stream, of several files", async () => {
    const other = join(folder, "other");
    await writeFile(other, `${freshKey()}\n`);
    const { code, stdout, stderr } = await imported(
      "authorized_keys",
      `${freshKey()}\n`,
      other,
      "--user",
      "alice",
    );
    expect([code, stderr]).toEqual([0, ""]);
    const documents = parseAllDocuments(stdout);
    expect(documents.map((document) => document.toJS().metadata)).toEqual([
      { name: expect.stringMatching(/^alice-[0-9a-f]{8}$/) },
      { name: expect.stringMatching(/^alice-[0-9a-f]{8}$/) },
    ]);
  });

  test("are made of what can be read, and the rest is told with its line", async () => {
    const text = `${freshKey()}\r\nhello\r\n`;
    const { file, code, stdout, stderr } = await imported("authorized_keys", text, "--user", "alice");
    expect([code, parseAllDocuments(stdout).length]).toEqual([1, 1]);
    expect(stderr).toMatch(`${file}:2: left out: The key is of no type known here`);
  });

  test.each([
    ["UTF-16 of PowerShell", Buffer.from(`\ufeff${freshKey()} desk`, "utf16le")],
    ["UTF-16 with the other end first", Buffer.from(`\ufeff${freshKey()} desk`, "utf16le").swap16()],
    ["UTF-8 with a mark", Buffer.from(`\ufeff${freshKey()} desk`)],
  ])("are made of %s", async (_, input) => {
    const { code, stdout } = await imported("authorized_keys", input, "--user", "alice");
    expect([code, parse(stdout).spec.title]).toEqual([0, "desk"]);
  });

  test("of many keys reach a pipe whole", async () => {
    const text = Array.from({ length: 2000 }, () => `${freshKey()}\n`).join("");
    const { stdout } = await imported("authorized_keys", text, "--user", "alice");
    expect(parseAllDocuments(stdout)).toHaveLength(2000);
  });
});

describe("what cannot be done is said in a sentence:", () => {
  test.each([
    ["ssh.com", "", "there is no format ssh.com: the formats are authorized_keys, "],
    ["authorized_keys", Buffer.from([0, 255, 1, 254, 10, 0]), "is no text"],
    ["configmap", "a: [", "is neither YAML nor JSON"],
    ["foreman", "{}", "no keys in a form of Foreman"],
    ["authorized_keys", Buffer.alloc(17 * 1024 * 1024, "#"), "more than 16 MiB"],
    ["configmap", Buffer.alloc(5 * 1024 * 1024, "a: b\n"), "more than 4 MiB of YAML"],
  ])("%s", async (format, input, text) => {
    const { code, stdout, stderr } = await imported(format, input, "--user", "alice");
    expect([code, stdout, stderr]).toEqual([2, "", expect.stringContaining(text)]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test("a file that is not there", async () => {
    const { code, stderr } = await plugin(["import", "gitlab", "/nowhere/keys.json"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("there is no such file")]);
  });
});

test("the API server is not asked for manifests, which --dry-run=server is told", async () => {
  const { code, stdout, stderr } = await imported(
    "authorized_keys",
    freshKey(),
    "--user=alice",
    "--dry-run=server",
  );
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toBe(
    "error: --dry-run=server asks the API server, which only --apply does: give that, too\n",
  );
});

describe("with --apply", () => {
  test("who may edit creates the SSHKeys, and doing it again changes nothing", async () => {
    const tenant = await newTenant();
    const editor = await personWith("edit", tenant);
    const [one, other] = [freshKey(), freshKey()];
    const text = `restrict ${one} laptop\n${other} desk\n`;
    const first = await apply(tenant, editor, text);
    expect([first.code, first.stderr]).toEqual([0, ""]);
    expect((await tenant.list()).map(({ spec }) => spec)).toEqual(
      expect.arrayContaining([
        { user: "alice", key: `${one} laptop`, title: "laptop", options: ["restrict"] },
        { user: "alice", key: `${other} desk`, title: "desk" },
      ]),
    );
    const again = await apply(tenant, editor, text);
    expect([again.code, again.stdout.match(/ unchanged$/gm)]).toEqual([0, [" unchanged", " unchanged"]]);
  });

  test("an SSHKey of the name that says something else stays as it is", async () => {
    const tenant = await newTenant();
    const editor = await personWith("edit", tenant);
    const [one, other] = [freshKey(), freshKey()];
    await apply(tenant, editor, `${one} laptop`);
    const { code, stdout, stderr } = await apply(tenant, editor, `restrict ${one} laptop\n${other} desk\n`);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^sshkey\.\S+ created\n$/)]);
    expect(stderr).toContain("standard input:1: left out: this key of alice");
    expect(stderr).toContain("is there as SSHKey");
    expect((await tenant.list()).find(({ spec }) => spec.title === "laptop")?.spec.options).toBeUndefined();
  });

  test.each(["server", "client"])("and --dry-run=%s nothing is created", async (how) => {
    const tenant = await newTenant();
    const editor = await personWith("edit", tenant);
    const { code, stdout } = await apply(tenant, editor, freshKey(), `--dry-run=${how}`);
    expect([code, stdout]).toEqual([0, expect.stringContaining(how === "server" ? "dry run)" : "kind:")]);
    expect(await tenant.list()).toEqual([]);
  });
});

describe("what is nested deeply is refused at once,", () => {
  test("as YAML", async () => {
    const { code, stderr } = await imported("gitlab", "[".repeat(3_000_000), "--user", "alice");
    expect([code, stderr]).toEqual([2, expect.stringContaining("is nested too deeply")]);
  });

  test("and left out in a field of JSON that is to be a text", async () => {
    const comment = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const [type, key] = freshKey().split(" ");
    const entry = `{"type": "${type}", "key": "${key}", "comment": ${comment}}`;
    const { code, stderr } = await imported(
      "foreman",
      `{"foreman_users": {"alice": {"ssh_authorized_keys": [${entry}]}}}`,
    );
    expect([code, stderr]).toEqual([0, ""]);
  });
});
