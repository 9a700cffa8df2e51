import { compareResourceVersions, namespacedName, type ObjectRef } from "../../api/object.ts";
import type { ReflectorSink } from "../../kube/reflector.ts";
import { numberOf, userNumber } from "./numbers.ts";
import type { PortalKey } from "./portalkey.ts";

/** A write that somebody made and wants to see. */
export interface OwnWrite {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Of the object as it was written; undefined where it was deleted. */
  readonly resourceVersion: string | undefined;
}

/**
 * The SSHKeys of the portal's namespaces, as its watches and its own writes have shown them last: what is older than what
 * is known counts for nothing, whoever tells it.
 */
export class KeyStore {
  readonly #byName = new Map<string, PortalKey>();
  readonly #byUser = new Map<string, Map<string, PortalKey>>();
  readonly #byFingerprint: Index<string, PortalKey> = new Map();
  readonly #byNumber: Index<number, PortalKey> = new Map();
  readonly #usersByNumber: Index<number, string> = new Map();
  /** Of SSHKeys that the portal has seen deleted before its watch told so. */
  readonly #deleted = new Set<string>();
  readonly #waiting = new Set<() => void>();

  get size(): number {
    return this.#byName.size;
  }

  get(namespace: string, name: string): PortalKey | undefined {
    return this.#byName.get(`${namespace}/${name}`);
  }

  /** Of one user, the newest first. */
  ofUser(namespace: string, user: string): readonly PortalKey[] {
    return [...(this.#byUser.get(userIn(namespace, user))?.values() ?? [])].sort(newestFirst);
  }

  /** With this number (see numberOf); more than one only if numbers collide. */
  withNumber(number: number): readonly PortalKey[] {
    return found(this.#byNumber, number);
  }

  /** With this SHA256 fingerprint. */
  withFingerprint(fingerprint: string): readonly PortalKey[] {
    return found(this.#byFingerprint, fingerprint);
  }

  all(): IterableIterator<PortalKey> {
    return this.#byName.values();
  }

  /** The users of a namespace who have SSHKeys. */
  *users(namespace: string): IterableIterator<string> {
    for (const keys of this.#byUser.values())
      for (const key of keys.values()) {
        if (key.namespace === namespace) yield key.user;
        break;
      }
  }

  hasUser(namespace: string, user: string): boolean {
    return this.#byUser.has(userIn(namespace, user));
  }

  /** Who of those who have SSHKeys in a namespace has this number (see userNumber). */
  usersWithNumber(namespace: string, number: number): readonly string[] {
    const prefix = userIn(namespace, "");
    return found(this.#usersByNumber, number).flatMap((user) =>
      user.startsWith(prefix) ? [user.slice(prefix.length)] : [],
    );
  }

  /** Where the watch of a namespace puts what it sees. */
  sink(namespace: string): ReflectorSink<PortalKey> {
    return {
      replace: (keys, resourceVersion) => {
        const listed = new Set(keys.map(namespacedName));
        for (const key of [...this.#byName.values()])
          if (
            key.namespace === namespace &&
            !listed.has(namespacedName(key)) &&
            compareResourceVersions(key.resourceVersion, resourceVersion) <= 0
          )
            this.#take(key);
        for (const key of keys) this.put(key);
        this.#changed();
      },
      reset: () => {
        for (const key of [...this.#byName.values()]) if (key.namespace === namespace) this.#take(key);
      },
      upsert: (key) => {
        this.put(key);
        this.#changed();
      },
      remove: (ref) => {
        this.remove(ref);
        this.#deleted.delete(ref.uid);
      },
    };
  }

  /** Unless something newer is known. */
  put(key: PortalKey): void {
    const known = this.#byName.get(namespacedName(key));
    if (this.#deleted.has(key.uid)) return;
    if (known !== undefined) {
      if (compareResourceVersions(key.resourceVersion, known.resourceVersion) < 0) return;
      this.#take(known);
    }
    this.#byName.set(namespacedName(key), key);
    const user = userIn(key.namespace, key.user);
    const keys = this.#byUser.get(user) ?? new Map();
    if (keys.size === 0) add(this.#usersByNumber, userNumber(key.namespace, key.user), user);
    keys.set(key.name, key);
    this.#byUser.set(user, keys);
    add(this.#byNumber, numberOf(key), key);
    if (key.facts !== undefined) add(this.#byFingerprint, key.facts.fingerprint, key);
    this.#changed();
  }

  /** The portal has deleted it: what the watch still tells of it from before counts for nothing. */
  deleted(ref: Pick<ObjectRef, "namespace" | "name" | "uid">): void {
    this.#deleted.add(ref.uid);
    this.remove(ref);
  }

  remove(ref: Pick<ObjectRef, "namespace" | "name" | "uid">): void {
    const known = this.#byName.get(namespacedName(ref));
    if (known?.uid === ref.uid) this.#take(known);
    this.#changed();
  }

  /** Is this write, or a later one of the same object, in the store? */
  has({ namespace, name, uid, resourceVersion }: OwnWrite): boolean {
    const known = this.get(namespace, name);
    if (resourceVersion === undefined) return known?.uid !== uid;
    return known !== undefined && compareResourceVersions(known.resourceVersion, resourceVersion) >= 0;
  }

  /** Resolves when all of these are in the store, or after `limitMs`: then to those that are not. */
  async whenSeen(writes: readonly OwnWrite[], limitMs: number): Promise<readonly OwnWrite[]> {
    const missing = () => writes.filter((write) => !this.has(write));
    if (missing().length === 0) return [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (missing().length === 0) resolve();
    };
    const timer = setTimeout(resolve, limitMs);
    this.#waiting.add(look);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
    return missing();
  }

  #take(key: PortalKey): void {
    this.#byName.delete(namespacedName(key));
    const keys = this.#byUser.get(userIn(key.namespace, key.user));
    keys?.delete(key.name);
    if (keys?.size === 0) {
      this.#byUser.delete(userIn(key.namespace, key.user));
      drop(this.#usersByNumber, userNumber(key.namespace, key.user), userIn(key.namespace, key.user));
    }
    drop(this.#byNumber, numberOf(key), key);
    if (key.facts !== undefined) drop(this.#byFingerprint, key.facts.fingerprint, key);
  }

  #changed(): void {
    for (const look of [...this.#waiting]) look();
  }
}

function newestFirst(a: PortalKey, b: PortalKey): number {
  return b.createdAt - a.createdAt || (a.name < b.name ? -1 : 1);
}

/** No namespace has a slash in it. */
function userIn(namespace: string, user: string): string {
  return `${namespace}/${user}`;
}

/** Most have one at each place, for which a Set would take 150 bytes more. */
type Index<K, V extends object | string> = Map<K, V | Set<V>>;

function found<K, V extends object | string>(index: Index<K, V>, at: K): readonly V[] {
  const there = index.get(at);
  if (there === undefined) return [];
  return there instanceof Set ? [...there] : [there];
}

function add<K, V extends object | string>(index: Index<K, V>, at: K, value: V): void {
  const there = index.get(at);
  if (there === undefined) index.set(at, value);
  else if (there instanceof Set) there.add(value);
  else if (there !== value) index.set(at, new Set([there, value]));
}

function drop<K, V extends object | string>(index: Index<K, V>, at: K, value: V): void {
  const there = index.get(at);
  if (there === value) index.delete(at);
  if (there instanceof Set && there.delete(value) && there.size === 0) index.delete(at);
}
