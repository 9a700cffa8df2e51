import { type Log, logEvent } from "../api/logevent.ts";
import { namespacedName } from "../api/object.ts";
import { managedSelector, secretsPath, sshKeysPath } from "../api/paths.ts";
import type { AuthorizedKeysRecord } from "../authorizedkeys/record.ts";
import { isExamined, isSameSubject, withResultsOf } from "../claims/examination.ts";
import { inOrderToStore, type SSHKeyRecord, type StoredSSHKey } from "../claims/record.ts";
import type { Settings } from "../config/settings.ts";
import { isInaccessible, Reflector, type ReflectorState, type Restart } from "../kube/reflector.ts";
import type { RestartReason } from "../kube/restart.ts";
import type { Transport } from "../kube/transport.ts";
import type { Projection } from "../projection/projection.ts";
import type { LiveSecret, SecretObject } from "../projection/secret.ts";
import { AuthorizedKeysSources } from "./authorizedkeyssources.ts";
import type { DeletionGuard } from "./deletionguard.ts";
import { ExaminationQueue, patienceFor } from "./examinationqueue.ts";
import type { Metrics } from "./metrics.ts";

export interface SourcesOptions {
  readonly transport: Transport;
  readonly projection: Projection;
  readonly deletions: DeletionGuard<SSHKeyRecord>;
  readonly authorizedKeysDeletions: DeletionGuard<AuthorizedKeysRecord>;
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: Metrics;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Products of public primes, as they are known now. */
  readonly primeProducts: () => readonly bigint[];
  /** Called after the projection has changed. */
  readonly onChange: () => void;
}

/** Keeps the projection equal to the SSHKeys, the AuthorizedKeys, the Namespaces and the installation's Secrets. Writes nothing. */
export class Sources {
  readonly #o: SourcesOptions;
  /** By namespace; undefined is all of them. */
  readonly #scopes = new Map<string | undefined, Scope>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #unexamined: ExaminationQueue;
  readonly #authorizedKeys: AuthorizedKeysSources;

