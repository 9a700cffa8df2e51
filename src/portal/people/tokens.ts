import { createHash } from "node:crypto";
import { decodeJwt } from "jose";
import type { Requests } from "../../kube/transport.ts";
import { FreshAnswers } from "../freshanswers.ts";

export interface TokensOptions {
  readonly requests: Requests;
  /** What a token must be good for. */
  readonly audience: string;
  /** Monotonic ms. */
  readonly now?: () => number;
  /** Ms since the epoch. */
  readonly clock?: () => number;
}

/** Whose a token is, as the API server names them. */
export interface TokenOwner {
  readonly username: string;
  readonly groups: readonly string[];
}

/** How long an answer counts, in ms; the API server may know better from then on. */
const ANSWER_MS = 4000;
const MOST_ANSWERS = 10_000;

/** Reviews under way at once; whoever comes then is told to come again, so that wrong tokens do not become as many reviews. */
const MOST_REVIEWS = 8;

/** Too many tokens are being looked at: the request may be sent again. */
export class Busy extends Error {
  override readonly name = "Busy";
}

/** Asks the API server whose a bearer token is (authentication.k8s.io TokenReview). */
export class Tokens {
  readonly #o: TokensOptions;
  readonly #clock: () => number;
  readonly #answers: FreshAnswers<TokenOwner | undefined>;
  /** Tokens that were good when they were last looked at, by their ids: wrong ones, however many, do not shut their owners out. */
  readonly #good = new Set<string>();
  #reviews = 0;

  constructor(options: TokensOptions) {
    this.#o = options;
    this.#answers = new FreshAnswers({ lifetimeMs: ANSWER_MS, most: MOST_ANSWERS, now: options.now });
    this.#clock = options.clock ?? Date.now;
  }

  /** Undefined where the API server does not take it for the portal's audience. Rejects with an ApiError when it cannot say, and with Busy. */
  async ownerOf(token: string): Promise<TokenOwner | undefined> {
    if (!this.#mayBeGood(token)) return undefined;
    const id = idOf(token);
    const known = this.#answers.get(id);
    if (known !== undefined) return await known;
    if (this.#reviews >= (this.#good.has(id) ? 2 * MOST_REVIEWS : MOST_REVIEWS))
      throw new Busy("too many tokens are being looked at: try again in a moment");
    this.#reviews += 1;
    const owner = this.#review(token).finally(() => {
      this.#reviews -= 1;
    });
    this.#answers.set(id, owner);
    owner.catch(() => this.#answers.forget(id));
    this.#remember(id, (await owner) !== undefined);
    return await owner;
  }

  /** Was it good when it was last looked at, and may it still be? */
  wasGood(token: string): boolean {
    return this.#good.has(idOf(token)) && this.#mayBeGood(token);
  }

  #remember(id: string, isGood: boolean): void {
    this.#good.delete(id);
    if (isGood) this.#good.add(id);
    if (this.#good.size > MOST_ANSWERS) this.#good.delete(this.#good.keys().next().value ?? "");
  }

  /** Not if it says of itself that it has ended. For whom it is good only the API server knows: its issuers name it in many ways. */
  #mayBeGood(token: string): boolean {
    const { exp } = payloadOf(token);
    return typeof exp !== "number" || exp * 1000 > this.#clock();
  }

  async #review(token: string): Promise<TokenOwner | undefined> {
    const { requests, audience } = this.#o;
    const { status = {} } = await requests.request<{ readonly status?: ReviewStatus }>({
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/tokenreviews",
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        spec: { token, audiences: [audience] },
      },
      deadlineMs: 5000,
    });
    const { authenticated, error, audiences = [], user } = status;
    // An authenticator that knows no audiences says authenticated and names none.
    if (authenticated !== true || error || !audiences.includes(audience)) return undefined;
    if (typeof user?.username !== "string" || user.username === "") return undefined;
    return { username: user.username, groups: user.groups ?? [] };
  }
}

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly error?: string;
  readonly audiences?: readonly string[];
  readonly user?: { readonly username?: string; readonly groups?: readonly string[] };
}

/** No token is kept in memory. */
function idOf(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}

/** What a JSON Web Token says, unverified; of any other token nothing. */
function payloadOf(token: string): { readonly exp?: unknown } {
  try {
    return decodeJwt(token);
  } catch {
    return {};
  }
}

/** The token of an Authorization header: a bearer token, or the password of HTTP Basic, whose user name says nothing. */
export function tokenIn(authorization: string | undefined): string | undefined {
  const [, scheme = "", value = ""] = /^(\w+) +(\S+)$/.exec(authorization ?? "") ?? [];
  if (/^bearer$/i.test(scheme)) return value;
  if (!/^basic$/i.test(scheme)) return undefined;
  const text = Buffer.from(value, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon === -1 || colon === text.length - 1 ? undefined : text.slice(colon + 1);
}
