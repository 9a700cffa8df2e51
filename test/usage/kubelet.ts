import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { podsPath } from "../../src/api/paths.ts";
import { eventually } from "../cluster/eventually.ts";
import { serverCertificate, serverKey } from "../kube/certificates.ts";
import { type API, type ReportedKey, send } from "./bastion.ts";

/** A node whose kubelet runs no containers: it only serves the logs of pods, as the API server asks for them. */
export class Kubelet {
  readonly #cluster: API;
  readonly #node = `node-${randomBytes(4).toString("hex")}`;
  readonly #lines = new Map<string, string[]>();
  readonly #readers = new Map<string, Set<ServerResponse>>();
  readonly #server = createServer({ cert: serverCertificate, key: serverKey }, (request, response) => {
    const { pathname } = new URL(request.url ?? "", "https://kubelet");
    const [, kind, ...rest] = pathname.split("/");
    const log = rest.join("/");
    if (kind !== "containerLogs") return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": "text/plain" });
    response.flushHeaders();
    for (const line of this.#lines.get(log) ?? []) response.write(line);
    const readers = this.#readers.get(log) ?? new Set();
    this.#readers.set(log, readers.add(response));
    response.on("close", () => readers.delete(response));
  });

  private constructor(cluster: API) {
    this.#cluster = cluster;
  }

  static async start(cluster: API): Promise<Kubelet> {
    const kubelet = new Kubelet(cluster);
    await new Promise<void>((resolve) => kubelet.#server.listen(0, "127.0.0.1", resolve));
    const { port } = kubelet.#server.address() as AddressInfo;
    const name = kubelet.#node;
    await send(cluster, "POST", "/api/v1/nodes", { metadata: { name } });
    await send(cluster, "PATCH", `/api/v1/nodes/${name}/status`, {
      status: {
        addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    });
    return kubelet;
  }

  /** A running pod of this node with a container sshd. */
  async pod(namespace: string, name: string, labels: object = { app: "bastion" }): Promise<void> {
    const spec = { nodeName: this.#node, containers: [{ name: "sshd", image: "sshd" }] };
    await send(this.#cluster, "POST", podsPath(namespace), { metadata: { name, labels }, spec });
    const status = { phase: "Running" };
    await send(this.#cluster, "PATCH", `${podsPath(namespace)}/${name}/status`, { status });
  }

  /** The key logs in at this pod, until somebody has seen the key and the login. */
  async logUntilReported(key: ReportedKey, pod: string, line = key.line()): Promise<void> {
    await eventually(`${key.name} is reported`, async () => {
      this.log(key.namespace, pod, line);
      return (await key.lastUsed()) !== undefined;
    });
  }

  /** The container wrote this line just now. */
  log(namespace: string, pod: string, line: string): void {
    const log = `${namespace}/${pod}/sshd`;
    const written = `${new Date().toISOString()} ${line}\n`;
    this.#lines.set(log, [...(this.#lines.get(log) ?? []), written]);
    for (const reader of this.#readers.get(log) ?? []) reader.write(written);
  }

  /** The container goes on writing this without a pause, so often. */
  flood(namespace: string, pod: string, text: string, times: number): void {
    const written = `${new Date().toISOString()} ${text}\n`;
    for (const reader of this.#readers.get(`${namespace}/${pod}/sshd`) ?? [])
      for (let time = 0; time < times; time += 1) reader.write(written);
  }

  /** Bytes that were written to whoever reads this log, and not taken yet. */
  unread(namespace: string, pod: string): number {
    const readers = [...(this.#readers.get(`${namespace}/${pod}/sshd`) ?? [])];
    return readers.reduce((sum, reader) => sum + reader.writableLength, 0);
  }

  /** How many read this log now. */
  readers(namespace: string, pod: string): number {
    return this.#readers.get(`${namespace}/${pod}/sshd`)?.size ?? 0;
  }

  /** As a node or a proxy does that goes away. */
  breakAll(): void {
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#cluster.request("DELETE", `/api/v1/nodes/${this.#node}`);
  }
}