  constructor(options: SourcesOptions) {
    this.#o = options;
    const see = (record: SSHKeyRecord) => {
      this.#putSSHKey(record);
      options.onChange();
    };
    this.#unexamined = new ExaminationQueue({
      log: options.log,
      primeProducts: options.primeProducts,
      known: (id) => {
        const [namespace = "", name = ""] = id.split("/");
        return options.projection.claims.get(namespace, name)?.record;
      },
      onExamined: see,
      onOverdue: see,
      // That it was looked at again says nothing of whether it is still there.
      onDivided: (record) => {
        const { projection, now } = options;
        projection.putSSHKey(record, now());
        const claim = projection.claims.get(record.namespace, record.name);
        if (claim !== undefined) projection.judgeAgain([claim], now());
        options.onChange();
      },
      onCaughtUp: (namespace) => {
        options.projection.resume(namespace);
        options.onChange();
      },
    });
    this.#authorizedKeys = new AuthorizedKeysSources({
      ...options,
      deletions: options.authorizedKeysDeletions,
      callbacks: (resource, namespace) => this.#callbacks(resource, namespace),
    });
    for (const namespace of options.settings.namespaces ?? [undefined]) {
      this.#scopes.set(namespace, {
        sshKeys: this.#sshKeys(namespace),
        secrets: this.#secrets(namespace),
        isSynced: false,
      });
    }
  }

  /** Resolves when every namespace is synced, or is inaccessible and not the only one. */
  whenReady(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * Suspends the namespaces of which more is seen than examined, until it is: for whoever begins to write. A key that was
   * good is in what the Secrets hold. One whose status says so (mayBeInForce) waits for nothing.
   */
  suspendUnexamined(scope?: string): void {
    for (const namespace of this.#unexamined.behind(scope)) this.#o.projection.suspend(namespace);
  }

  /** Looks for public primes in an RSA key, in the turn of its namespace: other ones are known. */
  divideAgain(record: SSHKeyRecord): void {
    this.#unexamined.divideAgain(record);
  }

  /** Is it not done yet? */
  isUndivided(record: SSHKeyRecord): boolean {
    return this.#unexamined.isUndivided(record);
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const running = Array.from(this.#scopes, async ([namespace, scope]) => {
      const synced = Promise.all([scope.sshKeys.whenSynced(), scope.secrets.whenSynced()]).then(
        () => {
          scope.isSynced = true;
          this.#o.projection.setSynced(namespace);
          this.#o.onChange();
          this.#checkReady();
        },
        // It ends before it was synced.
        () => {},
      );
      await Promise.all([scope.sshKeys.run(signal), scope.secrets.run(signal), synced]);
    });
    await Promise.all([...running, this.#unexamined.run(signal), this.#authorizedKeys.run(signal)]);
  }

  #sshKeys(namespace: string | undefined): Reflector<SSHKeyRecord> {
    const { transport, projection, onChange } = this.#o;
    return new Reflector<SSHKeyRecord>({
      transport,
      path: sshKeysPath(namespace),
      decode: (object) => projection.claims.read(object as StoredSSHKey),
      sink: {
        replace: (records) => {
          this.#unexamined.dropAll(namespace);
          this.#replaceSSHKeys(records, namespace);
          onChange();
        },
        reset: () => {
          this.#unexamined.dropAll(namespace);
          projection.resetSSHKeyVersions(namespace);
        },
        upsert: (record) => {
          this.#takeSSHKey(record);
          onChange();
        },
        remove: (ref) => {
          this.#unexamined.drop(ref);
          const known = projection.claims.get(ref.namespace, ref.name)?.record;
          if (known !== undefined) this.#o.deletions.add(known, false);
        },
      },
      ...this.#callbacks("sshkeys", namespace),
    });
  }

  #secrets(namespace: string | undefined): Reflector<LiveSecret> {
    const { transport, projection, settings, onChange } = this.#o;
    return new Reflector<LiveSecret>({
      transport,
      path: secretsPath(namespace),
      query: { labelSelector: managedSelector(settings.secrets.installation) },
      keepsManagedFields: settings.refresh.pods,
      decode: (object) => projection.toLiveSecret(object as SecretObject),
      sink: {
        replace: (secrets, resourceVersion) => {
          projection.replaceSecrets(secrets, namespace, resourceVersion);
          onChange();
        },
        reset: () => projection.resetSecretVersions(namespace),
        upsert: (secret) => {
          projection.putSecret(secret);
          onChange();
        },
        remove: (ref) => {
          projection.secretDisappeared(ref.namespace, ref.name, ref.resourceVersion);
          onChange();
        },
      },
      ...this.#callbacks("secrets", namespace),
    });
  }

  #callbacks(resource: string, namespace: string | undefined) {
    const { log, metrics } = this.#o;
    return {
      onRestart: (reason: RestartReason, { delayMs, relist, error }: Restart) => {
        metrics.watchRestarted(resource, reason);
        const fields = { resource, reason, delayMs: Math.round(delayMs), relist, error: error.message };
        logEvent(log, "WatchRestarted", fields);
      },
      onState: (state: ReflectorState) => {
        if (isInaccessible(state)) logEvent(log, "NamespaceInaccessible", { resource, namespace, state });
        this.#checkReady();
      },
    };
  }

  #checkReady(): void {
    for (const { isSynced, sshKeys, secrets } of this.#scopes.values()) {
      const isOut = this.#scopes.size > 1 && [sshKeys, secrets].some(({ state }) => isInaccessible(state));
      if (!isSynced && !isOut) return;
    }
    this.#ready.resolve();
  }

  #replaceSSHKeys(records: readonly SSHKeyRecord[], namespace: string | undefined): void {
    const { projection, deletions } = this.#o;
    const listed = new Set(records.map(namespacedName));
    for (const { record } of [...projection.claims.all(namespace)])
      if (!listed.has(namespacedName(record))) deletions.add(record, false);
    const isFirst = this.#scopes.get(namespace)?.isSynced === false;
    for (const record of inOrderToStore(records)) this.#takeSSHKey(record, isFirst);
    if (isFirst) this.suspendUnexamined(namespace);
    this.#unexamined.settle(namespace);
  }

  /** `isFirst`: nothing was known before, so it is seen at once, and others are dated behind it if need be. */
  #takeSSHKey(read: SSHKeyRecord, isFirst = false): void {
    const known = this.#o.projection.claims.get(read.namespace, read.name)?.record;
    // Much may have been found since it was read: a list is long under way.
    const isFound = known !== undefined && isExamined(known) && isSameSubject(known, read);
    const record = isFound ? withResultsOf(read, known) : read;
    if (isExamined(record)) {
      this.#unexamined.drop(record);
      this.#putSSHKey(record);
      return;
    }
    this.#unexamined.hold(record, isFirst ? 0 : patienceFor(record, known));
  }

  #putSSHKey(record: SSHKeyRecord): void {
    const { projection, deletions, metrics, now } = this.#o;
    if (!record.isTerminating) deletions.cancel(record.namespace, record.name);
    const isNewSpec = projection.putSSHKey(this.#withoutDoubtfulDeletion(record), now());
    if (isNewSpec) metrics.changeObserved(namespacedName(record));
  }

  /** The record, without its deletionTimestamp until it is confirmed that somebody deletes the SSHKey. */
  #withoutDoubtfulDeletion(record: SSHKeyRecord): SSHKeyRecord {
    if (!record.isTerminating) return record;
    const { projection, deletions } = this.#o;
    const known = projection.claims.get(record.namespace, record.name)?.record;
    if (known?.uid === record.uid && known.isTerminating) return record;
    deletions.add(record, true);
    return { ...record, isTerminating: false };
  }
}

interface Scope {
  readonly sshKeys: Reflector<SSHKeyRecord>;
  readonly secrets: Reflector<LiveSecret>;
  isSynced: boolean;
}
