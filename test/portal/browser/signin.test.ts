import { request } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { sshKeysPath } from "../../../src/api/paths.ts";
import type { Person } from "../../../src/portal/people/person.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { sharedCluster } from "../../cluster/sharedcluster.ts";
import { serverCertificate, serverKey } from "../../kube/certificates.ts";
import { freshKey } from "../../operator/publickeys.ts";
import { Tenant } from "../../operator/tenant.ts";
import { PUBLIC_URL, type SignInPortal, startSignInPortal } from "../signinportal.ts";
import { openLooks, testLooks } from "./looks.ts";
import { launchChromium, openReader, type Reader, Readers } from "./reader.ts";

/** The issuer is another site than the portal, as it is where both have names: on one site some faults do not show. */
const ORIGIN = new URL(PUBLIC_URL).origin;
const HOUR_MS = 3_600_000;

let cluster: Cluster;
let tenant: Tenant;
let tested: SignInPortal;
let proxy: Server;
let browser: Browser;
let looked: Reader;
let readers: Readers;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  tested = await startSignInPortal(cluster, tenant.namespace);
  proxy = await startProxy(tested.portal.url);
  const { host } = new URL(PUBLIC_URL);
  const { port } = proxy.address() as AddressInfo;
  browser = await launchChromium([`--host-resolver-rules=MAP ${host}:443 127.0.0.1:${port}`]);
  looked = await openLooks(browser, PUBLIC_URL, trusting());
  readers = new Readers((javaScriptEnabled) =>
    openReader(browser, PUBLIC_URL, { ...trusting(), javaScriptEnabled }),
  );
});

afterAll(async () => {
  await browser?.close();
  proxy?.closeAllConnections();
  proxy?.close();
  await tested?.stop();
  await cluster?.stop();
});

afterEach(async () => {
  expect(await readers.giveBack()).toEqual([]);
});

