import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHTTPServer } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { authority, serverCertificate, serverKey } from "../kube/certificates.ts";
import { Tenant } from "../operator/tenant.ts";
import { CLIENT, type Issuer, startIssuer } from "./issuer.ts";
import { PUBLIC_ORIGIN } from "./peopleportal.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";
import { Visitor } from "./visitor.ts";

const PUBLIC = `${PUBLIC_ORIGIN}/`;

let cluster: Cluster;
let tenant: Tenant;
let issuer: Issuer;
let folder: string;
/** Two replicas. */
let portal: PortalProcess;
let other: PortalProcess;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  issuer = await startIssuer([`${PUBLIC}callback`]);
  folder = await mkdtemp(join(tmpdir(), "sshkey-portal-test-"));
  await writeFile(join(folder, "secret"), CLIENT.secret);
  await writeFile(join(folder, "ca.pem"), authority);
  portal = await start(issuer.url);
  other = await start(issuer.url);
});

afterAll(async () => {
  await portal?.stop();
  await other?.stop();
  await issuer?.close();
  await cluster?.stop();
  await rm(folder, { recursive: true });
});

async function start(issuerURL: string, more = ""): Promise<PortalProcess> {
  const keys = await mkdtemp(join(folder, "keys-"));
  await writeFile(join(keys, "1"), "the same key for every replica of this file");
  const config = `portal:
  publicURL: ${PUBLIC}
  session: {keysFolder: ${keys}}
  oidc:
    issuer: ${issuerURL}
    clientID: ${CLIENT.id}
    clientSecretFile: ${join(folder, "secret")}
    caFile: ${join(folder, "ca.pem")}
${more}`;
  const { kubeconfig } = cluster.controlPlane;
  return await startPortal({ kubeconfig, namespace: tenant.namespace, config });
}

async function begin(visitor: Visitor, to = "/keys"): Promise<string> {
  const begun = await visitor.send(`/sign-in?${new URLSearchParams({ to })}`);
  return begun.headers.get("location") ?? "";
}

/** Signs in; gives the answer of the callback. */
async function signIn(visitor: Visitor, name: string, to?: string): Promise<Response> {
  const { pathname, search } = await issuer.signIn(await begin(visitor, to), name);
  return await visitor.send(pathname + search);
}

/** A browser with these cookies opens the path. */
async function opened(at: PortalProcess, path: string, cookie: string): Promise<Response> {
  return await fetch(new URL(path, at.url), { redirect: "manual", headers: { cookie } });
}

describe("where a sign-in leads to", () => {
  test.each([
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/.//evil.example/",
    "/./\\evil.example/",
    "/keys/..//evil.example/",
    "/keys/..\\\\evil.example/",
    "/\t/evil.example/",
    "/\n//evil.example/",
    "/%2e//evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "@evil.example/",
    ".evil.example/",
    "",
    `/keys?search=${"x".repeat(10_000)}`,
  ])("is a page of the portal, whatever a link says: %.40j", async (to) => {
    const location = (await signIn(new Visitor(portal.url), "alice", to)).headers.get("location") ?? "none";
    expect(new URL(location, `${PUBLIC}callback`).origin).toBe(PUBLIC_ORIGIN);
    expect(location).toMatch(/^\/(?![/\\])/);
  });
});

describe("what a request says of its own address", () => {
  test.each([
    ["x-forwarded-host", "evil.example"],
    ["x-forwarded-proto", "http"],
    ["x-forwarded-prefix", "/evil"],
    ["forwarded", "host=evil.example;proto=http"],
  ])("in %s is not where the issuer sends people back to", async (name, value) => {
    const begun = await new Visitor(portal.url).send("/sign-in", { headers: { [name]: value } });
    const authorization = new URL(begun.headers.get("location") ?? "");
    expect(authorization.searchParams.get("redirect_uri")).toBe(`${PUBLIC}callback`);
  });
});

