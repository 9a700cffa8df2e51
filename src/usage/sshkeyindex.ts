import { lastUse } from "../api/lastused.ts";
import { isNewer, type KubeObject, namespacedName, type ObjectRef } from "../api/object.ts";
import { sshKeysPath } from "../api/paths.ts";
import type { SSHKeyStatus } from "../api/sshkey.generated.ts";
import { Reflector, type ReflectorOptions } from "../kube/reflector.ts";
import type { Transport } from "../kube/transport.ts";

/** What is kept of an SSHKey: enough to find it by a line of a log, and to see whether it has to be written. */
export interface IndexedKey extends ObjectRef {
  readonly user: string;
  /** Of the key that the operator has seen in it; "" for none. */
  readonly fingerprint: string;
  /** As hex pairs with colons, of older logs; "" for none. */
  readonly fingerprintMD5: string;
  /** The day that is reported of this very key, in ms since the epoch; it may be one that has not come yet. */
  readonly reported: number | undefined;
}

/** The SSHKeys of some namespaces, found by fingerprint. Memory is bounded by them, whatever logs say. */
export class SSHKeyIndex {
  readonly #byId = new Map<string, IndexedKey>();
  readonly #byFingerprint = new Map<string, Set<string>>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): IndexedKey | undefined {
    return this.#byId.get(id);
  }

  /** Those that have the key, by either fingerprint, and hold it or share it. */
  *find(fingerprint: string): Iterable<IndexedKey> {
    for (const id of this.#byFingerprint.get(fingerprint) ?? []) {
      const key = this.#byId.get(id);
      if (key !== undefined) yield key;
    }
  }

  /** An older view of a known one changes nothing. */
  put(key: IndexedKey): void {
    const id = namespacedName(key);
    const known = this.#byId.get(id);
    if (known?.uid === key.uid && isNewer(known, key)) return;
    if (known !== undefined) this.#forget(known);
    this.#byId.set(id, key);
    for (const fingerprint of [key.fingerprint, key.fingerprintMD5]) {
      if (fingerprint === "") continue;
      const ids = this.#byFingerprint.get(fingerprint);
      if (ids === undefined) this.#byFingerprint.set(fingerprint, new Set([id]));
      else ids.add(id);
    }
  }

  remove(ref: Pick<ObjectRef, "namespace" | "name">): void {
    const known = this.#byId.get(namespacedName(ref));
    if (known !== undefined) this.#forget(known);
  }

  /** These are all of the namespace, or of all namespaces. */
  replace(namespace: string | undefined, keys: readonly IndexedKey[]): void {
    const listed = new Set(keys.map(namespacedName));
    for (const known of [...this.#byId.values()])
      if ((namespace ?? known.namespace) === known.namespace && !listed.has(namespacedName(known)))
        this.#forget(known);
    for (const key of keys) this.put(key);
  }

  /** History went back: what was seen so far can be older or newer than what comes. */
  resetVersions(namespace: string | undefined): void {
    for (const known of [...this.#byId.values()])
      if ((namespace ?? known.namespace) === known.namespace) this.#forget(known);
  }

  #forget(key: IndexedKey): void {
    const id = namespacedName(key);
    this.#byId.delete(id);
    for (const fingerprint of [key.fingerprint, key.fingerprintMD5]) {
      const ids = this.#byFingerprint.get(fingerprint);
      ids?.delete(id);
      if (ids?.size === 0) this.#byFingerprint.delete(fingerprint);
    }
  }
}

/** Keeps `keys` equal to the SSHKeys of a namespace, or of all. */
export function followKeys(
  transport: Transport,
  namespace: string | undefined,
  keys: SSHKeyIndex,
  callbacks: Pick<ReflectorOptions<unknown>, "onRestart" | "onWatch">,
): Reflector<IndexedKey> {
  return new Reflector<IndexedKey>({
    transport,
    path: sshKeysPath(namespace),
    decode: toIndexedKey,
    sink: {
      replace: (all) => keys.replace(namespace, all),
      reset: () => keys.resetVersions(namespace),
      upsert: (key) => keys.put(key),
      remove: (ref) => keys.remove(ref),
    },
    ...callbacks,
  });
}

/** Total: whatever the object holds. A duplicate has no key of its own: nobody logs in by it. */
function toIndexedKey({ metadata, ...object }: KubeObject): IndexedKey {
  const { spec, status } = object as {
    readonly spec?: { readonly user?: unknown };
    readonly status?: SSHKeyStatus;
  };
  const { namespace = "", name, uid, resourceVersion } = metadata;
  const isHeldByAnother = status?.duplicateOf !== undefined;
  const { fingerprint = "", fingerprintMD5 = "" } = isHeldByAnother ? {} : (status ?? {});
  const reported = status === undefined ? undefined : lastUse(status, Number.POSITIVE_INFINITY);
  const user = typeof spec?.user === "string" ? spec.user : "";
  return { namespace, name, uid, resourceVersion, user, fingerprint, fingerprintMD5, reported };
}
