import { type HTML, html } from "../html.ts";
import { TEXTS } from "./texts.ts";

/** What a page says when it cannot be what was asked for. */
export type ProblemKind =
  | "notFound"
  | "forbidden"
  | "unavailable"
  | "notSetUp"
  | "unexpected"
  | "stale"
  | "tooLarge"
  | "signIn"
  | "refused"
  | "tooMany";

const STATUS: Readonly<Record<ProblemKind, number>> = {
  notFound: 404,
  forbidden: 403,
  unavailable: 503,
  notSetUp: 503,
  unexpected: 500,
  stale: 403,
  tooLarge: 413,
  signIn: 401,
  refused: 403,
  tooMany: 429,
};

export class PageProblem extends Error {
  override readonly name = "PageProblem";
  readonly kind: ProblemKind;
  /** A sentence of its own in place of the kind's. */
  readonly text: string;

  /** Where to go on after signing in: a path of the portal. */
  readonly to: string | undefined;

  constructor(kind: ProblemKind, text: string = TEXTS.problems[kind].text, to?: string) {
    super(text);
    this.kind = kind;
    this.text = text;
    this.to = to;
  }

  get statusCode(): number {
    return STATUS[this.kind];
  }
}

/** Is it only that nobody is signed in? */
export function isSignedOut(error: unknown): error is PageProblem {
  return error instanceof PageProblem && error.kind === "signIn";
}

/** The content of its page. */
export function problemContent({ kind, text, to }: PageProblem, base: string, requestID: string): HTML {
  const query = to === undefined ? "" : `?${new URLSearchParams({ to })}`;
  return html`<p>${text}</p>
<p>${
    kind === "signIn"
      ? html`<a class="button primary" href="${base}sign-in${query}">${TEXTS.problems.signInAgain}</a>`
      : html`<a href="${base}keys">${TEXTS.problems.back}</a>`
  }</p>
<p class="help">${TEXTS.problems.request(requestID)}</p>`;
}
