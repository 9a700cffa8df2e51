import type { Affected } from "../keyring/affected.ts";
import type { Keyring } from "../keyring/keyring.ts";
import { type KeyRecord, readKey, type StoredSSHKey } from "../keyring/record.ts";
import { readSecret, type SecretObject, type SecretRecord } from "../keyring/secret.ts";
import type { KubeObject } from "../kube/object.ts";
import { Reflector, type Restart, type RestartReason } from "../kube/reflector.ts";
import type { Transport } from "../kube/transport.ts";
import { Absences } from "./absences.ts";
import { keysPath, MANAGED_SELECTOR, secretsPath } from "./api.ts";
import { type CRDGuard, isMeant } from "./crdguard.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Settings } from "./settings.ts";

export interface CachesOptions {
  readonly transport: Transport;
  readonly keyring: Keyring;
  readonly guard: CRDGuard;
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: Metrics;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly onAffected: (affected: Affected) => void;
  /** As above, because of a new SSHKey: others of its user may follow it closely. */
  readonly onCreated: (affected: Affected) => void;
  /** The spec of this SSHKey is new or another one. */
  readonly onKeyChanged: (record: KeyRecord) => void;
  /** The SSHKey was deleted. */
  readonly onKeyDeleted: (namespace: string, name: string) => void;
}

interface Watched {
  run(signal: AbortSignal): Promise<void>;
  whenSynced(): Promise<void>;
}

/** Keeps the keyring equal to the SSHKeys and the managed Secrets on the API server. Writes nothing. */
export class Caches {
  readonly #o: CachesOptions;
  readonly #absences: Absences;
  readonly #reflectors: readonly Watched[];

  constructor(options: CachesOptions) {
    const { keyring, guard, settings, log } = options;
    this.#o = options;
    this.#absences = new Absences({
      judge: async (signal) => {
        const installation = await guard.installation(signal);
        return (createdAt) => isMeant(createdAt, installation, options.now());
      },
      onDeleted: (namespace, name) => {
        options.onKeyDeleted(namespace, name);
        options.onAffected(keyring.removeKey(namespace, name));
      },
      onDoubt: (count, error) =>
        log.warn(
          { event: "AbsenceInDoubt", count, error: error?.message },
          "SSHKeys vanished, but not one by one; their Secrets stay as they are.",
        ),
    });
    const namespaces = settings.namespaces ?? [undefined];
    this.#reflectors = namespaces.flatMap((each) => [this.#keys(each), this.#secrets(each)]);
  }

  /** Resolves when every list is complete; rejects when `run` ends before. */
  async whenSynced(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.whenSynced()));
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#reflectors, this.#absences].map((part) => part.run(signal)));
  }

  #keys(namespace: string | undefined): Reflector<KeyRecord> {
    const { transport, keyring, settings } = this.#o;
    const known = (o: KubeObject) => keyring.key(o.metadata.namespace ?? "", o.metadata.name);
    return new Reflector<KeyRecord>({
      transport,
      path: keysPath(namespace),
      decode: (object, isRewound) =>
        readKey(object as StoredSSHKey, settings.policy, isRewound ? undefined : known(object)),
      sink: {
        replace: (records, _, isRewound) => this.#replaceKeys(records, namespace, isRewound),
        upsert: (record) => this.#putKey(record),
        remove: ({ namespace, name }) => this.#missed(keyring.key(namespace, name)),
      },
      onRestart: (why, restart) => this.#restarted("sshkeys", why, restart),
    });
  }

  #secrets(namespace: string | undefined): Reflector<SecretRecord> {
    const { transport, keyring, onAffected } = this.#o;
    return new Reflector<SecretRecord>({
      transport,
      path: secretsPath(namespace),
      query: { labelSelector: MANAGED_SELECTOR },
      decode: (object) => readSecret(object as SecretObject),
      sink: {
        replace: (secrets, version, isRewound) =>
          onAffected(keyring.replaceSecrets(secrets, namespace, version, isRewound)),
        upsert: (secret) => onAffected(keyring.putSecret(secret)),
        remove: (ref) => onAffected(keyring.removeSecret(ref.namespace, ref.name, ref.resourceVersion)),
      },
      onRestart: (why, restart) => this.#restarted("secrets", why, restart),
    });
  }

  #replaceKeys(records: readonly KeyRecord[], namespace: string | undefined, isRewound: boolean): void {
    const listed = new Set(records.map((record) => `${record.namespace}/${record.name}`));
    for (const key of this.#o.keyring.keys(namespace)) {
      if (!listed.has(`${key.namespace}/${key.name}`)) this.#missed(key);
    }
    for (const record of records) this.#putKey(record, isRewound);
  }

  #missed(record: KeyRecord | undefined): void {
    if (record !== undefined) this.#absences.add(record);
  }

  #putKey(record: KeyRecord, isRewound = false): void {
    const { keyring, now, onAffected, onCreated, onKeyChanged } = this.#o;
    this.#absences.cancel(record.namespace, record.name);
    const known = keyring.key(record.namespace, record.name);
    if (known?.generation !== record.generation || known.uid !== record.uid) onKeyChanged(record);
    const affected = keyring.putKey(record, now(), isRewound);
    if (known === undefined) onCreated(affected);
    else onAffected(affected);
  }

  #restarted(resource: string, why: RestartReason, { delayMs, relist, error }: Restart): void {
    this.#o.metrics.watchRestarted(resource, why);
    const delay = Math.round(delayMs);
    const line = { event: "WatchRestarted", resource, why, delayMs: delay, relist, error: error.message };
    this.#o.log.warn(line, "The watch is started again.");
  }
}
