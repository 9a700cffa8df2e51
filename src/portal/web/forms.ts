import type { FastifyRequest } from "fastify";
import { isFromOwnPage } from "../people/ownpage.ts";
import type { Person } from "../people/person.ts";
import type { Sealer } from "../sealer.ts";

/** How long a form may stay open, in ms. */
const LIFETIME_MS = 24 * 60 * 60 * 1000;
/** How long it is known whose form it was, in ms: longer than any session. */
const KNOWN_MS = 31 * 24 * 60 * 60 * 1000;

/** For whom the portal made a form. */
export interface FormOwner {
  readonly user: string;
  readonly namespace: string;
  /** Is it recent enough to change anything? */
  readonly isFresh: boolean;
}

interface FormToken {
  readonly user: string;
  readonly namespace: string;
  /** In ms since the epoch. */
  readonly freshUntil: number;
}

/** The token of a form: nobody but the portal makes one, and it is good for this person alone. */
export async function formToken(sealer: Sealer, { user, namespace }: Person): Promise<string> {
  const token: FormToken = { user, namespace, freshUntil: Date.now() + LIFETIME_MS };
  return await sealer.seal("form", token, KNOWN_MS);
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
  const owner = await formOwner(sealer, request, origin);
  return owner?.isFresh === true && isSamePerson(owner, person);
}

/** Whose form was sent; undefined where the portal did not make it, or another page sent it. */
export async function formOwner(
  sealer: Sealer,
  request: FastifyRequest,
  origin: string,
): Promise<FormOwner | undefined> {
  if (!isFromOwnPage(request, origin)) return undefined;
  const token = await sealer.open<FormToken>("form", field(request.body, "csrf"));
  return token && { ...token, isFresh: Date.now() < token.freshUntil };
}

/** One user name in two namespaces is two people. */
export function isSamePerson(
  a: Pick<Person, "user" | "namespace">,
  b: Pick<Person, "user" | "namespace">,
): boolean {
  return a.user === b.user && a.namespace === b.namespace;
}

/** Path of the form that a request is about; `suffix` is what stands behind it. */
export function formPath({ url }: FastifyRequest, suffix = ""): string {
  const [path = ""] = url.split("?");
  return (path.endsWith("/") ? path.slice(0, -1) : path).slice(0, suffix === "" ? undefined : -suffix.length);
}

/** A field of a form; empty where it is not there, or there more than once. */
export function field(body: unknown, name: string): string {
  const value =
    typeof body === "object" && body !== null ? (body as Record<string, unknown>)[name] : undefined;
  return typeof value === "string" ? value : "";
}
