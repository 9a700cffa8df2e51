import { type Knowledge, NO_KNOWLEDGE } from "../../claims/judgement.ts";
import { readRevokedList } from "../../config/revokedlist.ts";
import { ConfigError } from "../../config/settings.ts";

/** How often the file is read again, in ms. */
const REREAD_MS = 10_000;

/**
 * The administrator's list of revoked keys (`revokedKeys`), for who is about to add one. Where it cannot be read, nothing is
 * said: the operator has the last word.
 */
export class RevokedKeys {
  readonly #file: string | undefined;
  #known = NO_KNOWLEDGE;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(file: string | undefined) {
    this.#file = file;
  }

  current(): Knowledge {
    if (this.#file === undefined || performance.now() - this.#readAt < REREAD_MS) return this.#known;
    this.#readAt = performance.now();
    try {
      this.#known = { revoked: readRevokedList(this.#file).fingerprints };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
    return this.#known;
  }
}
