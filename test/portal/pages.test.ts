import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
