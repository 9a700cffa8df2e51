import type { FastifyReply } from "fastify";
import { html } from "../html.ts";
import type { Sealer } from "../sealer.ts";
import { type FormOwner, isSamePerson } from "./forms.ts";
import { page } from "./layout.ts";
import { PageProblem } from "./problem.ts";
import { TEXTS } from "./texts.ts";

/** What somebody had typed when the session was over: it is that person's alone. */
interface Draft<T> {
  readonly user: string;
  readonly namespace: string;
  /** Path of the form. */
  readonly path: string;
  readonly values: T;
}

/** How long it waits for the person to sign in, in ms. */
const LIFETIME_MS = 15 * 60 * 1000;

/**
 * Keeps what was typed over a sign-in, without keeping anything here: the page that asks to sign in has it, sealed, and
 * sends it back when that is done in another tab. A key may be longer than any cookie.
 */
export class Drafts<T> {
  readonly #base: string;
  readonly #sealer: Sealer;
  readonly #title: string;

  /** `base`: path of the public address; ends in `/`. `title`: what to sign in for. */
  constructor(base: string, sealer: Sealer, title: string) {
    this.#base = base;
    this.#sealer = sealer;
    this.#title = title;
  }

  async seal({ user, namespace }: FormOwner, path: string, values: T): Promise<string> {
    const draft: Draft<T> = { user, namespace, path, values };
    return await this.#sealer.seal("draft", draft, LIFETIME_MS);
  }

  /** Throws a PageProblem where it is over, or another person's. */
  async open(
    sealed: string,
    path: string,
    person: { readonly user: string; readonly namespace: string },
  ): Promise<T> {
    const draft = await this.#sealer.open<Draft<T>>("draft", sealed);
    if (draft === undefined || draft.path !== path) throw new PageProblem("stale", TEXTS.draft.over);
    if (!isSamePerson(draft, person)) throw new PageProblem("forbidden", TEXTS.draft.another);
    return draft.values;
  }

  /** Asks to sign in, and to go on then. */
  async ask(reply: FastifyReply, path: string, sealed: string): Promise<FastifyReply> {
    const texts = TEXTS.draft;
    const query = String(new URLSearchParams({ to: `${this.#base}signed-in` }));
    const content = html`<p>${texts.explanation}</p>
<ol class="steps">
<li><a class="button primary" href="${this.#base}sign-in?${query}" target="_blank" rel="noopener">${texts.signIn}</a></li>
<li><form action="${path}/draft" method="post" data-draft><input type="hidden" name="draft" value="${sealed}"><button>${texts.goOn}</button></form></li>
</ol>
<p class="help">${texts.limit(LIFETIME_MS / 60_000)}</p>`;
    const frame = {
      title: this.#title,
      base: this.#base,
      person: undefined,
      isAdmin: false,
    };
    const text = await page({ ...frame, content });
    return reply.code(401).type("text/html; charset=utf-8").send(String(text));
  }
}
