import { knownBy, type ListKnowledge, type Section } from "../../blocklist/blocklist.ts";
import { BlocklistFolder } from "../../blocklist/folder.ts";
import { ListError } from "../../blocklist/listerror.ts";
import { shippedLists } from "../../blocklist/shipped.ts";
import type { Knowledge } from "../../claims/judgement.ts";
import { readRevokedList } from "../../config/revokedlist.ts";
import { ConfigError, type Settings } from "../../config/settings.ts";

/** How often the list of revoked keys is read again, in ms. */
const REREAD_MS = 10_000;

type KnowledgeSettings = Pick<Settings, "revokedKeys" | "blocklists">;

/**
 * Which keys the administrator has revoked (`revokedKeys`), and which are compromised (`blocklists`), for who is about to add
 * one. Of what cannot be read nothing is said: the operator has the last word.
 */
export class KeyKnowledge {
  readonly #file: string | undefined;
  readonly #folder: BlocklistFolder | undefined;
  #revoked: ReadonlySet<string> = new Set();
  #readAt = Number.NEGATIVE_INFINITY;
  #byLists: ListKnowledge;

  private constructor({ revokedKeys, blocklists }: KnowledgeSettings, shipped: readonly Section[]) {
    this.#byLists = knownBy(shipped, []);
    this.#file = revokedKeys;
    this.#folder =
      blocklists === undefined
        ? undefined
        : new BlocklistFolder({
            folder: blocklists,
            onChange: (lists) => {
              this.#byLists = knownBy(shipped, lists);
            },
            onRead: () => {},
            onFound: () => {},
            onGone: () => {},
            onProblem: () => {},
          });
  }

  static async open(settings: KnowledgeSettings): Promise<KeyKnowledge> {
    return new KeyKnowledge(settings, await shippedLists());
  }

  /** Reads lists again when they change, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#folder?.load(signal);
    } catch (error) {
      if (!(error instanceof ListError)) throw error;
    }
    await this.#folder?.run(signal);
  }

  current(): Knowledge {
    return { revoked: this.#revokedNow(), ...this.#byLists };
  }

  #revokedNow(): ReadonlySet<string> {
    if (this.#file === undefined || performance.now() - this.#readAt < REREAD_MS) return this.#revoked;
    this.#readAt = performance.now();
    try {
      this.#revoked = readRevokedList(this.#file).fingerprints;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
    return this.#revoked;
  }
}
