import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MANAGED_LABEL, SECRET_ANNOTATION, USER_ANNOTATION } from "../../src/api/names.ts";
import { fingerprintMD5, fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { run } from "../cluster/run.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey, freshRSAKey, respelledRSAKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { personWith } from "./person.ts";
import { plugin } from "./plugin.ts";

const KEYS = {
  alice: freshKey(),
  rsa: freshRSAKey(2048),
  gone: freshKey(),
  shared: freshKey(),
  foreign: freshKey(),
};
const NOBODYS = freshKey();

let cluster: Cluster;
let people: Tenant;
let bastion: Tenant;
let viewer: string;
let editor: string;
let folder: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  people = new Tenant(cluster, await cluster.namespace());
  bastion = new Tenant(cluster, await cluster.namespace());
  viewer = await personWith("view", people);
  editor = await personWith("edit", people);
  folder = await mkdtemp(join(tmpdir(), "who-"));
  await people.create("alice-laptop", {
    user: "alice",
    key: `${KEYS.alice} a@b`,
    title: "Alice's \u{1f4bb}",
  });
  await people.create("bob-rsa", { user: "bob", key: KEYS.rsa });
  await people.create("shared", { user: "carol", key: KEYS.shared });
  await secret(people, "sshkeys-alice", {
    authorized_keys: [`${KEYS.alice} ${people.namespace}/alice-laptop`],
  });
  await secret(people, "sshkeys-dave", {
    authorized_keys: [
      `restrict,command="a \\"b" ${KEYS.gone} ${people.namespace}/dave-old`,
      `${KEYS.foreign} mallory@evil`,
    ],
  });
  await secret(bastion, "bastion-keys", {
    carol: [`restrict ${KEYS.shared} ${people.namespace}/shared`],
  });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await cluster?.stop();
});

/** A Secret as the operator makes it, and as others change it. */
async function secret(tenant: Tenant, name: string, files: Readonly<Record<string, readonly string[]>>) {
  const data = Object.fromEntries(
    Object.entries(files).map(([file, lines]) => [file, `${lines.join("\n")}\n`]),
  );
  const user = name.startsWith("sshkeys-") ? { [USER_ANNOTATION]: name.slice("sshkeys-".length) } : {};
  await tenant.buildCreate(name, data, {
    metadata: {
      name,
      labels: { [MANAGED_LABEL]: "default" },
      annotations: { [SECRET_ANNOTATION]: `${tenant.namespace}/${name}`, ...user },
    },
  });
}

function sha256(key: string): string {
  return fingerprintSHA256(blobOf(key));
}

function md5(key: string): string {
  return fingerprintMD5(blobOf(key));
}

function blobOf(key: string): Buffer {
  return Buffer.from(key.split(" ")[1] ?? "", "base64");
}

async function who(args: readonly string[], { as = editor, input = "", tenant = people } = {}) {
  const { kubeconfig } = cluster.controlPlane;
  return await plugin(["who", "-n", tenant.namespace, ...(as === "" ? [] : ["--as", as]), ...args], {
    kubeconfig,
    input,
  });
}

/** The owners that it names for a program. */
async function owners(args: readonly string[], o: Parameters<typeof who>[1] = {}) {
  const { stdout } = await who([...args, "-o", "json"], o);
  return JSON.parse(stdout).owners;
}

describe("a key is known by", () => {
  const alice = KEYS.alice;

  test.each([
    ["its fingerprint", [sha256(alice)]],
    ["that with padding", [`${sha256(alice)}=`]],
    ["that without its name", [sha256(alice).slice("SHA256:".length)]],
    ["a line of ssh-keygen -l", [`256 ${sha256(alice)} a@b (ED25519)`]],
    ["a key line", [`${alice} whatever it says`]],
    ["a key line that the shell has cut into words", alice.split(" ")],
    ["a line of authorized_keys", [`restrict,from="10.0.0.0/8" ${alice}`]],
  ])("%s", async (_, args) => {
    expect(await who(args, { as: viewer })).toMatchObject({
      code: 0,
      stdout: `${sha256(alice)} alice: SSHKey ${people.namespace}/alice-laptop "Alice's \u{1f4bb}", Unknown\n`,
    });
  });

  test.each([`MD5:${md5(alice)}`, md5(alice).toUpperCase(), md5(alice).replaceAll(":", "")])(
    "MD5, as %s",
    async (fingerprint) => {
      expect((await who([fingerprint])).stdout).toMatch(`${md5(alice)} alice: SSHKey`);
    },
  );

  test("the content of a .pub file on standard input", async () => {
    const { code, stdout } = await who(["-"], { input: `${alice} a@b\n` });
    expect([code, stdout]).toEqual([0, expect.stringContaining("alice-laptop")]);
  });

  test("any of its encodings", async () => {
    expect(await owners([respelledRSAKey(KEYS.rsa)])).toMatchObject([{ name: "bob-rsa" }]);
  });
});

