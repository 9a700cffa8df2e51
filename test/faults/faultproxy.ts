import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { Credentials } from "../../src/kube/credentials.ts";
import { RequestScope } from "../../src/kube/requestscope.ts";
import { bodyOf, roundTrip } from "../../src/kube/roundtrip.ts";
import { authority, serverCertificate, serverKey } from "../kube/certificates.ts";
import { type ProxiedRequest, proxiedRequest } from "./proxiedrequest.ts";

/** What becomes of one request. */
export type Fault =
  /** The API server never sees it, or carries it out all the same. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
      readonly forwarded?: boolean;
    }
  /** It is carried out, and the connection breaks before the answer. */
  | { readonly kind: "lose" }
  /** The connection breaks before it is carried out. */
  | { readonly kind: "drop" }
  | { readonly kind: "late"; readonly ms: number }
  /** It is carried out only then. */
  | { readonly kind: "stall"; readonly until: Promise<unknown> }
  /** Not a byte comes back, and the connection stays open. */
  | { readonly kind: "hang"; readonly forwarded: boolean }
  /** As `hang`; nothing at all gets through after it until `thaw`. */
  | { readonly kind: "freeze"; readonly forwarded: boolean };

/** Requests that a fault is waiting for. */
export interface Injection {
  /** How often it has struck. */
  readonly hits: number;
  /** The first request that it struck; a forwarded one has been carried out by then. */
  readonly struck: Promise<ProxiedRequest>;
  /** Later requests are spared. */
  end(): void;
}

export type Matches = (request: ProxiedRequest) => boolean;

/** What passes instead of a line of a watch. */
export type LineFilter = (line: string, watch: ProxiedRequest) => readonly string[];

interface Waiting {
  readonly matches: Matches;
  readonly fault: Fault;
  left: number;
  hits: number;
  readonly struck: PromiseWithResolvers<ProxiedRequest>;
}

interface Watch {
  readonly request: ProxiedRequest;
  readonly response: ServerResponse;
  isSilent: boolean;
}