/** What makes https of the portal, as an Ingress controller does. */
async function startProxy(url: string): Promise<Server> {
  const server = createServer({ cert: serverCertificate, key: serverKey }, (incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const forwarded = request(new URL(path ?? "/", url), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on("error", () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

/** Of the portal by https, and of the issuer. */
const trusting = () => ({ ignoreHTTPSErrors: true, issuer: tested.issuer.url });

/** A page in a browser of its own. */
async function open(javaScriptEnabled = true): Promise<Page> {
  return (await readers.take(javaScriptEnabled)).page;
}

/** From the portal's page that asks to sign in, or from the issuer's own. */
async function signIn(page: Page, name: string): Promise<void> {
  const link = page.getByRole("link", { name: "Sign in", exact: true });
  if (page.url().startsWith(ORIGIN)) await link.click();
  await page.getByLabel("Somebody else").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${PUBLIC_URL}**`);
}

/** Has signed in some time before, without the way over the issuer. */
async function beSignedIn(page: Page, user: string): Promise<void> {
  const person: Person = { user, groups: [], namespace: tenant.namespace, signedInBy: "oidc" };
  const value = await tested.sealer.seal("session", person, HOUR_MS);
  const place = { url: `${ORIGIN}/`, secure: true, httpOnly: true, sameSite: "Lax" } as const;
  await page.context().addCookies([{ name: "__Host-sshkeys-session", value, ...place }]);
}

async function titles(): Promise<readonly (string | undefined)[]> {
  const { items } = (await tenant.send("GET", sshKeysPath(tenant.namespace))) as {
    readonly items: readonly { readonly spec: { readonly title?: string } }[];
  };
  return items.map(({ spec }) => spec.title);
}

/** Fills the form as Alice, whose session ends meanwhile, and sends it. */
async function loseSession(page: Page, title: string): Promise<void> {
  await beSignedIn(page, "alice");
  await page.goto("keys/new");
  await fill(page, title);
  await page.context().clearCookies();
  await page.getByRole("button", { name: "Add the key" }).click();
  await page.getByRole("heading", { name: "Sign in to add the key" }).waitFor();
}

/** In another tab, to which the page that keeps the form leads. With JavaScript it goes on by itself then. */
async function signInBeside(page: Page, name: string): Promise<void> {
  const opened = page.context().waitForEvent("page");
  await page.getByRole("link", { name: "Sign in, in another tab" }).click();
  const tab = await opened;
  await signIn(tab, name);
  await tab.getByRole("heading", { name: "You are signed in" }).waitFor();
  await tab.close();
}

async function goOn(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Go on with the form" }).click();
}

/** What the page keeps becomes what it would keep after too long a time. */
async function expireDraft(page: Page, title: string): Promise<void> {
  const values = { key: freshKey(), title, expires: "", expiresAt: "", options: "", others: "" };
  const draft = { user: "alice", namespace: tenant.namespace, path: "/ssh/keys/new", values };
  const over = await tested.sealer.seal("draft", draft, -1000);
  await page.locator("[name=draft]").evaluate((field, text) => field.setAttribute("value", text), over);
}

async function fill(page: Page, title: string): Promise<void> {
  await page.getByLabel("Public key").fill(freshKey());
  await page.getByLabel("Title").fill(title);
}

describe("signing in on another site", () => {
  test("leads back to the page that was asked for", async () => {
    const page = await open();
    await page.goto("keys/new");
    await signIn(page, "alice");
    expect(new URL(page.url()).pathname).toBe("/ssh/keys/new");
    await page.getByText("Signed in as alice").waitFor();
  });

  test("lasts where a link of another site leads to the portal", async () => {
    const page = await open();
    await page.goto("keys");
    await signIn(page, "alice");
    await page.goto("about:blank");
    await page.setContent(`<a href="${PUBLIC_URL}keys">a mail</a>`);
    await page.getByRole("link").click();
    await page.getByText("Signed in as alice").waitFor();
  });

  test("is over after signing out", async () => {
    const page = await open();
    await page.goto("keys");
    await signIn(page, "alice");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${tested.issuer.url}/**`);
    await page.goto("keys");
    await page.getByRole("link", { name: "Sign in", exact: true }).waitFor();
  });
});

describe("going back after signing out", () => {
  /** Alice looks at a key and fills the form for another, and signs out there. */
  async function signOut(page: Page, title: string): Promise<void> {
    await beSignedIn(page, "alice");
    await page.goto("keys/new");
    await fill(page, title);
    await page.getByRole("button", { name: "Add the key" }).click();
    await page.getByRole("link", { name: title }).click();
    await page.getByRole("heading", { name: title }).waitFor();
    await page.goto("keys/new");
    await fill(page, `${title}, not sent`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${tested.issuer.url}/**`);
  }

  /** What is shown of the last three pages of the portal, the first of them so many steps back. */
  async function lookBack(page: Page, steps: number): Promise<string> {
    const seen: string[] = [];
    for (const back of [steps, 1, 1]) {
      const loaded = page.waitForEvent("load");
      await page.evaluate(`history.go(-${back})`);
      await loaded;
      expect(page.url()).toContain(PUBLIC_URL);
      seen.push(await page.content());
    }
    return seen.join("\n");
  }

  test("shows nothing of what was there, and asks to sign in", async () => {
    const page = await open();
    await signOut(page, "Looked at");
    expect(await lookBack(page, 1)).not.toContain("Looked at");
    await page.getByRole("link", { name: "Sign in", exact: true }).waitFor();
  });

  test("shows nothing of it to who signs in next", async () => {
    const page = await open();
    await signOut(page, "Of the one before");
    await beSignedIn(page, "bob");
    await page.goto("keys");
    await page.getByText("Signed in as bob").waitFor();
    // Over the issuer's page, which browsers bring back as it was.
    expect(await lookBack(page, 2)).not.toContain("Of the one before");
  });
});

test("two people see their own keys, and not each other's", async () => {
  const [alice, bob] = [await open(), await open()];
  await beSignedIn(alice, "alice");
  await alice.goto("keys/new");
  await fill(alice, "Of alice alone");
  await alice.getByRole("button", { name: "Add the key" }).click();
  await alice.getByRole("link", { name: "Of alice alone" }).click();
  await alice.getByRole("heading", { name: "Of alice alone" }).waitFor();
  await beSignedIn(bob, "bob");
  await bob.goto("keys");
  expect(await bob.getByText("Of alice alone").count()).toBe(0);
  expect((await bob.goto(alice.url()))?.status()).toBe(404);
});

test("a form of another site changes nothing", async () => {
  const page = await open();
  await beSignedIn(page, "alice");
  await page.goto("about:blank");
  await page.setContent(
    `<form method="post" action="${PUBLIC_URL}keys/new"><input name="key" value="${freshKey()}"><input name="title" value="From elsewhere"><button>Win</button></form>`,
  );
  await page.getByRole("button").click();
  await page.waitForURL(`${PUBLIC_URL}**`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  expect(await titles()).not.toContain("From elsewhere");
});

describe.each([
  ["with JavaScript", true],
  ["without JavaScript", false],
])("the session ends while the form is filled, %s", (_, javaScriptEnabled) => {
  test("and nothing that was typed is lost by whoever signs in again", async () => {
    const title = `Typed ${javaScriptEnabled ? "with" : "without"} JavaScript`;
    const page = await open(javaScriptEnabled);
    await loseSession(page, title);
    await signInBeside(page, "alice");
    if (!javaScriptEnabled) await goOn(page);
    await page.getByText("Here is what you typed").waitFor();
    expect(await titles()).not.toContain(title);
    expect(await page.getByLabel("Title").inputValue()).toBe(title);
    await page.getByRole("button", { name: "Add the key" }).click();
    await page.getByText(`Key ${title} successfully added.`).waitFor();
  });

  test("and somebody else who signs in sees nothing of it, nor gets the key", async () => {
    const title = `For nobody else ${javaScriptEnabled ? "with" : "without"} JavaScript`;
    const page = await open(javaScriptEnabled);
    await loseSession(page, title);
    await signInBeside(page, "bob");
    if (!javaScriptEnabled) await goOn(page);
    await page.getByText("Somebody else filled this form").waitFor();
    expect(await page.content()).not.toContain(title);
    await page.goto("keys/new");
    expect(await page.getByLabel("Title").inputValue()).toBe("");
    expect(await titles()).not.toContain(title);
  });

  test("and whoever goes on without signing in is asked again", async () => {
    const title = `Signed out ${javaScriptEnabled ? "with" : "without"} JavaScript`;
    const page = await open(javaScriptEnabled);
    await loseSession(page, title);
    await goOn(page);
    await page.waitForURL("**/draft");
    await page.getByRole("heading", { name: "Sign in to add the key" }).waitFor();
    expect(await titles()).not.toContain(title);
  });

  test("and it is gone for who signs in too late", async () => {
    const title = `Too late ${javaScriptEnabled ? "with" : "without"} JavaScript`;
    const page = await open(javaScriptEnabled);
    await loseSession(page, title);
    await expireDraft(page, title);
    await signInBeside(page, "alice");
    if (!javaScriptEnabled) await goOn(page);
    await page.getByText("It took too long to sign in").waitFor();
    expect(await page.content()).not.toContain(title);
    expect(await titles()).not.toContain(title);
  });

  test("and what was to be deleted is still there after a sign-in", async () => {
    const title = `Stays ${javaScriptEnabled ? "with" : "without"} JavaScript`;
    const page = await open(javaScriptEnabled);
    await beSignedIn(page, "alice");
    await page.goto("keys/new");
    await fill(page, title);
    await page.getByRole("button", { name: "Add the key" }).click();
    await page.getByRole("link", { name: title }).click();
    await page.getByRole("link", { name: "Delete", exact: true }).click();
    await page.getByRole("button", { name: "Delete the key" }).waitFor();
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Delete the key" }).click();
    await signIn(page, "alice");
    await page.getByText("Signed in as alice").waitFor();
    expect(await titles()).toContain(title);
  });
});

describe.each<readonly [string, (page: Page) => Promise<unknown>]>([
  ["the page that asks to sign in", (page) => page.goto("keys")],
  ["the page of a sign-in that is over", (page) => page.goto("callback?state=none")],
  ["the page that keeps what was typed", (page) => loseSession(page, "Kept")],
  [
    "the form that is back after a sign-in",
    async (page) => {
      await loseSession(page, "Brought back");
      await signInBeside(page, "alice");
      await page.getByText("Here is what you typed").waitFor();
    },
  ],
  [
    "the page for somebody else than who typed",
    async (page) => {
      await loseSession(page, "Not for Bob");
      await signInBeside(page, "bob");
      await page.getByText("Somebody else filled this form").waitFor();
    },
  ],
  [
    "the page with a button to sign out",
    async (page) => {
      await beSignedIn(page, "alice@a-very-long-name-of-a-domain.example.org");
      await page.goto("keys");
      await page.getByRole("button", { name: "Sign out" }).waitFor();
    },
  ],
  [
    "the page for somebody who cannot be let in",
    async (page) => {
      await page.goto("keys");
      await signIn(page, "system:admin");
      await page.getByRole("heading", { name: "You cannot be let in" }).waitFor();
    },
  ],
])("%s", (_, lead) => {
  testLooks(
    () => looked,
    async (page) => {
      await page.context().clearCookies();
      await lead(page);
    },
  );
});
