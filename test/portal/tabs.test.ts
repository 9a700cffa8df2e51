import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { type SignInPortal, startSignInPortal } from "./signinportal.ts";
import type { Page, Visitor } from "./visitor.ts";

let cluster: Cluster;
let tested: SignInPortal;

beforeAll(async () => {
  cluster = await sharedCluster();
  tested = await startSignInPortal(cluster, await cluster.namespace());
});

afterAll(async () => {
  await tested?.stop();
  await cluster?.stop();
});

/** A tab in which somebody is sent to the issuer: where to, and what the portal lets the browser remember. */
async function openTab(visitor: Visitor, to: string): Promise<string> {
  const response = await visitor.send(`/ssh/sign-in?${new URLSearchParams({ to })}`);
  return response.headers.get("location") ?? "";
}

/** The address at which the issuer sends the tab back. */
async function signInAt(address: string): Promise<string> {
  const { pathname, search } = await tested.issuer.signIn(address, "alice");
  return pathname + search;
}

function heading({ text }: Page): string | undefined {
  return /<h1>([^<]*)/.exec(text)?.[1];
}

describe("a browser is restored with thirty tabs", () => {
  test("what it has to remember of them stays below 4 KB", async () => {
    const visitor = tested.visitor();
    for (let nth = 0; nth < 30; nth += 1) await openTab(visitor, `/ssh/keys?page=${nth}`);
    expect(visitor.cookieHeader.length).toBeLessThan(4096);
  });

  test("the last one leads to where it was", async () => {
    const visitor = tested.visitor();
    let address = "";
    for (let nth = 0; nth < 30; nth += 1) address = await openTab(visitor, "/ssh/keys/new");
    expect(heading(await visitor.open(await signInAt(address)))).toBe("Add an SSH key");
  });

  test("the first one is no error once another has signed in", async () => {
    const visitor = tested.visitor();
    const addresses: string[] = [];
    for (let nth = 0; nth < 30; nth += 1) addresses.push(await openTab(visitor, "/ssh/keys/new"));
    await visitor.open(await signInAt(addresses.at(-1) ?? ""));
    const page = await visitor.open(await signInAt(addresses[0] ?? ""));
    expect([page.status, heading(page)]).toEqual([200, "My SSH keys"]);
  });

  test("the first one is a page with one button while nobody has", async () => {
    const visitor = tested.visitor();
    const addresses: string[] = [];
    for (let nth = 0; nth < 30; nth += 1) addresses.push(await openTab(visitor, "/ssh/keys/new"));
    const page = await visitor.open(await signInAt(addresses[0] ?? ""));
    expect([page.status, page.text.match(/class="button primary"/g)?.length]).toEqual([401, 1]);
  });
});

describe("an address of the way back", () => {
  test("opened again leads on, signed in", async () => {
    const visitor = tested.visitor();
    const back = await signInAt(await openTab(visitor, "/ssh/keys/new"));
    await visitor.open(back);
    expect((await visitor.open(back)).status).toBe(200);
  });

  test("that says no keeps where one wanted to go", async () => {
    const visitor = tested.visitor();
    const state = new URL(await openTab(visitor, "/ssh/keys/new")).searchParams.get("state") ?? "";
    const iss = tested.issuer.url;
    const query = new URLSearchParams({ error: "access_denied", state, iss });
    const { status, text } = await visitor.open(`/ssh/callback?${query}`);
    expect([status, text.includes('href="/ssh/sign-in?to=%2Fssh%2Fkeys%2Fnew"')]).toEqual([401, true]);
  });
});
