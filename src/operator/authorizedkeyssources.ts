import { type KubeObject, namespacedName } from "../api/object.ts";
import { authorizedKeysPath, METADATA_ONLY, NAMESPACES_PATH, namespacePath } from "../api/paths.ts";
import {
  type AuthorizedKeysRecord,
  type StoredAuthorizedKeys,
  toAuthorizedKeysRecord,
} from "../authorizedkeys/record.ts";
import type { Settings } from "../config/settings.ts";
import { ApiError, isApiError } from "../kube/apierror.ts";
import { isInaccessible, Reflector, type ReflectorOptions } from "../kube/reflector.ts";
import { sleep } from "../kube/sleep.ts";
import type { Transport } from "../kube/transport.ts";
import { type NamespaceFacts, toNamespaceFacts } from "../projection/namespaces.ts";
import type { Projection } from "../projection/projection.ts";
import type { DeletionGuard } from "./deletionguard.ts";

export interface AuthorizedKeysSourcesOptions {
  readonly transport: Transport;
  readonly projection: Projection;
  readonly deletions: DeletionGuard<AuthorizedKeysRecord>;
  readonly settings: Settings;
  /** Called after the projection has changed. */
  readonly onChange: () => void;
  /** What a reflector tells of its restarts and states. */
  readonly callbacks: (
    resource: string,
    namespace: string | undefined,
  ) => Required<Pick<ReflectorOptions<unknown>, "onRestart" | "onState">>;
}

/**
 * Keeps the projection equal to the AuthorizedKeys and the Namespaces. Nothing waits for it: without the CRD or the rights
 * there are only no Secrets of AuthorizedKeys, and those that there are stay as they are.
 */
export class AuthorizedKeysSources {
  readonly #o: AuthorizedKeysSourcesOptions;
  readonly #startedAt = performance.now();

  constructor(options: AuthorizedKeysSourcesOptions) {
    this.#o = options;
    const { projection, settings } = options;
    projection.awaitNamespaces(settings.namespaces ?? [undefined]);
    if (settings.namespaces !== undefined) projection.namespaces.limitTo(settings.namespaces);
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { namespaces } = this.#o.settings;
    const objects = (namespaces ?? [undefined]).map((namespace) => this.#followObjects(namespace, signal));
    const consent =
      namespaces === undefined
        ? [this.#namespaces().run(signal)]
        : namespaces.map((namespace) => this.#askAgainAndAgain(namespace, signal));
    await Promise.all([...objects, ...consent]);
  }

  async #followObjects(namespace: string | undefined, signal: AbortSignal): Promise<void> {
    const reflector = this.#authorizedKeys(namespace);
    const synced = reflector.whenSynced().then(
      () => {
        this.#o.projection.setAuthorizedKeysSynced(namespace);
        this.#o.onChange();
      },
      // It ends before it was synced.
      () => {},
    );
    await Promise.all([reflector.run(signal), synced]);
  }

  #authorizedKeys(namespace: string | undefined): Reflector<AuthorizedKeysRecord> {
    const { transport, projection, deletions, onChange, callbacks } = this.#o;
    const known = ({ metadata }: KubeObject) =>
      projection.authorizedKeys.get(metadata.namespace ?? "", metadata.name);
    return new Reflector<AuthorizedKeysRecord>({
      transport,
      path: authorizedKeysPath(namespace),
      decode: (object) => toAuthorizedKeysRecord(object as StoredAuthorizedKeys, known(object)),
      sink: {
        replace: (records) => {
          const listed = new Set(records.map(namespacedName));
          for (const record of [...projection.authorizedKeys.all(namespace)])
            if (!listed.has(namespacedName(record))) deletions.add(record, false);
          for (const record of records) this.#put(record);
          onChange();
        },
        reset: () => projection.authorizedKeys.resetVersions(namespace),
        upsert: (record) => {
          this.#put(record);
          onChange();
        },
        remove: (ref) => {
          const record = projection.authorizedKeys.get(ref.namespace, ref.name);
          if (record !== undefined) deletions.add(record, false);
        },
      },
      ...callbacks("authorizedkeys", namespace),
    });
  }

  /** Without its deletionTimestamp until it is confirmed that somebody deletes the object. */
  #put(record: AuthorizedKeysRecord): void {
    const { projection, deletions } = this.#o;
    const known = projection.authorizedKeys.get(record.namespace, record.name);
    const isConfirmed = known?.uid === record.uid && known.isTerminating;
    if (!record.isTerminating) deletions.cancel(record.namespace, record.name);
    else if (!isConfirmed) deletions.add(record, true);
    projection.authorizedKeys.put({
      ...record,
      isTerminating: record.isTerminating && isConfirmed,
      mayBeTerminating: record.isTerminating && !isConfirmed,
    });
  }

  #namespaces(): Reflector<NamespaceFacts> {
    const { transport, projection, onChange, callbacks } = this.#o;
    const { onRestart, onState } = callbacks("namespaces", undefined);
    return new Reflector<NamespaceFacts>({
      transport,
      path: NAMESPACES_PATH,
      decode: toNamespaceFacts,
      sink: {
        replace: (all) => {
          projection.replaceNamespaces(all);
          onChange();
        },
        reset: () => {},
        upsert: (facts) => {
          projection.putNamespace(facts);
          onChange();
        },
        remove: ({ name }) => {
          projection.removeNamespace(name);
          onChange();
        },
      },
      onRestart: (reason, restart) => {
        onRestart(reason, restart);
        if (this.#isPatient) return;
        projection.namespaceAsked(undefined);
        onChange();
      },
      onState: (state) => {
        onState(state);
        if (!isInaccessible(state)) return;
        projection.namespaceAsked(undefined);
        onChange();
      },
    });
  }

  get #isPatient(): boolean {
    return performance.now() < this.#startedAt + PATIENCE_MS;
  }

  /** One Namespace of a namespaced installation, which may get it by name and no more. */
  async #askAgainAndAgain(name: string, signal: AbortSignal): Promise<void> {
    const { transport, projection, onChange } = this.#o;
    while (!signal.aborted) {
      let isAnswered = true;
      try {
        const call = { method: "GET", path: namespacePath(name), accept: METADATA_ONLY, signal } as const;
        projection.putNamespace(toNamespaceFacts(await transport.request<KubeObject>(call)));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        // What does not exist shares nothing. Everything else leaves what was last known.
        if (isApiError(error, "NotFound"))
          projection.putNamespace({ name, labels: {}, shareKeysWith: undefined });
        isAnswered = (error.status > 0 && error.status < 500) || !this.#isPatient;
      }
      if (isAnswered) projection.namespaceAsked(name);
      onChange();
      await sleep(ASK_EVERY_MS, signal);
    }
  }
}

const ASK_EVERY_MS = 10_000;

/** How long the API server may fail to say what Namespaces say, in ms, before keys are projected without that. */
const PATIENCE_MS = 60_000;
