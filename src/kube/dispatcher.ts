import { Agent, type buildConnector, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from "undici";

type Material = string | Buffer | readonly (string | Buffer | object)[] | null | undefined;

/** How to reach the API server. */
export interface Route {
  readonly server: URL;
  readonly proxyUrl: string | undefined;
  readonly connections: number;
  readonly tls: {
    readonly ca: Material;
    readonly cert: Material;
    readonly key: Material;
    readonly servername: string | undefined;
    readonly rejectUnauthorized: boolean | undefined;
  };
}

/** Connections to the API server, direct or through an http, https or socks5 proxy; kept alive and shared. */
export function createDispatcher(route: Route): Dispatcher {
  const tls = connectOptions(route);
  // HTTP/1.1: a watch that is cut short takes nothing but its own connection with it, and the throughput is the same.
  // 30 s: below the idle limits of the API server (90 s) and of common load balancers (60 s).
  const pool = {
    connections: route.connections,
    allowH2: false,
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 30_000,
  };
  const { proxyUrl } = route;
  if (!proxyUrl) {
    return new Agent({ ...pool, connect: tls });
  }
  if (proxyUrl.startsWith("socks")) {
    // socks5h, socks5 and socks all leave the lookup of the server's name to the proxy here.
    const uri = proxyUrl.replace(/^socks[^:]*:/, "socks5:");
    return new Socks5ProxyAgent(uri, { ...pool, requestTls: tls });
  }
  return new ProxyAgent({ ...pool, uri: proxyUrl, requestTls: tls });
}

/** A text that is equal for routes that can share connections. Holds a private key: hash it. */
export function routeIdentity(route: Route): string {
  const { ca, cert, key, servername, rejectUnauthorized } = route.tls;
  return JSON.stringify([
    route.server.href,
    route.proxyUrl,
    String(ca),
    String(cert),
    String(key),
    servername,
    rejectUnauthorized,
  ]);
}

function connectOptions(route: Route): buildConnector.BuildOptions {
  const { ca, cert, key, servername, rejectUnauthorized } = route.tls;
  return {
    ...(ca ? { ca: ca as string | Buffer } : {}),
    ...(cert ? { cert: cert as string | Buffer } : {}),
    ...(key ? { key: key as string | Buffer } : {}),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    timeout: 10_000,
  };
}