describe("a session", () => {
  const sessionOf = (answer: Response) =>
    answer.headers.getSetCookie().find((line) => line.startsWith("__Host-sshkeys-session="));

  test("that somebody planted is replaced when one signs in", async () => {
    const planted = sessionOf(await signIn(new Visitor(portal.url), "mallory"))?.split(";")[0] ?? "";
    const alice = new Visitor(portal.url);
    const { pathname, search } = await issuer.signIn(await begin(alice), "alice");
    const answer = await opened(portal, pathname + search, `${planted}; ${alice.cookieHeader}`);
    const session = sessionOf(answer)?.split(";")[0] ?? "";
    expect([session.length > 100, session === planted]).toEqual([true, false]);
    expect(await (await opened(portal, "/keys", planted)).text()).not.toContain("Signed in as alice");
  });

  test("is not had by sending a victim to the end of one's own sign-in", async () => {
    const { pathname, search } = await issuer.signIn(await begin(new Visitor(portal.url)), "mallory");
    const answer = await new Visitor(portal.url).send(pathname + search);
    expect([answer.status, sessionOf(answer)]).toEqual([401, undefined]);
  });

  test("is not had with another one's code in one's own attempt", async () => {
    const [alice, mallory] = [new Visitor(portal.url), new Visitor(portal.url)];
    const stolen = (await issuer.signIn(await begin(alice), "alice")).searchParams.get("code") ?? "";
    const own = await issuer.signIn(await begin(mallory), "mallory");
    own.searchParams.set("code", stolen);
    const answer = await mallory.send(own.pathname + own.search);
    expect([answer.status, sessionOf(answer)]).toEqual([401, undefined]);
  });

  test.each(["iss", "state", "code"])("is not had with %s of somebody else's making", async (parameter) => {
    const mallory = new Visitor(portal.url);
    const own = await issuer.signIn(await begin(mallory), "mallory");
    own.searchParams.set(parameter, "https://evil.example");
    const answer = await mallory.send(own.pathname + own.search);
    expect([answer.status, sessionOf(answer)]).toEqual([401, undefined]);
  });

  test("is had once with each code", async () => {
    const alice = new Visitor(portal.url);
    const { pathname, search } = await issuer.signIn(await begin(alice), "alice");
    await alice.send(pathname + search);
    const again = await new Visitor(portal.url).send(pathname + search);
    expect([again.status, sessionOf(again)]).toEqual([401, undefined]);
  });

  test("is a cookie that no script, no other site's form and no other host has, below 4 KB", async () => {
    const groups = Array.from({ length: 300 }, (_, i) => `${"g".repeat(33)}${i}`);
    issuer.says("many", { groups });
    const visitor = new Visitor(portal.url);
    const begun = await visitor.send(`/sign-in?to=/keys?search=${"x".repeat(3000)}`);
    const back = await issuer.signIn(begun.headers.get("location") ?? "", "many");
    const ended = await visitor.send(back.pathname + back.search);
    const lines = [...begun.headers.getSetCookie(), ...ended.headers.getSetCookie()];
    const set = lines.filter((line) => !/^[^=]+=;/.test(line));
    expect(set.length).toBe(2);
    for (const line of set) {
      expect(line).toMatch(/^__Host-[^;]+; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
      expect(Buffer.byteLength(line)).toBeLessThan(4096);
    }
  });

  test("of a name as long as names get, with groups up to the limit, is a cookie, too", async () => {
    const name = "𝒶".repeat(253);
    issuer.says(name, { groups: Array.from({ length: 35 }, (_, i) => `${"g".repeat(33)}${10 + i}`) });
    const line = sessionOf(await signIn(new Visitor(portal.url), name)) ?? "";
    expect([line === "", Buffer.byteLength(line) < 4096]).toEqual([false, true]);
  });
});

describe("tries to sign in by the thousand", () => {
  test("leave nothing at the portal: what one replica began another one ends, after many others", async () => {
    const alice = new Visitor(portal.url);
    const authorization = await begin(alice);
    const strangers = Array.from({ length: 300 }, () => begin(new Visitor(portal.url)));
    expect((await fetch(`${portal.url}keys`)).status).toBe(401);
    await Promise.all(strangers);
    const { pathname, search } = await issuer.signIn(authorization, "alice");
    const answer = await opened(other, pathname + search, alice.cookieHeader);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/keys"]);
  });

  test("of one browser leave five cookies, below 4 KB together", async () => {
    const visitor = new Visitor(portal.url);
    for (let tab = 0; tab < 12; tab += 1) await begin(visitor, `/keys?search=${"x".repeat(100 * tab)}`);
    const attempts = visitor.cookieHeader.match(/__Host-sshkeys-attempt-/g) ?? [];
    expect([attempts.length, visitor.cookieHeader.length < 4096]).toEqual([5, true]);
  });
});

describe("an issuer that leads elsewhere", () => {
  let victim: Server;
  let asked: number;
  let victimURL: string;
  let portals: PortalProcess[];
  const servers: Server[] = [];

  beforeAll(async () => {
    portals = [];
    asked = 0;
    const plain = createHTTPServer((_, response) => {
      asked += 1;
      response.end("{}");
    });
    victim = plain as unknown as Server;
    victimURL = `http://127.0.0.1:${await listening(victim)}/latest/meta-data/`;
  });

  afterAll(async () => {
    for (const each of portals) await each.stop();
    for (const server of [victim, ...servers]) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function listening(server: Server): Promise<number> {
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  /** Starts a portal whose issuer, at this path, has this metadata, or redirects to what it is asked for. */
  async function withIssuer(metadata: (own: string) => object | string, path = ""): Promise<PortalProcess> {
    let url = "";
    const server = createServer({ cert: serverCertificate, key: serverKey }, (_request, response) => {
      const said = metadata(url);
      if (typeof said === "string") response.writeHead(302, { location: said }).end();
      else response.setHeader("content-type", "application/json").end(JSON.stringify(said));
    });
    url = `https://127.0.0.1:${await listening(server)}`;
    const started = await start(url + path);
    portals.push(started);
    return started;
  }

  test("by a redirect is not followed", async () => {
    const at = await withIssuer(() => victimURL);
    const answer = await new Visitor(at.url).send("/sign-in");
    expect([answer.status, asked]).toEqual([401, 0]);
    expect(await answer.text()).toContain("cannot be reached");
  });

  test("by a token endpoint without https gets neither the code nor the client's secret", async () => {
    const at = await withIssuer((own) => ({
      issuer: own,
      authorization_endpoint: `${own}/auth`,
      token_endpoint: victimURL,
      jwks_uri: victimURL,
    }));
    const visitor = new Visitor(at.url);
    const state = new URL(await begin(visitor)).searchParams.get("state") ?? "";
    const answer = await visitor.send(`/callback?${new URLSearchParams({ state, code: "x" })}`);
    expect([answer.status, asked]).toEqual([401, 0]);
  });

  test("is only ever the one of the configuration, whatever a request says", async () => {
    const visitor = new Visitor(portal.url);
    const query = new URLSearchParams({
      iss: victimURL,
      issuer: victimURL,
      target_link_uri: victimURL,
      to: "/keys",
    });
    const answer = await visitor.send(`/sign-in?${query}`);
    expect(new URL(answer.headers.get("location") ?? "").origin).toBe(issuer.url);
    await visitor.send(`/callback?${new URLSearchParams({ iss: victimURL, state: "x", code: "x" })}`);
    expect(asked).toBe(0);
  });

  test.each([
    ["/realms/x/", "/realms/x"],
    ["/realms/x", "/realms/x/"],
  ])("by %s in the configuration and %s in its own words is told with both", async (configured, own) => {
    const at = await withIssuer(
      (url) => ({ issuer: url + own, authorization_endpoint: `${url}/auth` }),
      configured,
    );
    const answer = await new Visitor(at.url).send("/sign-in");
    const [, one, two] =
      /issuer is (\S+), and the issuer calls itself (\S+):/.exec(await answer.text()) ?? [];
    expect([one?.replace(/^.*:\d+/, ""), two?.replace(/^.*:\d+/, "")]).toEqual([configured, own]);
  });

  test("or is not there at the start is asked again, and what needs none of it is served meanwhile", async () => {
    const probe = createServer();
    const port = await listening(probe);
    await new Promise((closed) => probe.close(closed));
    const url = `https://127.0.0.1:${port}`;
    const at = await start(url);
    portals.push(at);
    const away = await new Visitor(at.url).send("/sign-in");
    expect([away.status, (await fetch(`${at.url}readyz`)).status]).toEqual([401, 200]);
    expect(await away.text()).toContain("cannot be reached: try again in a moment");
    const metadata = JSON.stringify({ issuer: url, authorization_endpoint: `${url}/auth` });
    const server = createServer({ cert: serverCertificate, key: serverKey }, (_request, response) => {
      response.setHeader("content-type", "application/json").end(metadata);
    });
    servers.push(server);
    await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
    const back = async () => (await new Visitor(at.url).send("/sign-in")).status === 303;
    await eventually("the issuer is found", back);
  });

  test("or fails itself when the person comes back is told as one that is away", async () => {
    const failing = createServer({ cert: serverCertificate, key: serverKey }, (_request, response) => {
      response.writeHead(503).end("no healthy upstream");
    });
    const token_endpoint = `https://127.0.0.1:${await listening(failing)}/token`;
    const at = await withIssuer((own) => ({
      issuer: own,
      authorization_endpoint: `${own}/auth`,
      token_endpoint,
    }));
    const visitor = new Visitor(at.url);
    const state = new URL(await begin(visitor)).searchParams.get("state") ?? "";
    const { text } = await visitor.open(`/callback?${new URLSearchParams({ state, code: "x" })}`);
    expect(text).toContain("cannot be reached: try again in a moment");
  });

  test("by another name is not signed in at", async () => {
    const at = await withIssuer((own) => ({ issuer: `${own}/`, authorization_endpoint: `${own}/auth` }));
    const text = await (await new Visitor(at.url).send("/sign-in")).text();
    expect(text).toMatch(
      /portal\.oidc\.issuer is https:\/\/127[^,]*\d, and the issuer calls itself https:[^:]*:\d+\/:/,
    );
  });
});

test("neither codes, states, secrets nor cookies stand in a line of the log", async () => {
  const alice = new Visitor(portal.url);
  const authorization = await begin(alice);
  const back = await issuer.signIn(authorization, "alice");
  await alice.send(back.pathname + back.search);
  await alice.send(back.pathname + back.search);
  await alice.open("/keys");
  await alice.send(`/callback?state=x&code=y&error=MARKED`);
  const log = (await portal.log()) + (await other.log());
  const secrets = [
    ...["code", "state"].map((name) => back.searchParams.get(name) ?? ""),
    ...alice.cookieHeader.split("; ").map((cookie) => cookie.slice(cookie.indexOf("=") + 1)),
    CLIENT.secret,
    "MARKED",
  ];
  expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
});
