import { createServer } from "node:https";
import type { TLSSocket } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { RequestScope } from "../../src/kube/requestscope.ts";
import { bodyOf, roundTrip } from "../../src/kube/roundtrip.ts";
import { eventually } from "../cluster/eventually.ts";
import { authority, clientKey, clientOne, clientTwo, serverCertificate, serverKey } from "./certificates.ts";
import { credentialsFixture } from "./credentialsfixture.ts";
import { json, kubeconfigText, listen } from "./localserver.ts";

const { write, open } = credentialsFixture();

const list = { method: "GET", path: "/api/v1/namespaces" } as const;

/** A TLS server that answers with the name in the client's certificate; the client's files lie beside its kubeconfig. */
const startTlsServer = async () => {
  const tls = createServer(
    { ca: authority, cert: serverCertificate, key: serverKey, requestCert: true, rejectUnauthorized: true },
    (request, response) => json(response, 200, (request.socket as TLSSocket).getPeerCertificate().subject.CN),
  );
  const url = (await listen(tls)).replace("http:", "https:");
  onTestFinished(() => {
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
  expect((await credentials.current()).agent).not.toBe(before.agent);
});

test("a client certificate that was replaced lets requests under way finish", async () => {
  const file = await startTlsServer();
  const { credentials } = open({ kubeconfig: file, maxAgeMs: 0 });
  const { agent, address } = await credentials.current();
  const outgoing = { server: address, path: "/", method: "GET", headers: {}, body: undefined };
  const answer = roundTrip({ ...outgoing, mayBeSent: () => true }, agent, new RequestScope());
  write("client.crt", clientTwo);
  await credentials.current();
  expect(await bodyOf(await answer)).toBe('"one"');
});

test("a request that is given up before it has its connection leaves one that works", async () => {
  const { credentials } = open({ kubeconfig: await startTlsServer() });
  const { agent, address } = await credentials.current();
  const outgoing = { server: address, path: "/", method: "GET", headers: {}, body: undefined };
  const ended = new RequestScope();
  ended.end("Aborted");
  await expect(roundTrip({ ...outgoing, mayBeSent: () => true }, agent, ended)).rejects.toThrow("Aborted");
  const idle = () => Object.values(agent.freeSockets).flat() as TLSSocket[];
  await eventually("its connection is idle", () => idle().some(({ authorized }) => authorized));
  expect(
    await bodyOf(await roundTrip({ ...outgoing, mayBeSent: () => true }, agent, new RequestScope())),
  ).toBe('"one"');
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
    expect((await credentials.current()).agent).toBe(before.agent);
    expect(credentials.failure).toMatchObject({ code: "CredentialsFailed" });
    expect(await transport.request(list)).toBe("one");
  },
);