describe("a key without an SSHKey that still stands in a Secret", () => {
  test("is that of the SSHKey which is gone", async () => {
    expect(await who([sha256(KEYS.gone)])).toEqual({
      code: 0,
      stdout: `${sha256(KEYS.gone)} dave: SSHKey ${people.namespace}/dave-old is deleted, and still stands in Secret ${people.namespace}/sshkeys-dave, authorized_keys line 1\n`,
      stderr: "",
    });
  });

  test("is known by MD5 too", async () => {
    expect(await owners([md5(KEYS.gone)])).toMatchObject([{ name: "dave-old", state: "Deleted" }]);
  });

  test("is nobody's if the operator did not write the line", async () => {
    expect(await owners([sha256(KEYS.foreign)])).toEqual([
      {
        state: "Foreign",
        secrets: [{ namespace: people.namespace, name: "sshkeys-dave", file: "authorized_keys", line: 2 }],
      },
    ]);
  });

  test("is not looked for without the right to, which is said", async () => {
    const { code, stdout, stderr } = await who([sha256(KEYS.gone)], { as: viewer });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      `You may not list Secrets in namespace ${people.namespace}, so keys without an SSHKey that still stand in one are not found.\nNobody in namespace ${people.namespace} has ${sha256(KEYS.gone)}; -A looks in all namespaces.\n`,
    );
  });

  test("was in an SSHKey until that was changed", async () => {
    const [before, after] = [freshKey(), freshKey()];
    await people.create("erin", { user: "erin", key: before });
    await people.editStatus("erin", { fingerprint: sha256(before), observedGeneration: 1 });
    await people.edit("erin", { key: after });
    expect(await owners([sha256(before)])).toMatchObject([{ name: "erin", state: "Edited" }]);
    expect(await owners([sha256(after)])).toMatchObject([{ name: "erin", state: "Unknown" }]);
  });
});

describe("a line of another namespace's SSHKey", () => {
  test("is looked up where it lives", async () => {
    expect(await owners([sha256(KEYS.shared)], { as: "", tenant: bastion })).toEqual([
      { user: "carol", namespace: people.namespace, name: "shared", state: "Unknown" },
    ]);
  });

  test("is told by name where one may not read it", async () => {
    const as = await personWith("edit", bastion);
    expect(await owners([sha256(KEYS.shared)], { as, tenant: bastion })).toMatchObject([
      { namespace: people.namespace, name: "shared", state: "Unreadable" },
    ]);
  });
});

