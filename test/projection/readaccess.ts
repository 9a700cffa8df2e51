import { NAMESPACES } from "./installation.ts";
import type { Picker, World } from "./world.ts";

/** What the operator may read, what a process lists when it begins, and how it finds out what it missed. */
export class ReadAccess {
  /** Namespaces that this process does not take for known yet. */
  readonly unsynced = new Set<string>();
  readonly #world: World;
  /** What this process still has to list. */
  #starting: (() => void)[] = [];
  /** Namespaces whose SSHKeys this process has not listed. */
  readonly #toList = new Set<string>();
  #mayListNamespaces = true;

  constructor(world: World) {
    this.#world = world;
  }

  get choices(): readonly (() => void)[] {
    return this.#starting.length === 0 ? [] : [() => this.#start()];
  }

  #start(): void {
    this.#starting.shift()?.();
    this.#world.note();
  }

  get mayListNamespaces(): boolean {
    return this.#mayListNamespaces;
  }

  /** Namespaces whose SSHKeys this process has listed, and may not read any more. */
  get catchingUp(): readonly string[] {
    return [...this.#world.authorizedKeysView.unlisted].filter((name) => !this.#toList.has(name));
  }

  /** Another process begins: all it knows is what it lists, in whatever order. */
  restart(pick: Picker): void {
    const { projection, view, authorizedKeysView, sshKeys, server, authorizedKeys, version } = this.#world;
    const { unlisted } = authorizedKeysView;
    this.#toList.clear();
    projection.awaitNamespaces([undefined]);
    const listed = shuffled(sshKeys.all(), pick).filter(
      ({ metadata }) => !unlisted.has(metadata.namespace ?? ""),
    );
    view.list(listed, () =>
      projection.replaceSecrets(
        shuffled(server.list(), pick).map((secret) => projection.toLiveSecret(secret)),
        undefined,
        version,
      ),
    );
    for (const name of unlisted) this.#toList.add(name);
    for (const name of NAMESPACES) this.unsynced.add(name);
    const starting = [
      () => {
        for (const object of authorizedKeys.all()) authorizedKeysView.show({ object, isGone: false });
        projection.setAuthorizedKeysSynced(undefined);
      },
      () => {
        if (this.#mayListNamespaces) this.#listNamespaces();
        projection.namespaceAsked(undefined);
      },
      () => {
        for (const name of NAMESPACES) if (!this.#toList.has(name)) this.#setSynced(name);
      },
    ];
    this.#starting = shuffled(starting, pick);
  }

  /** The operator loses the right to list and watch Namespaces: what it knows of them, it knows. */
  forbidNamespaces(): void {
    this.#mayListNamespaces = false;
  }

  /** It gets that right, and lists them. */
  allowNamespaces(): void {
    if (this.#mayListNamespaces) return;
    this.#mayListNamespaces = true;
    this.#listNamespaces();
    this.#world.note();
  }

  #listNamespaces(): void {
    const { namespaces, authorizedKeysView } = this.#world;
    namespaces.events.length = 0;
    authorizedKeysView.listNamespaces(namespaces.all());
  }

  /** An operator that may not list Namespaces asks for one that it serves. */
  askForNamespace(name: string): void {
    if (this.#mayListNamespaces) return;
    const { namespaces, authorizedKeysView } = this.#world;
    authorizedKeysView.answerNamespace(name, namespaces.get(name));
    this.#world.note();
  }

  /** The operator loses the right to read the SSHKeys of a namespace. */
  forbidSSHKeys(namespace: string): void {
    const { projection, authorizedKeysView } = this.#world;
    const { unlisted } = authorizedKeysView;
    if (unlisted.has(namespace)) return;
    unlisted.add(namespace);
    projection.suspend(namespace);
  }

  /** It gets that right, and finds out what it missed. */
  allowSSHKeys(namespace: string): void {
    const { projection, view, authorizedKeysView, sshKeys } = this.#world;
    if (!authorizedKeysView.unlisted.delete(namespace)) return;
    if (this.#toList.delete(namespace)) {
      const { events } = sshKeys;
      const others = events.filter(({ object }) => object.metadata.namespace !== namespace);
      events.splice(0, events.length, ...others);
      view.list(sshKeys.all().filter(({ metadata }) => metadata.namespace === namespace));
      this.#setSynced(namespace);
    } else projection.resume(namespace);
    this.#world.note();
  }

  /** The operator gets back all these rights. */
  allowAll(): void {
    for (const namespace of NAMESPACES) this.allowSSHKeys(namespace);
    this.allowNamespaces();
  }

  #setSynced(namespace: string): void {
    this.unsynced.delete(namespace);
    this.#world.projection.setSynced(namespace);
  }
}

function shuffled<T>(all: readonly T[], pick: Picker): T[] {
  const rest = [...all];
  const result: T[] = [];
  while (rest.length > 0) result.push(...rest.splice(pick(rest.length) % rest.length, 1));
  return result;
}
