import type { FastifyReply, FastifyRequest } from "fastify";
import type { Policy } from "../../claims/policy.ts";
import type { HTML } from "../html.ts";
import type { Access } from "../people/access.ts";
import type { Person } from "../people/person.ts";
import type { Sealer } from "../sealer.ts";
import type { KeyKnowledge } from "../sshkeys/keyknowledge.ts";
import type { KeyStore } from "../sshkeys/keystore.ts";
import { type KeyWriter, writeOf } from "../sshkeys/keywriter.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import type { UsedByLists } from "../sshkeys/usedby.ts";
import { formToken, isOwnForm } from "./forms.ts";
import { type PageFrame, page } from "./layout.ts";
import { PageProblem } from "./problem.ts";
import type { RecentWrites } from "./recent.ts";

export interface WebOptions {
  /** Path of the public address; ends in `/`. */
  readonly base: string;
  /** Of the portal's own pages. */
  readonly originOf: (request: FastifyRequest) => string;
  readonly store: KeyStore;
  readonly writer: KeyWriter;
  readonly access: Access;
  readonly sealer: Sealer;
  readonly recent: RecentWrites;
  readonly policy: Policy;
  readonly keyKnowledge: KeyKnowledge;
  /** Undefined where that is not to be told. */
  readonly usedBy: UsedByLists | undefined;
  /** The namespaces whose AuthorizedKeys may be looked at for it. */
  readonly targetNamespaces: readonly string[];
  /** Who asks; rejects with a PageProblem, or sends to the sign-in, when it is nobody. */
  readonly identify: (request: FastifyRequest) => Promise<Person>;
}

/** What is shown inside the frame of a page. */
export interface Shown {
  readonly title: string;
  readonly content: HTML;
  readonly notice?: string | undefined;
}

/** How long a token is put into further forms, in ms: to make one takes as long as the rest of a page. */
const TOKEN_MS = 60_000;

/** What all pages need: who asks, whether a form is that person's own, and how a page is sent. */
export class Desk {
  readonly o: WebOptions;
  /** Of people as their sessions name them, which are remembered. */
  readonly #tokens = new WeakMap<Person, { readonly token: string; readonly madeAt: number }>();
  /** Path of the own keys. */
  readonly own: string;
  /** Path of everybody's. */
  readonly people: string;

  constructor(options: WebOptions) {
    this.o = options;
    this.own = `${options.base}keys`;
    this.people = `${options.base}people`;
  }

  /** Who asks, if keys may be had here; throws a PageProblem otherwise. */
  async keyHolder(request: FastifyRequest): Promise<Person> {
    const person = await this.o.identify(request);
    if (!this.o.access.mayHaveKeys(person)) throw new PageProblem("forbidden");
    return person;
  }

  /** Who asks, if everybody's keys may be seen; throws a PageProblem otherwise. */
  async viewer(request: FastifyRequest): Promise<Person> {
    const person = await this.o.identify(request);
    if (!(await this.o.access.may(person, "list"))) throw new PageProblem("forbidden");
    return person;
  }

  /** Throws a PageProblem where the form is not this person's own. */
  async requireOwnForm(request: FastifyRequest, person: Person): Promise<void> {
    if (!(await isOwnForm(this.o.sealer, person, request, this.o.originOf(request))))
      throw new PageProblem("stale");
  }

  async formToken(person: Person): Promise<string> {
    const known = this.#tokens.get(person);
    if (known !== undefined && performance.now() - known.madeAt < TOKEN_MS) return known.token;
    const token = await formToken(this.o.sealer, person);
    this.#tokens.set(person, { token, madeAt: performance.now() });
    return token;
  }

  /** Goes on after a write: the next page says what was done, and shows it. */
  async done(reply: FastifyReply, key: PortalKey, notice: string, to: string): Promise<FastifyReply> {
    await this.o.recent.remember(reply, { writes: [writeOf(key)], notice });
    return reply.redirect(to, 303);
  }

  async show(reply: FastifyReply, person: Person, { title, content, notice }: Shown): Promise<FastifyReply> {
    const isAdmin = await this.o.access.may(person, "list");
    const path = reply.request.url.split("?")[0];
    return await this.#send(reply, { title, path, person, isAdmin, notice, content });
  }

  /** The page of what went wrong: the same frame, as far as the cluster can be asked what this person may do. */
  async showProblem(
    reply: FastifyReply,
    person: Person | undefined,
    { title, content }: Shown,
  ): Promise<FastifyReply> {
    const isAdmin = person !== undefined && (await this.o.access.may(person, "list").catch(() => false));
    return await this.#send(reply, { title, person, isAdmin, content });
  }

  async #send(reply: FastifyReply, frame: Omit<PageFrame, "base" | "signOutToken">): Promise<FastifyReply> {
    const { person } = frame;
    const signOutToken = person?.signedInBy === "oidc" ? await this.formToken(person) : undefined;
    const text = await page({ ...frame, base: this.o.base, signOutToken });
    return reply.type("text/html; charset=utf-8").send(String(text));
  }
}
