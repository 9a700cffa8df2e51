import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sshKeysPath } from "../../src/api/paths.ts";
import type { SSHKey } from "../../src/api/sshkey.generated.ts";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey, freshNISTP521Key, freshRSAKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";
import { type Page, Visitor } from "./visitor.ts";

const FORM = "/keys/new";
const DAY_MS = 24 * 60 * 60 * 1000;

let cluster: Cluster;
let tenant: Tenant;
let portals: readonly PortalProcess[];
let alice: Visitor;
let admin: Visitor;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  const { kubeconfig } = cluster.controlPlane;
  const start = (args: readonly string[]) => startPortal({ kubeconfig, namespace: tenant.namespace, args });
  portals = await Promise.all([
    start(["--insecure-user", "alice"]),
    start(["--insecure-user", "root", "--insecure-admin"]),
  ]);
  [alice, admin] = portals.map(({ url }) => new Visitor(url)) as [Visitor, Visitor];
});

afterAll(async () => {
  for (const portal of portals ?? []) await portal.stop();
  await cluster?.stop();
});

/** The SSHKeys that hold this key. */
async function stored(key: string): Promise<readonly SSHKey[]> {
  const { items } = (await tenant.send("GET", sshKeysPath(tenant.namespace))) as {
    readonly items: readonly SSHKey[];
  };
  return items.filter(({ spec }) => spec.key.startsWith(key));
}

/** What a field of the form holds. */
function held({ text }: Page, name: string): string | undefined {
  const [, area] = new RegExp(`<textarea id="${name}"[^>]*>\n([^<]*)</textarea>`).exec(text) ?? [];
  const [, input] = new RegExp(`<input id="${name}"[^>]* value="([^"]*)"`).exec(text) ?? [];
  return (area ?? input)?.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
}

/** The problems that stand at a field. */
function problemsAt({ text }: Page, field: string): string {
  return new RegExp(`<ul class="problem" id="${field}-problem">(.*?)</ul>`, "s").exec(text)?.[1] ?? "";
}

describe("what people paste", () => {
  test("a key that was broken is offered joined, and stored only then", async () => {
    const key = freshRSAKey(3072);
    const broken = key.replaceAll(/.{80}/g, "$&\r\n");
    const offered = await alice.submit(FORM, FORM, { key: broken, title: "Broken" });
    expect([offered.status, held(offered, "key"), held(offered, "title")]).toEqual([422, key, "Broken"]);
    expect(await stored(key)).toEqual([]);
    await alice.submit(FORM, FORM, { key: held(offered, "key") ?? "", title: "Broken" });
    expect((await stored(key)).map(({ spec }) => spec.title)).toEqual(["Broken"]);
  });

  test("three keys are added one by one, and none is lost", async () => {
    const keys = [freshKey(), freshKey(), freshKey()];
    let page = await alice.submit(FORM, FORM, { key: keys.map((key, nth) => `${key} k${nth}`).join("\r\n") });
    expect(problemsAt(page, "key")).toContain("3 keys: add them one by one");
    for (const [nth, key] of keys.entries()) {
      expect([held(page, "key"), await stored(key)]).toEqual([`${key} k${nth}`, []]);
      page = await alice.submit(FORM, FORM, {
        key: held(page, "key") ?? "",
        others: held(page, "others") ?? "",
      });
      expect(page.text).toContain(`Key k${nth} successfully added.`);
    }
    expect(page.text).toContain("<h1>My SSH keys</h1>");
  });

  test("of several, one that is here already can be left out", async () => {
    const [there, next] = [freshKey(), freshKey()];
    await alice.submit(FORM, FORM, { key: there });
    const several = await alice.submit(FORM, FORM, { key: `${there}\n${next}` });
    expect(problemsAt(several, "key")).toContain("This key is here already");
    const fields = { key: held(several, "key") ?? "", others: held(several, "others") ?? "" };
    const page = await alice.submit(FORM, FORM, { ...fields, skip: "yes" });
    expect([held(page, "key"), held(page, "others")]).toEqual([next, undefined]);
  });

  test("what is wrong stands at each field, with a link from the top, and what was typed stays", async () => {
    const typed = { key: "id_ed25519.pub", title: "x\u200b", expires: "2020-02-29" };
    const page = await alice.submit(FORM, FORM, typed);
    const links = [...page.text.matchAll(/<li><a href="#(\w+)">/g)].map(([, field]) => field);
    expect([page.status, links]).toEqual([422, ["key", "title", "expiresAt"]]);
    expect(["key", "title", "expiresAt"].map((field) => problemsAt(page, field) !== "")).toEqual([
      true,
      true,
      true,
    ]);
    expect([held(page, "key"), held(page, "title"), held(page, "expiresAt")]).toEqual(Object.values(typed));
  });

  test("five megabytes are answered with a sentence", async () => {
    const { status, text } = await alice.submit(FORM, FORM, { key: "x".repeat(5_000_000) });
    expect([status, text.includes("far larger than a key")]).toEqual([413, true]);
  });
});

