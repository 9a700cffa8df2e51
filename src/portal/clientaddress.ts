import { isIP } from "node:net";
import { normalizeIP } from "@fastify/rate-limit";
import type { FastifyRequest } from "fastify";

/**
 * Where a request comes from: what proxies whose word counts say (see `trustProxy` of the server), else the socket's own
 * address. An IPv4 client of an IPv6 socket has its IPv4 address.
 */
export function clientAddress({ ip, socket }: FastifyRequest): string {
  // What a proxy passes on may be anything.
  const said = plain(ip);
  return isIP(said) === 0 ? plain(socket.remoteAddress ?? "") : said;
}

/** The network that one client is counted by: of IPv6 a /64, the least that a customer is given (RFC 6177), of IPv4 the address. */
export function clientNetwork(request: FastifyRequest): string {
  return normalizeIP(clientAddress(request), 64);
}

function plain(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, "").replace(/%.*$/s, "");
}
