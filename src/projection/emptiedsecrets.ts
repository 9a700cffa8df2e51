import { Deadlines } from "../deadlines.ts";
import { isEmpty } from "./secret.ts";
import type { Target } from "./target.ts";

/** Emptied Secrets of one namespace that are kept for the whole retention. */
const MAXIMUM_EMPTIED = 500;

/** How long one is kept at least, in ms: a running pod sees the empty file within two minutes. */
const SHORTEST_RETENTION_MS = 10 * 60_000;

/**
 * Garbage collection of emptied Secrets: those whose user has no SSHKey left. Each is kept for the retention, so that the
 * empty file reaches running pods; above 500 a namespace the oldest are deleted early, so that creating and deleting
 * SSHKeys cannot fill etcd.
 */
export class EmptiedSecrets {
  readonly #retention: number;
  /** Of each namespace, since when each has been empty. */
  readonly #namespaces = new Map<string, Deadlines<Target>>();

  /** `retention` in ms. */
  constructor(retention: number) {
    this.#retention = retention;
  }

  /** Stores the target as it is now. Gives the one that may have to be deleted early, if there is one. */
  update(target: Target): Target | undefined {
    const { namespace } = target;
    let emptied = this.#namespaces.get(namespace);
    const since = emptySince(target);
    if (since !== undefined) {
      if (emptied === undefined) {
        emptied = new Deadlines();
        this.#namespaces.set(namespace, emptied);
      }
      emptied.set(target, since);
    } else if (emptied?.delete(target) && emptied.size === 0) this.#namespaces.delete(namespace);
    return this.#oldestBeyond(namespace);
  }

  /** ms since the epoch; undefined if the Secret is not to be deleted. */
  deletionTime(target: Target): number | undefined {
    const since = emptySince(target);
    if (since === undefined) return undefined;
    const isEarly = this.#oldestBeyond(target.namespace) === target;
    return since + (isEarly ? Math.min(SHORTEST_RETENTION_MS, this.#retention) : this.#retention);
  }

  /** Of a namespace that has too many: the one that has been empty for longest. */
  #oldestBeyond(namespace: string): Target | undefined {
    const emptied = this.#namespaces.get(namespace);
    return emptied !== undefined && emptied.size > MAXIMUM_EMPTIED ? emptied.first : undefined;
  }
}

/** Since when the target's own Secret has been empty without any SSHKey that names the user. */
function emptySince({ live, isNamed }: Target): number | undefined {
  return !isNamed && live?.ownership === "managed" && isEmpty(live) ? live.emptySince : undefined;
}
