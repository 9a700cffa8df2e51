import { SELF_SERVICE_LABEL, SHARE_KEYS_ANNOTATION } from "../api/names.ts";
import type { KubeObject } from "../api/object.ts";
import { type Consent, readConsent } from "../authorizedkeys/consent.ts";

/** What is read of a Namespace. */
export interface NamespaceFacts {
  readonly name: string;
  readonly uid?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The annotation as it stands there. */
  readonly shareKeysWith: string | undefined;
}

export function toNamespaceFacts({ metadata }: KubeObject): NamespaceFacts {
  const { name, uid, labels = {}, annotations } = metadata;
  return { name, uid, labels, shareKeysWith: annotations?.[SHARE_KEYS_ANNOTATION] };
}

/** A Namespace whose annotation has parts that match nothing because of how they are written. */
export interface MalformedConsent {
  readonly name: string;
  readonly uid: string;
  readonly parts: readonly string[];
}

/** The Namespaces as far as they are known, and which of them shares its keys with which. */
export class Namespaces {
  readonly #known = new Map<string, NamespaceFacts & { readonly consent: Consent }>();
  #isComplete = false;
  #served: readonly string[] | undefined;

  /** Only these are ever read, since the operator serves no others. */
  limitTo(served: readonly string[]): void {
    this.#served = served;
  }

  /** Will it ever be read, if that is allowed? */
  isServed(name: string): boolean {
    return this.#served?.includes(name) ?? true;
  }

  /** Are all of them known? One that is not known then does not exist. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Is it known which of those that are served have which labels? */
  get isSearchable(): boolean {
    return this.#isComplete || (this.#served?.every((name) => this.#known.has(name)) ?? false);
  }

  /** Has anybody read it? */
  isRead(name: string): boolean {
    return this.#known.has(name);
  }

  /** Stores a Namespace; returns whether anything is new that matters. */
  put(facts: NamespaceFacts): boolean {
    const known = this.#known.get(facts.name);
    const isSame =
      known !== undefined &&
      known.shareKeysWith === facts.shareKeysWith &&
      sameLabels(known.labels, facts.labels);
    if (isSame) return false;
    this.#known.set(facts.name, { ...facts, consent: readConsent(facts.shareKeysWith) });
    return true;
  }

  /** There is no Namespace of the name; returns whether that is new. */
  remove(name: string): boolean {
    return this.#known.delete(name);
  }

  /** Stores a complete list; returns the names of those of which anything is new that matters. */
  replace(all: readonly NamespaceFacts[]): ReadonlySet<string> {
    const listed = new Set(all.map(({ name }) => name));
    const changed = new Set([...this.#known.keys()].filter((name) => !listed.has(name)));
    for (const name of changed) this.#known.delete(name);
    for (const facts of all) if (this.put(facts)) changed.add(facts.name);
    this.#isComplete = true;
    return changed;
  }

  /** Do the AuthorizedKeys of `target` get the keys of `source`? Undefined: nobody knows. */
  isShared(source: string, target: string): boolean | undefined {
    if (source === target) return true;
    const known = this.#known.get(source);
    if (known === undefined) return this.#isComplete ? false : undefined;
    return known.consent.allows(target);
  }

  isSelfService(name: string): boolean {
    return this.#known.get(name)?.labels[SELF_SERVICE_LABEL] === "true";
  }

  /** Those with all of these labels, in the order of their names. */
  withLabels(labels: Readonly<Record<string, string>>): readonly string[] {
    const wanted = Object.entries(labels);
    const found = [...this.#known.values()].filter((known) => hasLabels(known.labels, wanted));
    return found.map(({ name }) => name).sort();
  }

  /** Those whose annotation has parts that can match no namespace. */
  *withMalformedConsent(): Iterable<MalformedConsent> {
    for (const name of this.#known.keys()) {
      const consent = this.malformedConsent(name);
      if (consent !== undefined) yield consent;
    }
  }

  /** Undefined where every part of its annotation can match. */
  malformedConsent(name: string): MalformedConsent | undefined {
    const { uid = "", consent } = this.#known.get(name) ?? {};
    return consent === undefined || consent.malformed.length === 0
      ? undefined
      : { name, uid, parts: consent.malformed };
  }
}

/** Has it all of these? */
export function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: readonly (readonly [key: string, value: string])[],
): boolean {
  return wanted.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(a);
  return entries.length === Object.keys(b).length && entries.every(([key, value]) => b[key] === value);
}
