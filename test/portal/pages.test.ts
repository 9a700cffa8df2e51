import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";
import { Visitor } from "./visitor.ts";

let cluster: Cluster;
let tenant: Tenant;
let portal: PortalProcess;
let alice: Visitor;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  const { kubeconfig } = cluster.controlPlane;
  const args = ["--insecure-user", "alice"];
  portal = await startPortal({ kubeconfig, namespace: tenant.namespace, args });
  alice = new Visitor(portal.url);
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

describe("the life of a key", () => {
  const key = freshKey();

  test("who has none is told how to make one", async () => {
    const { status, text } = await alice.open("/");
    expect([status, text.includes("ssh-keygen -t ed25519")]).toEqual([200, true]);
  });

  test("what is added is in the list at once", async () => {
    const { text } = await alice.submit("/keys/new", "/keys/new", {
      key: `${key} alice@laptop\r\n`,
      title: "Laptop",
    });
    expect(text).toContain("Key Laptop successfully added.");
    expect(text).toMatch(/<a href="\/keys\/alice-laptop-[0-9a-f]{8}">Laptop<\/a>/);
  });

  test("the raw key is the line alone", async () => {
    const { text } = await alice.open("/keys");
    const path = /href="(\/keys\/alice-laptop-[0-9a-f]{8})"/.exec(text)?.[1];
    const raw = await alice.open(`${path}/raw`);
    expect([raw.headers.get("content-type"), raw.text]).toEqual([
      "text/plain; charset=utf-8",
      `${key} alice@laptop\n`,
    ]);
  });

  test("what is deleted is gone from the list at once", async () => {
    const { text } = await alice.open("/keys");
    const path = /href="(\/keys\/alice-laptop-[0-9a-f]{8})"/.exec(text)?.[1];
    const after = await alice.submit(`${path}/delete`, `${path}/delete`);
    expect(after.text).toContain("SSH key Laptop successfully deleted.");
    expect(after.text).not.toContain(`href="${path}"`);
  });
});

test("an SSHKey that is called new is found behind its link, beside the form", async () => {
  await tenant.create("new", { user: "alice", key: freshKey(), title: "Called new" });
  const list = await eventually("it is listed", async () => {
    const { text } = await alice.open("/keys");
    return text.includes("Called new") ? text : undefined;
  });
  const path = /href="([^"]*)">Called new</.exec(list)?.[1] ?? "";
  const pages = [await alice.open(path), await alice.open("/keys/new")];
  expect(pages.map(({ text }) => /<h1>(.*?)<\/h1>/.exec(text)?.[1])).toEqual([
    "Called new",
    "Add an SSH key",
  ]);
});

describe("what is wrong", () => {
  test("another's key reads as one that is not there", async () => {
    await tenant.create("bob-key", { user: "bob", key: freshKey() });
    expect((await alice.open("/keys/bob-key")).status).toBe(404);
  });

  test("a private key is in neither the answer nor the log", async () => {
    const secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ";
    const pasted = `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}\n-----END OPENSSH PRIVATE KEY-----`;
    const { status, text } = await alice.submit("/keys/new", "/keys/new", { key: pasted });
    expect([status, text.includes("This is a private key")]).toEqual([422, true]);
    expect(text + (await portal.log())).not.toContain(secret);
  });

  test("a form without its token changes nothing", async () => {
    const body = new URLSearchParams({ key: freshKey() });
    expect((await alice.send("/keys/new", { method: "POST", body })).status).toBe(403);
  });
});

describe("the page of a key", () => {
  const key = freshKey();
  const fingerprint = fingerprintSHA256(Buffer.from(key.split(" ")[1] ?? "", "base64"));
  const lastUsed = { time: "2026-01-31T00:00:00Z", source: "pod/bastion/bastion-0", fingerprint };
  const shown = /<dt>Last used<\/dt><dd>([^<]*)<\/dd>/;
  const opened = async (name: string) => (await alice.open(`/keys/${name}`)).text;

  test("tells advice, and nothing of it while it is of an earlier key", async () => {
    await tenant.create("unusual", { user: "alice", key: freshKey() });
    const at = { lastTransitionTime: "2026-01-01T00:00:00Z" };
    const conditions = [
      { type: "Ready", status: "True", reason: "Projected", message: "", ...at },
      { type: "Advice", status: "True", reason: "UnusualSize", message: "Leave <it>.", ...at },
    ];
    await tenant.editStatus("unusual", { observedGeneration: 1, conditions });
    const told = "<dt>Advice</dt><dd>Leave &lt;it&gt;.</dd>";
    await eventually("it is told", async () => (await opened("unusual")).includes(told));
    await tenant.edit("unusual", { key: freshKey() });
    await eventually("it is told no more", async () => !(await opened("unusual")).includes(told));
  });

  test("says on which day it was last used, and not where", async () => {
    await tenant.create("used", { user: "alice", key });
    await tenant.editStatus("used", { fingerprint, lastUsed });
    const text = await eventually("it is shown", async () => {
      const page = await opened("used");
      return shown.test(page) && page;
    });
    expect([shown.exec(text)?.[1], text.includes("bastion-0")]).toEqual(["2026-01-31", false]);
  });

  test("says nothing of it where another key was used, or none", async () => {
    await tenant.create("rotated", { user: "alice", key: freshKey() });
    const condition = { type: "Ready", status: "True", reason: "Disabled", message: "Seen by all." };
    const conditions = [{ ...condition, lastTransitionTime: "2026-01-01T00:00:00Z" }];
    await tenant.editStatus("rotated", { observedGeneration: 1, fingerprint, lastUsed, conditions });
    const text = await eventually("it is seen", async () => {
      const page = await opened("rotated");
      return page.includes("Disabled") && page;
    });
    expect(text).not.toMatch(shown);
  });
});
