import { ApiError } from "./apierror.ts";
import { isKubeObject, isResourceVersion, type KubeObject } from "./object.ts";
import type { Transport } from "./transport.ts";

export interface PagedListOptions<T> {
  readonly transport: Transport;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
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
        throw this.#undecodable("the server continues with the same page");
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

  async #fetch(from: string, signal: AbortSignal): Promise<Page> {
    const { transport, path, query, pageSize } = this.#options;
    // No resourceVersion: the most recent state, never an older one out of a cache (API concepts, "resource versions").
    const position = from === "" ? {} : { continue: from };
    const answer = await transport.request({
      method: "GET",
      path,
      query: { ...query, limit: String(pageSize), ...position },
      signal,
      deadlineMs: 60_000,
    });
    const page = readPage(answer);
    if (page === undefined) {
      throw this.#undecodable("the answer is not a list");
    }
    return page;
  }

  #decode(item: unknown): T {
    if (!isKubeObject(item)) {
      throw this.#undecodable("an item has no name, uid or resourceVersion");
    }
    return this.#options.decode(item);
  }

  #undecodable(what: string): ApiError {
    return new ApiError({ code: "Undecodable", status: 200, message: `GET ${this.#options.path}: ${what}` });
  }
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
