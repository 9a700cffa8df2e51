import { type Fields, parseSearch, QueryNotSupported, type Searchable } from "./search.ts";

/** What a list is asked for, as it was sent: by a query, or by a JSON body. */
export interface ListQuery {
  readonly search: string | undefined;
  readonly order: string | undefined;
  readonly page: string | undefined;
  readonly per_page: string | undefined;
  /** What `results` is to be called; undefined also for a blank one. */
  readonly root_name: string | undefined;
  /** Is it to be said what the caller may do? */
  readonly include_permissions: boolean;
}

/** What the caller may do with what is listed. */
export interface Permissions {
  readonly can_create: boolean;
  /** True for nobody: neither keys nor users are changed here. */
  readonly can_edit: boolean;
}

/** The answer to a list, in Foreman's order of fields; its records are in `results`, or in what was asked for instead. */
export interface Listing extends Partial<Permissions> {
  readonly total: number;
  readonly subtotal: number;
  readonly page: number;
  readonly per_page: number;
  readonly search: string | null;
  readonly sort: { readonly by: string | null; readonly order: string | null };
}

/** A page or per_page that is no number; Foreman itself answers these with 500. */
export class BadPage extends Error {
  override readonly name = "BadPage";
}

/** Foreman's setting entries_per_page. */
const DEFAULT_PER_PAGE = 20;

export interface ListingOptions<T> {
  readonly fields: Fields;
  /** What a search looks at of a record. */
  readonly searchable: (record: T) => Searchable;
  /** Does `per_page=all` mean all? Not to Foreman 1.19. */
  readonly mayAskForAll: boolean;
  readonly permissions: Permissions | undefined;
}

/**
 * The page that was asked for of these records, in their order unless another is named. Throws a QueryNotSupported for a
 * search or an order, a BadPage for a page, that cannot be understood.
 */
export function listing<T>(records: readonly T[], query: ListQuery, o: ListingOptions<T>): Listing {
  const { search } = query;
  const isFound = parseSearch(search ?? "", o.fields);
  const found = records.filter((record) => isFound(o.searchable(record)));
  const sorted = ordered(found, query.order, o);
  const isAll = o.mayAskForAll && query.per_page === "all";
  const perPage = isAll ? { shown: records.length, taken: records.length } : perPageOf(query.per_page);
  const page = pageOf(query.page);
  const [by = null, direction] = query.order === undefined ? [] : query.order.trim().split(/\s+/);
  return {
    total: records.length,
    subtotal: search === undefined || search.trim() === "" ? records.length : found.length,
    page,
    per_page: perPage.shown,
    search: search ?? null,
    ...o.permissions,
    sort: { by: by || null, order: by ? (direction ?? "ASC") : null },
    [query.root_name ?? "results"]: isAll
      ? sorted
      : sorted.slice((page - 1) * perPage.taken, page * perPage.taken),
  };
}

function ordered<T>(
  records: readonly T[],
  order: string | undefined,
  { fields, searchable }: ListingOptions<T>,
): readonly T[] {
  const [by = "", direction = ""] = (order ?? "").trim().split(/\s+/);
  if (by === "") return records;
  if (!Object.hasOwn(fields, by))
    throw new QueryNotSupported(`the field '${by}' in the order statement is not valid field for search`);
  const sign = /^desc$/i.test(direction) ? -1 : 1;
  const values = new Map(records.map((record) => [record, searchable(record)[by] ?? ""]));
  return records.toSorted((a, b) => sign * compare(values.get(a) ?? "", values.get(b) ?? ""));
}

function compare<V extends string | number>(a: V, b: V): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `shown` in the answer, `taken` of the records: with an empty one nothing is taken, and the default is shown. */
function perPageOf(text: string | undefined): { readonly shown: number; readonly taken: number } {
  if (text === undefined) return { shown: DEFAULT_PER_PAGE, taken: DEFAULT_PER_PAGE };
  if (text.trim() === "") return { shown: DEFAULT_PER_PAGE, taken: 0 };
  const number = Number.parseInt(text, 10) || 0;
  if (number < 0) throw new BadPage(`per_page must not be negative: ${number}`);
  if (!Number.isSafeInteger(number)) throw new BadPage("per_page is too large: use a smaller number");
  return { shown: number, taken: number };
}

function pageOf(text: string | undefined): number {
  if (text === undefined) return 1;
  if (!/^\s*[+-]?[0-9]+\s*$/.test(text))
    throw new BadPage(`invalid value for Integer(): ${JSON.stringify(text)}`);
  const page = Number(text);
  if (page < 1 || !Number.isSafeInteger(page)) throw new BadPage(`invalid page: ${text.trim()}`);
  return page;
}
