import { isDeepStrictEqual } from "node:util";
import { type Log, logEvent } from "../api/logevent.ts";
import { keyCount, knownBy, type Section } from "../blocklist/blocklist.ts";
import { BlocklistFolder, type FolderList } from "../blocklist/folder.ts";
import { shippedLists } from "../blocklist/shipped.ts";
import type { Knowledge } from "../claims/judgement.ts";
import type { Settings } from "../config/settings.ts";
import type { KnowledgeMetrics } from "./knowledgemetrics.ts";
import { RevokedKeys } from "./revokedkeys.ts";

export interface KnowledgeFilesOptions {
  readonly settings: Pick<Settings, "revokedKeys" | "blocklists">;
  readonly log: Log;
  readonly metrics: KnowledgeMetrics;
  /** Called with all that is known whenever a file has changed. */
  readonly onChange: (knowledge: Knowledge) => void;
}

/** What is known of keys beside what they say: revoked ones, compromised ones, public primes. Read again when a file changes. */
export class KnowledgeFiles {
  readonly #o: KnowledgeFilesOptions;
  readonly #revokedKeys: RevokedKeys | undefined;
  readonly #folder: BlocklistFolder | undefined;
  #revoked: ReadonlySet<string> = new Set();
  #shipped: readonly Section[] | undefined;
  #lists: readonly FolderList[] = [];
  #hasUnreadList = false;
  #primeProducts: readonly bigint[] = [];

  constructor(options: KnowledgeFilesOptions) {
    this.#o = options;
    this.#revokedKeys = this.#openRevokedKeys();
    this.#folder = this.#openFolder();
  }

  /** Reads the list that comes with the product, once. Rejects with a ListError where it cannot be read. */
  async loadShipped(): Promise<void> {
    if (this.#shipped !== undefined) return;
    this.#shipped = await shippedLists();
    this.#changed();
  }

  /**
   * Reads all for the first time. Rejects with a ConfigError or ListError where the file of revoked keys, the folder of lists
   * or the product's own list cannot be read; what else there is has been read then, and `run` tells what is missing. A list
   * in the folder that cannot be read is told: who writes there must not stop all.
   */
  async load(signal: AbortSignal): Promise<void> {
    await this.loadShipped();
    const loaded = await Promise.allSettled([this.#revokedKeys?.load(), this.#folder?.load(signal)]);
    this.#changed();
    for (const each of loaded) if (each.status === "rejected") throw each.reason;
  }

  /** Reads again what changes, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#revokedKeys?.run(signal), this.#folder?.run(signal)]);
  }

  #changed(): void {
    const { listed, primeProducts } = knownBy(this.#shipped ?? [], this.#lists);
    // The same ones stay the same list: other primes cost a division of each RSA key.
    if (!isDeepStrictEqual(primeProducts, this.#primeProducts)) this.#primeProducts = primeProducts;
    const hasUnreadList = this.#hasUnreadList;
    this.#o.onChange({ revoked: this.#revoked, listed, primeProducts: this.#primeProducts, hasUnreadList });
  }

  #openRevokedKeys(): RevokedKeys | undefined {
    const { settings, log, metrics } = this.#o;
    const file = settings.revokedKeys;
    if (file === undefined) return undefined;
    return new RevokedKeys({
      file,
      onChange: (fingerprints) => {
        this.#revoked = fingerprints;
        this.#changed();
        logEvent(log, "RevokedKeysRead", { count: fingerprints.size });
      },
      onProblem: (problem, line) => logEvent(log, "RevokedKeysUnreadable", { file, problem, line }),
      onLook: (isWhole) => metrics.revokedKeysUnreadable(!isWhole),
    });
  }

  #openFolder(): BlocklistFolder | undefined {
    const { settings, log, metrics } = this.#o;
    const folder = settings.blocklists;
    if (folder === undefined) return undefined;
    return new BlocklistFolder({
      folder,
      onChange: (lists, hasUnread) => {
        this.#lists = lists;
        this.#hasUnreadList = hasUnread;
        this.#changed();
      },
      onRead: (list) => {
        metrics.blocklistRead(list);
        const count = keyCount(list.sections);
        logEvent(log, "BlocklistRead", { list: list.name, count, primes: list.primeProducts.length > 0 });
        if (list.strayCount > 0) {
          const problem = `${list.strayCount} lines are no fingerprints and no public keys`;
          logEvent(log, "BlocklistUnreadable", { list: list.name, problem, line: list.strayLines[0] });
        }
      },
      onFound: () => metrics.blocklistReadable(folder),
      onGone: (list) => {
        metrics.blocklistGone(list);
        logEvent(log, "BlocklistGone", { list });
      },
      onProblem: (list, problem) => {
        metrics.blocklistUnreadable(list ?? folder);
        logEvent(log, "BlocklistUnreadable", { list: list ?? folder, problem });
      },
    });
  }
}
