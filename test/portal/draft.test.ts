import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sshKeysPath } from "../../src/api/paths.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { PUBLIC_URL, type SignInPortal, startSignInPortal } from "./signinportal.ts";

const FORM = "/ssh/keys/new";

let cluster: Cluster;
let tenant: Tenant;
let tested: SignInPortal;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  tested = await startSignInPortal(cluster, tenant.namespace);
});

afterAll(async () => {
  await tested?.stop();
  await cluster?.stop();
});

/** A browser, whose cookies are its session. */
class Browser {
  visitor = tested.visitor();

  async signIn(name: string, to = FORM): Promise<string> {
    return (await tested.signIn(this.visitor, name, to)).text;
  }

  endSession(): void {
    this.visitor = tested.visitor();
  }

  async post(path: string, fields: Readonly<Record<string, string>>) {
    const headers = { origin: new URL(PUBLIC_URL).origin };
    const response = await this.visitor.send(path, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers,
    });
    return { status: response.status, text: await response.text() };
  }
}

function hidden(text: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? "";
}

async function countKeys(): Promise<number> {
  const { items } = (await tenant.send("GET", sshKeysPath(tenant.namespace))) as {
    readonly items: unknown[];
  };
  return items.length;
}

/** Alice fills the form, her session ends, and she sends it. */
async function leftBehind(typed: Readonly<Record<string, string>> = {}) {
  const browser = new Browser();
  const csrf = hidden(await browser.signIn("alice"), "csrf");
  browser.endSession();
  const key = freshKey();
  const page = await browser.post(FORM, { csrf, key, title: "Typed for an hour", ...typed });
  return { browser, key, page, draft: hidden(page.text, "draft") };
}

