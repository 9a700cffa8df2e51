import { isOlder } from "./duplicategroup.ts";
import { flat } from "./flat.ts";
import type { KeyRecord } from "./record.ts";
import { keysOf, type SecretRecord } from "./secret.ts";
import { secretName } from "./secretname.ts";

const NONE: ReadonlySet<string> = new Set();
const NO_FAILURES: ReadonlyMap<string, number> = new Map();

/** Shorter failures are nothing to tell anybody: the API server restarts, a webhook is rolled out. */
const LONG_FAILURE_MS = 10_000;

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
  /** Keys that the API server does not take out of this version of the Secret, as far as is known. */
  #stuck: ReadonlySet<string> = NONE;
  #isFailing = false;
  /** Since when the API server fails to take a key out of this version of the Secret, in ms since the epoch. */
  #failingSince = NO_FAILURES;

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
    this.#stuck = NONE;
    this.#failingSince = NO_FAILURES;
  }

  /** Does the Secret keep a key that it was to lose? */
  isStuck(base64: string): boolean {
    return this.#stuck.has(base64);
  }

  /** Of a Secret with such keys: do its writes fail, or else are refused? */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** The API server has refused the file. Gives the keys of which that is news: they stay until a person acts. */
  refuse(file: string): readonly string[] {
    return this.#stick(this.#lostBy(file), false);
  }

  /** The API server has failed to write the file. Gives the keys of which it is news that they stay for long. */
  fail(file: string, now: number): readonly string[] {
    const lost = this.#lostBy(file);
    const since = new Map(lost.map((base64) => [base64, this.#failingSince.get(base64) ?? now]));
    this.#failingSince = since;
    const long = lost.filter((base64) => now - (since.get(base64) ?? now) >= LONG_FAILURE_MS);
    return long.length === 0 ? [] : this.#stick(long, true);
  }

  #lostBy(file: string): readonly string[] {
    const kept = new Set(keysOf(file));
    return this.secret?.keys.filter((base64) => !kept.has(base64)) ?? [];
  }

  #stick(keys: readonly string[], isFailing: boolean): readonly string[] {
    const known = isFailing === this.#isFailing ? this.#stuck : NONE;
    this.#stuck = new Set(keys);
    this.#isFailing = isFailing;
    return keys.filter((base64) => !known.has(base64));
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
