import { isNewer } from "../api/object.ts";
import type { Claim } from "../claims/claim.ts";
import { type Change, Claims } from "../claims/claims.ts";
import type { ObservedStatus } from "../claims/observedstatus.ts";
import type { Policy } from "../claims/policy.ts";
import { isSameSpec, type SSHKeyRecord } from "../claims/record.ts";
import { EmptiedSecrets } from "./emptiedsecrets.ts";
import { linesOf } from "./file.ts";
import { type Plan, planTarget } from "./plan.ts";
import type { LiveSecret, SecretSettings } from "./secret.ts";
import { secretName, Target, targetId } from "./target.ts";
import { sameVerdict, type Verdict } from "./verdict.ts";

/** A Secret that is written within this time, in ms, makes no SSHKey `Pending`: its next status says how it ended. */
const PENDING_AFTER_MS = 5000;

/** Targets planned anew at a time to say so, so that the event loop is not held up. */
const TOLD_AT_ONCE = 500;

/** Older than every resourceVersion that an API server gives. */
const OLDEST = "1";

/** How soon a target has to be looked at: a key may have to leave its Secret, or something else may be due. */
export type Priority = "removal" | "normal";

/** What the caller has to look at since it last asked. */
export interface Due {
  /** Ids of targets whose Secret may have to be written. */
  readonly targets: ReadonlyMap<string, Priority>;
  /** SSHKeys whose status may have to be written. */
  readonly statuses: ReadonlySet<Claim>;
  /** Secrets that have been found to be copies. */
  readonly copies: readonly LiveSecret[];
}

/**
 * All SSHKeys, all Secrets of the installation, and what follows from them. Holds no I/O and no clock: times are ms
 * since the epoch.
 */
export class Projection {
  readonly settings: SecretSettings;
  readonly claims: Claims;
  readonly #policy: Policy;
  readonly #targets = new Map<string, Target>();
  readonly #emptied: EmptiedSecrets;
  /** Those whose Secret is not as it should be, longest first, until their SSHKeys were told so. */
  readonly #behind = new Set<Target>();
  /** Those whose Secret has the label and is not the operator's own. */
  readonly #copies = new Set<Target>();
  #secretCount = 0;
  #dueTargets = new Map<string, Priority>();
  #dueStatuses = new Set<Claim>();
  #newCopies: LiveSecret[] = [];

  constructor(policy: Policy, settings: SecretSettings) {
    this.#policy = policy;
    this.settings = settings;
    this.claims = new Claims(policy);
    this.#emptied = new EmptiedSecrets(settings.retention);
  }

