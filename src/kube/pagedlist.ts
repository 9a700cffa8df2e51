import { ApiError } from "./apierror.ts";
import { isKubeObject, isResourceVersion, type KubeObject } from "./object.ts";
import type { Transport } from "./transport.ts";

/** A collection on the API server. */
export interface Collection {
  readonly transport: Transport;
  readonly path: string;
  /** Selectors. */
  readonly query: Readonly<Record<string, string>>;
}

export interface PagedListOptions<T> extends Collection {
  readonly pageSize: number;
  readonly decode: (object: KubeObject) => T;
}

/** A complete list, as of one moment. */
export interface CompleteList<T> {
  readonly items: T[];
  readonly resourceVersion: string;
}

/**
 * One consistent list, fetched page by page. While a page is decoded the next one is on its way, so no more than two
 * are in memory. After a failed page `finish` may be called again and goes on where it stopped: all pages show the
 * moment of the first. An `Expired` error means that this moment is no longer kept; a new PagedList is needed then.
 */
export class PagedList<T> {
  readonly #options: PagedListOptions<T>;
  readonly #items: T[] = [];
  #resourceVersion: string | undefined;
  /** Where the first page begins that is not in `#items`; empty at the start. */
  #continue = "";

  constructor(options: PagedListOptions<T>) {
    this.#options = options;
  }

  /** Fetches what is missing. Rejects with an ApiError, `Undecodable` when a page is not what the API promises. */
  async finish(signal: AbortSignal): Promise<CompleteList<T>> {
    for (let fetching: Promise<Page> | undefined; ; ) {
      const page = await (fetching ?? this.#fetch(this.#continue, signal));
      if (page.next !== "" && page.next === this.#continue) {
        throw undecodable(this.#options, "the server continues with the same page");
      }
      fetching = page.next === "" ? undefined : this.#fetch(page.next, signal);
      // A failure is met when its turn comes, unless this page fails first.
      fetching?.catch(() => {});
      const items = page.items.map((item) => this.#decode(item));
      for (const item of items) {
        this.#items.push(item);
      }
      this.#resourceVersion ??= page.resourceVersion;
      this.#continue = page.next;
      if (page.next === "") {
        return { items: this.#items, resourceVersion: this.#resourceVersion };
      }
    }
  }

  #fetch(from: string, signal: AbortSignal): Promise<Page> {
    return fetchPage(this.#options, { from, limit: this.#options.pageSize }, signal);
  }

  #decode(item: unknown): T {
    if (!isKubeObject(item)) {
      throw undecodable(this.#options, "an item has no name, uid or resourceVersion");
    }
    return this.#options.decode(item);
  }
}

/** The version that the collection is at. Rejects with an ApiError as a list does. */
export async function currentVersion(collection: Collection, signal: AbortSignal): Promise<string> {
  const { resourceVersion } = await fetchPage(collection, { from: "", limit: 1 }, signal);
  return resourceVersion;
}

async function fetchPage(
  collection: Collection,
  { from, limit }: { readonly from: string; readonly limit: number },
  signal: AbortSignal,
): Promise<Page> {
  const { transport, path, query } = collection;
  // No resourceVersion: the most recent state, never an older one out of a cache (API concepts, "resource versions").
  const position = from === "" ? {} : { continue: from };
  const answer = await transport.request({
    method: "GET",
    path,
    query: { ...query, limit: String(limit), ...position },
    signal,
    deadlineMs: 60_000,
  });
  const page = readPage(answer);
  if (page === undefined) {
    throw undecodable(collection, "the answer is not a list");
  }
  return page;
}

function undecodable({ path }: Collection, what: string): ApiError {
  return new ApiError({ code: "Undecodable", status: 200, message: `GET ${path}: ${what}` });
}

interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** Empty on the last page. */
  readonly next: string;
}

function readPage(answer: unknown): Page | undefined {
  const { items, metadata } = (answer ?? {}) as { items?: unknown; metadata?: unknown };
  const { resourceVersion, continue: next = "" } = (metadata ?? {}) as {
    resourceVersion?: unknown;
    continue?: unknown;
  };
  // An empty Go slice may arrive as null; a missing field is something else.
  const list = items === null ? [] : items;
  if (!Array.isArray(list) || !isResourceVersion(resourceVersion) || typeof next !== "string") {
    return undefined;
  }
  return { items: list, resourceVersion, next };
}
