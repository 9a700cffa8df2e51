import type { FastifyRequest } from "fastify";
import { type HTML, html } from "../html.ts";
import { TEXTS } from "./texts.ts";

/** What a list is asked for in the query. */
export interface Asked {
  readonly search: string;
  /** From 1. */
  readonly page: number;
  /** Name of a column, with `-` in front for the other way round; anything, as it was sent. */
  readonly sort?: string;
}

/** One page of a list. */
export interface Paged<T> {
  readonly shown: readonly T[];
  /** From 1. */
  readonly current: number;
  readonly pages: number;
}

const ITEMS_A_PAGE = 50;

/** As it was sent: what is there twice, or is no number, counts for nothing. */
export function askedIn({ query }: FastifyRequest): Asked {
  const { search, page, sort } = query as Readonly<Record<string, unknown>>;
  const number = typeof page === "string" ? Number.parseInt(page, 10) : 1;
  return {
    search: typeof search === "string" ? search : "",
    page: number || 1,
    sort: typeof sort === "string" ? sort : "",
  };
}

/** The page that was asked for, or the nearest there is. */
export function paged<T>(items: readonly T[], page: number): Paged<T> {
  const pages = Math.max(1, Math.ceil(items.length / ITEMS_A_PAGE));
  const current = Math.min(Math.max(1, page), pages);
  return { shown: items.slice((current - 1) * ITEMS_A_PAGE, current * ITEMS_A_PAGE), current, pages };
}

/** The form that searches a list. */
export function searchForm(path: string, label: string, { search, sort = "" }: Asked): HTML {
  return html`<form role="search" action="${path}" method="get">
<label for="search">${label}</label>
<input id="search" name="search" type="search" maxlength="200" value="${search}">
${sort !== "" && html`<input type="hidden" name="sort" value="${sort}">`}<button>${TEXTS.paging.search}</button>
</form>`;
}

/** Links to the pages before and after; nothing where there is one page only. */
export function pager(
  path: string,
  { search, sort = "" }: Asked,
  { current, pages }: Paged<unknown>,
): HTML | false {
  const { paging } = TEXTS;
  if (pages === 1) return false;
  const to = (page: number) =>
    `${path}?${new URLSearchParams({ search, ...(sort === "" ? {} : { sort }), page: String(page) })}`;
  return html`<nav class="pager" aria-label="${paging.pages}">
${current > 1 && html`<a rel="prev" href="${to(current - 1)}">${paging.previous}</a>`}
<span>${paging.page(current, pages)}</span>
${current < pages && html`<a rel="next" href="${to(current + 1)}">${paging.next}</a>`}
</nav>`;
}