describe("the session ends while the form is filled", () => {
  test("who sends it is asked to sign in, and told that nothing is lost", async () => {
    const { page } = await leftBehind();
    expect(page.status).toBe(401);
    expect(page.text).toContain('href="/ssh/sign-in?to=%2Fssh%2Fsigned-in" target="_blank"');
    expect(page.text).toContain("what you typed is not lost");
  });

  test("the same person gets the form back, filled, and nothing is stored yet", async () => {
    const before = await countKeys();
    const { browser, key, draft } = await leftBehind({ expires: "2099-12-31" });
    expect(await browser.signIn("alice", "/ssh/signed-in")).toContain("You are signed in");
    const { status, text } = await browser.post(`${FORM}/draft`, { draft });
    expect([status, text.includes(key), text.includes('value="Typed for an hour"')]).toEqual([
      200,
      true,
      true,
    ]);
    expect([text.includes('value="2099-12-31"'), await countKeys()]).toEqual([true, before]);
    await browser.post(FORM, { csrf: hidden(text, "csrf"), key });
    expect(await countKeys()).toBe(before + 1);
  });

  test("a key of the greatest length comes back whole", async () => {
    const comment = "x".repeat(16_000);
    const { browser, key, draft } = await leftBehind();
    browser.endSession();
    const csrf = hidden(await browser.signIn("alice"), "csrf");
    browser.endSession();
    const page = await browser.post(FORM, { csrf, key: `${key} ${comment}` });
    await browser.signIn("alice");
    const { text } = await browser.post(`${FORM}/draft`, { draft: hidden(page.text, "draft") });
    expect([draft !== "", text.includes(`${key} ${comment}`)]).toEqual([true, true]);
  });

  test("somebody else sees nothing of it, and nothing is stored", async () => {
    const before = await countKeys();
    const { browser, key, draft } = await leftBehind();
    await browser.signIn("mallory");
    const { status, text } = await browser.post(`${FORM}/draft`, { draft });
    expect([status, text.includes(key), text.includes("Typed for an hour")]).toEqual([403, false, false]);
    expect(await countKeys()).toBe(before);
  });

  test("who goes on without signing in is asked again", async () => {
    const { browser, draft } = await leftBehind();
    const { status, text } = await browser.post(`${FORM}/draft`, { draft });
    expect([status, hidden(text, "draft")]).toEqual([401, draft]);
  });

  test("after minutes it is gone", async () => {
    const browser = new Browser();
    await browser.signIn("alice");
    const content = { user: "alice", namespace: tenant.namespace, path: FORM, values: { key: "late" } };
    const draft = await tested.sealer.seal("draft", content, -1000);
    const { status, text } = await browser.post(`${FORM}/draft`, { draft });
    expect([status, text.includes("late")]).toEqual([403, false]);
  });

  test("its address opened anew is the empty form", async () => {
    const browser = new Browser();
    await browser.signIn("alice");
    const { status, text } = await browser.visitor.open(`${FORM}/draft`);
    expect([status, text.includes("data-key-form")]).toEqual([200, true]);
  });

  test("a private key is not kept", async () => {
    const secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZS";
    const { page } = await leftBehind({ key: `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}\n` });
    expect([page.status, hidden(page.text, "draft"), page.text.includes(secret)]).toEqual([401, "", false]);
  });

  test("nothing of it is in the log", async () => {
    const { key, browser, draft } = await leftBehind();
    await browser.post(`${FORM}/draft`, { draft });
    const log = await tested.portal.log();
    expect([log.includes(key), log.includes("Typed for an hour"), log.includes(draft)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test("a proof comes back to the form of its key, and nothing is stored yet", async () => {
    const browser = new Browser();
    const csrf = hidden(await browser.signIn("alice"), "csrf");
    await browser.post(FORM, { csrf, key: freshKey(), title: "To prove" });
    const list = (await browser.visitor.open("/ssh/keys")).text;
    const path = /href="(\/ssh\/keys\/alice-to-prove-[0-9a-f]{8})"/.exec(list)?.[1] ?? "";
    browser.endSession();
    const page = await browser.post(`${path}/proof`, { csrf, proof: "typed for an hour" });
    expect([page.status, page.text.includes("Sign in to store the proof")]).toEqual([401, true]);
    await browser.signIn("alice", "/ssh/signed-in");
    const back = await browser.post(`${path}/proof/draft`, { draft: hidden(page.text, "draft") });
    expect([back.status, back.text.includes("\ntyped for an hour</textarea>")]).toEqual([200, true]);
    expect(back.text).toContain(`action="${path}/proof"`);
  });

  test("a deletion is not done later", async () => {
    const browser = new Browser();
    const csrf = hidden(await browser.signIn("alice"), "csrf");
    await browser.post(FORM, { csrf, key: freshKey(), title: "Stays" });
    const list = (await browser.visitor.open("/ssh/keys")).text;
    const path = /href="(\/ssh\/keys\/alice-stays-[0-9a-f]{8})"/.exec(list)?.[1] ?? "";
    browser.endSession();
    const { status, text } = await browser.post(`${path}/delete`, { csrf });
    expect([status, hidden(text, "draft")]).toEqual([401, ""]);
    await browser.signIn("alice");
    expect((await browser.visitor.open(path)).status).toBe(200);
  });
});

test("a form that somebody else's session sends stores nothing, and shows nothing of it", async () => {
  const before = await countKeys();
  const browser = new Browser();
  const csrf = hidden(await browser.signIn("alice"), "csrf");
  browser.endSession();
  await browser.signIn("mallory");
  const key = freshKey();
  const { status, text } = await browser.post(FORM, { csrf, key });
  expect([status, text.includes(key), await countKeys()]).toEqual([403, false, before]);
});

describe("a form that was open for too long", () => {
  async function sendOld(from: string, to: string) {
    const browser = new Browser();
    await browser.signIn(to);
    const token = { user: from, namespace: tenant.namespace, freshUntil: Date.now() - 1 };
    const csrf = await tested.sealer.seal("form", token, 60_000);
    const key = freshKey();
    return { key, page: await browser.post(FORM, { csrf, key }) };
  }

  test("comes back filled, with a fresh token, and nothing is stored", async () => {
    const before = await countKeys();
    const { key, page } = await sendOld("alice", "alice");
    expect([page.status, page.text.includes(key), hidden(page.text, "csrf") !== ""]).toEqual([
      403,
      true,
      true,
    ]);
    expect([page.text.includes("nothing was stored"), await countKeys()]).toEqual([true, before]);
  });

  test("comes back to nobody else", async () => {
    const { key, page } = await sendOld("alice", "mallory");
    expect([page.status, page.text.includes(key)]).toEqual([403, false]);
  });
});

test("another site cannot fill the form for somebody", async () => {
  const browser = new Browser();
  const csrf = hidden(await browser.signIn("alice"), "csrf");
  const key = freshKey();
  const response = await browser.visitor.send(FORM, {
    method: "POST",
    body: new URLSearchParams({ csrf, key }),
    headers: { origin: "https://evil.example" },
  });
  expect([response.status, (await response.text()).includes(key)]).toEqual([403, false]);
});

test("a session of a namespace that is none of the portal's, as before its configuration was changed, is over", async () => {
  const opened = async (namespace: string) => {
    const person = { user: "alice", groups: [], namespace, signedInBy: "oidc" };
    const cookie = `__Host-sshkeys-session=${await tested.sealer.seal("session", person, 60_000)}`;
    return (await tested.visitor().send(FORM, { headers: { cookie } })).status;
  };
  expect([await opened(tenant.namespace), await opened("another")]).toEqual([200, 401]);
});
