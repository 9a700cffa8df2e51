import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, get, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sshKeysPath } from "../../src/api/paths.ts";
import type { SSHKey } from "../../src/api/sshkey.generated.ts";
import { LIMITS } from "../../src/portal/limits.ts";
import { TEXTS } from "../../src/portal/web/texts.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";

/** This process stands for a proxy that has signed people in, and passes on where they come from. */
const CONFIG = `portal:
  publicURL: http://localhost/
  oidc: { issuer: "https://127.0.0.1:2/", clientID: portal }
  proxy: { addresses: [127.0.0.1] }
  trustedProxies: [127.0.0.1]
  tokens: { audience: portal }
`;

let cluster: Cluster;
let tenant: Tenant;
let portal: PortalProcess;

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  portal = await start();
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

async function start(args: readonly string[] = []): Promise<PortalProcess> {
  const { kubeconfig } = cluster.controlPlane;
  return await startPortal({ kubeconfig, namespace: tenant.namespace, config: CONFIG, args });
}

interface Sent {
  readonly method?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly to?: PortalProcess;
}

async function send(path: string, { method = "GET", body, headers = {}, to = portal }: Sent = {}) {
  const response = await fetch(new URL(path, to.url), {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API answers
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}

const as = (user: string, address = "192.0.2.1") => ({
  "x-forwarded-user": user,
  "x-forwarded-for": address,
});

/** The lines of this event so far, as soon as there are as many. */
async function lines(event: string, count: number): Promise<readonly Record<string, unknown>[]> {
  return await eventually(`${count} lines of ${event}`, async () => {
    const all = (await portal.log()).split("\n").filter((line) => line.includes(`"event":"${event}"`));
    return all.length >= count && all.map((line) => JSON.parse(line));
  });
}

describe("the process", () => {
  test("sets Node's options for its heap itself", async () => {
    const args = (await readFile(`/proc/${portal.child.pid}/cmdline`, "utf8")).split("\0");
    expect(args).toEqual(expect.arrayContaining(["--max-semi-space-size=4", "--expose-gc"]));
  });

  test("writes nothing but lines of the log", async () => {
    const lines = (await portal.log()).trimEnd().split("\n");
    expect(lines.filter((line) => !line.startsWith("{"))).toEqual([]);
  });
});

describe("the log", () => {
  test("has a line for each write, with who and what, and nothing of what was sent", async () => {
    const key = freshKey();
    const made = await send("/api/users/ann/ssh_keys", {
      method: "POST",
      body: { name: "Laptop", key },
      headers: as("ann"),
    });
    await send(`/api/users/ann/ssh_keys/${made.body.id}`, { method: "DELETE", headers: as("ann") });
    const written = (await lines("KeyWritten", 2)).filter(({ user }) => user === "ann");
    const sshKey = expect.stringMatching(new RegExp(`^${tenant.namespace}/ann-laptop-[0-9a-f]{8}$`));
    const who = { user: "ann", signedInBy: "proxy", address: "192.0.2.1", request: expect.any(String) };
    expect(written).toEqual([
      expect.objectContaining({ ...who, verb: "create", sshKey }),
      expect.objectContaining({ ...who, verb: "delete", sshKey }),
    ]);
    expect(await portal.log()).not.toContain(key.split(" ")[1]);
  });

  test("has a line for each write that is refused", async () => {
    await send("/api/users/somebody/ssh_keys", { method: "POST", body: {}, headers: as("eve") });
    const [line] = (await lines("WriteRefused", 1)).filter(({ user }) => user === "eve");
    expect(line).toMatchObject({ status: 403, route: "/api/users/:user_id/ssh_keys", method: "POST" });
  });

  test("has a line for each token that is not accepted, without the token", async () => {
    const authorization = "Bearer not-a-token-of-anybody";
    const headers = { authorization, "x-forwarded-for": "192.0.2.9" };
    await send("/api/users/ann/ssh_keys", { headers });
    const [line] = await lines("SignInFailed", 1);
    expect(line).toMatchObject({ address: "192.0.2.9", reason: "the token is not accepted" });
    expect(await portal.log()).not.toContain("not-a-token-of-anybody");
  });
});

describe("limits", () => {
  test("of wrong tokens answer as Foreman does", async () => {
    const headers = { authorization: "Bearer wrong", "x-forwarded-for": "192.0.2.77" };
    const path = "/api/users/ann/ssh_keys";
    for (let n = 0; n < LIMITS.tries; n += 1) await send(path, { headers });
    const { status, headers: answered, body } = await send(path, { headers });
    expect([status, body]).toEqual([
      401,
      { error: { message: "Too many tries, please try again in a few minutes." } },
    ]);
    expect(Number(answered.get("retry-after"))).toBeGreaterThan(0);
  });

  test("of writes answer in Foreman's shape, to that person alone", async () => {
    const write = { method: "POST", body: {} };
    for (let n = 0; n < LIMITS.writes; n += 1)
      await send("/api/users/mallory/ssh_keys", { ...write, headers: as("mallory") });
    const { status, headers, body } = await send("/api/users/mallory/ssh_keys", {
      ...write,
      headers: as("mallory"),
    });
    expect([status, Number(headers.get("retry-after")) > 0]).toEqual([429, true]);
    expect(body).toEqual({
      error: { message: expect.stringMatching(/^too many writes: try again in \d+ s$/) },
    });
    expect((await send("/api/users/bob/ssh_keys", { ...write, headers: as("bob") })).status).toBe(422);
  });

  test("are a page for who reads pages", async () => {
    for (let n = 0; n < LIMITS.strangers; n += 1) await fetch(`${portal.url}keys/new`, { method: "POST" });
    const response = await fetch(`${portal.url}keys/new`, { method: "POST" });
    expect([response.status, Number(response.headers.get("retry-after")) > 0]).toEqual([429, true]);
    expect(await response.text()).toContain("<h1>Too many requests</h1>");
  });

  describe("of sign-ins", () => {
    const HERE = { "x-forwarded-for": "192.0.2.88" };
    const signIn = async (headers: Readonly<Record<string, string>>) =>
      await fetch(`${portal.url}sign-in`, { headers, redirect: "manual" });
    let answer: Response;
    let text: string;

    beforeAll(async () => {
      for (let n = 0; n < LIMITS.signIns; n += 1) await signIn(HERE);
      answer = await signIn(HERE);
      text = await answer.text();
    });

    test("answer with the time to wait, in seconds", () => {
      const wait = answer.headers.get("retry-after") ?? "";
      expect([answer.status, /^[1-9]\d{0,2}$/.test(wait), Number(wait) <= 300]).toEqual([429, true, true]);
    });

    test("answer with a page that says what happened and what to do", () => {
      const { title, text: sentence } = TEXTS.problems.tooMany;
      const [, main = ""] = /<main[^>]*>([\s\S]*)<\/main>/.exec(text) ?? [];
      expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(main).toContain(`<h1>${title}</h1>`);
      expect(main).toContain(`<p>${sentence}</p>`);
    });

    test("are told in the log, once, with the number on the page of the first who is refused", async () => {
      await signIn(HERE);
      const later = { authorization: "Bearer wrong", "x-forwarded-for": "192.0.2.90" };
      await send("/api/users/ann/ssh_keys", { headers: later });
      await eventually("what came later is told", async () =>
        (await lines("SignInFailed", 1)).some(({ address }) => address === "192.0.2.90"),
      );
      const told = (await lines("RateLimited", 1)).filter(({ address }) => address === "192.0.2.88");
      expect(told).toEqual([
        expect.objectContaining({ limit: "signIns", request: /Request ([-0-9a-f]{36})/.exec(text)?.[1] }),
      ]);
    });

    test("by an issuer that cannot be reached are told with the reason, and counted", async () => {
      const [line] = await lines("IssuerFailed", 1);
      expect(line).toMatchObject({ level: "warn", fault: "unreachable", detail: "ECONNREFUSED" });
      const found = await (await fetch(portal.metricsURL)).text();
      expect(found).toMatch(/^sshkey_portal_issuer_faults_total\{fault="unreachable"\} [1-9]/m);
    });

    test("are counted", async () => {
      const found = await (await fetch(portal.metricsURL)).text();
      expect(found).toMatch(/^sshkey_portal_rate_limited_total\{limit="signIns"\} [1-9]/m);
    });

    test("are no matter of another network", async () => {
      expect((await signIn({ "x-forwarded-for": "192.0.2.89" })).status).not.toBe(429);
    });
  });
});

describe("metrics", () => {
  const scrape = async () => await (await fetch(portal.metricsURL)).text();

  test("count requests by route, not by path", async () => {
    await send("/api/users/ann/ssh_keys/4711", { headers: as("ann") });
    const text = await eventually("the request is counted", async () => {
      const found = await scrape();
      return found.includes('route="/api/users/:user_id/ssh_keys/:id",method="GET",code="404"') && found;
    });
    expect(text).not.toContain("4711");
  });

  test("say what the API server is asked of people", async () => {
    await send("/api/users/somebody/ssh_keys", { headers: as("carol") });
    expect(await scrape()).toMatch(/^sshkey_portal_reviews_total\{kind="access",result="no"\} [1-9]/m);
  });

  test("say how many SSHKeys are known", async () => {
    await tenant.create("counted", { user: "dora", key: freshKey() });
    await eventually("it is counted", async () => /^sshkey_portal_sshkeys [1-9]/m.test(await scrape()));
  });
});

describe("files that pages load", () => {
  const links = async () => {
    const text = await (await fetch(`${portal.url}keys`, { headers: as("ann") })).text();
    return [...text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = ""]) => path);
  };

  test("are kept by browsers for good", async () => {
    const answers = await Promise.all((await links()).map((path) => fetch(new URL(path, portal.url))));
    const found = answers.map(({ status, headers }) => [status, headers.get("cache-control")]);
    expect(found).toEqual(Array(3).fill([200, "public, max-age=31536000, immutable"]));
  });

  test("are there for a page of another version, and not kept", async () => {
    const [path = ""] = await links();
    const other = path.replace(/[0-9a-f]{16}/, "0123456789abcdef");
    const { status, headers } = await fetch(new URL(other, portal.url));
    expect([status, headers.get("cache-control")]).toEqual([200, "no-cache"]);
  });
});

