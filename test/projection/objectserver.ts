import type { KubeObject } from "../../src/api/object.ts";

export interface StoredObject extends KubeObject {
  readonly spec?: object;
  readonly status?: object;
}

/** What a watch shows. */
export interface ObjectEvent<T> {
  readonly object: T;
  readonly isGone: boolean;
}

/** The part of an API server that serves the objects of one kind, as people and the operator change them. */
export class ObjectServer<T extends StoredObject> {
  readonly events: ObjectEvent<T>[] = [];
  readonly #objects = new Map<string, T>();
  readonly #nextVersion: () => string;
  readonly #now: () => number;

  /** `now` in ms since the epoch. */
  constructor(nextVersion: () => string, now: () => number) {
    this.#nextVersion = nextVersion;
    this.#now = now;
  }

  get(id: string): T | undefined {
    return this.#objects.get(id);
  }

  get ids(): readonly string[] {
    return [...this.#objects.keys()];
  }

  all(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** Applies a spec: it makes the object, or edits that which is there. */
  apply(namespace: string, name: string, spec: object): void {
    const before = this.#objects.get(`${namespace}/${name}`);
    if (before === undefined) {
      const creationTimestamp = new Date(Math.floor(this.#now() / 1000) * 1000).toISOString();
      const uid = `uid-${this.#nextVersion()}`;
      const metadata = { namespace, name, uid, generation: 1, creationTimestamp, resourceVersion: "" };
      this.store({ metadata, spec, status: { observedGeneration: -1 } } as unknown as T);
    } else if (JSON.stringify(before.spec) !== JSON.stringify(spec)) {
      const generation = (before.metadata.generation ?? 0) + 1;
      this.store({ ...before, metadata: { ...before.metadata, generation }, spec });
    }
  }

  delete(id: string): void {
    const object = this.#objects.get(id);
    if (object === undefined) return;
    this.#nextVersion();
    this.#objects.delete(id);
    this.events.push({ object, isGone: true });
  }

  /** Deletes an object that a finalizer keeps. */
  terminate(id: string): void {
    const object = this.#objects.get(id);
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) return;
    const deletionTimestamp = new Date(this.#now()).toISOString();
    const generation = (object.metadata.generation ?? 0) + 1;
    this.store({ ...object, metadata: { ...object.metadata, deletionTimestamp, generation } });
  }

  /** As after a restore from a backup: new UIDs, first generations, no statuses. */
  restore(id: string): void {
    const object = this.#objects.get(id);
    if (object === undefined) return;
    this.delete(id);
    this.apply(object.metadata.namespace ?? "", object.metadata.name, object.spec ?? {});
  }

  /** Stores the object as another version. */
  store(object: T): T {
    const metadata = { ...object.metadata, resourceVersion: this.#nextVersion() };
    const stored = { ...object, metadata };
    this.#objects.set(idOf(stored), stored);
    this.events.push({ object: stored, isGone: false });
    return stored;
  }
}

/** `NAMESPACE/NAME`, or the name alone of what is in no namespace. */
export function idOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export type StatusRead = {
  readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[];
} & Record<string, unknown>;

export function statusOf(object: StoredObject | undefined): StatusRead {
  return (object?.status ?? {}) as StatusRead;
}

/** The reason of a condition. */
export function reasonOf(object: StoredObject | undefined, type: string): string | undefined {
  return statusOf(object).conditions?.find((each) => each.type === type)?.reason;
}

/** The status of a condition. */
export function conditionOf(object: StoredObject | undefined, type: string): string | undefined {
  return statusOf(object).conditions?.find((each) => each.type === type)?.status;
}
