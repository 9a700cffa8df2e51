import type { KubeObject } from "../api/object.ts";
import { authorizedKeysPath, namespacePath } from "../api/paths.ts";
import { readConsent } from "../authorizedkeys/consent.ts";
import {
  type AuthorizedKeysRecord,
  type StoredAuthorizedKeys,
  toAuthorizedKeysRecord,
} from "../authorizedkeys/record.ts";
import { isApiError } from "../kube/apierror.ts";
import { fetchPage, type Page } from "../kube/pagedlist.ts";
import type { Transport } from "../kube/transport.ts";
import { assignSecrets } from "../projection/authorizedkeysobjects.ts";
import { hasLabels, type NamespaceFacts, toNamespaceFacts } from "../projection/namespaces.ts";
import { mayTake } from "../whereabouts/targets.ts";
import type { IndexedKey } from "./sshkeyindex.ts";

export interface ReachOptions {
  readonly requests: Pick<Transport, "request" | "read">;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Called when the account may not read what it takes to know; the answer is then no. */
  readonly onForbidden: (path: string) => void;
}

/** How long an answer of a page is believed, in ms: a consent that was withdrawn counts for that long. */
const BELIEVED_MS = 60_000;

/** AuthorizedKeys of one namespace that are looked at: 10,000. */
const MOST_PAGES = 100;
const PAGE_SIZE = 100;

/**
 * Of which SSHKeys the logs of a namespace may say anything. Whoever owns a pod writes what he likes into its log, so only
 * of those whose key may stand in a Secret of that namespace: its own, and those that an AuthorizedKeys there takes from a
 * namespace that shares its keys with it. Asks the API server for a page a minute for each namespace, whatever logs say.
 */
export class Reach {
  readonly #o: ReachOptions;
  readonly #takers = new Map<string, Remembered<readonly AuthorizedKeysRecord[]>>();
  readonly #namespaces = new Map<string, Remembered<SharingNamespace | undefined>>();

  constructor(options: ReachOptions) {
    this.#o = options;
  }

  /** Rejects with an ApiError while the API server fails. */
  async covers(logNamespace: string, key: IndexedKey, signal: AbortSignal): Promise<boolean> {
    if (key.namespace === logNamespace) return true;
    // First what costs the least: which AuthorizedKeys there are is up to whoever owns the log.
    const source = await this.#remembered(this.#namespaces, key.namespace, async () => ({
      value: await this.#read(key.namespace, signal),
      pages: 1,
    }));
    if (source === undefined || !source.allows(logNamespace)) return false;
    const takers = await this.#remembered(this.#takers, logNamespace, () => this.#list(logNamespace, signal));
    return takers.some((taker) =>
      mayTake(taker, key, (matchLabels) => hasLabels(source.labels, Object.entries(matchLabels))),
    );
  }

  /**
   * Those that the operator gives a Secret, and that select anything: which they are it decides by their age. One that gets none
   * because its Secret would have the name of a user's is among them, since secrets.namePrefix is the operator's to know. Whoever
   * owns the namespace may have made any number; no more than one page and those is held at once.
   */
  async #list(namespace: string, signal: AbortSignal): Promise<Answer<readonly AuthorizedKeysRecord[]>> {
    const path = authorizedKeysPath(namespace);
    const collection = { transport: this.#o.requests, path, query: {} };
    let kept: readonly AuthorizedKeysRecord[] = [];
    let [from, pages] = ["", 0];
    while (pages < MOST_PAGES) {
      pages += 1;
      const found = [...kept];
      const part = { from, limit: PAGE_SIZE };
      const page: Page | undefined = await this.#allowed(path, () =>
        fetchPage(collection, part, signal, (item) => {
          found.push(toAuthorizedKeysRecord(item as StoredAuthorizedKeys));
        }),
      );
      const assigned = assignSecrets(found);
      kept = found.filter((record) => "secretName" in (assigned.get(record) ?? {}));
      if (page === undefined || page.next === "") break;
      from = page.next;
    }
    return { value: kept.filter(({ faults }) => faults.length === 0), pages };
  }

  async #read(name: string, signal: AbortSignal): Promise<SharingNamespace | undefined> {
    const path = namespacePath(name);
    const found = await this.#allowed(path, () =>
      this.#o.requests.request<KubeObject>({ method: "GET", path, signal }),
    );
    if (found === undefined) return undefined;
    const { labels, shareKeysWith } = toNamespaceFacts(found);
    return { labels, allows: readConsent(shareKeysWith).allows };
  }

  /** Undefined where there is nothing, or it may not be read. */
  async #allowed<T>(path: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      if (!isApiError(error, "Forbidden")) throw error;
      this.#o.onForbidden(path);
      return undefined;
    }
  }

  /** What takes many pages is asked the more rarely. */
  async #remembered<T>(
    memory: Map<string, Remembered<T>>,
    name: string,
    ask: () => Promise<Answer<T>>,
  ): Promise<T> {
    const known = memory.get(name);
    if (known !== undefined && this.#o.now() < known.until) return (await known.answer).value;
    const asked = { answer: ask(), until: Number.POSITIVE_INFINITY };
    memory.set(name, asked);
    try {
      const { value, pages } = await asked.answer;
      asked.until = this.#o.now() + BELIEVED_MS * pages;
      return value;
    } catch (error) {
      if (memory.get(name) === asked) memory.delete(name);
      throw error;
    }
  }
}

interface Answer<T> {
  readonly value: T;
  readonly pages: number;
}

interface Remembered<T> {
  readonly answer: Promise<Answer<T>>;
  readonly until: number;
}

interface SharingNamespace {
  readonly labels: NamespaceFacts["labels"];
  readonly allows: (namespace: string) => boolean;
}
