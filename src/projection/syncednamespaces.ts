/** Of which namespaces enough is known to write there; undefined stands for all of them. */
export class SyncedNamespaces {
  /** Those whose SSHKeys and Secrets are known completely. */
  readonly #synced = new Set<string | undefined>();
  /** Those of which what is known is known to be out of date. */
  readonly #suspended = new Set<string>();
  /** Those of which it is not known yet what their Namespace objects say. */
  readonly #unasked = new Set<string | undefined>();

  add(namespace: string | undefined): void {
    this.#synced.add(namespace);
  }

  suspend(namespace: string): void {
    this.#suspended.add(namespace);
  }

  /** Was it suspended? */
  resume(namespace: string): boolean {
    return this.#suspended.delete(namespace);
  }

  /** Their Namespace objects are going to be asked for. */
  await(names: readonly (string | undefined)[]): void {
    for (const name of names) this.#unasked.add(name);
  }

  /** It was asked for. Was it waited for? */
  asked(name: string | undefined): boolean {
    return this.#unasked.delete(name);
  }

  /** Was every Namespace object asked for that was waited for? */
  get areAllAsked(): boolean {
    return this.#unasked.size === 0;
  }

  /** Are the SSHKeys and Secrets known, and known to be up to date? */
  has(namespace: string): boolean {
    return (
      !this.#suspended.has(namespace) && !isIn(this.#unasked, namespace) && isIn(this.#synced, namespace)
    );
  }

  /** Is more going to be known of it? */
  isAwaited(namespace: string | undefined): boolean {
    if (namespace === undefined) return !this.areAllAsked;
    return this.#suspended.has(namespace) || isIn(this.#unasked, namespace);
  }
}

function isIn(namespaces: ReadonlySet<string | undefined>, namespace: string): boolean {
  return namespaces.has(undefined) || namespaces.has(namespace);
}
