import type { FastifyReply, FastifyRequest } from "fastify";
import type { Purpose, Sealer } from "../sealer.ts";
import type { Attempt } from "./openid.ts";
import type { Person } from "./person.ts";

export interface SessionsOptions {
  readonly sealer: Sealer;
  /** Is the portal reached by https? Only an insecure one on loopback is not. */
  readonly isSecure: boolean;
  /** In ms. */
  readonly lifetime: number;
}

/** How long somebody may take to sign in, in ms. */
const ATTEMPT_MS = 15 * 60 * 1000;

/** Tries to sign in that one browser may have at once, one a tab; their cookies stay below 4 KB together. */
const MOST_ATTEMPTS = 5;

/** What browsers keep for the portal: who is signed in, and the tries to. Nothing of it is kept here. */
export class Sessions {
  readonly #o: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#o = options;
  }

  /** Who is signed in; undefined for nobody. */
  async person(request: FastifyRequest): Promise<Person | undefined> {
    const sealed = request.cookies[this.#name("session")];
    return sealed === undefined ? undefined : await this.#o.sealer.open<Person>("session", sealed);
  }

  /** A new session: the one before, whosever it was, ends in this browser. */
  async begin(reply: FastifyReply, person: Person): Promise<void> {
    await this.set(reply, "session", person, this.#o.lifetime);
  }

  end(reply: FastifyReply): void {
    this.clear(reply, "session");
  }

  /** Remembers a try to sign in, beside those of other tabs; of too many the oldest is given up. */
  async remember(request: FastifyRequest, reply: FastifyReply, attempt: Attempt): Promise<void> {
    const names = Object.keys(request.cookies).filter((name) => name.startsWith(this.#name("attempt-")));
    // Their names begin with when they were made.
    for (const name of names.sort().slice(0, Math.max(0, names.length - MOST_ATTEMPTS + 1)))
      reply.clearCookie(name, this.#cookieOptions);
    const made = Date.now().toString(36);
    const sealed = await this.#o.sealer.seal("attempt", attempt, ATTEMPT_MS);
    reply.setCookie(this.#name(`attempt-${made}-${shortened(attempt.state)}`), sealed, {
      ...this.#cookieOptions,
      maxAge: ATTEMPT_MS / 1000,
    });
  }

  /** The try with this state, which is over now; undefined where this browser has made none. */
  async recall(request: FastifyRequest, reply: FastifyReply, state: string): Promise<Attempt | undefined> {
    for (const [name, sealed] of Object.entries(request.cookies)) {
      if (!name.startsWith(this.#name("attempt-")) || !name.endsWith(`-${shortened(state)}`)) continue;
      reply.clearCookie(name, this.#cookieOptions);
      const attempt = sealed && (await this.#o.sealer.open<Attempt>("attempt", sealed));
      if (attempt && attempt.state === state) return attempt;
    }
    return undefined;
  }

  /** Seals a cookie. */
  async set(reply: FastifyReply, purpose: Purpose, content: object, lifetimeMs: number): Promise<void> {
    const sealed = await this.#o.sealer.seal(purpose, content, lifetimeMs);
    const name = this.#name(purpose);
    // Browsers drop a longer one without a word (RFC 6265 section 6.1).
    if (name.length + sealed.length > MOST_COOKIE_BYTES)
      throw new RangeError(`a cookie of ${sealed.length} bytes is dropped by browsers`);
    reply.setCookie(name, sealed, { ...this.#cookieOptions, maxAge: Math.floor(lifetimeMs / 1000) });
  }

  async get<T extends object>(request: FastifyRequest, purpose: Purpose): Promise<T | undefined> {
    const sealed = request.cookies[this.#name(purpose)];
    return sealed === undefined ? undefined : await this.#o.sealer.open<T>(purpose, sealed);
  }

  clear(reply: FastifyReply, purpose: Purpose): void {
    reply.clearCookie(this.#name(purpose), this.#cookieOptions);
  }

  /** With the prefix neither another host nor plain http can set it (RFC 6265bis, section 4.1.3.2). */
  #name(purpose: string): string {
    return `${this.#o.isSecure ? "__Host-" : ""}sshkeys-${purpose}`;
  }

  /** Lax, not Strict: people come back from the issuer, another site. */
  get #cookieOptions() {
    return { path: "/", httpOnly: true, sameSite: "lax", secure: this.#o.isSecure } as const;
  }
}

const MOST_COOKIE_BYTES = 4000;

function shortened(state: string): string {
  return state.replaceAll(/[^A-Za-z0-9]/g, "").slice(0, 8);
}
