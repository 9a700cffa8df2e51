import { type HTML, html } from "../html.ts";
import type { Asked } from "./paging.ts";

/** How each column that can be sorted by compares two items, upwards. */
export type Orders<T> = Readonly<Record<string, (a: T, b: T) => number>>;

/** The items in the order that was asked for; as they are where that is none of these. */
export function sortedBy<T>(items: readonly T[], orders: Orders<T>, { sort = "" }: Asked): readonly T[] {
  const isDown = sort.startsWith("-");
  const column = isDown ? sort.slice(1) : sort;
  const order = Object.hasOwn(orders, column) ? orders[column] : undefined;
  if (order === undefined) return items;
  return items.toSorted((a, b) => (isDown ? order(b, a) : order(a, b)));
}

/** The heading of a column, as a link that sorts by it, the other way round where it is sorted by it already. */
export function heading(path: string, text: string, column: string, { search, sort = "" }: Asked): HTML {
  const isUp = sort === column;
  const isDown = sort === `-${column}`;
  const direction = isUp ? "ascending" : isDown ? "descending" : "none";
  const query = String(new URLSearchParams({ search, sort: isUp ? `-${column}` : column }));
  return html`<th scope="col" aria-sort="${direction}"><a href="${path}?${query}">${text}</a></th>`;
}
