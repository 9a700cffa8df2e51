import type { KubeObject } from "../api/object.ts";
import { readSSHKey, type SSHKeyRecord, type StoredSSHKey, sshKeyId } from "../claims/record.ts";
import type { Settings } from "../config/settings.ts";
import { Reflector, type ReflectorState, type Restart } from "../kube/reflector.ts";
import type { RestartReason } from "../kube/restart.ts";
import type { Transport } from "../kube/transport.ts";
import type { Projection } from "../projection/projection.ts";
import { type LiveSecret, readSecret, type SecretObject } from "../projection/secret.ts";
import { targetId } from "../projection/target.ts";
import type { DeletionGuard } from "./deletionguard.ts";
import { keysPath, managedSelector, secretsPath } from "./paths.ts";

export interface SourcesOptions {
  readonly transport: Transport;
  readonly projection: Projection;
  readonly deletions: DeletionGuard;
  readonly settings: Settings;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Something may be due. `isCreation`: because of a new SSHKey; others of its user may follow it closely. */
  readonly onChange: (isCreation: boolean) => void;
  /** The spec of this SSHKey is new or another one. */
  readonly onSpec: (record: SSHKeyRecord) => void;
  /** The SSHKey is gone. */
  readonly onGone: (namespace: string, name: string) => void;
  /** Both lists of the namespace (undefined: of all) are complete now. */
  readonly onSynced: (namespace: string | undefined) => void;
  /** A namespace cannot be listed or watched, or can be again. */
  readonly onState: (resource: string, namespace: string | undefined, state: ReflectorState) => void;
  readonly onRestart: (resource: string, reason: RestartReason, restart: Restart) => void;
}

/** Keeps the projection equal to the SSHKeys and the Secrets of the installation on the API server. Writes nothing. */
export class Sources {
  readonly #o: SourcesOptions;
  /** By namespace; undefined is all of them. */
  readonly #scopes = new Map<string | undefined, Scope>();