describe("nobody else is named for a key, whatever is written", () => {
  /** In a Secret that looks like the operator's, in a namespace of somebody who wants people to be blamed. */
  async function framing(key: string, annotations: Readonly<Record<string, string>>, lines = 1) {
    const evil = new Tenant(cluster, await cluster.namespace());
    const text = `${key} ${people.namespace}/alice-laptop\n`.repeat(lines);
    await evil.buildCreate(
      "frame",
      { authorized_keys: text },
      {
        metadata: { name: "frame", labels: { [MANAGED_LABEL]: "somebody" }, annotations },
      },
    );
    return evil.namespace;
  }

  test("into a Secret of another namespace", async () => {
    const key = freshKey();
    const namespace = await framing(key, { [USER_ANNOTATION]: "alice" });
    const { code, stdout } = await who([sha256(key), "-A"], { as: "" });
    expect([code, stdout]).toEqual([
      0,
      `${sha256(key)} nobody's that is known: that it was SSHKey ${people.namespace}/alice-laptop's says only a line in Secret ${namespace}/frame, authorized_keys line 1\n`,
    ]);
  });

  test("into a copy in the SSHKey's own namespace", async () => {
    const key = freshKey();
    await people.buildCreate(
      "frame",
      { authorized_keys: `${key} ${people.namespace}/alice-laptop\n` },
      {
        metadata: {
          name: "frame",
          labels: { [MANAGED_LABEL]: "default" },
          annotations: { [SECRET_ANNOTATION]: "elsewhere/frame", [USER_ANNOTATION]: "alice" },
        },
      },
    );
    const [owner, ...others] = await owners([sha256(key)]);
    expect(others).toEqual([]);
    expect(owner).toMatchObject({ state: "Claimed", name: "alice-laptop" });
    expect(owner).not.toHaveProperty("user");
  });

  test("five thousand times, of which a person reads twenty", async () => {
    const key = freshKey();
    await framing(key, {}, 5000);
    const { stdout } = await who([sha256(key), "-A"], { as: "" });
    expect(stdout).toMatch(/and 4980 places more\n$/);
    expect(stdout.length).toBeLessThan(4000);
  });

  test("into the name of a user or a title", async () => {
    const key = freshKey();
    const user = `alice: SSHKey ${people.namespace}/alice-laptop, Projected; mallory`;
    await people.create("forged", { user, key, title: 'x", Projected; bob: SSHKey a/b "y' });
    const { stdout } = await who([sha256(key)]);
    expect(stdout).toBe(
      `${sha256(key)} ${JSON.stringify(user)}: SSHKey ${people.namespace}/forged ${JSON.stringify('x", Projected; bob: SSHKey a/b "y')}, Unknown\n`,
    );
  });

  test("into the name that somebody logs in with", async () => {
    const log =
      "Failed publickey for invalid user alice from 192.0.2.1 port 2 SHA256:x alice: SSHKey a/b from 192.0.2.7 port 5 ssh2: ED25519 ";
    const { stdout } = await who(["--log", "-"], { input: `${log}${sha256(NOBODYS)}\n` });
    expect(stdout).toBe(
      `failed "alice from 192.0.2.1 port 2 SHA256:x alice: SSHKey a/b" from 192.0.2.7 port 5 ${sha256(NOBODYS)} nobody's\n`,
    );
  });
});

describe("nobody", () => {
  test("has a key that is in no SSHKey", async () => {
    const { code, stdout, stderr } = await who([sha256(NOBODYS)]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      `Nobody in namespace ${people.namespace} has ${sha256(NOBODYS)}; -A looks in all namespaces.\n`,
    );
  });

  test("of the namespace has a key of the log, which may be another's", async () => {
    const line = `Accepted publickey for git from 192.0.2.7 port 5 ssh2: ED25519 ${sha256(NOBODYS)}\n`;
    const { code, stderr } = await who(["--log", "-"], { input: `${line}${line}` });
    expect([code, stderr]).toEqual([
      1,
      `"nobody's" is a key that nobody in namespace ${people.namespace} has; -A looks in all namespaces.\n`,
    ]);
  });

  test("is named by a log of something else, which is said", async () => {
    const { code, stdout, stderr } = await who(["--log", "-"], { input: "root:x:0:0::/root:/bin/sh\n" });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      "No line of standard input names a key: give the log of sshd, which does at LogLevel INFO.\n",
    );
  });

  test("is an empty list for a program", async () => {
    const { code, stdout } = await who([sha256(NOBODYS), "-o", "json"]);
    expect([code, JSON.parse(stdout)]).toEqual([1, { fingerprint: sha256(NOBODYS), owners: [] }]);
  });
});

describe("what cannot be done is said in a sentence:", () => {
  test.each([
    [[], "whose key?"],
    [["SHA256:abc"], "this is no fingerprint and no key"],
    [["ssh-ed25519", "AAAA"], "copy the whole line again"],
    [["-", "--log", "-"], "standard input cannot be both"],
    [["--log", "/nowhere/sshd.log"], "there is no such file"],
    [["--log", tmpdir()], "is a folder"],
  ])("%j", async (args, text) => {
    const { code, stdout, stderr } = await who(args);
    expect([code, stdout, stderr]).toEqual([2, "", expect.stringContaining(text)]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test("a namespace that one may not read", async () => {
    const { code, stderr } = await who([sha256(KEYS.alice), "-A"]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^error: sshkeys.* is forbidden/)]);
  });

  test("a private key, which it does not repeat", async () => {
    const file = join(folder, "id");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
    const { stdout: input } = await run("cat", [file]);
    const { code, stdout, stderr } = await who(["-"], { input });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("which this prints: ssh-keygen -y -f FILE");
    expect(stderr).not.toContain(input.split("\n")[1]);
  });
});
