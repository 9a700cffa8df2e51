import type { FastifyInstance, FastifyRequest } from "fastify";
import { clientNetwork } from "./clientaddress.ts";
import type { Person } from "./people/person.ts";

/**
 * `writes`: of one person. `strangers`: writes of nobody, by network. `signIns`: sign-ins begun and ended, by network, which
 * may be an office behind one address. `tries`: wrong tokens, by network, as Foreman has it (BruteForceProtection).
 */
export const LIMITS = {
  writes: 300,
  strangers: 300,
  signIns: 600,
  tries: 30,
} as const;

export type LimitName = keyof typeof LIMITS;

/** All of them are for so long, in ms. */
const WINDOW_MS = 5 * 60 * 1000;

/** How many people or networks each limit knows; of more, those that were not seen for longest are forgotten: 5 MB in all. */
const MOST_KNOWN = 10_000;

/** Somebody has done something too often. */
export class TooMany extends Error {
  override readonly name = "TooMany";
  readonly limit: LimitName;
  readonly retryAfterSeconds: number;

  constructor(limit: LimitName, retryAfterSeconds: number) {
    super(`too many ${limit}: try again in ${retryAfterSeconds} s`);
    this.limit = limit;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface LimitsOptions {
  /** With @fastify/rate-limit. */
  readonly server: FastifyInstance;
  /** Called for each refusal; `isFirst` for the first of a person or network in a window. */
  readonly onLimited: (refusal: {
    readonly request: FastifyRequest;
    readonly limit: LimitName;
    readonly person: Person | undefined;
    readonly isFirst: boolean;
  }) => void;
}

type Limiter = ReturnType<FastifyInstance["createRateLimit"]>;

/**
 * How often somebody may do what costs: people are counted each by themselves, and by their network only while they are
 * nobody, so that no one who is signed in is shut out by whoever shares an address. Each replica counts for itself.
 */
export class Limits {
  readonly #o: LimitsOptions;
  readonly #keys = new WeakMap<FastifyRequest, string>();
  readonly #limiters: Readonly<Record<LimitName, Limiter>>;

  constructor(options: LimitsOptions) {
    this.#o = options;
    const limiter = (limit: LimitName) => {
      // Its types do not know `cache` here.
      const each = {
        max: LIMITS[limit],
        timeWindow: WINDOW_MS,
        cache: MOST_KNOWN,
        keyGenerator: (request: FastifyRequest) => this.#keys.get(request) ?? "",
        // What is more than one beyond the limit is not the first.
        ban: 1,
      };
      return options.server.createRateLimit(each);
    };
    this.#limiters = {
      writes: limiter("writes"),
      strangers: limiter("strangers"),
      signIns: limiter("signIns"),
      tries: limiter("tries"),
    };
  }

  /** Rejects with a TooMany when this person has written too often. */
  async write(request: FastifyRequest, person: Person): Promise<void> {
    await this.#count("writes", request, JSON.stringify([person.namespace, person.user]), person);
  }

  /** Rejects with a TooMany when too many writes of nobody came from there. */
  async stranger(request: FastifyRequest): Promise<void> {
    await this.#count("strangers", request, clientNetwork(request), undefined);
  }

  /** Rejects with a TooMany when too many sign-ins came from there. */
  async signIn(request: FastifyRequest): Promise<void> {
    await this.#count("signIns", request, clientNetwork(request), undefined);
  }

  /** Rejects with a TooMany when too many wrong tokens came from there. */
  async beforeTry(request: FastifyRequest): Promise<void> {
    this.#keys.set(request, clientNetwork(request));
    const found = await this.#limiters.tries(request, { increment: false });
    if (found.isAllowed || found.remaining > 0) return;
    this.#o.onLimited({ request, limit: "tries", person: undefined, isFirst: false });
    throw new TooMany("tries", found.ttlInSeconds);
  }

  /** A wrong token came from there. */
  async failedTry(request: FastifyRequest): Promise<void> {
    this.#keys.set(request, clientNetwork(request));
    const found = await this.#limiters.tries(request);
    const isLast = !found.isAllowed && found.remaining === 0 && !found.isExceeded;
    if (isLast) this.#o.onLimited({ request, limit: "tries", person: undefined, isFirst: true });
  }

  async #count(
    limit: LimitName,
    request: FastifyRequest,
    key: string,
    person: Person | undefined,
  ): Promise<void> {
    this.#keys.set(request, key);
    const found = await this.#limiters[limit](request);
    if (found.isAllowed || !found.isExceeded) return;
    this.#o.onLimited({ request, limit, person, isFirst: !found.isBanned });
    throw new TooMany(limit, found.ttlInSeconds);
  }
}
