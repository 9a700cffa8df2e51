import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objectName } from "../../src/api/objectname.ts";
import { TEXTS } from "../../src/portal/web/texts.ts";
import { parsePublicKey } from "../../src/ssh/publickey.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { Tenant } from "../operator/tenant.ts";
import { grant, type PeoplePortal, PUBLIC_ORIGIN, startPeoplePortal } from "./peopleportal.ts";

let cluster: Cluster;
let tenant: Tenant;
let portal: PeoplePortal;
/** They send a little, and then nothing. */
let slow: readonly SlowClient[];

beforeAll(async () => {
  cluster = await sharedCluster();
  tenant = new Tenant(cluster, await cluster.namespace());
  await grant(cluster, tenant.namespace, "admin", "list,assign");
  portal = await startPeoplePortal(cluster, tenant);
  const post = "POST /keys/new HTTP/1.1\r\nhost: keys.example.org\r\nx-forwarded-user: mallory\r\n";
  slow = [
    slowClient(""),
    slowClient("GET /keys HTTP/1.1\r\nhost: keys.example.org\r\n"),
    slowClient(`${post}content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\n\r\nkey=`),
    slowClient(`${post}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{"a"\r\n`),
  ];
});

afterAll(async () => {
  for (const { socket } of slow ?? []) socket.destroy();
  await portal?.stop();
  await cluster?.stop();
});

interface SlowClient {
  readonly socket: Socket;
  /** After how many ms the portal has hung up. */
  readonly closed: Promise<number>;
  /** All that it has said. */
  said: string;
}

function slowClient(sent: string): SlowClient {
  const { hostname, port } = new URL(portal.url);
  const since = performance.now();
  const socket = connect(Number(port), hostname, () => socket.write(sent));
  socket.on("error", () => {});
  const client = {
    socket,
    closed: new Promise<number>((done) => socket.once("close", () => done(performance.now() - since))),
    said: "",
  };
  socket.on("data", (chunk) => {
    client.said += chunk;
  });
  return client;
}

const OWN = { origin: PUBLIC_ORIGIN, "sec-fetch-site": "same-origin" };

describe("another's key", () => {
  test.each(["", "%2F", "..%2F", "..%5C", "%00", "__proto__", "constructor", "%F0%9F%94%91"])(
    "is not had by a name with %j",
    async (guess) => {
      const key = await portal.keyOf("alice");
      const paths = [
        `/keys/${guess}${key}`,
        `/keys/${key}${guess}`,
        `/keys/${tenant.namespace}%2F${guess}${key}/raw`,
      ];
      for (const path of paths) expect((await portal.as("mallory", "GET", path)).status).toBe(404);
    },
  );

  test("is not had through the own user's path", async () => {
    await portal.keyOf("alice");
    const listed = await portal.as("admin", "GET", "/api/users/alice/ssh_keys");
    const { results } = (await listed.json()) as { results: readonly { id: number }[] };
    const statuses = await Promise.all(
      results.flatMap(({ id }) =>
        [`${id}`, `${id}-x`, `${id}.json`, ` ${id}`, `0${id}`, `${id}e0`].map(async (guess) => {
          const path = `/api/users/mallory/ssh_keys/${encodeURIComponent(guess)}`;
          const seen = await portal.as("mallory", "GET", path);
          return [seen.status, (await portal.as("mallory", "DELETE", path)).status];
        }),
      ),
    );
    expect(new Set(statuses.flat())).toEqual(new Set([404]));
  });

  test("is deleted by nobody who sends a form for it", async () => {
    const key = await portal.keyOf("alice");
    expect((await portal.submit("mallory", `/keys/${key}/delete`)).status).toBe(404);
    expect((await portal.as("alice", "GET", `/keys/${key}`)).status).toBe(200);
  });

  test("is not made in another's name by a field of one's own request", async () => {
    const fields = {
      key: freshKey(),
      title: "mine",
      user: "alice",
      "spec.user": "alice",
      namespace: "kube-system",
    };
    await portal.submit("mallory", "/keys/new", fields);
    const headers = { "content-type": "application/json" };
    const key = { name: "mine", key: freshKey(), user: "alice", user_id: 1, namespace: "x", options: ["x"] };
    const body = JSON.stringify({ ssh_key: key, user: "alice" });
    await portal.as("mallory", "POST", "/api/users/mallory/ssh_keys", { body, headers });
    expect(await (await portal.as("alice", "GET", "/keys")).text()).not.toContain("mine");
  });
});

