import { SHARE_KEYS_ANNOTATION } from "../../src/api/names.ts";
import type { StoredAuthorizedKeys } from "../../src/authorizedkeys/record.ts";
import type { Claim } from "../../src/claims/claim.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/claims/policy.ts";
import type { StoredSSHKey } from "../../src/claims/record.ts";
import { authorizedKeysStatusWrite } from "../../src/projection/authorizedkeysstatus.ts";
import type { Answer } from "../../src/projection/delivery.ts";
import { Projection } from "../../src/projection/projection.ts";
import {
  type ReconcileResult,
  reconcile,
  type SecretRequest,
  type TakeBudget,
} from "../../src/projection/reconcile.ts";
import { statusWrite } from "../../src/projection/status.ts";
import type { Rules } from "../oracle/oracle.ts";
import { type Known, keyFacts } from "./authorizedkeystruth.ts";
import { AuthorizedKeysView, namespaceFact } from "./authorizedkeysview.ts";
import { MANAGED, NAMESPACES, OWN_NAME, SETTINGS } from "./installation.ts";
import { ObjectServer, type StoredObject } from "./objectserver.ts";
import { SecretServer, type StoredSecret } from "./secretserver.ts";
import { SSHKeyView } from "./sshkeyview.ts";
import { specOf, type Wish, wishOf } from "./storedsshkeys.ts";
import { WriteGuard } from "./writeguard.ts";

