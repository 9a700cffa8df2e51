import { isKubeObject, isResourceVersion, type KubeObject } from "../api/object.ts";
import { undecodable } from "./apierror.ts";
import { ListReader } from "./listreader.ts";
import type { Reads } from "./transport.ts";

/** A collection on the API server. */
export interface Collection {
  readonly transport: Reads;
  readonly path: string;
  /** Selectors. */
  readonly query: Readonly<Record<string, string>>;
  /** Are metadata.managedFields of listed objects read? By default they may be left out. */
  readonly keepsManagedFields?: boolean;
  /** Limit in milliseconds for a page; default 60,000. */
  readonly deadlineMs?: number;
}

export interface PagedListOptions<T> extends Collection {
  readonly pageSize: number;
  /** Throws nothing but an ApiError. */
  readonly decode: (object: KubeObject) => T;
}

/** Of a selector that fits few, an API server may send some. */
const MOST_EMPTY_PAGES = 10;

/** A complete list as of one resourceVersion. */
export interface CompleteList<T> {
  readonly items: T[];
  readonly resourceVersion: string;
}

/**
 * One consistent list, fetched page by page (`limit` and `continue`). Each object is decoded as soon as it is complete,
 * and its JSON is dropped: of JSON that is not decoded yet, memory holds at most one object and one chunk, however large
 * the objects of a page are. After a failed page `fetchAll` may be called again and goes on where it stopped: all pages
 * have the resourceVersion of the first. An `Expired` error means that the server no longer keeps that version; a new
 * PagedList is needed then.
 */
export class PagedList<T> {
  readonly #options: PagedListOptions<T>;
  /** Of complete pages only. */
  readonly #items: T[] = [];
  #resourceVersion: string | undefined;
  /** The continue token of the first page that is not in `#items`; empty at the start. */
  #continue = "";
  /** Continue tokens that the server has given, and the UIDs of the first items of its pages. */
  readonly #tokens = new Set<string>();
  readonly #firsts = new Set<string>();
  /** In a row. */
  #emptyPages = 0;

  constructor(options: PagedListOptions<T>) {
    this.#options = options;
  }

  /** Fetches the remaining pages. Rejects with an ApiError, `Undecodable` when a page is no valid list. */
  async fetchAll(signal: AbortSignal): Promise<CompleteList<T>> {
    for (;;) {
      const items: T[] = [];
      let first: string | undefined;
      const part = { from: this.#continue, limit: this.#options.pageSize };
      const page = await fetchPage(this.#options, part, signal, (item) => {
        const object = this.#checked(item);
        first ??= object.metadata.uid;
        items.push(this.#options.decode(object));
      });
      if (page.next !== "") this.#heedProgress(page.next, first);
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

  /** Throws where the list goes on with what was there before: it might never end. `first`: the UID of the page's first item. */
  #heedProgress(next: string, first: string | undefined): void {
    this.#emptyPages = first === undefined ? this.#emptyPages + 1 : 0;
    const isKnown = this.#tokens.has(next) || (first !== undefined && this.#firsts.has(first));
    if (isKnown || this.#emptyPages > MOST_EMPTY_PAGES)
      throw undecodable(
        `GET ${this.#options.path}`,
        "the server says that the list goes on, and sends nothing new: ask whoever runs the API server, or what stands before it",
      );
    this.#tokens.add(next);
    if (first !== undefined) this.#firsts.add(first);
  }

  #checked(item: unknown): KubeObject {
    if (!isKubeObject(item)) {
      throw undecodable(`GET ${this.#options.path}`, "an item has no name, uid or resourceVersion");
    }
    return item;
  }
}

/** The current resourceVersion of the collection. Rejects with an ApiError as a list does. */
export async function currentResourceVersion(collection: Collection, signal: AbortSignal): Promise<string> {
  const { resourceVersion } = await fetchPage(collection, { from: "", limit: 1 }, signal, () => {});
  return resourceVersion;
}

/**
 * Fetches the page that begins at `from`, a continue token or "" for the first. Calls `take` with each item as it comes;
 * they count only if the page turns out to be complete. Rejects with an ApiError, `Expired` when the token is too old.
 */
export async function fetchPage(
  collection: Collection,
  { from, limit }: { readonly from: string; readonly limit: number },
  signal: AbortSignal,
  take: (item: unknown) => void,
): Promise<Page> {
  const { transport, path, query, keepsManagedFields = false, deadlineMs = 60_000 } = collection;
  // No resourceVersion: the most recent state, never an older one out of a cache (API concepts, "resource versions").
  const position = from === "" ? {} : { continue: from };
  const name = `GET ${path}`;
  const reader = new ListReader(name, { keepsManagedFields });
  const call = {
    method: "GET",
    path,
    query: { ...query, limit: String(limit), ...position },
    signal,
    deadlineMs,
  } as const;
  return await transport.read(call, {
    take(chunk) {
      for (const item of reader.push(chunk)) take(item);
    },
    end() {
      const page = readPage(reader.end());
      if (page === undefined) throw undecodable(name, "the answer is not a list");
      return page;
    },
  });
}

export interface Page {
  readonly resourceVersion: string;
  /** Empty on the last page. */
  readonly next: string;
}

function readPage(list: unknown): Page | undefined {
  const { items, metadata } = (list ?? {}) as { items?: unknown; metadata?: unknown };
  const { resourceVersion, continue: next = "" } = (metadata ?? {}) as {
    resourceVersion?: unknown;
    continue?: unknown;
  };
  // An empty Go slice may arrive as null; a missing field is something else.
  const hasItems = items === null || Array.isArray(items);
  if (!hasItems || !isResourceVersion(resourceVersion) || typeof next !== "string") {
    return undefined;
  }
  return { resourceVersion, next };
}
