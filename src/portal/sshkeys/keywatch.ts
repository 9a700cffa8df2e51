import { sshKeysPath } from "../../api/paths.ts";
import { Reflector, type Restart } from "../../kube/reflector.ts";
import type { RestartReason } from "../../kube/restart.ts";
import type { Transport } from "../../kube/transport.ts";
import type { KeyStore } from "./keystore.ts";
import { type PortalKey, toPortalKey } from "./portalkey.ts";

export interface KeyWatchOptions {
  readonly transport: Transport;
  readonly store: KeyStore;
  readonly namespaces: readonly string[];
  /** Called after every list and watch that failed. */
  readonly onRestart: (namespace: string, reason: RestartReason, restart: Restart) => void;
}

/** Keeps a store equal to the SSHKeys of its namespaces on the API server. */
export class KeyWatch {
  readonly #o: KeyWatchOptions;
  readonly #reflectors: readonly Reflector<PortalKey>[];
  /** Each of them until its watch begins. */
  readonly #unwatched: Set<string>;
  #isSynced = false;

  constructor(options: KeyWatchOptions) {
    this.#o = options;
    this.#unwatched = new Set(options.namespaces);
    this.#reflectors = options.namespaces.map((namespace) => this.#reflector(namespace));
  }

  /** Have the SSHKeys of all namespaces been listed? Stays so while the API server is away. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** In how many namespaces they cannot be listed or watched at the moment, and are as they were. */
  get unwatched(): number {
    return this.#unwatched.size;
  }

  /** Runs until the signal aborts, whatever the API server answers. */
  async run(signal: AbortSignal): Promise<void> {
    const running = this.#reflectors.map((reflector) => reflector.run(signal));
    const synced = Promise.all(this.#reflectors.map((reflector) => reflector.whenSynced())).then(
      () => {
        this.#isSynced = true;
      },
      () => {},
    );
    await Promise.all([...running, synced]);
  }

  #reflector(namespace: string): Reflector<PortalKey> {
    const { transport, store, onRestart } = this.#o;
    return new Reflector<PortalKey>({
      transport,
      path: sshKeysPath(namespace),
      decode: (object) => toPortalKey(object, store.get(namespace, object.metadata.name)),
      sink: store.sink(namespace),
      onWatch: () => this.#unwatched.delete(namespace),
      onRestart: (reason, restart) => {
        this.#unwatched.add(namespace);
        onRestart(namespace, reason, restart);
      },
    });
  }
}
