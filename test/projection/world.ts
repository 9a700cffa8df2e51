import { hash } from "node:crypto";
import type { Claim } from "../../src/claims/claim.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/claims/policy.ts";
import { datedFirst, type SSHKeyRecord, type StoredSSHKey } from "../../src/claims/record.ts";
import type { Answer } from "../../src/projection/delivery.ts";
import { Projection } from "../../src/projection/projection.ts";
import {
  type ReconcileResult,
  reconcile,
  type SecretRequest,
  type TakeBudget,
} from "../../src/projection/reconcile.ts";
import type { SecretSettings, SecretWrite } from "../../src/projection/secret.ts";
import { statusWrite } from "../../src/projection/status.ts";
import { isProof } from "../claims/keypairs.ts";
import { withVerifiedProof } from "../claims/sshkeys.ts";
import { ClaimHistory } from "../oracle/claimhistory.ts";
import { type Fact, type Outcome, oracle, type Rules } from "../oracle/oracle.ts";
import { HeldProofs } from "./heldproofs.ts";
import { SecretServer, type StoredSecret, textOf } from "./secretserver.ts";

export const MANAGED = "sshkey-operator.dev/managed";
export const OWN_NAME = "sshkey-operator.dev/secret";
export const USER = "sshkey-operator.dev/user";
const HOUR = 3_600_000;
const SETTINGS: Omit<SecretSettings, "expiryTimeFormat"> = {
  installation: "default",
  perUser: true,
  namePrefix: "sshkeys-",
  retention: 24 * HOUR,
};

/** What a person asks for. */
export interface Wish {
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
  /** TYPE BASE64 COMMENT; one without that many words is no key. */
  readonly key: string;
  readonly options: readonly string[];
  readonly disabled: boolean;
  readonly expiresAt: number | undefined;
  readonly proof: string | undefined;
}

interface Running {
  readonly generator: Generator<SecretRequest, ReconcileResult, Answer>;
  request: SecretRequest | undefined;
  answer: Answer | undefined;
  writes: number;
}

/** A choice among so many. */
export type Picker = (count: number) => number;

type StatusRead = {
  readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[];
} & Record<string, unknown>;

/**
 * An API server and an operator around the real core: its passes run a request at a time, the watches show late what
 * happened, answers get lost. Every write is held against the guarantees at the moment it is sent.
 */