/** A proxy before the API server, TLS on both sides, that lets requests, answers and watches go wrong as told. */
export class FaultProxy {
  /** A kubeconfig that points here. Its token is in a file, and is any that `accepts`. */
  readonly kubeconfig: string;
  readonly tokenFile: string;
  /** All that came, in order. */
  readonly requests: ProxiedRequest[] = [];
  /** Which tokens are good; a bad one gets 401. */
  accepts: (token: string) => boolean = () => true;
  filter: LineFilter = (line) => [line];
  readonly #upstream: Credentials;
  readonly #server = createServer({ key: serverKey, cert: serverCertificate }, (request, response) =>
    this.#handle(request, response),
  );
  readonly #folder = mkdtempSync(join(tmpdir(), "fault-proxy-"));
  readonly #waiting: Waiting[] = [];
  readonly #watches = new Set<Watch>();
  #isFrozen = false;
  #isDown = false;

  private constructor(upstream: Credentials) {
    this.#upstream = upstream;
    this.kubeconfig = join(this.#folder, "kubeconfig");
    this.tokenFile = join(this.#folder, "token");
  }

  /** `kubeconfig` says how the proxy itself reaches the API server. */
  static async start(kubeconfig: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(new Credentials({ kubeconfig, connections: 256 }));
    await proxy.#listen();
    return proxy;
  }

  /** Spoils the next `times` requests that match. Of several injections the oldest strikes. */
  inject(matches: Matches, fault: Fault, times = 1): Injection {
    const waiting: Waiting = { matches, fault, left: times, hits: 0, struck: Promise.withResolvers() };
    this.#waiting.push(waiting);
    return {
      get hits() {
        return waiting.hits;
      },
      struck: waiting.struck.promise,
      end: () => {
        waiting.left = 0;
      },
    };
  }

  /** Ends every injection, freeze and outage; requests that hang stay so until their sender gives up. */
  thaw(): void {
    this.#waiting.length = 0;
    this.#isFrozen = false;
    this.#isDown = false;
    this.filter = (line) => [line];
  }

  /** Breaks every connection, and those that come, until `thaw`. */
  goDown(): void {
    this.#isDown = true;
    this.#server.closeAllConnections();
  }

  /** How many watches on the resource are running. */
  watches(resource: string): number {
    return [...this.#watches].filter(({ request }) => request.resource === resource).length;
  }

  /** Writes text as it is into every running watch on the resource. */
  write(resource: string, text: string): void {
    for (const { response } of this.#on(resource)) response.write(text);
  }

  /** Breaks every running watch on the resource, after `text`. */
  cut(resource: string, text = ""): void {
    for (const { response } of this.#on(resource)) {
      if (text === "") response.destroy();
      else response.write(text, () => response.destroy());
    }
  }

  /** Running watches on the resource get nothing more, but stay open. */
  silence(resource: string): void {
    for (const watch of this.#on(resource)) watch.isSilent = true;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    await this.#upstream.close();
    rmSync(this.#folder, { recursive: true });
  }

  #on(resource: string): Watch[] {
    return [...this.#watches].filter(({ request }) => request.resource === resource);
  }

  async #listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const port = (this.#server.address() as AddressInfo).port;
    const ca = Buffer.from(authority).toString("base64");
    const cluster = { server: `https://127.0.0.1:${port}`, "certificate-authority-data": ca };
    writeFileSync(this.tokenFile, "first");
    // JSON is YAML.
    const text = JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "proxy", cluster }],
      users: [{ name: "operator", user: { tokenFile: this.tokenFile } }],
      contexts: [{ name: "proxy", context: { cluster: "proxy", user: "operator" } }],
      "current-context": "proxy",
    });
    writeFileSync(this.kubeconfig, text);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = proxiedRequest(request);
    this.requests.push(seen);
    if (this.#isDown) return void response.destroy();
    if (this.#isFrozen) return;
    if (!this.accepts(seen.token)) return answer(response, 401);
    const waiting = this.#waiting.find(({ left, matches }) => left > 0 && matches(seen));
    if (waiting === undefined) return await this.#forward(request, response, seen);
    waiting.left -= 1;
    waiting.hits += 1;
    await this.#spoil(waiting.fault, request, response, seen);
    waiting.struck.resolve(seen);
  }

  async #spoil(
    fault: Fault,
    request: IncomingMessage,
    response: ServerResponse,
    seen: ProxiedRequest,
  ): Promise<void> {
    switch (fault.kind) {
      case "answer":
        if (fault.forwarded === true) await this.#carryOut(request, seen);
        request.resume();
        return answer(response, fault.status, fault.headers, fault.body);
      case "drop":
        return void response.destroy();
      case "lose":
        await this.#carryOut(request, seen);
        return void response.destroy();
      case "late":
        return await this.#forward(request, response, seen, fault.ms);
      case "stall":
        void fault.until.then(() => this.#forward(request, response, seen));
        return;
      case "hang":
      case "freeze":
        this.#isFrozen ||= fault.kind === "freeze";
        if (fault.forwarded) await this.#carryOut(request, seen);
    }
  }

  /** Sends the request on and throws the answer away. */
  async #carryOut(request: IncomingMessage, seen: ProxiedRequest): Promise<void> {
    const upstream = await this.#ask(request, seen, new RequestScope());
    await bodyOf(upstream);
  }

  async #forward(
    request: IncomingMessage,
    response: ServerResponse,
    seen: ProxiedRequest,
    lateMs = 0,
  ): Promise<void> {
    const gone = new RequestScope();
    response.on("close", () => gone.end("Aborted"));
    try {
      const upstream = await this.#ask(request, seen, gone);
      if (lateMs > 0) await gone.race(delay(lateMs));
      const retryAfter = upstream.headers["retry-after"];
      response.writeHead(upstream.statusCode ?? 0, {
        "content-type": "application/json",
        ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
      });
      response.flushHeaders();
      if (seen.verb === "watch" && upstream.statusCode === 200) await this.#pass(upstream, response, seen);
      else response.end(await bodyOf(upstream));
    } catch {
      // The operator has gone away, or the API server has: either way this connection is over.
      response.destroy();
    }
  }

  async #pass(upstream: IncomingMessage, response: ServerResponse, request: ProxiedRequest) {
    const watch: Watch = { request, response, isSilent: false };
    this.#watches.add(watch);
    response.on("close", () => this.#watches.delete(watch));
    try {
      for await (const line of createInterface({ input: upstream })) {
        if (watch.isSilent) continue;
        for (const each of this.filter(line, request)) response.write(`${each}\n`);
      }
    } finally {
      if (!watch.isSilent) response.end();
    }
  }

  async #ask(request: IncomingMessage, { url }: ProxiedRequest, scope: RequestScope) {
    const { agent, address, headers } = await this.#upstream.current();
    const { accept, "content-type": contentType, "user-agent": userAgent } = request.headers;
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = parts.length === 0 ? undefined : Buffer.concat(parts).toString("utf8");
    const outgoing = {
      server: address,
      path: url,
      method: request.method ?? "GET",
      headers: {
        ...headers,
        ...(accept === undefined ? {} : { accept }),
        ...(contentType === undefined ? {} : { "content-type": contentType }),
        ...(userAgent === undefined ? {} : { "user-agent": userAgent }),
        ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
      },
      body,
      mayBeSent: () => true,
    };
    return await roundTrip(outgoing, agent, scope);
  }
}

function answer(response: ServerResponse, status: number, headers = {}, body = statusBody(status)): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
}

/** A metav1.Status without a reason, as a gateway or an overloaded server would give. */
function statusBody(code: number): string {
  return JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code });
}
