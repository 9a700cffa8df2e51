import type { FastifyRequest } from "fastify";
import { type Audit, mayWrite } from "./audit.ts";
import type { Backlog } from "./backlog.ts";
import type { Limits } from "./limits.ts";
import type { Identity } from "./people/identity.ts";
import type { Person } from "./people/person.ts";
import { PageProblem } from "./web/problem.ts";

export interface EntranceOptions {
  readonly identity: Identity;
  readonly limits: Limits;
  readonly audit: Audit;
  readonly backlog: Backlog;
  /** Is there a page to sign in at? */
  readonly hasSignIn: boolean;
  /** Are the SSHKeys known? */
  readonly isListed: () => boolean;
}

/** The SSHKeys are not known yet: nobody may be told that there are none. */
export class NotListed extends Error {
  override readonly name = "NotListed";
}

/** Who comes in: identified, held to the limits, and known to the audit log. */
export class Entrance {
  readonly #o: EntranceOptions;

  constructor(options: EntranceOptions) {
    this.#o = options;
  }

  /** Of a page. Rejects for nobody with a PageProblem, whose page leads on to the sign-in; with a Refused, a TooMany, an Unread, and a NotListed. */
  async ofPage(request: FastifyRequest): Promise<Person> {
    const person = await this.#within(request, await this.#o.identity.ofPage(request));
    if (person !== undefined) return person;
    const to = request.method === "GET" ? request.url : undefined;
    throw new PageProblem(this.#o.hasSignIn ? "signIn" : "forbidden", undefined, to);
  }

  /** Of the REST API; undefined for nobody. Rejects with a Refused, a TooMany, an Unread, and a NotListed. */
  async ofProgram(request: FastifyRequest): Promise<Person | undefined> {
    const { identity, limits, audit } = this.#o;
    const hasToken = request.headers.authorization !== undefined;
    // Others' wrong tokens from the same network do not shut out whoever has shown a right one.
    if (hasToken && !identity.hasGoodToken(request)) await limits.beforeTry(request);
    const person = await identity.ofProgram(request);
    if (hasToken && person === undefined) {
      await limits.failedTry(request);
      audit.signInFailed(request, "the token is not accepted");
    }
    return await this.#within(request, person);
  }

  async #within(request: FastifyRequest, person: Person | undefined): Promise<Person | undefined> {
    const { limits, audit, backlog, isListed } = this.#o;
    if (person !== undefined) {
      if (!isListed()) throw new NotListed("the SSHKeys are not listed yet: try again in a moment");
      backlog.identified(request, person);
    }
    if (!mayWrite(request)) return person;
    await (person === undefined ? limits.stranger(request) : limits.write(request, person));
    audit.counted(person);
    return person;
  }
}
