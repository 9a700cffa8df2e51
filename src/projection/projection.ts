import { isNewer, OLDEST } from "../api/object.ts";
import type { Claim } from "../claims/claim.ts";
import { type Change, Claims } from "../claims/claims.ts";
import { mayBeInForce } from "../claims/examination.ts";
import type { ObservedStatus } from "../claims/observedstatus.ts";
import type { Policy } from "../claims/policy.ts";
import type { SSHKeyRecord } from "../claims/record.ts";
import { AuthorizedKeysTarget } from "./authorizedkeystarget.ts";
import { AuthorizedKeysTargets } from "./authorizedkeystargets.ts";
import { type Dirty, DirtyMarks } from "./dirtymarks.ts";
import { EmptiedSecrets } from "./emptiedsecrets.ts";
import { allLines } from "./files.ts";
import { LateTargets } from "./latetargets.ts";
import { type NamespaceFacts, Namespaces } from "./namespaces.ts";
import {
  type DesiredSecret,
  type LiveSecret,
  type SecretObject,
  type SecretSettings,
  toLiveSecret,
} from "./secret.ts";
import { SyncedNamespaces } from "./syncednamespaces.ts";
import { type Target, targetId } from "./target.ts";
import { planUser } from "./userplan.ts";
import { secretName, UserTarget } from "./usertarget.ts";
import { sameVerdict, type Verdict } from "./verdict.ts";

const URGENCY = { new: "creation", changed: "normal", lost: "removal", gone: "removal" } as const;

/**
 * All SSHKeys, AuthorizedKeys, Namespaces and Secrets of the installation, and what follows from them. Holds no I/O and no
 * clock: times are ms since the epoch.
 */
export class Projection {
  readonly settings: SecretSettings;
  readonly claims: Claims;
  readonly namespaces = new Namespaces();
  readonly authorizedKeys: AuthorizedKeysTargets;
  readonly #policy: Policy;
  readonly #targets = new Map<string, Target>();
  readonly #emptied: EmptiedSecrets;
  readonly #late = new LateTargets();
  readonly #synced = new SyncedNamespaces();
  readonly #dirty = new DirtyMarks();
  /** Targets whose Secret has the label and is not managed. */
  readonly #copies = new Set<Target>();
  #secretCount = 0;

  constructor(policy: Policy, settings: SecretSettings) {
    this.#policy = policy;
    this.settings = settings;
    this.claims = new Claims(policy);
    this.#emptied = new EmptiedSecrets(settings.retention);
    this.authorizedKeys = new AuthorizedKeysTargets({
      claims: this.claims,
      namespaces: this.namespaces,
      policy,
      settings,
      isKnown: (namespace) => this.isSynced(namespace),
      isAboutToBeKnown: (namespace) => this.#synced.isAwaited(namespace),
      targetOf: (namespace, name) => this.#target(namespace, name) as AuthorizedKeysTarget,
      onDue: (target, urgency) => this.#dirty.target(target, urgency),
      onNamed: (target) => this.#noteEmptied(target),
    });
  }

  /** The SSHKeys and Secrets of the namespace (undefined: of all) are known completely now. */
  setSynced(namespace: string | undefined): void {
    this.#synced.add(namespace);
    this.#touchAll(namespace);
    if (namespace !== undefined) this.authorizedKeys.sourceChanged(namespace, "removal");
  }

  /** The same of its AuthorizedKeys. */
  setAuthorizedKeysSynced(namespace: string | undefined): void {
    this.authorizedKeys.setSynced(namespace);
    this.#touchAll(namespace);
  }

  /** What these Namespace objects say has to be asked before anything is written there; undefined: all of them. */
  awaitNamespaces(names: readonly (string | undefined)[]): void {
    this.#synced.await(names);
  }

