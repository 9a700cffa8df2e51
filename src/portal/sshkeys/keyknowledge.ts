import { ListError } from "../../blocklist/listerror.ts";
import { type Knowledge, NO_KNOWLEDGE } from "../../claims/judgement.ts";
import { ConfigError } from "../../config/settings.ts";
import { KnowledgeFiles, type KnowledgeFilesOptions } from "../../knowledge/knowledgefiles.ts";

/**
 * Which keys the administrator has revoked (`revokedKeys`), and which are compromised (`blocklists`), for who is about to add
 * one. What cannot be read is told, and keeps nobody out: the operator has the last word.
 */
export class KeyKnowledge {
  readonly #files: KnowledgeFiles;
  #current: Knowledge = NO_KNOWLEDGE;

  private constructor(options: Omit<KnowledgeFilesOptions, "onChange">) {
    this.#files = new KnowledgeFiles({
      ...options,
      onChange: (knowledge) => {
        this.#current = knowledge;
      },
    });
  }

  /** Rejects with a ListError where the product's own list cannot be read. */
  static async open(options: Omit<KnowledgeFilesOptions, "onChange">): Promise<KeyKnowledge> {
    const knowledge = new KeyKnowledge(options);
    await knowledge.#files.loadShipped();
    return knowledge;
  }

  /** Reads lists again when they change, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#files.load(signal);
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof ListError)) throw error;
    }
    await this.#files.run(signal);
  }

  current(): Knowledge {
    return this.#current;
  }
}
