import type { FastifyRequest } from "fastify";
import { type Audit, mayWrite } from "./audit.ts";
import type { Limits } from "./limits.ts";
import type { Identity } from "./people/identity.ts";
import type { Person } from "./people/person.ts";

export interface EntranceOptions {
  readonly identity: Identity;
  readonly limits: Limits;
  readonly audit: Audit;
}

/** Who comes in: identified, held to the limits, and known to the audit log. */
export class Entrance {
  readonly #o: EntranceOptions;

  constructor(options: EntranceOptions) {
    this.#o = options;
  }

  /** Of a page; undefined for nobody. Rejects with a Refused, and with a TooMany. */
  async ofPage(request: FastifyRequest): Promise<Person | undefined> {
    return await this.#within(request, await this.#o.identity.ofPage(request));
  }

  /** Of the REST API; undefined for nobody. Rejects as `ofPage`. */
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
    const { limits, audit } = this.#o;
    if (!mayWrite(request)) return person;
    await (person === undefined ? limits.stranger(request) : limits.write(request, person));
    audit.counted(person);
    return person;
  }
}
