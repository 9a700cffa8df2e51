import { Agent as HTTPAgent } from "node:http";
import { type AgentOptions, Agent as HTTPSAgent } from "node:https";
import { checkServerIdentity } from "node:tls";
import { HttpProxyAgent, HttpsProxyAgent } from "hpagent";
import { SocksProxyAgent } from "socks-proxy-agent";

/** How to reach the API server. */
export interface Route {
  readonly server: URL;
  readonly proxyUrl: string | undefined;
  /** How many are open at most. */
  readonly connections: number;
  readonly tls: Pick<AgentOptions, "ca" | "cert" | "key" | "servername" | "rejectUnauthorized">;
}

/**
 * Connections to the API server, direct or through an http, https or socks5 proxy; kept alive and shared.
 *
 * HTTP/1.1: a watch that is cut short takes nothing but its own connection with it, and the throughput is the same.
 */
export function openConnections(route: Route): HTTPAgent {
  const agent = agentFor(route);
  // All go to one server: Node would put the names of all TLS options together for each request.
  agent.getName = () => route.server.host;
  return agent;
}

function agentFor({ server, proxyUrl, connections, tls }: Route): HTTPAgent {
  const options = {
    ...definedMembers(tls),
    maxSockets: connections,
    keepAlive: true,
    keepAliveMsecs: 30_000,
    // Of an idle connection: below the limits of the API server (90 s) and of common load balancers (60 s).
    timeout: 30_000,
  };
  const isSecure = server.protocol === "https:";
  if (!proxyUrl) return isSecure ? new HTTPSAgent(options) : new HTTPAgent(options);
  if (proxyUrl.startsWith("socks")) {
    // socks5h, socks5 and socks all leave the lookup of the server's name to the proxy here.
    const uri = proxyUrl.replace(/^socks[^:]*:/, "socks5h:");
    // socks-proxy-agent forgets whom it asked for when that is an IP address.
    const name = tls.servername ?? server.hostname.replace(/^\[|\]$/g, "");
    const secure: AgentOptions = {
      ...options,
      checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    };
    return new SocksProxyAgent(uri, secure);
  }
  return isSecure
    ? new HttpsProxyAgent({ ...options, proxy: proxyUrl })
    : new HttpProxyAgent({ ...options, proxy: proxyUrl });
}

/** Closes idle connections at once, and each of the others when its request is done. */
export function retire(agent: HTTPAgent): void {
  agent.maxFreeSockets = 0;
  for (const idle of Object.values(agent.freeSockets)) for (const socket of idle ?? []) socket.destroy();
}

/** A text that is equal for routes that can share connections. Holds a private key: hash it. */
export function routeIdentity({ server, proxyUrl, tls }: Route): string {
  const { ca, cert, key, servername, rejectUnauthorized } = tls;
  return JSON.stringify([
    server.href,
    proxyUrl,
    String(ca),
    String(cert),
    String(key),
    servername,
    rejectUnauthorized,
  ]);
}

/** Node takes a member that is undefined for one that was chosen. */
export function definedMembers<T extends object>(members: T): T {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined && value !== null),
  ) as T;
}