  /** It was, whatever the answer; undefined: of all. */
  namespaceAsked(name: string | undefined): void {
    if (!this.#synced.asked(name)) return;
    this.#touchAll(name);
    if (this.#synced.areAllAsked) this.authorizedKeys.namespacesRead();
  }

  /** What is known of the namespace is known to be out of date. */
  suspend(namespace: string): void {
    this.#synced.suspend(namespace);
  }

  /** It is no longer. */
  resume(namespace: string): void {
    if (!this.#synced.resume(namespace)) return;
    this.#touchAll(namespace);
    this.authorizedKeys.sourceChanged(namespace, "removal");
  }

  /** Are the SSHKeys and Secrets of the namespace known, and known to be up to date? */
  isSynced(namespace: string): boolean {
    return this.#synced.has(namespace);
  }

  /** Before it is, the target's Secret may not be written. */
  isTargetSynced(id: string): boolean {
    const target = this.#targets.get(id);
    if (target === undefined) return true;
    const { namespace } = target;
    if (!this.isSynced(namespace)) return false;
    if (!(target instanceof AuthorizedKeysTarget)) return true;
    const isOfOthers = target.record?.from.some((entry) => entry.namespace !== namespace) ?? false;
    return this.authorizedKeys.isSynced(namespace) && (!isOfOthers || this.#synced.areAllAsked);
  }

  /** Marks the target dirty. */
  touch(id: string): void {
    const target = this.#targets.get(id);
    if (target !== undefined) this.#dirty.target(target, "removal");
  }

  /** Drains what is to be enqueued since the last call. */
  takeDirty(): Dirty {
    this.#note(this.claims.takeAffected());
    return { ...this.#dirty.take(), authorizedKeys: this.authorizedKeys.takeDirty() };
  }

  /**
   * Stores an SSHKey that is new or changed; returns whether its spec is. An older view of a known one changes nothing.
   */
  putSSHKey(record: SSHKeyRecord, now: number): boolean {
    const put = this.claims.put(record, now);
    if (put === undefined) return false;
    const { claim, before, changes } = put;
    this.#note(changes);
    // An edit may tighten what is in the Secret already; a new SSHKey cannot.
    if (before !== undefined && changes.length > 0) {
      this.#dirty.target(this.#targetOf(record), "removal");
      this.authorizedKeys.sourceChanged(record.namespace, "removal");
    }
    if (before?.observed.digest !== record.observed.digest) this.#dirty.status(claim);
    return before?.generation !== record.generation;
  }

  removeSSHKey(namespace: string, name: string): void {
    this.#note(this.claims.remove(namespace, name));
  }

  /** Somebody deletes the SSHKey, and a finalizer keeps the object: its key is out of force. */
  terminateSSHKey(namespace: string, name: string, uid: string, now: number): void {
    const claim = this.claims.get(namespace, name);
    if (claim?.record.uid === uid) this.putSSHKey({ ...claim.record, isTerminating: true }, now);
  }

  /** Stores what a Namespace says. */
  putNamespace(facts: NamespaceFacts): void {
    if (this.namespaces.put(facts)) this.#noteNamespace(facts.name);
  }

  /** There is no Namespace of this name. */
  removeNamespace(name: string): void {
    if (this.namespaces.remove(name)) this.#noteNamespace(name);
  }

  /** Stores all Namespaces. */
  replaceNamespaces(all: readonly NamespaceFacts[]): void {
    const isFirst = !this.namespaces.isComplete;
    for (const name of this.namespaces.replace(all)) this.#noteNamespace(name);
    if (isFirst) this.authorizedKeys.namespacesRead();
    this.namespaceAsked(undefined);
  }

  /** Remembers a status that the API server has acknowledged, unless a newer version of the SSHKey is known by now. */
  statusWritten(record: SSHKeyRecord, observed: ObservedStatus, resourceVersion: string): void {
    const current = this.claims.get(record.namespace, record.name);
    if (current?.record.uid !== record.uid || !isNewer({ resourceVersion }, current.record)) return;
    this.claims.updateStatus({ ...current.record, observed, resourceVersion });
  }

  /** Reads a Secret. Content that is known is not read again. */
  toLiveSecret(object: SecretObject): LiveSecret {
    const { namespace = "", name } = object.metadata;
    const known = this.#targets.get(targetId(namespace, name))?.live;
    return toLiveSecret(object, this.settings, known);
  }

  /** Stores a Secret as the API server showed or acknowledged it. An older view of it changes nothing. */
  putSecret(secret: LiveSecret): void {
    const target = this.#target(secret.namespace, secret.name);
    if (target.live !== undefined && !isNewer(secret, target.live)) return;
    // Lines that somebody put in or took out are a change of who may log in.
    const isSame = target.live?.digest === secret.digest;
    if (target.live !== undefined && !isSame && target.delivery.at !== "sent")
      target.isChangedByOthers = true;
    this.#dirty.target(target, isSame ? "normal" : "removal");
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
    if (target.live.ownership === "copy" && !target.isInUse && target.delivery.at !== "sent") {
      this.removeSecret(target, resourceVersion);
      this.forgetIfEmpty(target);
      return;
    }
    if (target.delivery.at !== "sent") target.isChangedByOthers = true;
    this.#setLive(target, { ...target.live, ownership: "unlabelled", resourceVersion });
    this.#dirty.target(target, "normal");
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
  resetSSHKeyVersions(namespace: string | undefined): void {
    for (const { record } of [...this.claims.all(namespace)]) {
      this.claims.updateStatus({ ...record, resourceVersion: OLDEST, generation: -1 });
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

  /** What the Secret should be; marks SSHKeys dirty whose verdict changed. */
  plan(target: Target, now: number): DesiredSecret {
    if (target instanceof AuthorizedKeysTarget) {
      const plan = this.authorizedKeys.plan(target, now);
      this.#late.note(target, plan.desired, now);
      this.authorizedKeys.notePlanned(target, plan, this.#late.isLate(target, now), now);
      return plan.desired;
    }
    if (!(target instanceof UserTarget)) throw new TypeError(`${target.id} is of no kind`);
    const { desired, verdicts } = planUser(target, this.claims, this.#policy, this.settings);
    this.#late.note(target, desired, now);
    this.#noteVerdicts(target, verdicts, now);
    return desired;
  }

  #noteVerdicts(target: UserTarget, verdicts: ReadonlyMap<Claim, Verdict>, now: number): void {
    const isPendingReported = this.#late.isLate(target, now);
    for (const [claim, verdict] of verdicts) {
      // Whoever waits to be examined has waited already.
      const isNews = isPendingReported || !mayBeInForce(claim.record);
      if (verdict.state === "Pending" && !isNews) {
        target.verdicts.set(claim, undefined);
        continue;
      }
      if (sameVerdict(target.verdicts.get(claim), verdict)) continue;
      target.verdicts.set(claim, verdict);
      this.#dirty.status(claim);
    }
  }

  /** Plans targets again that have been out of sync for a while, so that their SSHKeys become `Pending`. */
  reportPending(now: number): void {
    for (const target of this.#late.take(now)) this.plan(target, now);
  }

  /** The last verdict; undefined if the target has to be planned again. */
  lastVerdict(claim: Claim): Verdict | undefined {
    const target = this.#targets.get(this.targetIdOf(claim.record));
    return target instanceof UserTarget ? target.verdicts.get(claim) : undefined;
  }

  /** How many lines of the Secret have no SSHKey that has this key. */
  linesWithoutSSHKey(target: Target): number {
    return allLines(target.live?.files ?? new Map()).filter((line) => !target.isOfSSHKey(line, this.claims))
      .length;
  }

  /**
   * Called when this instance starts leading. Discards all verdicts, so that every status is compared again, and trusts
   * the previous leader: its writes are not changes by others, its claim dates are adopted.
   */
  beginWriting(now: number): void {
    this.#note(this.claims.adoptStatusDates(now));
    this.#late.clear();
    for (const target of this.#targets.values()) {
      target.isChangedByOthers = false;
      target.loggedFiles = undefined;
      target.outOfSyncSince = undefined;
      // Another instance may have written since.
      target.mayExistUnlabelled = true;
      if (target instanceof UserTarget)
        for (const claim of target.verdicts.keys()) target.verdicts.set(claim, undefined);
    }
    this.authorizedKeys.beginWriting();
    this.#dirty.setMalformedConsents(this.namespaces.withMalformedConsent());
  }

  /** When the Secret is to be deleted, in ms since the epoch; undefined if not at all. */
  deletionTime(target: Target): number | undefined {
    return this.#emptied.deletionTime(target);
  }

  /** Forgets the target if there is nothing left to know. */
  forgetIfEmpty(target: Target): void {
    if (target.isInUse || target.live !== undefined || target.delivery.at === "sent") return;
    this.#late.forget(target);
    if (this.#targets.get(target.id) === target) this.#targets.delete(target.id);
    if (target instanceof AuthorizedKeysTarget) this.authorizedKeys.forget(target);
  }

  /** A standby need not know what became of a Secret that is no longer shown and concerns no SSHKey. */
  forgetVanished(ids: Iterable<string>): void {
    for (const id of ids) {
      const target = this.#targets.get(id);
      if (target?.live?.ownership !== "unlabelled" || target.isInUse || target.delivery.at === "sent")
        continue;
      this.removeSecret(target, target.live.resourceVersion);
      this.forgetIfEmpty(target);
    }
  }

  #note(changes: Iterable<Change>): void {
    for (const change of changes) this.#noteChange(change);
  }

  #noteChange({ claim, kind }: Change): void {
    const target = this.#targetOf(claim.record);
    if (kind === "gone") {
      target.verdicts.delete(claim);
      this.#dirty.status(claim);
      if (!target.isNamed) this.#noteEmptied(target);
    } else {
      const isNewlyNamed = !target.isNamed;
      // The last verdict may be wrong by now: no status is written until the target is planned again.
      target.verdicts.set(claim, undefined);
      if (isNewlyNamed) this.#noteEmptied(target);
    }
    this.#dirty.target(target, URGENCY[kind]);
    this.authorizedKeys.sourceChanged(claim.record.namespace, URGENCY[kind]);
  }

  /** Anything that matters of the Namespace has changed. */
  #noteNamespace(name: string): void {
    this.#note(this.claims.setSelfService(name, this.namespaces.isSelfService(name)));
    this.authorizedKeys.namespaceChanged(name);
    const malformed = this.namespaces.malformedConsent(name);
    if (malformed !== undefined) this.#dirty.malformedConsent(malformed);
  }

  #touchAll(namespace: string | undefined): void {
    for (const target of this.#targets.values())
      if (namespace === undefined || target.namespace === namespace) this.#dirty.target(target, "removal");
  }

  #setLive(target: Target, live: LiveSecret | undefined): void {
    if (target.live === undefined && live !== undefined) this.#secretCount += 1;
    if (target.live !== undefined && live === undefined) this.#secretCount -= 1;
    if (live?.ownership === "copy" && (!this.#copies.has(target) || target.live?.uid !== live.uid))
      this.#dirty.copy(live);
    if (live?.ownership === "copy") this.#copies.add(target);
    else this.#copies.delete(target);
    target.live = live;
    this.#noteEmptied(target);
  }

  #noteEmptied(target: Target): void {
    const oldest = this.#emptied.update(target);
    if (oldest !== undefined && oldest !== target) this.#dirty.target(oldest, "normal");
  }

  #targetOf(record: SSHKeyRecord): UserTarget {
    return this.#target(record.namespace, this.#nameFor(record.user)) as UserTarget;
  }

  #target(namespace: string, name: string): Target {
    const id = targetId(namespace, name);
    let target = this.#targets.get(id);
    if (target === undefined) {
      target = name.startsWith(this.settings.namePrefix)
        ? new UserTarget(namespace, name, this.settings.perUser)
        : new AuthorizedKeysTarget(namespace, name);
      this.#targets.set(id, target);
    }
    return target;
  }

  #nameFor(user: string): string {
    return secretName(this.settings.namePrefix, user);
  }
}
