import type { FastifyInstance, FastifyRequest } from "fastify";
import type { PortalSettings } from "../../config/portalsettings.ts";
import { personOf } from "../people/claims.ts";
import { type OpenID, SignInFailed } from "../people/openid.ts";
import { isFromOwnPage } from "../people/ownpage.ts";
import { type Person, Refused } from "../people/person.ts";
import type { Sessions } from "../people/sessions.ts";
import type { Sealer } from "../sealer.ts";
import { isOwnForm } from "./forms.ts";
import { PageProblem } from "./problem.ts";

export interface SignInOptions {
  readonly base: string;
  readonly originOf: (request: FastifyRequest) => string;
  readonly openID: OpenID;
  readonly sessions: Sessions;
  readonly sealer: Sealer;
  readonly settings: PortalSettings;
  readonly namespace: string;
  /** Rejects with a TooMany when too many begin or end a sign-in from there. */
  readonly limit: (request: FastifyRequest) => Promise<void>;
  /** Told of every sign-in that comes to an end: the person, or why not. */
  readonly onSignIn: (request: FastifyRequest, result: Person | Refused | SignInFailed) => void;
}

/** Where people are sent to sign in, and come back. */
export function addSignIn(server: FastifyInstance, o: SignInOptions): void {
  const { base, openID, sessions, settings, namespace } = o;
  const { oidc } = settings;
  if (oidc === undefined) return;
  const limited = { onRequest: o.limit };

  server.get(`${base}sign-in`, limited, async (request, reply) => {
    const { to } = request.query as { to?: unknown };
    const { url, attempt } = await openID.begin(ownPath(to, base)).catch((error: unknown) => {
      if (error instanceof SignInFailed) o.onSignIn(request, error);
      throw error;
    });
    await sessions.remember(request, reply, attempt);
    return reply.redirect(url.href, 303);
  });

  server.get(`${base}callback`, limited, async (request, reply) => {
    const { state } = request.query as { state?: unknown };
    const attempt = typeof state === "string" ? await sessions.recall(request, reply, state) : undefined;
    if (attempt === undefined) {
      // Another tab has finished, or this address was opened again.
      if ((await sessions.person(request)) !== undefined) return reply.redirect(`${base}keys`, 303);
      throw new PageProblem("signIn", "this sign-in is over or was begun in another browser: sign in again");
    }
    try {
      const claims = await openID.finish(new URL(request.url, "http://unused").search, attempt);
      const person = personOf(claims, oidc, settings, namespace);
      await sessions.begin(reply, person);
      o.onSignIn(request, person);
      return reply.redirect(attempt.to, 303);
    } catch (error) {
      if (error instanceof SignInFailed || error instanceof Refused) o.onSignIn(request, error);
      if (error instanceof SignInFailed) throw new PageProblem("signIn", error.message, attempt.to);
      throw error;
    }
  });

  server.post(`${base}sign-out`, async (request, reply) => {
    const origin = o.originOf(request);
    const person = await sessions.person(request);
    // Who is signed out already has no token, and needs none.
    const isOwn =
      person === undefined
        ? isFromOwnPage(request, origin)
        : await isOwnForm(o.sealer, person, request, origin);
    if (!isOwn) throw new PageProblem("stale");
    sessions.end(reply);
    const at = await openID.signOut();
    return reply.redirect(at?.href ?? base, 303);
  });
}

/** So that the cookies of five attempts stay below 4 KB together. */
const MOST_TO_CHARACTERS = 200;

/** A path of the portal, and of nobody else: what a link says may be anything. */
function ownPath(to: unknown, base: string): string {
  if (typeof to !== "string" || !to.startsWith(base)) return `${base}keys`;
  const url = URL.parse(to, "http://portal.invalid");
  if (url === null || url.host !== "portal.invalid") return `${base}keys`;
  const { pathname, search } = url;
  // Dots are resolved by now: of `/.//evil.example` two slashes are left, which lead to another host.
  if (!pathname.startsWith(base) || pathname.startsWith("//") || pathname.length > MOST_TO_CHARACTERS)
    return `${base}keys`;
  return pathname.length + search.length > MOST_TO_CHARACTERS ? pathname : pathname + search;
}