export class World {
  rules: Rules;
  readonly server: SecretServer;
  /** The API server's clock, ms since the epoch. */
  now = 1_700_000_000_000;
  /** How far the operator's clock is ahead. */
  readonly skew: number;
  /** Targets whose additions wait for their budget. */
  readonly broke = new Set<string>();
  projection: Projection;
  readonly history = new ClaimHistory();
  statusWrites = 0;
  readonly #policy: Policy;
  readonly #keys = new Map<string, StoredSSHKey>();
  readonly #keyEvents: { readonly object: StoredSSHKey; readonly isGone: boolean }[] = [];
  /** The SSHKeys as the watch has shown them. */
  readonly #view = new Map<string, StoredSSHKey>();
  /** Those of them that claim nothing, since their proof is not verified. */
  readonly #unverified = new Set<string>();
  /** What the watch has shown and the operator has not seen. */
  readonly #held = new HeldProofs((object, record) => this.#put(object, record));
  readonly #due = new Set<string>();
  readonly #retries = new Set<string>();
  readonly #running = new Map<string, Running>();
  readonly #dueStatuses = new Set<Claim>();
  readonly #timers = new Map<string, number>();
  readonly #emptySince = new Map<string, number>();
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
    this.server = new SecretServer(MANAGED, SETTINGS.installation, () => String(++this.#version));
    this.projection = this.#newProjection();
  }

  #newProjection(): Projection {
    return new Projection(this.#policy, { ...SETTINGS, expiryTimeFormat: this.rules.expiryTimeFormat });
  }

  // What people do.

  /** Applies an SSHKey. Its user never changes: another one makes it a new object. */
  apply(wish: Wish): void {
    const id = `${wish.namespace}/${wish.name}`;
    if (this.#keys.get(id)?.spec?.user !== wish.user) this.delete(id);
    const before = this.#keys.get(id);
    const spec = {
      user: wish.user,
      key: wish.key,
      options: [...wish.options],
      disabled: wish.disabled,
      ...(wish.proof === undefined ? {} : { proof: wish.proof }),
      ...(wish.expiresAt === undefined ? {} : { expiresAt: new Date(wish.expiresAt).toISOString() }),
    };
    if (before === undefined) {
      const uid = `uid-${this.#version + 1}`;
      const creationTimestamp = new Date(Math.floor(this.now / 1000) * 1000).toISOString();
      const metadata = {
        namespace: wish.namespace,
        name: wish.name,
        uid,
        generation: 1,
        creationTimestamp,
        resourceVersion: "",
      };
      this.#storeKey({ metadata, spec, status: { observedGeneration: -1 } });
    } else if (JSON.stringify(before.spec) !== JSON.stringify(spec)) {
      const generation = (before.metadata.generation ?? 0) + 1;
      this.#storeKey({ ...before, metadata: { ...before.metadata, generation }, spec });
    }
  }

  delete(id: string): void {
    const object = this.#keys.get(id);
    if (object === undefined) return;
    this.#version += 1;
    this.#keys.delete(id);
    this.#keyEvents.push({ object, isGone: true });
  }

  /** Deletes an SSHKey that a finalizer keeps. */
  terminate(id: string): void {
    const object = this.#keys.get(id);
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) return;
    const deletionTimestamp = new Date(this.now).toISOString();
    const generation = (object.metadata.generation ?? 0) + 1;
    this.#storeKey({ ...object, metadata: { ...object.metadata, deletionTimestamp, generation } });
  }

  /** As after a restore from a backup: new UIDs, first generations, no statuses. */
  restore(id: string): void {
    const object = this.#keys.get(id);
    if (object === undefined) return;
    this.delete(id);
    this.apply(wishOf(object));
  }

  /** Changes what is asked for of an SSHKey that is there. */
  edit(id: string, change: (wish: Wish) => Partial<Wish>): void {
    const object = this.#keys.get(id);
    if (object === undefined) return;
    const wish = wishOf(object);
    this.apply({ ...wish, ...change(wish) });
  }

  /** Somebody writes beside the operator's fields of a status. */
  reportUse(id: string): void {
    const object = this.#keys.get(id);
    if (object !== undefined)
      this.#storeKey({ ...object, status: { ...object.status, lastUsed: this.#version } as object });
  }

  get keyIds(): readonly string[] {
    return [...this.#keys.keys()];
  }

  statusOf(id: string): StatusRead {
    return (this.#keys.get(id)?.status ?? {}) as unknown as StatusRead;
  }

  stateOf(id: string): string | undefined {
    return this.reasonOf(id, "Ready");
  }

  reasonOf(id: string, type: string): string | undefined {
    return this.statusOf(id).conditions?.find((each) => each.type === type)?.reason;
  }

  conditionOf(id: string, type: string): string | undefined {
    return this.statusOf(id).conditions?.find((each) => each.type === type)?.status;
  }

  linesIn(id: string): readonly string[] {
    return linesOf(textOf(this.server.get(id)));
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
    const claims = [...this.#dueStatuses];
    const choices = [
      ...[...this.#running.keys()].map((id) => () => this.carryOn(id)),
      ...[...this.#due].filter((id) => !this.#running.has(id)).map((id) => () => this.begin(id)),
      ...claims.map((claim) => () => this.writeStatus(claim, false)),
      ...this.#held.choices.map((choice) => () => {
        choice();
        this.#note();
      }),
      ...(this.#keyEvents.length > 0 ? [() => this.showKeys()] : []),
      ...(this.server.events.length > 0 ? [() => this.showSecrets()] : []),
    ];
    // Another attempt comes after a pause: all else goes on meanwhile.
    return choices.length > 0 ? choices : [...this.#retries].map((id) => () => this.begin(id));
  }

  /** The watch of SSHKeys shows the next event. */
  showKeys(): void {
    const event = this.#keyEvents.shift();
    if (event === undefined) return;
    if (event.isGone) this.#hide(event.object);
    else this.#show(event.object);
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

  begin(id: string): void {
    if (this.#running.has(id)) return;
    this.#due.delete(id);
    this.#retries.delete(id);
    this.#timers.delete(id);
    const takeBudget: TakeBudget = (isRemoval) => {
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
    const claims = [...this.#dueStatuses];
    const claim = claims[which % Math.max(1, claims.length)];
    if (claim !== undefined) this.writeStatus(claim, isLost);
  }

  writeStatus(claim: Claim, isLost: boolean): void {
    if (!isLost) this.#dueStatuses.delete(claim);
    const found = this.projection.lastVerdict(claim);
    const write = found && statusWrite(claim, found, this.#policy, this.operatorNow);
    if (write === undefined) {
      this.#dueStatuses.delete(claim);
      return;
    }
    const { namespace, name, uid } = claim.record;
    const object = this.#keys.get(`${namespace}/${name}`);
    if (object?.metadata.uid !== uid) {
      this.#dueStatuses.delete(claim);
      return;
    }
    const foreign = Object.entries(object.status ?? {}).filter(([field]) => field === "lastUsed");
    this.statusWrites += 1;
    const stored = this.#storeKey({
      ...object,
      status: { ...Object.fromEntries(foreign), ...write.status } as object,
    });
    if (!isLost) this.projection.statusWritten(claim.record, write.observed, stored.metadata.resourceVersion);
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
    this.#timers.clear();
    this.#view.clear();
    this.#unverified.clear();
    this.#held.clear();
    this.#keyEvents.length = 0;
    this.server.events.length = 0;
    this.history.restarted();
    this.projection = this.#newProjection();
    const listed = shuffled([...this.#keys.values()], pick);
    const records = listed.map((object) => withVerifiedProof(this.projection.claims.read(object)));
    for (const record of datedFirst(records)) this.projection.putSSHKey(record, this.operatorNow);
    this.projection.replaceSecrets(
      shuffled(this.server.list(), pick).map((secret) => this.projection.toLiveSecret(secret)),
      undefined,
      String(this.#version),
    );
    for (const object of listed) this.#view.set(idOf(object), object);
    for (const object of listed) if (isAttested(object)) this.#recall(object);
    const edited = listed.filter((object) => !isAttested(object));
    for (const object of edited.sort((a, b) => this.#sinceOf(a) - this.#sinceOf(b))) this.#recall(object);
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

  /** Every obstacle goes away, as the messages ask for it, and the operator has the time to find out. */
  unblock(pick: Picker = () => 0): void {
    this.server.refusals.clear();
    this.server.webhooks.clear();
    this.broke.clear();
    for (const secret of this.server.all()) {
      if (!this.isOwn(secret) || secret.immutable)
        this.server.remove(`${secret.metadata.namespace}/${secret.metadata.name}`);
    }
    for (let minute = 0; minute < 3; minute += 1) {
      this.settle(pick);
      this.pass(60_000);
    }
    this.rest(pick);
  }

  // How it stands.

  /** What the oracle says of the SSHKeys as the API server holds them. */
  expected(): Outcome {
    return oracle(this.#facts(this.#keys), this.rules, this.operatorNow);
  }

  /** The same of what has been reached. */
  reached(): Outcome {
    const states: Record<string, Outcome["states"][string]> = {};
    const holders: Record<string, string> = {};
    const uniqueness: Record<string, Outcome["uniqueness"][string]> = {};
    const files: Record<string, readonly string[]> = {};
    for (const id of this.#keys.keys()) {
      states[id] = this.stateOf(id) as Outcome["states"][string];
      uniqueness[id] = this.reasonOf(id, "Unique") as Outcome["uniqueness"][string];
      const holder = this.statusOf(id).duplicateOf as { readonly name: string } | undefined;
      if (holder !== undefined) holders[id] = holder.name;
    }
    for (const secret of this.server.all()) {
      const { namespace, annotations } = secret.metadata;
      const lines = linesOf(textOf(secret));
      if (lines.length > 0) files[`${namespace}/${annotations?.[USER]}`] = lines;
    }
    return { states, holders, uniqueness, files };
  }

  /** Statuses that do not say how it stands, by the table of the design. None at rest. */
  lies(): readonly string[] {
    const expected = this.expected();
    return [...this.#keys].flatMap(([id, object]) => {
      const said = this.stateOf(id) ?? "nothing";
      const allowed = this.#trueStates(id, object, expected);
      const lies = allowed.includes(said) ? [] : [`${id} says ${said} and not ${allowed.join(" or ")}`];
      return [...lies, ...this.#wrongFacts(id, object, said)];
    });
  }

  isOwn(secret: StoredSecret): boolean {
    const { namespace, name, annotations } = secret.metadata;
    return this.server.isLabelled(secret) && annotations?.[OWN_NAME] === `${namespace}/${name}`;
  }

  #trueStates(id: string, object: StoredSSHKey, expected: Outcome): readonly string[] {
    const { namespace = "", name } = object.metadata;
    const own = expected.states[id] ?? "";
    const target = this.#targetOf(object);
    const secret = this.server.get(target);
    const lines = this.linesIn(target);
    const line = expected.files[`${namespace}/${object.spec?.user}`]?.find((each) =>
      each.endsWith(` ${namespace}/${name}`),
    );
    const isOwn = secret === undefined || this.isOwn(secret);
    const held = lines.some((each) => each.endsWith(` ${namespace}/${name}`));
    if (!isOwn && own === "Projected")
      // While a creation waits for its turn, nobody has found out that the name is taken.
      return this.broke.has(target) ? ["SecretConflict", "Pending"] : ["SecretConflict"];
    // What the Secret holds that is not the operator's own need not be known.
    if (!isOwn)
      return held && secret.metadata.annotations?.[OWN_NAME] === target
        ? ["SecretConflict"]
        : ["SecretConflict", own];
    if (own === "Projected" && line !== undefined && lines.includes(line)) return ["Projected"];
    if (own !== "Projected" && !held) return [own];
    if (own !== "Projected" && this.#canRemove(target, expected)) return [own];
    if (secret?.immutable) return ["SecretConflict"];
    const reason = this.server.refusals.get(target)?.reason;
    const first = reason === "server-error" ? "Pending" : "SecretConflict";
    // What waits for its turn has not been refused yet, or was when it was last tried; that this has ended since, nobody
    // can know before the next attempt.
    const waiting = ["Pending", "SecretConflict"];
    // A key whose line only waits to be written in another format has never been out.
    const hasOther = line !== undefined && lines.some((each) => withoutZ(each) === withoutZ(line));
    if (this.broke.has(target)) return hasOther ? [...waiting, "Projected"] : waiting;
    return [first];
  }

  /** Does nothing hinder a write that only takes out what should not be there? */
  #canRemove(target: string, expected: Outcome): boolean {
    const secret = this.server.get(target);
    if (secret === undefined || secret.immutable || this.server.webhooks.has(target)) return false;
    const [namespace = ""] = target.split("/");
    // For whom the Secret is, its annotation says only until somebody edits it.
    const user = this.#userOf(target, this.#keys);
    const wanted = (expected.files[`${namespace}/${user}`] ?? []).map(keyOf);
    const kept = this.linesIn(target).filter((line) => wanted.includes(keyOf(line)));
    const refusal = this.server.refusals.get(target);
    return refusal === undefined || !kept.join("\n").includes(refusal.holding);
  }

  #wrongFacts(id: string, object: StoredSSHKey, said: string): readonly string[] {
    const status = this.statusOf(id);
    const [type, base64 = ""] = (object.spec?.key ?? "").split(" ");
    const wrong: string[] = [];
    if (status.observedGeneration !== object.metadata.generation) wrong.push(`${id} has an old generation`);
    if (isKey(object) && status.fingerprint !== fingerprint(base64))
      wrong.push(`${id} has an old fingerprint`);
    if (isKey(object) && status.type !== type) wrong.push(`${id} has an old type`);
    if (said === "Projected" && this.conditionOf(id, "Projected") !== "True")
      wrong.push(`${id} is not Projected`);
    const proven = this.conditionOf(id, "Proven");
    if (proven !== this.#provenOf(object)) wrong.push(`${id} says that Proven is ${proven}`);
    if (isKey(object) && Date.parse(String(status.claimedSince)) !== this.history.get(object.metadata.uid))
      wrong.push(`${id} claims since ${status.claimedSince}`);
    return wrong;
  }

  /** The status of the condition `Proven`; none where there is no proof and none is required. */
  #provenOf(object: StoredSSHKey): string | undefined {
    if (object.spec?.proof === undefined && this.rules.proofs === "Optional") return undefined;
    if (!isKey(object)) return "Unknown";
    return isProven(object) ? "True" : "False";
  }

  #targetOf({ metadata, spec }: StoredSSHKey): string {
    return this.projection.targetIdOf({ namespace: metadata.namespace ?? "", user: spec?.user ?? "" });
  }

  /** Whose the target is, as these SSHKeys have it. */
  #userOf(target: string, keys: ReadonlyMap<string, StoredSSHKey>): string | undefined {
    return [...keys.values()].find((object) => this.#targetOf(object) === target)?.spec?.user;
  }

  #facts(keys: ReadonlyMap<string, StoredSSHKey>): readonly Fact[] {
    return [...keys.values()].map((object) => {
      const { namespace = "", name, uid, deletionTimestamp } = object.metadata;
      const [type = "", base64 = ""] = (object.spec?.key ?? "").split(" ");
      const expiresAt = object.spec?.expiresAt;
      return {
        namespace,
        name,
        uid,
        user: object.spec?.user ?? "",
        type,
        base64,
        options: (object.spec?.options ?? []).join(","),
        since: this.history.knows(uid) ? this.history.get(uid) : 0,
        disabled: object.spec?.disabled === true,
        terminating: deletionTimestamp !== undefined,
        expiresAt: expiresAt === undefined ? undefined : Date.parse(expiresAt),
        proven: isProven(object),
        findings: isKey(object) ? [] : ["Invalid"],
      };
    });
  }

  #storeKey(object: StoredSSHKey): StoredSSHKey {
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#keys.set(idOf(stored), stored);
    this.#keyEvents.push({ object: stored, isGone: false });
    return stored;
  }

  #show(object: StoredSSHKey): void {
    const { namespace = "", name } = object.metadata;
    const known = this.projection.claims.get(namespace, name)?.record;
    this.#held.show(object, this.projection.claims.read(object), known);
  }

  /** The operator sees the SSHKey. */
  #put(object: StoredSSHKey, record: SSHKeyRecord): void {
    const { namespace = "", name, uid } = object.metadata;
    const known = this.projection.claims.get(namespace, name)?.record;
    // An event from before what the operator knows from an own write; a newer one is on its way.
    if (known?.uid === uid && Number(known.resourceVersion) > Number(object.metadata.resourceVersion)) return;
    const before = this.#view.get(idOf(object));
    if (before !== undefined && before.metadata.uid !== uid) this.history.gone(before.metadata.uid);
    this.projection.putSSHKey(record, this.operatorNow);
    this.#view.set(idOf(object), object);
    if (record.proof?.result === "Unverified") this.#unverified.add(idOf(object));
    else this.#unverified.delete(idOf(object));
    this.#recall(object);
  }

  /** Takes note of what an event or a list says about since when. */
  #recall(object: StoredSSHKey): void {
    const { uid, creationTimestamp = "" } = object.metadata;
    const group = groupOf(object);
    if (this.history.knows(uid)) {
      if (!this.history.isEdit(uid, group)) return;
      this.history.edited(uid, group, this.operatorNow, this.#sinceOf(object));
    } else if (!isAttested(object)) {
      this.history.edited(uid, group, this.operatorNow, this.#sinceOf(object));
    } else if (isLookedAt(object)) {
      this.history.attested(uid, group, Date.parse(String(this.statusOf(idOf(object)).claimedSince)));
    } else this.history.made(uid, group, Date.parse(creationTimestamp));
  }

  #sinceOf({ metadata }: StoredSSHKey): number {
    return this.projection.claims.get(metadata.namespace ?? "", metadata.name)?.since ?? Number.NaN;
  }

  #hide(object: StoredSSHKey): void {
    const { namespace = "", name, uid } = object.metadata;
    this.#held.drop(object);
    this.projection.removeSSHKey(namespace, name);
    this.#view.delete(idOf(object));
    this.history.gone(uid);
  }

  #note(): void {
    const { targets, statuses } = this.projection.takeDirty();
    for (const id of targets.keys()) this.#due.add(id);
    for (const claim of statuses) this.#dueStatuses.add(claim);
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
        this.#checkSent(step.value, running.writes === 1);
      }
    }
    this.#note();
  }

  #end(id: string, pass: ReconcileResult): void {
    if (pass.kind === "retry") this.#retries.add(id);
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
    if (answer.kind === "written" || answer.kind === "deleted") this.#checkTaken(request, present);
    if (answer.kind === "conflict") return { kind: present === undefined ? "missing" : "void" };
    return answer.kind === "written" ? { kind: "written", object: answer.secret } : answer;
  }

  /** Guarantee 1: as far as the operator has been told, only good keys go in, and all of them in the first attempt. */
  #checkSent(write: SecretWrite, isFirst: boolean): void {
    const id = `${write.namespace}/${write.name}`;
    const sent = linesOf(fileIn(write));
    const claiming = [...this.#view].filter(([sshKey]) => !this.#unverified.has(sshKey));
    const facts = this.#facts(new Map(claiming));
    const user = this.#userOf(id, this.#view);
    const good = oracle(facts, this.rules, this.operatorNow).files[`${write.namespace}/${user}`] ?? [];
    if (isFirst && sent.join("\n") !== good.join("\n"))
      throw new Error(`${id} is sent ${JSON.stringify(sent)} and should be ${JSON.stringify(good)}`);
    const present = this.linesIn(id);
    const bad = sent.find((line) => !good.includes(line) && !present.includes(line));
    if (bad !== undefined) throw new Error(`${id} is sent the bad key ${bad}`);
  }

  /** Guarantees 2 and 4, whenever a write takes effect. */
  #checkTaken(write: SecretWrite, before: StoredSecret | undefined): void {
    const id = `${write.namespace}/${write.name}`;
    if (write.kind !== "create" && (before === undefined || !this.isOwn(before)))
      throw new Error(`${id} is not the operator's own and was written`);
    if (write.kind === "delete") {
      const emptied = this.#emptySince.get(id) ?? this.now;
      if (textOf(before) !== "" || this.now - emptied < 24 * HOUR - 1000)
        throw new Error(`${id} was deleted too early`);
      this.#emptySince.delete(id);
    } else if (fileIn(write) !== "") this.#emptySince.delete(id);
    else if (!this.#emptySince.has(id)) this.#emptySince.set(id, this.now);
  }
}

function fileIn(write: SecretWrite): string {
  if (write.kind === "delete") return "";
  const data =
    write.kind === "create"
      ? (write.object as StoredSecret).data
      : (write.patch.find(({ path }) => path === "/data")?.value as StoredSecret["data"]);
  return Buffer.from(data?.authorized_keys ?? "", "base64").toString("utf8");
}

function otherFormat({ expiryTimeFormat }: Rules): Rules["expiryTimeFormat"] {
  return expiryTimeFormat === "WithZ" ? "WithoutZ" : "WithZ";
}

function withoutZ(line: string): string {
  return line.replace(/(expiry-time="\d+)Z"/, '$1"');
}

function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

/** BASE64 and the SSHKey's name. */
function keyOf(line: string): string {
  return line.split(" ").slice(-2).join(" ");
}

function idOf({ metadata }: StoredSSHKey): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function wishOf({ metadata, spec }: StoredSSHKey): Wish {
  const { namespace = "", name } = metadata;
  const { key = "", options = [], disabled = false, expiresAt, user = "", proof } = spec ?? {};
  const expiry = expiresAt === undefined ? undefined : Date.parse(expiresAt);
  return { namespace, name, user, key, options, disabled, expiresAt: expiry, proof };
}

function isProven({ spec }: StoredSSHKey): boolean {
  return isProof(spec?.proof, spec?.user ?? "", spec?.key ?? "");
}

/** Who competes, whatever the scope: the namespace and the key. */
function groupOf(object: StoredSSHKey): string {
  return `${object.metadata.namespace} ${isKey(object) ? object.spec?.key?.split(" ")[1] : object.metadata.uid}`;
}

function isKey({ spec }: StoredSSHKey): boolean {
  return !(spec?.key ?? "").endsWith("truncated");
}

function isLookedAt({ status }: StoredSSHKey): boolean {
  return (status?.observedGeneration ?? -1) >= 0;
}

/** Does a list alone say since when this SSHKey has had its key? */
function isAttested(object: StoredSSHKey): boolean {
  const base64 = object.spec?.key?.split(" ")[1] ?? "";
  if (!isLookedAt(object)) return object.metadata.generation === 1;
  return isKey(object) && object.status?.fingerprint === fingerprint(base64);
}

function fingerprint(base64: string): string {
  return `SHA256:${hash("sha256", Buffer.from(base64, "base64"), "base64").replace("=", "")}`;
}

function shuffled<T>(all: readonly T[], pick: Picker): T[] {
  const rest = [...all];
  const result: T[] = [];
  while (rest.length > 0) result.push(...rest.splice(pick(rest.length) % rest.length, 1));
  return result;
}
