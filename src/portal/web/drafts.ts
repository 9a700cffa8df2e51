import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { html } from "../html.ts";
import { isFromOwnPage } from "../people/ownpage.ts";
import type { Person } from "../people/person.ts";
import type { WebOptions } from "./desk.ts";
import { type FormOwner, field, formPath, isSamePerson } from "./forms.ts";
import { page } from "./layout.ts";
import { isSignedOut, PageProblem } from "./problem.ts";
import { TEXTS } from "./texts.ts";

/** What somebody had typed when the session was over: it is that person's alone. */
interface Draft<T> {
  readonly user: string;
  readonly namespace: string;
  /** Path of the form. */
  readonly path: string;
  readonly values: T;
}

/** A form that comes back with what was typed. */
interface KeptForm<T, P> {
  /** Route of the form. */
  readonly route: string;
  /** Who asks, and what for; throws a PageProblem where that may not be. */
  readonly placeOf: (request: FastifyRequest) => Promise<P>;
  readonly show: (reply: FastifyReply, path: string, place: P, values: T) => Promise<FastifyReply>;
}

/** How long it waits for the person to sign in, in ms. */
const LIFETIME_MS = 15 * 60 * 1000;

/**
 * Keeps what was typed over a sign-in, without keeping anything here: the page that asks to sign in has it, sealed, and
 * sends it back when that is done in another tab. A key may be longer than any cookie.
 */
export class Drafts<T> {
  readonly #o: Pick<WebOptions, "base" | "sealer" | "originOf">;
  readonly #title: string;

  /** `title`: what to sign in for. */
  constructor(options: Pick<WebOptions, "base" | "sealer" | "originOf">, title: string) {
    this.#o = options;
    this.#title = title;
  }

  /** Asks to sign in, and to go on with what was typed then. */
  async keep(
    reply: FastifyReply,
    path: string,
    { user, namespace }: FormOwner,
    values: T,
  ): Promise<FastifyReply> {
    const draft: Draft<T> = { user, namespace, path, values };
    return await this.#ask(reply, path, await this.#o.sealer.seal("draft", draft, LIFETIME_MS));
  }

  /** Adds the routes by which a form comes back that was kept. */
  bringBack<P extends { readonly person: Person }>(
    server: FastifyInstance,
    { route, placeOf, show }: KeptForm<T, P>,
  ): void {
    // The address of a form that was brought back, opened anew.
    server.get(`${route}/draft`, async (request, reply) => reply.redirect(formPath(request, "/draft"), 303));

    server.post(`${route}/draft`, async (request, reply) => {
      if (!isFromOwnPage(request, this.#o.originOf(request))) throw new PageProblem("stale");
      const path = formPath(request, "/draft");
      const sealed = field(request.body, "draft");
      const place = await placeOf(request).catch((error: unknown) => {
        if (!isSignedOut(error)) throw error;
      });
      if (place === undefined) return await this.#ask(reply, path, sealed);
      return await show(reply, path, place, await this.#open(sealed, path, place.person));
    });
  }

  /** Throws a PageProblem where it is over, or another person's. */
  async #open(sealed: string, path: string, person: Person): Promise<T> {
    const draft = await this.#o.sealer.open<Draft<T>>("draft", sealed);
    if (draft === undefined || draft.path !== path) throw new PageProblem("stale", TEXTS.draft.over);
    if (!isSamePerson(draft, person)) throw new PageProblem("forbidden", TEXTS.draft.another);
    return draft.values;
  }

  async #ask(reply: FastifyReply, path: string, sealed: string): Promise<FastifyReply> {
    const { base } = this.#o;
    const texts = TEXTS.draft;
    const query = String(new URLSearchParams({ to: `${base}signed-in` }));
    const content = html`<p>${texts.explanation}</p>
<ol class="steps">
<li><a class="button primary" href="${base}sign-in?${query}" target="_blank" rel="noopener">${texts.signIn}</a></li>
<li><form action="${path}/draft" method="post" data-draft><input type="hidden" name="draft" value="${sealed}"><button>${texts.goOn}</button></form></li>
</ol>
<p class="help">${texts.limit(LIFETIME_MS / 60_000)}</p>`;
    const text = await page({ title: this.#title, base, person: undefined, isAdmin: false, content });
    return reply.code(401).type("text/html; charset=utf-8").send(String(text));
  }
}