interface Running {
  readonly generator: Generator<SecretRequest, ReconcileResult, Answer>;
  request: SecretRequest | undefined;
  answer: Answer | undefined;
  writes: number;
}

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
  statusWrites = 0;
  readonly #policy: Policy;
  readonly #guard = new WriteGuard(this);
  readonly #due = new Set<string>();
  readonly #retries = new Set<string>();
  readonly #running = new Map<string, Running>();
  readonly #dueStatuses = new Set<Claim>();
  readonly #dueAuthorizedKeys = new Set<string>();
  readonly #timers = new Map<string, number>();
  /** What this process still has to list. */
  #starting: (() => void)[] = [];
  /** Namespaces that this process does not take for known yet. */
  readonly #unsynced = new Set<string>();
  /** Namespaces whose SSHKeys this process has not listed. */
  readonly #toList = new Set<string>();
  #mayListNamespaces = true;
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

  /** The ids of targets that the operator knows. */
  get targetIds(): readonly string[] {
    return Array.from(this.projection.targets(), ({ id }) => id);
  }

  /** Everything that can go on now. */
  get choices(): readonly (() => void)[] {
    const [next] = this.#starting;
    const choices = [
      ...(next === undefined ? [] : [() => this.#start()]),
      ...[...this.#running.keys()].map((id) => () => this.carryOn(id)),
      ...[...this.#due].filter((id) => !this.#running.has(id)).map((id) => () => this.begin(id)),
      ...[...this.#dueStatuses].map((claim) => () => this.writeStatus(claim, false)),
      ...[...this.#dueAuthorizedKeys].map((id) => () => this.writeAuthorizedKeysStatus(id, false)),
      ...this.view.choices.map((choice) => () => {
        choice();
        this.#note();
      }),
      ...(this.#nextSSHKeyEvent === -1 ? [] : [() => this.showKeys()]),
      ...(this.server.events.length > 0 ? [() => this.showSecrets()] : []),
      ...(this.authorizedKeys.events.length > 0 ? [() => this.showAuthorizedKeys()] : []),
      ...(this.namespaces.events.length > 0 && this.#mayListNamespaces ? [() => this.showNamespaces()] : []),
    ];
    // Another attempt comes after a pause: all else goes on meanwhile.
    return choices.length > 0 ? choices : [...this.#retries].map((id) => () => this.begin(id));
  }

  #start(): void {
    this.#starting.shift()?.();
    this.#note();
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
    this.#note();
  }

  /** The watch of Secrets shows the next event. */
  showSecrets(): void {
    const event = this.server.events.shift();
    if (event === undefined) return;
    const { namespace, name } = event.secret.metadata;
    if (event.isGone) this.projection.secretDisappeared(namespace, name, event.resourceVersion);
    else this.projection.putSecret(this.projection.toLiveSecret(event.secret));
    this.#note();
  }

  showAuthorizedKeys(): void {
    const event = this.authorizedKeys.events.shift();
    if (event !== undefined) this.authorizedKeysView.show(event);
    this.#note();
  }

  showNamespaces(): void {
    const event = this.namespaces.events.shift();
    if (event !== undefined) this.authorizedKeysView.showNamespace(event);
    this.#note();
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
    this.#note();
  }

  #listNamespaces(): void {
    this.namespaces.events.length = 0;
    this.authorizedKeysView.listNamespaces(this.namespaces.all());
  }

  /** An operator that may not list Namespaces asks for one that it serves. */
  askForNamespace(name: string): void {
    if (this.#mayListNamespaces) return;
    this.authorizedKeysView.answerNamespace(name, this.namespaces.get(name));
    this.#note();
  }

  /** The operator loses the right to read the SSHKeys of a namespace. */
  forbidSSHKeys(namespace: string): void {
    const { unlisted } = this.authorizedKeysView;
    if (unlisted.has(namespace)) return;
    unlisted.add(namespace);
    this.projection.suspend(namespace);
  }

  /** It gets that right, and finds out what it missed. */
  allowSSHKeys(namespace: string): void {
    if (!this.authorizedKeysView.unlisted.delete(namespace)) return;
    if (this.#toList.delete(namespace)) {
      const { events } = this.sshKeys;
      events.splice(
        0,
        events.length,
        ...events.filter(({ object }) => object.metadata.namespace !== namespace),
      );
      this.view.list(this.sshKeys.all().filter(({ metadata }) => metadata.namespace === namespace));
      this.#setSynced(namespace);
    } else this.projection.resume(namespace);
    this.#note();
  }

  #setSynced(namespace: string): void {
    this.#unsynced.delete(namespace);
    this.projection.setSynced(namespace);
  }

  /** Namespaces whose SSHKeys this process has listed, and may not read any more. */
  get catchingUp(): readonly string[] {
    return [...this.authorizedKeysView.unlisted].filter((name) => !this.#toList.has(name));
  }

  begin(id: string): void {
    if (this.#running.has(id)) return;
    this.#due.delete(id);
    this.#retries.delete(id);
    this.#timers.delete(id);
    if (!this.projection.isTargetSynced(id)) return;
    const takeBudget: TakeBudget = (_, isRemoval) => {
      if (isRemoval || !this.broke.has(id)) return undefined;
      // What comes next is less than all that is wanted.
      running.writes += 1;
      return { ms: 5000, reason: "It waits for its turn." };
    };
    const generator = reconcile(this.projection, id, () => this.operatorNow, takeBudget);
    const running: Running = { generator, request: undefined, answer: undefined, writes: 0 };
    this.#running.set(id, running);
    this.#next(id, running, generator.next());
  }

  /** The request under way reaches the API server, or its answer the operator. */
  carryOn(id: string): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    if (running.answer === undefined) this.#arrive(id);
    else this.#next(id, running, running.generator.next(running.answer));
  }

  #arrive(id: string): void {
    const running = this.#running.get(id);
    if (running?.request !== undefined) running.answer ??= this.#execute(running.request);
  }

  /** The answer never comes, whether or not the request arrived. */
  lose(id: string): void {
    const running = this.#running.get(id);
    if (running !== undefined) this.#next(id, running, running.generator.next({ kind: "lost" }));
  }

  /** Any of the due statuses is written. */
  writeAnyStatus(which: number, isLost: boolean): void {
    const writes = [
      ...[...this.#dueStatuses].map((claim) => () => this.writeStatus(claim, isLost)),
      ...[...this.#dueAuthorizedKeys].map((id) => () => this.writeAuthorizedKeysStatus(id, isLost)),
    ];
    writes[which % Math.max(1, writes.length)]?.();
  }

  writeStatus(claim: Claim, isLost: boolean): void {
    if (!isLost) this.#dueStatuses.delete(claim);
    const found = this.projection.lastVerdict(claim);
    const write = found && statusWrite(claim, found, this.#policy, this.operatorNow);
    const { namespace, name, uid } = claim.record;
    const object = this.sshKeys.get(`${namespace}/${name}`);
    if (write === undefined || object?.metadata.uid !== uid) {
      this.#dueStatuses.delete(claim);
      return;
    }
    const foreign = Object.entries(object.status ?? {}).filter(([field]) => field === "lastUsed");
    this.statusWrites += 1;
    const stored = this.sshKeys.store({
      ...object,
      status: { ...Object.fromEntries(foreign), ...write.status } as object,
    });
    if (!isLost) this.projection.statusWritten(claim.record, write.observed, stored.metadata.resourceVersion);
    this.#note();
  }

  writeAuthorizedKeysStatus(id: string, isLost: boolean): void {
    if (!isLost) this.#dueAuthorizedKeys.delete(id);
    const [namespace = "", name = ""] = id.split("/");
    const record = this.projection.authorizedKeys.get(namespace, name);
    const verdict = this.projection.authorizedKeys.lastVerdict(namespace, name);
    const write = record && verdict && authorizedKeysStatusWrite(record, verdict, this.operatorNow);
    const object = this.authorizedKeys.get(id);
    if (record === undefined || write === undefined || object?.metadata.uid !== record.uid) {
      this.#dueAuthorizedKeys.delete(id);
      return;
    }
    this.statusWrites += 1;
    const stored = this.authorizedKeys.store({ ...object, status: write.status });
    const { resourceVersion } = stored.metadata;
    if (!isLost) this.projection.authorizedKeys.statusWritten(record, write.observed, resourceVersion);
    this.#note();
  }

  pass(ms: number): void {
    // No request is under way for that long.
    if (ms > 5000) for (const id of [...this.#running.keys()]) this.#arrive(id);
    this.now += ms;
    this.server.now = this.now;
    this.projection.advance(this.operatorNow);
    this.projection.reportPending(this.operatorNow);
    for (const [id, at] of this.#timers) {
      if (at > this.operatorNow) continue;
      this.#timers.delete(id);
      this.#due.add(id);
    }
    this.#note();
  }

  /** Another process takes over: all it knows is what it lists, in whatever order. */
  restart(pick: Picker = () => 0): void {
    this.#running.clear();
    this.#due.clear();
    this.#retries.clear();
    this.#dueStatuses.clear();
    this.#dueAuthorizedKeys.clear();
    this.#timers.clear();
    this.#toList.clear();
    this.view.restart();
    this.authorizedKeysView.restart();
    for (const { events } of [this.sshKeys, this.server, this.authorizedKeys]) events.length = 0;
    this.projection = this.#newProjection();
    this.projection.awaitNamespaces([undefined]);
    const { unlisted } = this.authorizedKeysView;
    const listed = shuffled(this.sshKeys.all(), pick).filter(
      ({ metadata }) => !unlisted.has(metadata.namespace ?? ""),
    );
    this.view.list(listed, () =>
      this.projection.replaceSecrets(
        shuffled(this.server.list(), pick).map((secret) => this.projection.toLiveSecret(secret)),
        undefined,
        String(this.#version),
      ),
    );
    for (const name of unlisted) this.#toList.add(name);
    for (const name of NAMESPACES) this.#unsynced.add(name);
    this.#starting = [
      () => {
        for (const object of this.authorizedKeys.all())
          this.authorizedKeysView.show({ object, isGone: false });
        this.projection.setAuthorizedKeysSynced(undefined);
      },
      () => {
        if (this.#mayListNamespaces) this.#listNamespaces();
        this.projection.namespaceAsked(undefined);
      },
      () => {
        for (const name of NAMESPACES) if (!this.#toList.has(name)) this.#setSynced(name);
      },
    ];
    this.#starting = shuffled(this.#starting, pick);
    this.#note();
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

  /** The operator gets back all rights to read. */
  endDoubts(): void {
    for (const namespace of NAMESPACES) this.allowSSHKeys(namespace);
    this.allowNamespaces();
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
    return { ...known, unlisted: [...new Set([...known.unlisted, ...this.#unsynced])] };
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

  #note(): void {
    const { targets, statuses, authorizedKeys } = this.projection.takeDirty();
    for (const id of targets.keys()) this.#due.add(id);
    for (const claim of statuses) this.#dueStatuses.add(claim);
    for (const id of authorizedKeys) this.#dueAuthorizedKeys.add(id);
  }

  #next(id: string, running: Running, step: IteratorResult<SecretRequest, ReconcileResult>): void {
    if (step.done) {
      this.#running.delete(id);
      this.#end(id, step.value);
    } else {
      running.request = step.value;
      running.answer = undefined;
      if (step.value.kind === "create" || step.value.kind === "update") {
        running.writes += 1;
        this.#guard.sent(step.value, running.writes === 1);
      }
    }
    this.#note();
  }

  #end(id: string, pass: ReconcileResult): void {
    if (pass.kind === "retry" || (pass.kind === "requeue" && pass.afterMs <= 1)) this.#retries.add(id);
    else if (pass.kind === "requeue") this.#timers.set(id, this.operatorNow + pass.afterMs);
    else if (pass.kind === "blocked" && !pass.isWatched) this.#timers.set(id, this.operatorNow + 60_000);
    else if (pass.kind === "done" && pass.requeueAt !== undefined) this.#timers.set(id, pass.requeueAt);
  }

  #execute(request: SecretRequest): Answer {
    const id = `${request.namespace}/${request.name}`;
    const present = this.server.get(id);
    if (request.kind === "listManaged" || request.kind === "listMetadata") {
      const isAskedFor =
        present !== undefined && (request.kind === "listMetadata" || this.server.isLabelled(present));
      const { data: _, ...bare } = present ?? { data: undefined };
      const shown = request.kind === "listMetadata" ? (bare as StoredSecret) : present;
      return {
        kind: "found",
        object: isAskedFor ? shown : undefined,
        resourceVersion: String(this.#version),
      };
    }
    const answer = this.server.write(request);
    if (answer.kind === "written" || answer.kind === "deleted") this.#guard.taken(request, present);
    if (answer.kind === "conflict") return { kind: present === undefined ? "missing" : "void" };
    return answer.kind === "written" ? { kind: "written", object: answer.secret } : answer;
  }
}

function otherFormat({ expiryTimeFormat }: Rules): Rules["expiryTimeFormat"] {
  return expiryTimeFormat === "WithZ" ? "WithoutZ" : "WithZ";
}

function shuffled<T>(all: readonly T[], pick: Picker): T[] {
  const rest = [...all];
  const result: T[] = [];
  while (rest.length > 0) result.push(...rest.splice(pick(rest.length) % rest.length, 1));
  return result;
}