  constructor(options: SourcesOptions) {
    this.#o = options;
    for (const namespace of options.settings.namespaces ?? [undefined]) {
      this.#scopes.set(namespace, {
        keys: this.#keys(namespace),
        secrets: this.#secrets(namespace),
        isSynced: false,
      });
    }
  }

  /** Are SSHKeys and Secrets of the namespace known as a whole? Before that nothing may be written in it. */
  isSynced(namespace: string): boolean {
    return (this.#scopes.get(undefined) ?? this.#scopes.get(namespace))?.isSynced === true;
  }

  /** Is every namespace known, or known to be out of reach? */
  get isSettled(): boolean {
    for (const { isSynced, keys, secrets } of this.#scopes.values()) {
      if (!isSynced && !([keys, secrets].some(({ state }) => isInaccessible(state)) && this.#scopes.size > 1))
        return false;
    }
    return true;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const running = Array.from(this.#scopes, async ([namespace, scope]) => {
      const synced = Promise.all([scope.keys.whenSynced(), scope.secrets.whenSynced()]).then(
        () => {
          scope.isSynced = true;
          this.#o.onSynced(namespace);
        },
        // It ends before it was synced.
        () => {},
      );
      await Promise.all([scope.keys.run(signal), scope.secrets.run(signal), synced]);
    });
    await Promise.all(running);
  }

  #keys(namespace: string | undefined): Reflector<SSHKeyRecord> {
    const { transport, projection } = this.#o;
    const known = ({ metadata }: KubeObject) =>
      projection.claims.get(metadata.namespace ?? "", metadata.name)?.record;
    return new Reflector<SSHKeyRecord>({
      transport,
      path: keysPath(namespace),
      decode: (object) => readSSHKey(object as StoredSSHKey, known(object)),
      sink: {
        replace: (records) => this.#replaceKeys(records, namespace),
        reset: () => projection.resetKeyVersions(namespace),
        upsert: (record) => this.#putKey(record),
        remove: ({ namespace: in_, name }) => this.#missKey(projection.claims.get(in_, name)?.record),
      },
      ...this.#told("sshkeys", namespace),
    });
  }

  #secrets(namespace: string | undefined): Reflector<LiveSecret> {
    const { transport, projection, settings, onChange } = this.#o;
    const { installation } = settings.secrets;
    const known = ({ metadata }: KubeObject) =>
      projection.target(targetId(metadata.namespace ?? "", metadata.name))?.live;
    return new Reflector<LiveSecret>({
      transport,
      path: secretsPath(namespace),
      query: { labelSelector: managedSelector(installation) },
      decode: (object) => readSecret(object as SecretObject, installation, known(object)),
      sink: {
        replace: (secrets, resourceVersion) => {
          projection.replaceSecrets(secrets, namespace, resourceVersion);
          onChange(false);
        },
        reset: () => projection.resetSecretVersions(namespace),
        upsert: (secret) => {
          projection.putSecret(secret);
          onChange(false);
        },
        remove: (ref) => {
          projection.secretDisappeared(ref.namespace, ref.name, ref.resourceVersion);
          onChange(false);
        },
      },
      ...this.#told("secrets", namespace),
    });
  }

  #told(resource: string, namespace: string | undefined) {
    const { onRestart, onState } = this.#o;
    return {
      onRestart: (reason: RestartReason, restart: Restart) => onRestart(resource, reason, restart),
      onState: (state: ReflectorState) => onState(resource, namespace, state),
    };
  }

  #replaceKeys(records: readonly SSHKeyRecord[], namespace: string | undefined): void {
    const { projection, now, onChange } = this.#o;
    const listed = new Set(records.map(sshKeyId));
    for (const { record } of [...projection.claims.all(namespace)]) {
      if (!listed.has(sshKeyId(record))) this.#missKey(record);
    }
    for (const record of records) this.#seen(record);
    projection.putKeys(
      records.map((record) => this.#believable(record)),
      now(),
    );
    onChange(false);
  }

  #putKey(record: SSHKeyRecord): void {
    const { projection, now, onChange } = this.#o;
    const isCreation = projection.claims.get(record.namespace, record.name) === undefined;
    this.#seen(record);
    projection.putKey(this.#believable(record), now());
    onChange(isCreation);
  }

  /** The SSHKey is there. */
  #seen(record: SSHKeyRecord): void {
    const { projection, deletions, onSpec } = this.#o;
    if (!record.isTerminating) deletions.cancel(record.namespace, record.name);
    const known = projection.claims.get(record.namespace, record.name)?.record;
    if (known?.uid !== record.uid || known.generation !== record.generation) onSpec(record);
  }

  /** The record, without its deletionTimestamp until it is sure that somebody deletes the SSHKey. */
  #believable(record: SSHKeyRecord): SSHKeyRecord {
    const { projection, now } = this.#o;
    const { namespace, name, uid } = record;
    if (!record.isTerminating) return record;
    const known = projection.claims.get(namespace, name)?.record;
    if (known?.uid === uid && known.isTerminating) return record;
    this.#doubt(record, true, () => projection.terminateKey(namespace, name, uid, now()));
    return { ...record, isTerminating: false };
  }

  #missKey(record: SSHKeyRecord | undefined): void {
    if (record === undefined) return;
    const { namespace, name } = record;
    this.#doubt(record, false, () => {
      this.#o.projection.removeKey(namespace, name);
      this.#o.onGone(namespace, name);
    });
  }

  #doubt(record: SSHKeyRecord, isTerminating: boolean, carryOut: () => void): void {
    const { projection, deletions, onChange } = this.#o;
    const { namespace, name, uid, createdAt } = record;
    const confirm = () => {
      carryOut();
      onChange(false);
    };
    const targetId = projection.targetIdOf(record);
    deletions.add({ namespace, name, uid, isTerminating, createdAt, targetId, confirm });
  }
}

/** Did the server answer that the namespace cannot be listed or watched? */
export function isInaccessible(state: ReflectorState): boolean {
  return state === "forbidden" || state === "notfound";
}

interface Scope {
  readonly keys: Reflector<SSHKeyRecord>;
  readonly secrets: Reflector<LiveSecret>;
  isSynced: boolean;
}