describe("a stop", () => {
  test("loses no write that was accepted, and ends by itself", async () => {
    const stopping = await start();
    const accepted: string[] = [];
    const writer = async (user: string) => {
      for (let n = 0; ; n += 1) {
        const name = `Key ${n}`;
        const sent = { method: "POST", body: { name, key: freshKey() }, headers: as(user), to: stopping };
        const answer = await send(`/api/users/${user}/ssh_keys`, sent).catch(() => undefined);
        if (answer?.status !== 201) return answer?.status;
        accepted.push(`${user} ${name}`);
      }
    };
    const writers = Array.from({ length: 12 }, (_, nth) => writer(`writer-${nth}`));
    await eventually("enough is written", () => accepted.length >= 60);
    const signalled = performance.now();
    const ended = stopping.stop();
    // No connection, or the answer that it stops.
    expect((await Promise.all(writers)).filter((status) => status !== undefined && status !== 503)).toEqual(
      [],
    );
    expect(await ended).toBe(0);
    // Else what is still under way would be cut off.
    expect(performance.now() - signalled).toBeLessThan(10_000);
    const { items } = (await tenant.send("GET", sshKeysPath(tenant.namespace))) as { items: SSHKey[] };
    const stored = new Set(items.map(({ spec }) => `${spec.user} ${spec.title}`));
    expect(accepted.filter((each) => !stored.has(each))).toEqual([]);
  });

  test("cuts off no request on a connection that was kept", async () => {
    const stopping = await start(["--shutdown-delay-duration", "1s"]);
    const agent = new Agent({ keepAlive: true });
    let answers = 0;
    const untilRefused = async () => {
      for (; ; answers += 1) {
        const request = get(`${stopping.url}healthz`, { agent });
        try {
          const [response] = (await once(request, "response")) as [IncomingMessage];
          await once(response.resume(), "end");
        } catch {
          return request.reusedSocket ? "cut off" : "no connection";
        }
      }
    };
    const clients = Array.from({ length: 8 }, untilRefused);
    await eventually("they are at it", () => answers > 100);
    expect(await stopping.stop()).toBe(0);
    expect(await Promise.all(clients)).toEqual(clients.map(() => "no connection"));
    agent.destroy();
  });

  test("is told by /readyz before requests end", async () => {
    const stopping = await start(["--shutdown-delay-duration", "60s"]);
    stopping.child.kill("SIGTERM");
    await eventually("it is not ready", async () => (await fetch(`${stopping.url}readyz`)).status === 503);
    const { status } = await send("/api/users/ann/ssh_keys", { headers: as("ann"), to: stopping });
    expect(status).toBe(200);
    // A second signal ends it at once.
    stopping.child.kill("SIGTERM");
    expect((await stopping.child.exited).signal).toBe("SIGTERM");
  });
});
