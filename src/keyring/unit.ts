import { isOlder } from "./duplicategroup.ts";
import { flat } from "./flat.ts";
import type { KeyRecord } from "./record.ts";
import type { SecretRecord } from "./secret.ts";
import { secretName } from "./secretname.ts";

const NONE: ReadonlySet<string> = new Set();

/** The unit of work: one user of one namespace, that is all SSHKeys that name the user, and the user's Secret. */
export class Unit {
  readonly id: string;
  readonly namespace: string;
  readonly secretName: string;
  /** Replaced, not changed: an array that grows keeps room for sixteen more. */
  #keys: readonly KeyRecord[] = [];
  /** The Secret as the API server last showed it, undefined while there is none. */
  secret: SecretRecord | undefined;
  /** The keys of a write whose outcome is not known yet: the Secret may hold them by now. */
  underway: readonly string[] = [];
  /** Keys in the Secret that the API server has refused to take out of it, as far as is known of this version of it. */
  stuck: ReadonlySet<string> = NONE;

  constructor(namespace: string, secretName: string) {
    this.namespace = namespace;
    this.secretName = secretName;
    this.id = flat(unitId(namespace, secretName));
  }

  /** In no particular order. */
  get keys(): readonly KeyRecord[] {
    return this.#keys;
  }

  add(record: KeyRecord): void {
    this.#keys = this.#keys.concat(record);
  }

  remove(record: KeyRecord): void {
    const at = this.#keys.indexOf(record);
    if (at >= 0) this.#keys = this.#keys.toSpliced(at, 1);
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0 && this.secret === undefined && this.underway.length === 0;
  }

  /** Every key that the Secret holds or may hold, as canonical blob in base64. */
  liveKeys(): ReadonlySet<string> {
    return new Set([...(this.secret?.keys ?? []), ...this.underway]);
  }

  /** Takes note of the Secret as the API server has it now. Whether that one can be written is not known yet. */
  setSecret(secret: SecretRecord | undefined): void {
    this.secret = secret;
    this.stuck = NONE;
  }

  /** Does the Secret hold the key now? */
  holds({ key }: KeyRecord): boolean {
    return key !== undefined && this.secret?.keys.includes(key.base64) === true;
  }

  /**
   * Whose Secret this is. Two users can share a name only by a collision of the digest in it; then the Secret
   * stays with the one it says it belongs to, else with the one whose SSHKey is the oldest.
   */
  owner(prefix: string): string | undefined {
    const claimed = this.secret?.user;
    if (claimed !== undefined && secretName(prefix, claimed) === this.secretName) return claimed;
    let oldest: KeyRecord | undefined;
    for (const key of this.#keys) {
      if (oldest === undefined || isOlder(key, oldest)) oldest = key;
    }
    return oldest?.user ?? claimed;
  }
}

export function unitId(namespace: string, secretName: string): string {
  return `${namespace}/${secretName}`;
}
