import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Credentials, type CredentialsOptions } from "../../src/kube/credentials.ts";
import { Transport } from "../../src/kube/transport.ts";
import { authority, clientKey, clientOne, clientTwo, serverCertificate, serverKey } from "./certificates.ts";
import { json, kubeconfigText, listen } from "./localserver.ts";

let dir: string;
let closing: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "kube-test-"));
});

afterEach(async () => {
  for (const close of closing.reverse()) {
    await close();
  }
  closing = [];
  rmSync(dir, { recursive: true });
});

const open = (options: CredentialsOptions) => {
  const credentials = new Credentials(options);
  const transport = new Transport({ credentials, userAgent: "test" });
  closing.push(() => credentials.close());
  return { credentials, transport };
};

const write = (name: string, content: string) => {
  const file = join(dir, name);
  writeFileSync(file, content);
  return file;
};

const list = { method: "GET", path: "/api/v1/namespaces" } as const;

/** A TLS server that answers with the name in the client's certificate; the client's files lie beside its kubeconfig. */
const startTlsServer = async () => {
  const tls = createServer(
    { ca: authority, cert: serverCertificate, key: serverKey, requestCert: true, rejectUnauthorized: true },
    (request, response) => json(response, 200, (request.socket as TLSSocket).getPeerCertificate().subject.CN),
  );
  const url = (await listen(tls)).replace("http:", "https:");
  closing.push(() => {
    tls.closeAllConnections();
    tls.close();
  });
  write("ca.crt", authority);
  write("client.crt", clientOne);
  write("client.key", clientKey);
  const user = { "client-certificate": "client.crt", "client-key": "client.key" };
  return write("kubeconfig", kubeconfigText(url, user, { "certificate-authority": "ca.crt" }));
};

test("a client certificate is taken from files beside the kubeconfig", async () => {
  const { transport } = open({ kubeconfig: await startTlsServer() });
  expect(await transport.request(list)).toBe("one");
});

test("a client certificate that was replaced is used on new connections", async () => {
  const { credentials, transport } = open({ kubeconfig: await startTlsServer(), maxAgeMs: 0 });
  const before = await credentials.current();
  expect(await transport.request(list)).toBe("one");
  write("client.crt", clientTwo);
  expect(await transport.request(list)).toBe("two");
  expect((await credentials.current()).dispatcher).not.toBe(before.dispatcher);
});

test("a client certificate that was replaced lets requests under way finish", async () => {
  const file = await startTlsServer();
  const { credentials } = open({ kubeconfig: file, maxAgeMs: 0 });
  const { dispatcher, server: origin } = await credentials.current();
  const answer = dispatcher.request({ origin: origin.origin, path: "/", method: "GET" });
  write("client.crt", clientTwo);
  await credentials.current();
  expect(await (await answer).body.json()).toBe("one");
});

test.each([
  ["half written", clientOne.slice(0, 200)],
  ["of another key", serverCertificate],
])(
  "a client certificate that is %s leaves the one before in use, and is reported",
  async (_, certificate) => {
    const { credentials, transport } = open({ kubeconfig: await startTlsServer(), maxAgeMs: 0 });
    const before = await credentials.current();
    write("client.crt", certificate);
    expect((await credentials.current()).dispatcher).toBe(before.dispatcher);
    expect(credentials.failure).toMatchObject({ code: "CredentialsFailed" });
    expect(await transport.request(list)).toBe("one");
  },
);
