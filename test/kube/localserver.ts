import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { Credentials, type CredentialsOptions } from "../../src/kube/credentials.ts";
import { Transport, type TransportOptions } from "../../src/kube/transport.ts";

export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
) => void | Promise<void>;

/** A server on a loopback port that does what `handler` says, and a transport to it. */
export interface LocalServer {
  readonly url: string;
  /** A kubeconfig file that points here. */
  readonly kubeconfig: string;
  readonly dir: string;
  readonly credentials: Credentials;
  readonly transport: Transport;
  handler: Handler;
  stop(): Promise<void>;
}

export async function startLocalServer(
  handler: Handler,
  o: { user?: object; credentials?: CredentialsOptions; transport?: Partial<TransportOptions> } = {},
): Promise<LocalServer> {
  const dir = mkdtempSync(join(tmpdir(), "kube-test-"));
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) {
      body += chunk;
    }
    await local.handler(request, response, body);
  });
  const url = await listen(server);
  const kubeconfig = join(dir, "kubeconfig");
  writeFileSync(kubeconfig, kubeconfigText(url, o.user));
  const credentials = new Credentials({ kubeconfig, ...o.credentials });
  const transport = new Transport({ credentials, userAgent: "test", ...o.transport });
  const local: LocalServer = {
    url,
    kubeconfig,
    dir,
    credentials,
    transport,
    handler,
    async stop() {
      await transport.close();
      await credentials.close();
      server.closeAllConnections();
      server.close();
      rmSync(dir, { recursive: true });
    },
  };
  return local;
}

/** The same until the end of the test that starts it. */
export async function startServerForTest(...args: Parameters<typeof startLocalServer>): Promise<LocalServer> {
  const server = await startLocalServer(...args);
  onTestFinished(() => server.stop());
  return server;
}

/** Listens on a loopback port of the OS's choice and gives the URL. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A kubeconfig for one server and one user. JSON is YAML. */
export function kubeconfigText(server: string, user: object = {}, cluster: object = {}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server, ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}

/** Answers with `value` as JSON. */
export function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(value));
}
