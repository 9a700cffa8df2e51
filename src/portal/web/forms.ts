import type { FastifyRequest } from "fastify";
import type { Person } from "../people/person.ts";
import type { Sealer } from "../sealer.ts";

/** How long a form may stay open, in ms. */
const LIFETIME_MS = 24 * 60 * 60 * 1000;

/** The token of a form: nobody but the portal makes one, and it is good for this person alone. */
export async function formToken(sealer: Sealer, { user }: Person): Promise<string> {
  return await sealer.seal("form", { user }, LIFETIME_MS);
}

/**
 * Was the form sent from a page that the portal made for this person? The browser's word on where it came from is asked too,
 * where it gives one.
 */
export async function isOwnForm(
  sealer: Sealer,
  person: Person,
  request: FastifyRequest,
  origin: string,
): Promise<boolean> {
  if (!isFromOwnPage(request, origin)) return false;
  const token = field(request.body, "csrf");
  const content = await sealer.open<{ readonly user: string }>("form", token);
  return content?.user === person.user;
}

/** Does the browser say that a page of the portal sent this? Old ones say nothing. */
export function isFromOwnPage({ headers }: FastifyRequest, origin: string): boolean {
  const { origin: from, "sec-fetch-site": site } = headers;
  if (from !== undefined && from !== origin) return false;
  return site === undefined || site === "same-origin" || site === "none";
}

/** A field of a form; empty where it is not there, or there more than once. */
export function field(body: unknown, name: string): string {
  const value =
    typeof body === "object" && body !== null ? (body as Record<string, unknown>)[name] : undefined;
  return typeof value === "string" ? value : "";
}