test("two names that the proxy sends in Latin-1 are not one person", async () => {
  for (const name of ["jos\u00e9", "jos\u00e8"]) {
    const answer = await portal.as(name, "GET", "/keys");
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("UTF-8")]);
  }
  const utf8 = Buffer.from("jos\u00e9").toString("latin1");
  expect(await (await portal.as(utf8, "GET", "/keys")).text()).toContain("jos\u00e9");
});

test("a key is added though somebody has taken the names that it would have", async () => {
  const key = freshKey();
  const parsed = parsePublicKey(key);
  if (!parsed.ok) throw new Error(parsed.refusal.message);
  const named = { user: "alice", title: "laptop", blob: parsed.value.blob };
  for (let nth = 1; nth <= 20; nth += 1)
    await tenant.create(objectName(named, nth), { user: "mallory", key: freshKey() });
  const answer = await portal.submit("alice", "/keys/new", { key, title: "laptop" });
  expect(answer.status).toBe(303);
});

describe("what others write", () => {
  const MARKUP = `"><script>alert(1)</script><img src=x onerror=alert(1)>'&amp;\${x}{{x}}`;

  test.each<[string, (name: string) => object]>([
    ["title", () => ({ title: MARKUP })],
    ["comment", () => ({ key: `${freshKey()} ${MARKUP}` })],
    ["option", () => ({ options: ['command="echo <script>alert(1)</script>"'] })],
  ])("in a %s is text on every page", async (_, fields) => {
    const user = "eve";
    const name = await portal.keyOf(user);
    await cluster.kubectl(["delete", "sshkey", name, "-n", tenant.namespace]);
    await tenant.create(name, { user, key: freshKey(), ...fields(name) });
    await expect.poll(async () => (await portal.as(user, "GET", `/keys/${name}`)).status).toBe(200);
    for (const path of ["/keys", `/keys/${name}`, `/keys/${name}/delete`]) {
      const text = await (await portal.as(user, "GET", path)).text();
      expect([path, text.includes("<script>alert"), text.includes("<img")]).toEqual([path, false, false]);
    }
  });

  test("in a user name is text", async () => {
    const text = await (await portal.as(MARKUP, "GET", "/keys")).text();
    expect([text.includes("<script>alert"), text.includes("&lt;script&gt;")]).toEqual([false, true]);
  });

  test("in a search, a page, a path is text", async () => {
    const query = new URLSearchParams({ search: MARKUP, page: MARKUP });
    const paths = [`/keys?${query}`, `/keys/${encodeURIComponent(MARKUP)}`, `/${encodeURIComponent(MARKUP)}`];
    for (const path of paths)
      expect(await (await portal.as("eve", "GET", path)).text()).not.toMatch(/<script>alert|<img/);
  });

  test("in a query that comes twice is answered", async () => {
    expect((await portal.as("eve", "GET", "/keys?search=a&search=b&page=1&page=2")).status).toBe(200);
  });

  test("in an error of the REST API is JSON, whatever a browser would make of it", async () => {
    const answer = await portal.as("eve", "GET", `/api/users/eve/ssh_keys/${encodeURIComponent(MARKUP)}`);
    expect([answer.headers.get("content-type"), answer.headers.get("x-content-type-options")]).toEqual([
      "application/json; charset=utf-8",
      "nosniff",
    ]);
  });

  test("in a raw key is plain text", async () => {
    const name = await portal.keyOf("eve");
    const { headers } = await portal.as("eve", "GET", `/keys/${name}/raw`);
    expect([headers.get("content-type"), headers.get("x-content-type-options")]).toEqual([
      "text/plain; charset=utf-8",
      "nosniff",
    ]);
  });

  test.each(["a\r\nset-cookie: x=1", "a\nb", "a%0d%0aset-cookie:x=1", "\u0000"])(
    "as title %j makes no header",
    async (title) => {
      const answer = await portal.submit("eve", "/keys/new", { key: freshKey(), title });
      expect(answer.headers.getSetCookie().filter((line) => line.startsWith("x="))).toEqual([]);
      expect(answer.status).toBeLessThan(500);
    },
  );

  test("as a comment of 8 KB is stored, and told", async () => {
    const answer = await portal.submit("grace", "/keys/new", { key: `${freshKey()} ${"ä".repeat(4000)}` });
    expect(answer.status).toBe(303);
  });
});

