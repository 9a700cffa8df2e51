import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { State } from "../../../src/api/states.ts";
import { TEXTS } from "../../../src/portal/web/texts.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { startOperator } from "../../cluster/operatorprocess.ts";
import { sharedCluster } from "../../cluster/sharedcluster.ts";
import { freshKey, freshRSAKey } from "../../operator/publickeys.ts";
import { readyOf, Tenant } from "../../operator/tenant.ts";
import { makeKey, makeProof } from "../../ssh/signer.ts";
import { type PortalProcess, startPortal } from "../portalprocess.ts";
import { openLooks, testLooks } from "./looks.ts";
import { launchChromium, type Reader } from "./reader.ts";

/** A key of alice's in each STATE that people cause. */
const KEYS = {
  laptop: "Projected",
  old: "Weak",
  off: "Disabled",
  past: "Expired",
  twice: "Duplicate",
} as const satisfies Record<string, State>;

const stated = Object.entries(KEYS);

const BOBS_KEY = freshKey();
const PRIVATE_KEY =
  "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n-----END OPENSSH PRIVATE KEY-----\n";

let cluster: Cluster;
let tenant: Tenant;
let portal: PortalProcess;
let browser: Browser;
let reader: Reader;
/** Where the policy wants a proof of every key. */
let strict: PortalProcess;
let strictReader: Reader;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await createKeys();
  const { kubeconfig } = cluster.controlPlane;
  const { namespace } = tenant;
  const args = ["--insecure-user", "alice", "--insecure-admin"];
  portal = await startPortal({ kubeconfig, namespace, args });
  strict = await startPortal({ kubeconfig, namespace, args, config: "policy: {proofs: Required}\n" });
  browser = await launchChromium();
  reader = await openLooks(browser, portal.url);
  strictReader = await openLooks(browser, strict.url);
});

afterAll(async () => {
  await browser?.close();
  await portal?.stop();
  await strict?.stop();
  await cluster?.stop();
});

async function createKeys(): Promise<void> {
  const user = "alice";
  const long = `${"A very long title ".repeat(13)}${"x".repeat(20)}`;
  await tenant.create("bobs", { user: "bob", key: BOBS_KEY, title: "Bob's laptop" });
  await tenant.create("longs", { user: "b".repeat(253), key: freshKey() });
  await tenant.create("laptop", { user, key: freshKey(), title: "Laptop" });
  await tenant.create("long", { user, key: `${freshKey()} alice@example.org`, title: long });
  await tenant.create("switch", { user, key: freshKey(), title: "Switched" });
  await tenant.create("old", { user, key: freshRSAKey(1024), title: "Old" });
  const proof = makeProof(makeKey("ssh-ed25519"), user);
  await tenant.create("unproven", { user, key: freshKey(), title: "Unproven", proof });
  await tenant.create("off", { user, key: freshKey(), title: "Off", disabled: true });
  await tenant.create("past", { user, key: freshKey(), title: "Past", expiresAt: "2020-01-31T22:59:59Z" });
  await tenant.untilYounger();
  await tenant.create("twice", { user, key: BOBS_KEY, title: "Twice" });
  const { kubeconfig } = cluster.controlPlane;
  const operator = await startOperator({ kubeconfig, args: ["--namespace", tenant.namespace] });
  for (const [name, state] of stated) await tenant.until(name, state);
  await tenant.until("unproven", "Projected");
  await operator.stop();
  await tenant.create("new-one", { user, key: freshKey(), title: "New" });
}

interface Look {
  readonly path: string;
  readonly act?: (page: Page) => Promise<unknown>;
}

const send = async (page: Page) => {
  await page.getByRole("button", { name: "Add the key" }).click();
  await page.getByRole("alert").waitFor();
};

/** A form with this in the field of the key, which is then sent. */
const sending = (text: string): Look => ({
  path: "/keys/new",
  act: async (page) => {
    await page.getByLabel("Public key").fill(text);
    await send(page);
  },
});

/** A key, a line of a log, and one that names none. */
const QUESTIONS = [
  BOBS_KEY,
  `Nov 28 03:00:00 host sshd[42]: Failed publickey for ${"eve".repeat(60)} from 192.0.2.8 port 5189 ssh2: ED25519 SHA256:${"A".repeat(43)}`,
  "x".repeat(400),
].join("\n");

/** As PuTTY saves it. */
const FOREIGN_KEY = `---- BEGIN SSH2 PUBLIC KEY ----
Comment: "alice@windows"
${freshKey()
  .split(" ")[1]
  ?.match(/.{1,64}/g)
  ?.join("\n")}
---- END SSH2 PUBLIC KEY ----`;