describe("a file without JavaScript", () => {
  async function send(file: string | Buffer, key = "") {
    const csrf = /name="csrf" value="([^"]*)"/.exec((await alice.open(FORM)).text)?.[1] ?? "";
    const body = new FormData();
    for (const [name, value] of Object.entries({ csrf, key, title: "File" })) body.append(name, value);
    body.append("file", new Blob([file as string]), "id_ed25519.pub");
    const response = await alice.send(FORM, { method: "POST", body });
    return { status: response.status, text: await response.text(), headers: response.headers };
  }

  test("is the key", async () => {
    const key = freshKey();
    const { status } = await send(`${key} alice@file\n`);
    expect([status, (await stored(key)).length]).toEqual([303, 1]);
  });

  test("is the key in the UTF-16 that PowerShell writes", async () => {
    const key = freshKey();
    const { status } = await send(Buffer.from(`\ufeff${key} alice@file\r\n`, "utf16le"));
    expect([status, (await stored(key)).length]).toEqual([303, 1]);
  });

  test("is one of two keys where another was pasted", async () => {
    const [pasted, inFile] = [freshKey(), freshKey()];
    const page = await send(inFile, pasted);
    expect([held(page, "key"), held(page, "others")]).toEqual([pasted, inFile]);
  });

  test("is refused where it is a private key, with nothing of it in the page and the log", async () => {
    const secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZR";
    const { status, text } = await send(`-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}\n`);
    expect([status, text.includes("This is a private key")]).toEqual([422, true]);
    expect(text + (await portals[0]?.log())).not.toContain(secret);
  });

  test("that is no form changes nothing", async () => {
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const { status } = await alice.send(FORM, { method: "POST", body: "no form", headers });
    expect(status).toBe(403);
  });
});

describe("options", () => {
  test("are given by administrators", async () => {
    const key = freshKey();
    await admin.submit(FORM, FORM, { key, options: 'restrict,from="192.0.2.1,2001:db8::/32"\r\npty\r\n' });
    expect((await stored(key)).map(({ spec }) => spec.options)).toEqual([
      ["restrict", 'from="192.0.2.1,2001:db8::/32"', "pty"],
    ]);
  });

  test("before a key go to their field", async () => {
    const key = freshKey();
    const page = await admin.submit(FORM, FORM, { key: `command="echo \\"a, b\\"",restrict ${key}` });
    expect([held(page, "key"), held(page, "options")]).toEqual([key, 'command="echo \\"a, b\\""\nrestrict']);
  });

  test("are nobody else's, whatever is sent", async () => {
    const key = freshKey();
    const form = await alice.open(FORM);
    const page = await alice.submit(FORM, FORM, { key, options: "restrict" });
    expect([form.text.includes('name="options"'), problemsAt(page, "options") !== ""]).toEqual([false, true]);
    expect(await stored(key)).toEqual([]);
  });
});

describe("the last day", () => {
  const day = new Date(Date.now() + 30 * DAY_MS).toISOString().slice(0, 10);
  const inAuckland = new Date(Date.parse(`${day}T23:59:59Z`) - 13 * 60 * 60 * 1000)
    .toISOString()
    .replace(".000", "");

  test.each([
    ["in UTC without JavaScript", "", `${day}T23:59:59Z`],
    ["where the reader is, with it", inAuckland, inAuckland],
  ])("ends %s", async (_, expiresAt, expected) => {
    const key = freshKey();
    await alice.submit(FORM, FORM, { key, expires: day, expiresAt });
    expect((await stored(key)).map(({ spec }) => spec.expiresAt)).toEqual([expected]);
  });

  test("stays the same while other things are corrected", async () => {
    const page = await alice.submit(FORM, FORM, { key: "none", expires: day, expiresAt: inAuckland });
    expect(held(page, "expiresAt")).toBe(day);
  });

  test("is in UTC, which the form says", async () => {
    expect((await alice.open(FORM)).text).toContain("The last day on which the key works, in UTC.");
  });
});