  /** Hands over what is due since the last call. */
  takeDue(): Due {
    for (const claim of this.claims.takeAffected()) this.#noteChange({ claim, isLost: false });
    const due = { targets: this.#dueTargets, statuses: this.#dueStatuses, copies: this.#newCopies };
    this.#newCopies = [];
    this.#dueTargets = new Map();
    this.#dueStatuses = new Set();
    return due;
  }

  /** Stores an SSHKey that is new or changed. An older view of a known one changes nothing. */
  putKey(record: SSHKeyRecord, now: number): void {
    const known = this.claims.get(record.namespace, record.name)?.record;
    if (known?.uid === record.uid && isNewer(known, record)) return;
    const before = known?.uid === record.uid && known.user === record.user ? known : undefined;
    if (known !== before) this.removeKey(record.namespace, record.name);
    const changes = this.claims.put(record, now);
    if (before === undefined || !isSameSpec(before, record)) this.#note(changes);
    // An edit may tighten what is in the Secret already; a new SSHKey cannot.
    if (before !== undefined && !isSameSpec(before, record)) this.#touch(this.#targetOf(record), "removal");
    const claim = this.claims.get(record.namespace, record.name);
    if (claim !== undefined && before?.observed.digest !== record.observed.digest)
      this.#dueStatuses.add(claim);
  }

  /**
   * Takes in what a list shows. Keys that came into their SSHKey by an edit that no status attests come last: they are
   * dated behind all who have the key, so those have to be known first.
   */
  putKeys(records: readonly SSHKeyRecord[], now: number): void {
    const undated: SSHKeyRecord[] = [];
    for (const record of records) {
      if (record.claimedSince === undefined) undated.push(record);
      else this.putKey(record, now);
    }
    undated.sort((a, b) => a.createdAt - b.createdAt || (a.uid < b.uid ? -1 : 1));
    for (const record of undated) this.putKey(record, now);
  }

  removeKey(namespace: string, name: string): void {
    const claim = this.claims.get(namespace, name);
    if (claim === undefined) return;
    const target = this.#targetOf(claim.record);
    target.verdicts.delete(claim);
    this.#dueStatuses.delete(claim);
    if (!target.hasSSHKeys) this.#noteEmptied(target);
    this.#note(this.claims.remove(namespace, name));
    this.#touch(target, "removal");
  }

  /** Somebody deletes the SSHKey, and a finalizer keeps the object: its key is out of force. */
  terminateKey(namespace: string, name: string, uid: string, now: number): void {
    const claim = this.claims.get(namespace, name);
    if (claim?.record.uid === uid) this.#note(this.claims.put({ ...claim.record, isTerminating: true }, now));
  }

  /** Remembers a status that the API server has acknowledged, unless a newer version of the SSHKey is known by now. */
  statusWritten(record: SSHKeyRecord, observed: ObservedStatus, resourceVersion: string): void {
    const current = this.claims.get(record.namespace, record.name);
    if (current?.record.uid !== record.uid || !isNewer({ resourceVersion }, current.record)) return;
    this.claims.observe({ ...current.record, observed, resourceVersion });
  }

  /** Stores a Secret as the API server showed or acknowledged it. An older view of it changes nothing. */
  putSecret(secret: LiveSecret): void {
    const target = this.#target(secret.namespace, secret.name);
    if (target.live !== undefined && !isNewer(secret, target.live)) return;
    // Lines that somebody put in or took out are a change of who may log in.
    const isSame = target.live?.digest === secret.digest;
    if (target.live !== undefined && !isSame && target.delivery.at !== "sent")
      target.isChangedByOthers = true;
    this.#touch(target, isSame ? "normal" : "removal");
    this.applyResponse(target, secret);
  }

  /** Stores a Secret from the response to a write or to a list by name. */
  applyResponse(target: Target, secret: LiveSecret): void {
    target.mayExistUnlabelled = false;
    if (target.live === undefined || !isNewer(target.live, secret)) this.#setLive(target, secret);
  }

  /**
   * The watch shows no Secret of this name any more, as of `resourceVersion`: it was deleted, or only lost its label.
   * What it held counts as held until the API server was asked.
   */
  secretDisappeared(namespace: string, name: string, resourceVersion: string): void {
    const target = this.#targets.get(targetId(namespace, name));
    if (target?.live === undefined || isNewer(target.live, { resourceVersion })) return;
    // A copy that concerned nobody begins to concern nobody when it goes.
    if (target.live.ownership === "copy" && !target.hasSSHKeys && target.delivery.at !== "sent") {
      this.removeSecret(target, resourceVersion);
      this.forgetIfEmpty(target);
      return;
    }
    if (target.delivery.at !== "sent") target.isChangedByOthers = true;
    this.#setLive(target, { ...target.live, ownership: "unlabelled", resourceVersion });
    this.#touch(target, "normal");
  }

  /** There is no Secret of this name, as of `resourceVersion`. */
  removeSecret(target: Target, resourceVersion: string): void {
    target.mayExistUnlabelled = false;
    if (target.live === undefined || !isNewer(target.live, { resourceVersion }))
      this.#setLive(target, undefined);
  }

  /** Stores a complete list of the installation's Secrets in a namespace, or in all, true as of `resourceVersion`. */
  replaceSecrets(
    secrets: readonly LiveSecret[],
    namespace: string | undefined,
    resourceVersion: string,
  ): void {
    const listed = new Set(secrets.map((secret) => targetId(secret.namespace, secret.name)));
    for (const target of [...this.#targets.values()]) {
      const isInScope = namespace === undefined || target.namespace === namespace;
      if (isInScope && !listed.has(target.id))
        this.secretDisappeared(target.namespace, target.secretName, resourceVersion);
    }
    for (const secret of secrets) this.putSecret(secret);
  }

  /**
   * History of the SSHKeys went back, as after a restore of etcd: no version or generation known so far can be compared
   * with those to come. What is known stays, and gives way to whatever is shown next.
   */
  resetKeyVersions(namespace: string | undefined): void {
    for (const { record } of [...this.claims.all(namespace)]) {
      this.claims.observe({ ...record, resourceVersion: OLDEST, generation: -1 });
    }
  }

  /** The same of the Secrets. */
  resetSecretVersions(namespace: string | undefined): void {
    for (const target of this.#targets.values()) {
      if (target.live === undefined || (namespace !== undefined && target.namespace !== namespace)) continue;
      target.live = { ...target.live, resourceVersion: OLDEST };
    }
  }

  /** Advances the clock: expired keys are no longer in force. */
  advance(now: number): void {
    this.#note(this.claims.advance(now));
  }

  judgeAgain(claims: Iterable<Claim>, now: number): void {
    this.#note(this.claims.judgeAgain(claims, now));
  }

  /** How many Secrets of the installation are known, and how many of them are copies. */
  get secretCounts(): { readonly all: number; readonly copies: number } {
    return { all: this.#secretCount, copies: this.#copies.size };
  }

  target(id: string): Target | undefined {
    return this.#targets.get(id);
  }

  targets(): Iterable<Target> {
    return this.#targets.values();
  }

  /** Id of the target that an SSHKey belongs to. */
  targetIdOf({ namespace, user }: Pick<SSHKeyRecord, "namespace" | "user">): string {
    return targetId(namespace, this.#nameFor(user));
  }

  /** What the target's Secret should hold; what it finds anew about its SSHKeys makes their statuses due. */
  plan(target: Target, now: number): Plan {
    const plan = planTarget(target, this.claims, this.#policy);
    if (plan.desired.file === (target.live?.file ?? "")) {
      target.outOfSyncSince = undefined;
      this.#behind.delete(target);
    } else if (target.outOfSyncSince === undefined) {
      target.outOfSyncSince = now;
      this.#behind.delete(target);
      this.#behind.add(target);
    }
    const isPendingTold = now - (target.outOfSyncSince ?? now) >= PENDING_AFTER_MS;
    for (const [claim, verdict] of plan.verdicts) {
      if (verdict.state === "Pending" && !isPendingTold) {
        target.verdicts.set(claim, undefined);
        continue;
      }
      if (sameVerdict(target.verdicts.get(claim), verdict)) continue;
      target.verdicts.set(claim, verdict);
      this.#dueStatuses.add(claim);
    }
    return plan;
  }

  /** Plans targets again, once each, that have been out of sync for PENDING_AFTER_MS, so that their SSHKeys become `Pending`. */
  reportPending(now: number): void {
    let told = 0;
    for (const target of this.#behind) {
      if (now - (target.outOfSyncSince ?? now) < PENDING_AFTER_MS || told >= TOLD_AT_ONCE) return;
      told += 1;
      this.#behind.delete(target);
      this.plan(target, now);
    }
  }

  /** What was last found of the SSHKey. */
  lastVerdict(claim: Claim): Verdict | undefined {
    return this.#targets.get(this.targetIdOf(claim.record))?.verdicts.get(claim);
  }

  /** How many lines of the Secret have no SSHKey that has this key. */
  linesWithoutSSHKey({ live, verdicts }: Target): number {
    const keys = new Set(Array.from(verdicts.keys(), ({ record }) => record.key?.base64));
    return linesOf(live?.file ?? "").filter(({ base64 }) => !keys.has(base64)).length;
  }

  /**
   * Another instance may have written until now: forgets what was found meanwhile, so that every status is looked at,
   * and takes what that one wrote for nobody's meddling and its dates of claims for right.
   */
  beginWriting(now: number): void {
    this.#note(this.claims.adoptStatusDates(now));
    for (const target of this.#targets.values()) {
      target.isChangedByOthers = false;
      target.announced = undefined;
      for (const claim of target.verdicts.keys()) target.verdicts.set(claim, undefined);
    }
  }

  /** When the Secret is to be deleted, in ms since the epoch; undefined if not at all. */
  deletionTime(target: Target): number | undefined {
    return this.#emptied.deletionTime(target);
  }

  /** Forgets the target if there is nothing left to know. */
  forgetIfEmpty(target: Target): void {
    if (target.hasSSHKeys || target.live !== undefined || target.delivery.at === "sent") return;
    this.#behind.delete(target);
    if (this.#targets.get(target.id) === target) this.#targets.delete(target.id);
  }

  #note(changes: readonly Change[]): void {
    for (const change of changes) this.#noteChange(change);
  }

  #noteChange({ claim, isLost }: Change): void {
    const target = this.#targetOf(claim.record);
    // What was found of it may hold no more: no status says so until it is found anew.
    const isNewlyNamed = !target.hasSSHKeys;
    target.verdicts.set(claim, undefined);
    if (isNewlyNamed) this.#noteEmptied(target);
    this.#touch(target, isLost ? "removal" : "normal");
  }

  #touch(target: Target, urgency: Priority): void {
    if (this.#dueTargets.get(target.id) !== "removal") this.#dueTargets.set(target.id, urgency);
  }

  #setLive(target: Target, live: LiveSecret | undefined): void {
    if (target.live === undefined && live !== undefined) this.#secretCount += 1;
    if (target.live !== undefined && live === undefined) this.#secretCount -= 1;
    if (live?.ownership === "copy" && (!this.#copies.has(target) || target.live?.uid !== live.uid))
      this.#newCopies.push(live);
    if (live?.ownership === "copy") this.#copies.add(target);
    else this.#copies.delete(target);
    target.live = live;
    this.#noteEmptied(target);
  }

  #noteEmptied(target: Target): void {
    const oldest = this.#emptied.update(target);
    if (oldest !== undefined && oldest !== target) this.#touch(oldest, "normal");
  }

  #targetOf(record: SSHKeyRecord): Target {
    return this.#target(record.namespace, this.#nameFor(record.user));
  }

  #target(namespace: string, name: string): Target {
    const id = targetId(namespace, name);
    let target = this.#targets.get(id);
    if (target === undefined) {
      target = new Target(namespace, name);
      this.#targets.set(id, target);
    }
    return target;
  }

  #nameFor(user: string): string {
    return secretName(this.settings.namePrefix, user);
  }
}
