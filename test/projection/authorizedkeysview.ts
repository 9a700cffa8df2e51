import { SHARE_KEYS_ANNOTATION } from "../../src/api/names.ts";
import { type StoredAuthorizedKeys, toAuthorizedKeysRecord } from "../../src/authorizedkeys/record.ts";
import { toNamespaceFacts } from "../../src/projection/namespaces.ts";
import type { Projection } from "../../src/projection/projection.ts";
import type { KeyFact, NamespaceFact } from "../oracle/selection.ts";
import type { Known } from "./authorizedkeystruth.ts";
import { idOf, type ObjectEvent, type StoredObject } from "./objectserver.ts";

/** What the operator has been shown of the AuthorizedKeys and of the Namespaces. */
export class AuthorizedKeysView {
  /** Namespaces whose SSHKeys the operator may not read. */
  readonly unlisted = new Set<string>();
  readonly #projection: () => Projection;
  readonly #objects = new Map<string, StoredAuthorizedKeys>();
  readonly #namespaces = new Map<string, NamespaceFact>();
  #areAllRead = false;

  constructor(projection: () => Projection) {
    this.#projection = projection;
  }

  /** `names`: of all namespaces that there may be. */
  known(keys: readonly KeyFact[], names: readonly string[]): Known {
    return {
      objects: [...this.#objects.values()],
      keys,
      namespaces: [...this.#namespaces.values()],
      areAllRead: this.#areAllRead,
      unread: this.#areAllRead ? [] : names.filter((name) => !this.#namespaces.has(name)),
      unlisted: [...this.unlisted],
    };
  }

  /** Another process begins, and knows nothing. */
  restart(): void {
    this.#objects.clear();
    this.#namespaces.clear();
    this.#areAllRead = false;
  }

  show({ object, isGone }: ObjectEvent<StoredAuthorizedKeys>): void {
    const projection = this.#projection();
    const { namespace = "", name, uid, resourceVersion } = object.metadata;
    const known = projection.authorizedKeys.get(namespace, name);
    if (isGone) {
      projection.authorizedKeys.remove(namespace, name);
      this.#objects.delete(idOf(object));
      return;
    }
    // An event from before what the operator knows from an own write; a newer one is on its way.
    if (known?.uid === uid && Number(known.resourceVersion) > Number(resourceVersion)) return;
    projection.authorizedKeys.put(toAuthorizedKeysRecord(object, known));
    this.#objects.set(idOf(object), object);
  }

  showNamespace({ object, isGone }: ObjectEvent<StoredObject>): void {
    const { name } = object.metadata;
    if (isGone) {
      this.#projection().removeNamespace(name);
      this.#namespaces.delete(name);
    } else {
      this.#projection().putNamespace(toNamespaceFacts(object));
      this.#namespaces.set(name, namespaceFact(object));
    }
  }

  /** All Namespaces have been listed. */
  listNamespaces(all: readonly StoredObject[]): void {
    this.#projection().replaceNamespaces(all.map(toNamespaceFacts));
    this.#namespaces.clear();
    for (const object of all) this.#namespaces.set(object.metadata.name, namespaceFact(object));
    this.#areAllRead = true;
  }

  /** One has been asked for by its name. */
  answerNamespace(name: string, object: StoredObject | undefined): void {
    const facts = object && toNamespaceFacts(object);
    this.#projection().putNamespace(facts ?? { name, labels: {}, shareKeysWith: undefined });
    this.#namespaces.set(name, object ? namespaceFact(object) : { name, labels: {}, shares: "" });
  }
}

export function namespaceFact({ metadata }: StoredObject): NamespaceFact {
  const { name, labels = {}, annotations } = metadata;
  return { name, labels, shares: annotations?.[SHARE_KEYS_ANNOTATION] ?? "" };
}
