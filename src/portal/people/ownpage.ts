import type { FastifyRequest } from "fastify";

/** The origin of the portal's pages: of its public address, which only an insecure portal on loopback has not. */
export function ownOrigin({ headers }: FastifyRequest, publicURL: URL | undefined): string {
  return publicURL?.origin ?? `http://${headers.host}`;
}

/** Does the browser say that a page of the portal sent this? Old ones, and programs, say nothing. */
export function isFromOwnPage({ headers }: FastifyRequest, origin: string): boolean {
  const { origin: from, "sec-fetch-site": site } = headers;
  if (from !== undefined && from !== origin) return false;
  return site === undefined || site === "same-origin" || site === "none";
}
