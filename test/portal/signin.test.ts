import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { authority } from "../kube/certificates.ts";
import { Tenant } from "../operator/tenant.ts";
import { CLIENT, type Issuer, startIssuer } from "./issuer.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";
import { Visitor } from "./visitor.ts";

/** What people open; what stands before the portal and makes https of it is left out. */
const PUBLIC = "https://keys.example.org/ssh/";

let cluster: Cluster;
let issuer: Issuer;
let portal: PortalProcess;
let folder: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  const tenant = new Tenant(cluster, await cluster.namespace());
  issuer = await startIssuer([`${PUBLIC}callback`]);
  folder = await mkdtemp(join(tmpdir(), "sshkey-portal-test-"));
  await writeFile(join(folder, "secret"), `${CLIENT.secret}\n`);
  await writeFile(join(folder, "ca.pem"), authority);
  const { kubeconfig } = cluster.controlPlane;
  portal = await startPortal({ kubeconfig, namespace: tenant.namespace, config: configuration(issuer.url) });
});

afterAll(async () => {
  await portal?.stop();
  await issuer?.close();
  await cluster?.stop();
  await rm(folder, { recursive: true });
});

function configuration(issuerURL: string): string {
  return `portal:
  publicURL: ${PUBLIC}
  oidc:
    issuer: ${issuerURL}
    clientID: ${CLIENT.id}
    clientSecretFile: ${join(folder, "secret")}
    caFile: ${join(folder, "ca.pem")}
`;
}

/** Signs in, and gives the page that the person comes to. */
async function signIn(visitor: Visitor, name: string, path = "/ssh/keys") {
  const begun = await visitor.send(`/ssh/sign-in?${new URLSearchParams({ to: path })}`);
  const back = await issuer.signIn(begun.headers.get("location") ?? "", name);
  return await visitor.open(back.pathname + back.search);
}

describe("signing in", () => {
  test("nobody sees a page but the one that asks to sign in", async () => {
    const { status, text } = await new Visitor(portal.url).open("/ssh/keys");
    expect([status, text.includes('href="/ssh/sign-in?to=%2Fssh%2Fkeys"')]).toEqual([401, true]);
  });

  test("leads to where one wanted to go, as the issuer's sub", async () => {
    const alice = new Visitor(portal.url);
    const { text } = await signIn(alice, "alice", "/ssh/keys/new");
    expect([text.includes("Signed in as alice"), text.includes("<textarea")]).toEqual([true, true]);
  });

  test("leads to no other site", async () => {
    const alice = new Visitor(portal.url);
    const { text } = await signIn(alice, "alice", "https://evil.example/ssh/");
    expect(text).toContain("You have no SSH key here yet");
  });

  test("a name of the API server's own is refused", async () => {
    const { status, text } = await signIn(new Visitor(portal.url), "system:masters");
    expect([status, text.includes("are the API server&#39;s own")]).toEqual([403, true]);
  });

  test("two tabs sign in, the second after the first", async () => {
    const alice = new Visitor(portal.url);
    const tabs = [
      await alice.send("/ssh/sign-in?to=/ssh/keys"),
      await alice.send("/ssh/sign-in?to=/ssh/keys/new"),
    ];
    const pages: string[] = [];
    for (const tab of tabs) {
      const back = await issuer.signIn(tab.headers.get("location") ?? "", "alice");
      pages.push((await alice.open(back.pathname + back.search)).text);
    }
    expect(pages.map((text) => /<h1>([^<]*)/.exec(text)?.[1])).toEqual(["My SSH keys", "Add an SSH key"]);
  });

  test("a callback that nobody asked for is a page with one button", async () => {
    const { status, text } = await new Visitor(portal.url).open("/ssh/callback?code=x&state=y");
    expect([status, text.includes('class="button primary" href="/ssh/sign-in"')]).toEqual([401, true]);
  });

  test("the form for signing out may lead to the issuer, and no form to anywhere else", async () => {
    const { headers } = await new Visitor(portal.url).open("/ssh/keys");
    const allowed = `form-action 'self' ${issuer.url}; `;
    expect(headers.get("content-security-policy")).toContain(allowed);
  });

  test("signing out ends the session", async () => {
    const alice = new Visitor(portal.url);
    const { text } = await signIn(alice, "alice");
    const csrf = /action="\/ssh\/sign-out".*?name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? "";
    await alice.send("/ssh/sign-out", { method: "POST", body: new URLSearchParams({ csrf }) });
    expect((await alice.open("/ssh/keys")).status).toBe(401);
  });

  test.each<[string, Record<string, string>, Record<string, string>]>([
    ["without the form's token", {}, {}],
    ["with a token that was made up", { csrf: "x.y.z" }, {}],
    ["from another site", {}, { origin: "https://evil.example" }],
  ])("signing out %s does nothing", async (_, fields, headers) => {
    const alice = new Visitor(portal.url);
    await signIn(alice, "alice");
    const body = new URLSearchParams(fields);
    const { status } = await alice.send("/ssh/sign-out", { method: "POST", body, headers });
    expect([status, (await alice.open("/ssh/keys")).status]).toEqual([403, 200]);
  });
});
