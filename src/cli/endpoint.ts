import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import { EXIT, ExitError } from "./exitcodes.ts";

/** The response of one path; the default status is 200. */
export interface RouteResponse {
  readonly status?: number;
  readonly contentType?: string;
  readonly body: string;
}

export type Routes = Readonly<Record<string, () => RouteResponse | Promise<RouteResponse>>>;

export interface EndpointOptions {
  /** The flag that gives the address, for messages. */
  readonly flag: string;
  /** `HOST:PORT`, or `:PORT` for every address; port 0 is one of the system's choice. `0` alone turns the endpoint off. */
  readonly address: string;
  readonly routes: Routes;
  /** Called when a route fails, which is answered with 500, and when the listening socket does. */
  readonly onError: (error: unknown) => void;
}

/** A small HTTP server for the probes, Prometheus and the on-call engineer. */
export interface Endpoint {
  /** `host:port` as it was bound. */
  readonly address: string;
  close(): Promise<void>;
}

/** Serves the routes; undefined when the endpoint is off. Throws an ExitError when the address is invalid or in use. */
export async function serve(options: EndpointOptions): Promise<Endpoint | undefined> {
  if (options.address === "0") return undefined;
  const { host, port } = parseAddress(options);
  const server = createServer((request, response) => void respond(request, response, options));
  await listen(server, options, host, port);
  server.on("error", options.onError);
  const bound = server.address() as AddressInfo;
  return {
    address: `${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Serves the metrics of a registry for Prometheus, as `serve` does. */
export async function serveMetrics(
  address: string,
  registry: Registry,
  onError: (error: unknown) => void,
): Promise<Endpoint | undefined> {
  return await serve({
    flag: "--metrics-bind-address",
    address,
    routes: {
      "/metrics": async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    },
    onError,
  });
}

export interface ProbedOptions {
  readonly metricsBindAddress: string;
  readonly healthProbeBindAddress: string;
  readonly registry: Registry;
  /** By path: what is wrong; undefined for nothing. */
  readonly probes: Readonly<Record<string, () => string | undefined>>;
  readonly onError: (error: unknown) => void;
}

/** Serves probes and metrics, as far as they are not off. Throws as `serve` does. */
export async function serveProbed(o: ProbedOptions): Promise<readonly Endpoint[]> {
  const { onError } = o;
  const routes = Object.entries(o.probes).map(([path, problemOf]) => {
    const answer = (): RouteResponse => {
      const problem = problemOf();
      return problem === undefined ? { body: "ok\n" } : { status: 503, body: `${problem}\n` };
    };
    return [path, answer] as const;
  });
  const probes = await serve({
    flag: "--health-probe-bind-address",
    address: o.healthProbeBindAddress,
    routes: Object.fromEntries(routes),
    onError,
  });
  try {
    const scrape = await serveMetrics(o.metricsBindAddress, o.registry, onError);
    return [probes, scrape].filter((endpoint) => endpoint !== undefined);
  } catch (error) {
    // It would keep the process running.
    await probes?.close();
    throw error;
  }
}

/** Throws an ExitError for what is no address. */
export function parseAddress({ flag, address }: Pick<EndpointOptions, "flag" | "address">): {
  readonly host: string;
  readonly port: number;
} {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, Math.max(colon, 0));
  const digits = address.slice(colon + 1);
  const port = Number(digits);
  if (colon === -1 || !/^[0-9]{1,5}$/.test(digits) || port > 65_535) {
    throw new ExitError(
      EXIT.usage,
      `${flag} must be HOST:PORT, :PORT, or 0 to turn it off; it is ${JSON.stringify(address)}`,
    );
  }
  const isBracketed = host.startsWith("[") && host.endsWith("]");
  return { host: isBracketed ? host.slice(1, -1) : host, port };
}

/** Never rejects. */
async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { routes, onError }: EndpointOptions,
): Promise<void> {
  let answer: RouteResponse;
  try {
    answer = await callRoute(request, routes);
  } catch (error) {
    onError(error);
    answer = { status: 500, body: "internal error\n" };
  }
  const { status = 200, contentType = "text/plain; charset=utf-8", body } = answer;
  response.writeHead(status, { "content-type": contentType }).end(body);
}

async function callRoute({ method, url = "" }: IncomingMessage, routes: Routes): Promise<RouteResponse> {
  const [path = ""] = url.split("?");
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  return method !== "GET" || route === undefined ? { status: 404, body: "not found\n" } : await route();
}

async function listen(
  server: Server,
  { flag, address }: EndpointOptions,
  host: string,
  port: number,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onError = (error: NodeJS.ErrnoException) => {
    const problem = `cannot listen on ${address} (${error.code}); choose another address with ${flag}, or 0 to turn it off`;
    reject(new ExitError(EXIT.configuration, problem));
  };
  server.once("error", onError);
  server.listen(port, host === "" ? undefined : host, resolve);
  await promise;
  server.off("error", onError);
}
