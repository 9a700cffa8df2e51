import { SHARE_KEYS_ANNOTATION } from "../../src/api/names.ts";
import type { StoredAuthorizedKeys } from "../../src/authorizedkeys/record.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/claims/policy.ts";
import type { StoredSSHKey } from "../../src/claims/record.ts";
import { Projection } from "../../src/projection/projection.ts";
import type { Rules } from "../oracle/oracle.ts";
import { type Known, keyFacts } from "./authorizedkeystruth.ts";
import { AuthorizedKeysView, namespaceFact } from "./authorizedkeysview.ts";
import { MANAGED, NAMESPACES, OWN_NAME, SETTINGS } from "./installation.ts";
import { ObjectServer, type StoredObject } from "./objectserver.ts";
import { ReadAccess } from "./readaccess.ts";
import { SecretPasses } from "./secretpasses.ts";
import { SecretServer, type StoredSecret } from "./secretserver.ts";
import { SSHKeyView } from "./sshkeyview.ts";
import { StatusWrites } from "./statuswrites.ts";
import { specOf, type Wish, wishOf } from "./storedsshkeys.ts";

/** A choice among so many. */
export type Picker = (count: number) => number;

/**
 * An API server and an operator around the real core: its passes run a request at a time, the watches show late what
 * happened, answers get lost. Every write is held against the guarantees at the moment it is sent.
 */
export class World {
  rules: Rules;
  readonly server: SecretServer;
  readonly sshKeys: ObjectServer<StoredSSHKey>;
  readonly authorizedKeys: ObjectServer<StoredAuthorizedKeys>;
  readonly namespaces: ObjectServer<StoredObject>;
  /** The API server's clock, ms since the epoch. */
  now = 1_700_000_000_000;
  /** How far the operator's clock is ahead. */
  readonly skew: number;
  /** Targets whose additions wait for their budget. */
  readonly broke = new Set<string>();
  projection: Projection;
  readonly view: SSHKeyView;
  readonly authorizedKeysView: AuthorizedKeysView;
  readonly access = new ReadAccess(this);
  readonly passes = new SecretPasses(this);
  readonly statuses: StatusWrites;
  readonly #policy: Policy;
  #version = 1;