describe("the same key", () => {
  test("of the same person is told, with a link to it, and not stored", async () => {
    const key = freshKey();
    await alice.submit(FORM, FORM, { key, title: "First" });
    const page = await alice.submit(FORM, FORM, { key: `${key} again`, title: "Second" });
    expect(problemsAt(page, "key")).toMatch(
      /This key is here already: <a href="\/keys\/alice-first-[0-9a-f]{8}">First</,
    );
    expect(await stored(key)).toHaveLength(1);
  });

  test("of another person is not told by the form", async () => {
    const key = freshKey();
    await tenant.create("bob-first", { user: "bob", key });
    const page = await alice.submit(FORM, FORM, { key });
    expect([page.status, page.text.includes("bob")]).toEqual([200, false]);
  });

  test("sent twice at once is stored once", async () => {
    const key = freshKey();
    const csrf = /name="csrf" value="([^"]*)"/.exec((await alice.open(FORM)).text)?.[1] ?? "";
    const send = () => {
      const body = new URLSearchParams({ csrf, key, title: "Twice" });
      return alice.send(FORM, { method: "POST", body });
    };
    const statuses = (await Promise.all([send(), send(), send()])).map(({ status }) => status);
    expect([statuses.sort(), (await stored(key)).length]).toEqual([[303, 422, 422], 1]);
  });
});

describe("what the browser asks meanwhile", () => {
  async function check(fields: Readonly<Record<string, string>>, csrf?: string) {
    const token = /name="csrf" value="([^"]*)"/.exec((await alice.open(FORM)).text)?.[1] ?? "";
    const body = new URLSearchParams({ csrf: csrf ?? token, ...fields });
    return await alice.send(`${FORM}/check`, { method: "POST", body });
  }

  test("is answered for a good key, and nothing is stored", async () => {
    const key = freshKey();
    expect(await (await check({ key })).json()).toMatchObject({
      isGood: true,
      text: expect.stringMatching(/^This key can be added: ssh-ed25519, 256 bits, SHA256:/),
    });
    expect(await stored(key)).toEqual([]);
  });

  test("is answered with advice for a good key that is unusual", async () => {
    expect(await (await check({ key: freshNISTP521Key() })).json()).toMatchObject({
      isGood: true,
      text: expect.stringMatching(
        /^This key can be added: .*\. This is advice, and no key is refused for it\. /,
      ),
    });
  });

  test("is answered for one that has to be looked at, in words for who has not sent it yet", async () => {
    const answer = await (await check({ key: `${freshKey()}\n${freshKey()}` })).json();
    expect(answer).toMatchObject({
      isGood: false,
      text: expect.stringContaining("will be taken one by one"),
    });
  });

  test("is answered for a bad one", async () => {
    const answer = await (await check({ key: "ssh-ed25519 AAAA" })).json();
    expect(answer).toMatchObject({ isGood: false, text: expect.stringMatching(/\.$/) });
  });

  test("is answered with the command that proves a key of this type", async () => {
    const answer = await (await check({ key: freshRSAKey(3072) })).json();
    expect(answer).toMatchObject({ proofCommand: expect.stringContaining("~/.ssh/id_rsa -") });
  });

  test("is answered to nobody without a token", async () => {
    expect((await check({ key: freshKey() }, "")).status).toBe(403);
  });
});

test("a key on the list of revoked ones is told before it is stored", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sshkey-portal-test-"));
  const list = join(folder, "revoked");
  const key = freshKey();
  const blob = Buffer.from(key.split(" ")[1] ?? "", "base64");
  await writeFile(list, `${fingerprintSHA256(blob)}\n`);
  const portal = await startPortal({
    kubeconfig: cluster.controlPlane.kubeconfig,
    namespace: tenant.namespace,
    args: ["--insecure-user", "alice"],
    config: `revokedKeys: ${list}\n`,
  });
  try {
    const page = await new Visitor(portal.url).submit(FORM, FORM, { key });
    expect([problemsAt(page, "key"), await stored(key)]).toEqual([
      expect.stringContaining("An administrator has revoked this key"),
      [],
    ]);
  } finally {
    await portal.stop();
    await rm(folder, { recursive: true });
  }
});