describe("a cache between", () => {
  test("is told to keep nothing that is personal, and no error", async () => {
    const key = await portal.keyOf("alice");
    const paths = [
      ...["/", "/keys", "/keys/new", `/keys/${key}`, `/keys/${key}/raw`, `/keys/${key}/delete`, "/none"],
      ...["/api/users", "/api/users/alice", "/api/users/alice/ssh_keys", "/api/none", "/keys/%E0%A4%A"],
      ...[
        "/sign-in",
        "/callback?code=x&state=y",
        "/assets/none",
        "/assets/../keys",
        "/keys/x.css",
        "/keys/portal.css",
      ],
    ];
    for (const path of paths)
      expect([path, (await portal.as("alice", "GET", path)).headers.get("cache-control")]).toEqual([
        path,
        "no-store",
      ]);
  });

  test("is not poisoned by what a request says of its address", async () => {
    const headers = {
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "http",
      "x-forwarded-prefix": "/evil",
      "x-original-url": "/keys/evil",
      "x-rewrite-url": "/keys/evil",
      forwarded: "host=evil.example",
    };
    for (const path of ["/", "/keys", "/keys/new", "/none", "/assets/portal.css"]) {
      const answer = await portal.as("alice", "GET", path, { headers });
      expect(JSON.stringify([...answer.headers]) + (await answer.text())).not.toContain("evil");
    }
  });

  test("is not poisoned by the Host header", async () => {
    const { hostname, port } = new URL(portal.url);
    const answer = await new Promise<string>((done) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          "GET / HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-user: alice\r\nconnection: close\r\n\r\n",
        ),
      );
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.on("close", () => done(text));
    });
    expect([answer.includes("303 See Other"), answer.includes("evil")]).toEqual([true, false]);
  });
});

describe("every answer", () => {
  test.each([
    "/keys",
    "/none",
    "/api/none",
    "/keys/%E0%A4%A",
    "/assets/0/portal.css",
    "/healthz",
    `/${"x".repeat(9000)}`,
  ])("at %.20s has the headers that browsers need", async (path) => {
    const { headers } = await portal.as("alice", "GET", path);
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(headers.get("strict-transport-security")).toMatch(/^max-age=\d{8}/);
    expect([headers.get("x-frame-options"), headers.get("x-content-type-options")]).toEqual([
      "DENY",
      "nosniff",
    ]);
  });
});

describe("who lets the portal wait", () => {
  test("is cut off in time", async () => {
    const ended = await Promise.all(slow.map(({ closed }) => closed));
    expect(Math.max(...ended)).toBeLessThan(20_000);
  });

  test("is told so", async () => {
    await Promise.all(slow.map(({ closed }) => closed));
    const text = TEXTS.unreadable[408];
    expect(slow.map(({ said }) => [said.split(" ")[1], said.endsWith(text)])).toEqual(
      Array(4).fill(["408", true]),
    );
  });

  test("holds nobody else up", async () => {
    const waiting = Array.from({ length: 500 }, () => slowClient("GET /keys HTTP/1.1\r\nhost: x\r\n"));
    expect((await portal.as("alice", "GET", "/keys")).status).toBe(200);
    for (const { socket } of waiting) socket.destroy();
  });
});

test("neither tokens nor cookies nor keys of forms stand in a line of the log", async () => {
  const secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ";
  const marked = {
    cookie: "__Host-sshkeys-session=MARKED",
    authorization: "Bearer MARKED",
    "x-csrf": "MARKED",
  };
  for (const path of [
    "/keys",
    "/api/users/alice/ssh_keys",
    "/callback?code=MARKED&state=MARKED",
    "/none?x=MARKED",
  ])
    await portal.as(undefined, "GET", path, { headers: marked });
  await portal.submit("alice", "/keys/new", {
    key: `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret}`,
    title: "MARKED",
  });
  const csrf = await portal.formToken("alice");
  await portal.as("alice", "POST", "/keys/new", { body: `csrf=${csrf}&key=%E0%A4%A&MARKED`, headers: OWN });
  await portal.as("alice", "POST", "/api/users/alice/ssh_keys", {
    body: '{"key":"MARKED',
    headers: { "content-type": "application/json" },
  });
  const log = await portal.log();
  expect([secret, "MARKED", csrf].filter((text) => log.includes(text))).toEqual([]);
});