  constructor(rules: Rules, skew = 0) {
    this.rules = rules;
    this.skew = skew;
    this.#policy = {
      ...DEFAULT_POLICY,
      duplicateScope: rules.scope,
      maximumKeysPerUser: rules.maximumKeysPerUser,
      proofs: rules.proofs,
    };
    const nextVersion = () => String(++this.#version);
    this.server = new SecretServer(MANAGED, SETTINGS.installation, nextVersion);
    this.sshKeys = new ObjectServer(nextVersion, () => this.now);
    this.authorizedKeys = new ObjectServer(nextVersion, () => this.now);
    this.namespaces = new ObjectServer(nextVersion, () => this.now);
    this.projection = this.#newProjection();
    this.statuses = new StatusWrites(this, this.#policy);
    this.view = new SSHKeyView(
      () => this.projection,
      () => this.operatorNow,
    );
    this.authorizedKeysView = new AuthorizedKeysView(() => this.projection);
    for (const name of NAMESPACES) this.nameNamespace(name, "");
    this.restart();
  }

  #newProjection(): Projection {
    return new Projection(this.#policy, { ...SETTINGS, expiryTimeFormat: this.rules.expiryTimeFormat });
  }

  // What people do.

  /** Applies an SSHKey. Its user never changes: another one makes it a new object. */
  apply(wish: Wish): void {
    const id = `${wish.namespace}/${wish.name}`;
    if (this.sshKeys.get(id)?.spec?.user !== wish.user) this.sshKeys.delete(id);
    this.sshKeys.apply(wish.namespace, wish.name, specOf(wish));
  }

  /** Changes what is asked for of an SSHKey that is there. */
  edit(id: string, change: (wish: Wish) => Partial<Wish>): void {
    const object = this.sshKeys.get(id);
    if (object === undefined) return;
    const wish = wishOf(object);
    this.apply({ ...wish, ...change(wish) });
  }

  /** Somebody writes beside the operator's fields of a status. */
  reportUse(id: string): void {
    const object = this.sshKeys.get(id);
    if (object !== undefined)
      this.sshKeys.store({ ...object, status: { ...object.status, lastUsed: this.#version } as object });
  }

  /** Makes a Namespace, or changes its annotation and labels. */
  nameNamespace(name: string, shares: string, labels: Readonly<Record<string, string>> = {}): void {
    const before = this.namespaces.get(name)?.metadata;
    const annotations = shares === "" ? {} : { [SHARE_KEYS_ANNOTATION]: shares };
    const uid = before?.uid ?? `uid-${++this.#version}`;
    this.namespaces.store({ metadata: { name, uid, resourceVersion: "", labels, annotations } });
  }

  // What the operator does, a step at a time.

  get operatorNow(): number {
    return this.now + this.skew;
  }

  /** The newest resourceVersion that the API server has given. */
  get version(): string {
    return String(this.#version);
  }

  /** The ids of targets that the operator knows. */
  get targetIds(): readonly string[] {
    return Array.from(this.projection.targets(), ({ id }) => id);
  }

  /** Everything that can go on now. */
  get choices(): readonly (() => void)[] {
    const choices = [
      ...this.access.choices,
      ...this.passes.choices,
      ...this.statuses.choices,
      ...this.view.choices.map((choice) => () => {
        choice();
        this.note();
      }),
      ...(this.#nextSSHKeyEvent === -1 ? [] : [() => this.showKeys()]),
      ...(this.server.events.length > 0 ? [() => this.showSecrets()] : []),
      ...(this.authorizedKeys.events.length > 0 ? [() => this.showAuthorizedKeys()] : []),
      ...(this.namespaces.events.length > 0 && this.access.mayListNamespaces
        ? [() => this.showNamespaces()]
        : []),
    ];
    return choices.length > 0 ? choices : this.passes.retries;
  }

  /** Those of namespaces that may not be read have to wait. */
  get #nextSSHKeyEvent(): number {
    const { unlisted } = this.authorizedKeysView;
    return this.sshKeys.events.findIndex(({ object }) => !unlisted.has(object.metadata.namespace ?? ""));
  }

  /** The watch of SSHKeys shows the next event. */
  showKeys(): void {
    const at = this.#nextSSHKeyEvent;
    const [event] = at === -1 ? [] : this.sshKeys.events.splice(at, 1);
    if (event !== undefined) this.view.show(event);
    this.note();
  }

  /** The watch of Secrets shows the next event. */
  showSecrets(): void {
    const event = this.server.events.shift();
    if (event === undefined) return;
    const { namespace, name } = event.secret.metadata;
    if (event.isGone) this.projection.secretDisappeared(namespace, name, event.resourceVersion);
    else this.projection.putSecret(this.projection.toLiveSecret(event.secret));
    this.note();
  }

  showAuthorizedKeys(): void {
    const event = this.authorizedKeys.events.shift();
    if (event !== undefined) this.authorizedKeysView.show(event);
    this.note();
  }

  showNamespaces(): void {
    const event = this.namespaces.events.shift();
    if (event !== undefined) this.authorizedKeysView.showNamespace(event);
    this.note();
  }

  pass(ms: number): void {
    // No request is under way for that long.
    if (ms > 5000) this.passes.arriveAll();
    this.now += ms;
    this.server.now = this.now;
    this.projection.advance(this.operatorNow);
    this.projection.reportPending(this.operatorNow);
    this.passes.wake();
    this.note();
  }

  /** Another process takes over: all it knows is what it lists, in whatever order. */
  restart(pick: Picker = () => 0): void {
    this.passes.restart();
    this.statuses.restart();
    this.view.restart();
    this.authorizedKeysView.restart();
    for (const { events } of [this.sshKeys, this.server, this.authorizedKeys]) events.length = 0;
    this.projection = this.#newProjection();
    this.access.restart(pick);
    this.note();
  }

  /** It has been told to write expiry-time in the other format. */
  restartWithOtherFormat(pick?: Picker): void {
    this.rules = { ...this.rules, expiryTimeFormat: otherFormat(this.rules) };
    this.restart(pick);
  }

  /** Goes on until nothing is due; `pick` chooses what comes next. */
  settle(pick: Picker = () => 0): void {
    for (let turn = 0, choices = this.choices; choices.length > 0; choices = this.choices, turn += 1) {
      if (turn > 5000) throw new Error("this never comes to rest");
      choices[pick(choices.length) % choices.length]?.();
    }
  }

  /** Settles, and waits for as long as a status may take to say what a key waits for. */
  rest(pick: Picker = () => 0): void {
    this.settle(pick);
    this.pass(10_000);
    this.settle(pick);
  }

  /** Every obstacle goes away, as the messages ask for it, and the operator has the time to find out. */
  unblock(pick: Picker = () => 0): void {
    this.server.refusals.clear();
    this.server.webhooks.clear();
    this.broke.clear();
    for (const secret of this.server.all()) {
      if (!this.isOwn(secret) || secret.immutable)
        this.server.remove(`${secret.metadata.namespace}/${secret.metadata.name}`);
    }
    for (let minute = 0; minute < 6; minute += 1) {
      this.settle(pick);
      this.pass(60_000);
    }
    this.rest(pick);
  }

  // How it stands.

  /** What the operator knows. */
  get known(): Known {
    const { rules, operatorNow } = this;
    const keys = keyFacts(this.view.factsOf(this.view.all), this.view.claiming, rules, operatorNow);
    const known = this.authorizedKeysView.known(keys, NAMESPACES);
    return { ...known, unlisted: [...new Set([...known.unlisted, ...this.access.unsynced])] };
  }

  /** What there is. */
  get truth(): Known {
    const facts = this.view.factsOf(this.sshKeys.all());
    return {
      objects: this.authorizedKeys.all(),
      keys: keyFacts(facts, facts, this.rules, this.operatorNow),
      namespaces: this.namespaces.all().map(namespaceFact),
      areAllRead: true,
      unread: [],
      unlisted: [],
    };
  }

  isOwn(secret: StoredSecret): boolean {
    const { namespace, name, annotations } = secret.metadata;
    return this.server.isLabelled(secret) && annotations?.[OWN_NAME] === `${namespace}/${name}`;
  }

  targetOf({ metadata, spec }: StoredSSHKey): string {
    return this.projection.targetIdOf({ namespace: metadata.namespace ?? "", user: spec?.user ?? "" });
  }

  /** Whose the target is, as these SSHKeys have it. */
  userOf(target: string, sshKeys: readonly StoredSSHKey[]): string | undefined {
    return sshKeys.find((object) => this.targetOf(object) === target)?.spec?.user;
  }

  /** Takes note of what the projection has found to be due. */
  note(): void {
    const { targets, statuses, authorizedKeys } = this.projection.takeDirty();
    for (const id of targets.keys()) this.passes.add(id);
    this.statuses.add(statuses, authorizedKeys);
  }
}

function otherFormat({ expiryTimeFormat }: Rules): Rules["expiryTimeFormat"] {
  return expiryTimeFormat === "WithZ" ? "WithoutZ" : "WithZ";
}