const LOOKS: Readonly<Record<string, Look>> = {
  "the list": { path: "/keys" },
  "the list where nothing is found": { path: "/keys?search=nothing-like-it" },
  "the list by a heading": { path: "/keys?sort=-title" },
  "the list after a key was added": {
    path: "/keys/new",
    act: async (page) => {
      await page.getByLabel("Public key").fill(freshKey());
      await page.getByLabel("Title").fill("Just added");
      await page.getByRole("button", { name: "Add the key" }).click();
      await page.getByRole("status").getByText("successfully added").waitFor();
    },
  },
  "the form": { path: "/keys/new" },
  "the form with problems": sending("no key"),
  "the form with a bad proof": {
    path: "/keys/new",
    act: async (page) => {
      await page.getByLabel("Public key").fill(freshKey());
      await page.getByText("Proof of possession (optional)").click();
      await page.getByLabel("Proof of possession").fill("no proof");
      await send(page);
    },
  },
  "the form for a proof": { path: "/keys/long/proof" },
  "the form for a proof with a problem": {
    path: "/keys/long/proof",
    act: async (page) => {
      await page.getByLabel("Proof of possession").fill("no proof");
      await page.getByRole("button", { name: "Store the proof" }).click();
      await page.locator("#proof-problem").waitFor();
    },
  },
  "a key whose proof is none": { path: "/keys/unproven" },
  "the form with a verdict": {
    path: "/keys/new",
    act: async (page) => {
      await page.getByLabel("Public key").fill(freshKey());
      await page.locator("[data-verdict].good").waitFor();
    },
  },
  "the form with several keys": sending(`${freshKey()}\n${freshKey()}`),
  "the form with a key of another format, converted": {
    path: "/keys/new",
    act: async (page) => {
      await page.getByLabel("Public key").fill(FOREIGN_KEY);
      await send(page);
      expect(await page.getByLabel("Public key").inputValue()).toMatch(/^ssh-ed25519 AAAA\S+ alice@windows/);
    },
  },
  "the form with a key that is there already": sending(BOBS_KEY),
  "the form that refuses a private key in the browser": {
    path: "/keys/new",
    act: async (page) => {
      await page.getByLabel("Public key").fill(PRIVATE_KEY);
      await page.locator("[data-verdict]").getByText("This is a private key").waitFor();
    },
  },
  "the form after the portal has refused a private key": {
    path: "/keys/new",
    act: async (page) => {
      await page.getByLabel("Public key").fill(PRIVATE_KEY);
      // As without the script, which would not send it.
      await page.evaluate("document.querySelector('[data-key-form]').submit()");
      await page.getByRole("alert").getByText("This is a private key").waitFor();
    },
  },
  "a key that the operator has not looked at": { path: "/keys/new-one" },
  "a key with a long title": { path: "/keys/long" },
  "a key that was just disabled": {
    path: "/keys/switch",
    act: async (page) => {
      await page.getByRole("button", { name: "Disable" }).click();
      await page.getByRole("status").getByText("is disabled").waitFor();
    },
  },
  "the question before a deletion": { path: "/keys/laptop/delete" },
  "the dialog before a deletion": {
    path: "/keys/laptop",
    act: async (page) => {
      await page.getByRole("link", { name: "Delete", exact: true }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
  "the people": { path: "/people" },
  "the people by their problems": { path: "/people?sort=-problems" },
  "the people where nobody is found": { path: "/people?search=nobody-like-it" },
  "another's keys": { path: "/people/bob" },
  "another's keys where there are none": { path: "/people/nobody-yet" },
  "another's key": { path: "/people/bob/bobs" },
  "the form for another": { path: "/people/bob/new" },
  "who is it": { path: "/who" },
  "who is it, answered": {
    path: "/who",
    act: async (page) => {
      await page.getByLabel("Fingerprints").fill(QUESTIONS);
      await page.getByRole("button", { name: "Who is it?" }).click();
      await page.getByRole("heading", { name: "Answers" }).waitFor();
    },
  },
  "the reference of the REST API": { path: "/apidoc" },
};

describe.each(Object.entries(LOOKS))("%s", (_, { path, act }) => {
  testLooks(
    () => reader,
    async (page) => {
      await page.goto(path);
      await act?.(page);
    },
  );
});

describe("the form where keys need a proof", () => {
  testLooks(
    () => strictReader,
    (page) => page.goto("/keys/new"),
  );
});

describe.each(stated)("the key %s, which is %s", (name, state) => {
  testLooks(
    () => reader,
    (page) => page.goto(`/keys/${name}`),
  );

  test("says why, and what to do", async () => {
    const said = await reader.page.getByRole("main").innerText();
    const message = readyOf((await tenant.read(name)).status)?.message ?? "";
    const whatToDo = TEXTS.states.whatToDo[state] ?? "";
    const expected = state === "Projected" ? [state] : [state, message, whatToDo];
    for (const part of expected) expect(said).toContain(part);
  });
});
