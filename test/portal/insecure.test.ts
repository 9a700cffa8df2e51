import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { sharedCluster } from "../cluster/sharedcluster.ts";
import { freshKey } from "../operator/publickeys.ts";
import { type PortalProcess, startPortal } from "./portalprocess.ts";

let cluster: Cluster;
let portal: PortalProcess;

beforeAll(async () => {
  cluster = await sharedCluster();
  const { kubeconfig } = cluster.controlPlane;
  const args = ["--insecure-user", "alice", "--insecure-admin"];
  portal = await startPortal({ kubeconfig, namespace: await cluster.namespace(), args });
});

afterAll(async () => {
  await portal?.stop();
  await cluster?.stop();
});

/** The status line of a request with this Host header, which fetch does not let one choose. */
async function statusFor(host: string, path: string): Promise<string> {
  const { hostname, port } = new URL(portal.url);
  return await new Promise((done) => {
    let text = "";
    const socket = connect(Number(port), hostname, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`),
    );
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("close", () => done(text.split(" ")[1] ?? ""));
  });
}

describe("a portal that everybody on loopback is alice at", () => {
  test.each(["127.0.0.1", "localhost", "localhost:8080", "[::1]:80"])("is opened as %s", async (host) => {
    expect(await statusFor(host, "/keys")).toBe("200");
  });

  test.each([
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:80",
    "evil.example#127.0.0.1",
    "",
  ])("is no page and no API of a site that lets its name %j lead there", async (host) => {
    expect([await statusFor(host, "/keys"), await statusFor(host, "/api/users")]).toEqual(["403", "403"]);
  });

  test.each<[string, Record<string, string>]>([
    ["another site", { origin: "https://evil.example" }],
    ["another port of loopback", { origin: "http://127.0.0.1:1" }],
    ["a site, by the browser's word,", { "sec-fetch-site": "cross-site" }],
  ])("takes nothing that %s makes a browser send", async (_, headers) => {
    const body = JSON.stringify({ name: "forged", key: freshKey() });
    const json = { ...headers, "content-type": "application/json" };
    const created = await fetch(`${portal.url}api/users/alice/ssh_keys`, {
      method: "POST",
      body,
      headers: json,
    });
    expect(created.status).toBe(403);
  });

  test("trusts no header about who asks", async () => {
    const headers = { "x-forwarded-user": "bob", "x-remote-user": "bob", authorization: "Bearer x" };
    const text = await (await fetch(`${portal.url}keys`, { headers })).text();
    expect(text).toContain("Signed in as alice");
  });
});
