import type { DuplicateScope } from "./policy.ts";
import type { KeyRecord } from "./record.ts";
import { SmallSet } from "./smallset.ts";
import { inserted, withdrawn } from "./sortedset.ts";

/**
 * The SSHKeys of one key (equal canonical blobs) that compete for it, and the Secrets that hold it on the API
 * server. The oldest competitor by creationTimestamp, then UID, holds the key.
 */
export class DuplicateGroup {
  /** The canonical blob. */
  readonly base64: string;
  readonly #scope: DuplicateScope;
  /** Oldest first. Replaced, not changed: an array that grows keeps room for sixteen more. */
  #competitors: readonly KeyRecord[] = [];
  /** Ids of the units whose Secret holds the key now. */
  readonly liveIn = new SmallSet<string>();

  constructor(base64: string, scope: DuplicateScope) {
    this.base64 = base64;
    this.#scope = scope;
  }

  get isEmpty(): boolean {
    return this.#competitors.length === 0 && this.liveIn.size === 0;
  }

  get competitors(): readonly KeyRecord[] {
    return this.#competitors;
  }

  add(record: KeyRecord): void {
    this.#competitors = inserted(this.#competitors, record, isOlder);
  }

  remove(record: KeyRecord): void {
    this.#competitors = withdrawn(this.#competitors, record, isOlder);
  }

  /** Does this competitor hold the key? */
  isHolder(record: KeyRecord): boolean {
    return this.holderFor(record) === record;
  }

  /**
   * The SSHKey that holds the key as the given competitor sees it: itself, or the rival that it is a duplicate
   * of, one of its own namespace if there is one.
   */
  holderFor(record: KeyRecord): KeyRecord | undefined {
    const oldest = this.#competitors[0];
    if (oldest === undefined || oldest === record) return oldest;
    if (this.#scope !== "Cluster") return this.competitors.find((m) => areRivals(m, record, this.#scope));
    // One user owns the key in the whole cluster and may repeat it once in each namespace.
    const isLocal = (m: KeyRecord) => m.namespace === record.namespace && m.user === oldest.user;
    return this.competitors.find(isLocal) ?? oldest;
  }

  /** All holders; more than one only where the scope lets a key stand in several namespaces or with several users. */
  holders(): KeyRecord[] {
    const oldest = this.#competitors[0];
    const claims = new Set<string>();
    return this.competitors.filter((m) => {
      if (this.#scope === "Cluster" && m.user !== oldest?.user) return false;
      const claim = this.#scope === "User" ? `${m.namespace}/${m.user}` : m.namespace;
      if (claims.has(claim)) return false;
      claims.add(claim);
      return true;
    });
  }
}

/** May two SSHKeys of the same key not both be projected? */
export function areRivals(
  a: Pick<KeyRecord, "namespace" | "user">,
  b: Pick<KeyRecord, "namespace" | "user">,
  scope: DuplicateScope,
): boolean {
  switch (scope) {
    case "Cluster":
      return a.user !== b.user || a.namespace === b.namespace;
    case "Namespace":
      return a.namespace === b.namespace;
    case "User":
      return a.namespace === b.namespace && a.user === b.user;
  }
}

export function isOlder(a: KeyRecord, b: KeyRecord): boolean {
  return a.createdAt !== b.createdAt ? a.createdAt < b.createdAt : a.uid < b.uid;
}
