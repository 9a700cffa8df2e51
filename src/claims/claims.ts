import { isNewer } from "../api/object.ts";
import type { State } from "../api/states.ts";
import { Deadlines } from "../deadlines.ts";
import { type AdviceCode, NO_ADVICE } from "../ssh/weakness/advice.ts";
import { Tally } from "../tally.ts";
import type { Claim } from "./claim.ts";
import { mayBeInForce } from "./examination.ts";
import { judge, type Knowledge, NO_KNOWLEDGE, sameFindings, toldAdvice } from "./judgement.ts";
import type { KeyGroup } from "./keygroup.ts";
import { Changes, type MutableClaim, NamespaceClaims } from "./namespaceclaims.ts";
import type { Policy } from "./policy.ts";
import type { ProofResult } from "./proof.ts";
import { attestedNow, isSameSpec, type SSHKeyRecord, type StoredSSHKey, toSSHKeyRecord } from "./record.ts";
import { type Standing, standingOf } from "./standing.ts";
import { UnusedKeys, unusedDay } from "./unusedkeys.ts";

/** A claim whose standing may have changed. */
export interface Change {
  readonly claim: Claim;
  /** `lost`: it held its key before and no longer does. `gone`: its SSHKey is deleted. */
  readonly kind: "new" | "changed" | "lost" | "gone";
}

/** What an SSHKey that was put has changed. */
export interface Put {
  readonly claim: Claim;
  /** What was known of this very SSHKey. */
  readonly before: SSHKeyRecord | undefined;
  /** None where only the status differs; otherwise always including its own claim. See also takeAffected. */
  readonly changes: readonly Change[];
}

/**
 * All SSHKeys, and which of them holds which key. Two SSHKeys of one namespace claim one key when their canonical blobs
 * are equal; nothing is compared across namespaces. Knows no Secrets, no I/O and no clock: times are ms since the epoch.
 */
export class Claims {
  readonly #policy: Policy;
  /** That of self-service namespaces, where nobody can keep another one's key from being in force. */
  readonly #userScopePolicy: Policy;
  readonly #selfService = new Set<string>();
  #knowledge: Knowledge = NO_KNOWLEDGE;
  readonly #namespaces = new Map<string, NamespaceClaims>();
  /** Expiry times of the keys that have not expired. */
  readonly #expiries = new Deadlines<MutableClaim>();
  /** By STATE and key type, kept as things change: a scrape must not go over all SSHKeys. */
  readonly #counts = new Tally<string>();
  /** By what the proof of an SSHKey is worth. */
  readonly #proofCounts = new Tally<ProofResult>();
  /** By what is told of a key that is not refused. */
  readonly #adviceCounts = new Tally<AdviceCode>();
  readonly #unused = new UnusedKeys();
  /** Groups whose holder changed since the last takeAffected. */
  readonly #regrouped = new Set<KeyGroup<MutableClaim>>();
  /** The latest `now` passed in. */
  #now = 0;

  constructor(policy: Policy) {
    this.#policy = policy;
    this.#userScopePolicy = { ...policy, duplicateScope: "User" };
  }

  get(namespace: string, name: string): Claim | undefined {
    return this.#find(namespace, name);
  }

  *all(namespace?: string): Iterable<Claim> {
    const namespaces = namespace === undefined ? this.#namespaces.keys() : [namespace];
    for (const each of namespaces) yield* this.#namespaces.get(each)?.byName.values() ?? [];
  }

  /** Reads an SSHKey. What is known of this very generation is not parsed again. */
  read(object: StoredSSHKey): SSHKeyRecord {
    const { namespace = "", name } = object.metadata;
    return toSSHKeyRecord(object, this.#find(namespace, name)?.record, this.#policy.proofNamespace);
  }

  /**
   * Adds or updates an SSHKey; one of the same name with another UID or user goes. Undefined for an older view of a known
   * SSHKey, which changes nothing.
   */
  put(record: SSHKeyRecord, now: number): Put | undefined {
    this.#now = Math.max(this.#now, now);
    const known = this.#find(record.namespace, record.name);
    const before = known?.record;
    if (known === undefined || before === undefined) return this.#insert(record, now);
    if (before.uid === record.uid && isNewer(before, record)) return undefined;
    if (before.uid !== record.uid || before.user !== record.user) {
      const gone = this.remove(record.namespace, record.name);
      const { claim, changes } = this.#insert(record, now);
      return { claim, before: undefined, changes: [...gone, ...changes] };
    }
    this.#setRecord(known, record);
    if (isSameSpec(before, record)) return { claim: known, before, changes: [] };
    const changes = this.#reinsert(
      [known],
      now,
      () => {
        if (before.key?.base64 !== record.key?.base64)
          known.since = attestedNow(record) ?? this.#sinceEdit(record, now);
      },
      before,
    );
    return { claim: known, before, changes };
  }

  /**
   * Takes the dates of claims from the statuses that speak of the present specs. For whoever begins to write: an edit
   * that it saw while another instance wrote is dated by that one's status, not by its own clock.
   */
  adoptStatusDates(now: number): readonly Change[] {
    const others = [...this.all()].filter(
      ({ record, since }) => (attestedNow(record) ?? since) !== since,
    ) as MutableClaim[];
    return this.#reinsert(others, now, (claim) => {
      claim.since = attestedNow(claim.record) ?? claim.since;
    });
  }

  /** Stores another status or version of a known SSHKey, whose spec is the same. */
  updateStatus(record: SSHKeyRecord): void {
    const claim = this.#find(record.namespace, record.name);
    if (claim !== undefined) this.#setRecord(claim, record);
  }

  /** How many SSHKeys there are, by the STATE on their status ("" before the first) and key type ("" for no key). */
  *counts(): Iterable<{ readonly state: State | ""; readonly type: string; readonly count: number }> {
    for (const [label, count] of this.#counts) {
      const [state = "", type = ""] = label.split(" ");
      yield { state: state as State | "", type, count };
    }
  }

  /** How many SSHKeys there are, by what their proof is worth. */
  *proofCounts(): Iterable<{ readonly result: ProofResult; readonly count: number }> {
    for (const [result, count] of this.#proofCounts) yield { result, count };
  }

  /** How many SSHKeys there are with each kind of advice. */
  *adviceCounts(): Iterable<{ readonly code: AdviceCode; readonly count: number }> {
    for (const [code, count] of this.#adviceCounts) yield { code, count };
  }

  /** How many keys that work nobody has used for so many ms, as far as is reported. */
  unusedCount(now: number, ms: number): number {
    return this.#unused.count(now, ms);
  }

  /** Removes an SSHKey; returns its own claim as `gone`, and the others that change. */
  remove(namespace: string, name: string): readonly Change[] {
    const claims = this.#namespaces.get(namespace);
    const claim = claims?.byName.get(name);
    if (claims === undefined || claim === undefined) return [];
    claims.byName.delete(name);
    this.#expiries.delete(claim);
    this.#count(claim, -1);
    this.#setAdvice(claim, NO_ADVICE);
    const changes = new Changes();
    claim.isInForce = false;
    claims.leave(claim, claim.record, changes);
    if (claims.byName.size === 0) this.#namespaces.delete(namespace);
    return [{ claim, kind: "gone" }, ...changes.allBut(claim)];
  }

  /**
   * Drains the claims to every key whose holder changed since the last call. Not part of what a call returns, so that many
   * changes of one key visit its claims once; for a key with more than MANY_CLAIMS claims at most every ten seconds, since a
   * tenant could otherwise cause that work at will. The holder itself is always in what the call returned.
   */
  *takeAffected(): Iterable<Change> {
    for (const group of this.#regrouped) {
      if (group.size > MANY_CLAIMS && this.#now - group.notifiedAt < NOTIFY_LARGE_GROUP_EVERY_MS) continue;
      this.#regrouped.delete(group);
      group.notifiedAt = this.#now;
      for (const claim of group.members()) {
        // The last of a group leaves it unseen.
        if (this.#find(claim.record.namespace, claim.record.name) !== claim) continue;
        const wasHolder = claim.isHolder;
        // Since then the others may have left this group, and the claim may have gone out of force or into another group.
        claim.isHolder = this.isHolder(claim);
        yield { claim, kind: wasHolder && !claim.isHolder ? "lost" : "changed" };
      }
    }
  }

  /** When the next key expires; undefined if none does. */
  nextExpiry(): number | undefined {
    return this.#expiries.soonest;
  }

  /** Advances the clock: expired keys leave their place to the next in line. */
  advance(now: number): readonly Change[] {
    this.#now = Math.max(this.#now, now);
    const changes: Change[] = [];
    for (let due = this.#expiries.takeDue(now); due !== undefined; due = this.#expiries.takeDue(now)) {
      changes.push(...this.#reinsert([due.key], now));
    }
    return changes;
  }

  /** From now on SSHKeys are judged by this; those that are known already when `judgeAgain` is called with them. */
  setKnowledge(knowledge: Knowledge): void {
    this.#knowledge = knowledge;
  }

  /**
   * All SSHKeys, those first that wait for a key which another one holds: whoever judges them again in this order puts none in
   * the place of one that is refused before it is judged itself.
   */
  waitingFirst(): readonly Claim[] {
    const all = [...this.all()];
    const waits = ({ isInForce, isHolder }: Claim) => isInForce && !isHolder;
    return [...all.filter(waits), ...all.filter((claim) => !waits(claim))];
  }

  /** Judges these SSHKeys again; to be called with all of them, in batches. See waitingFirst. */
  judgeAgain(claims: Iterable<Claim>, now: number): readonly Change[] {
    const changed: MutableClaim[] = [];
    for (const { record, findings } of claims) {
      const claim = this.#find(record.namespace, record.name);
      if (claim === undefined || sameFindings(findings, judge(record, this.#policy, this.#knowledge)))
        continue;
      changed.push(claim);
    }
    return this.#reinsert(changed, now);
  }

  /** Does the claim hold its key? */
  isHolder(claim: Claim): boolean {
    const group = this.#groupOf(claim.record);
    return group === undefined ? claim.isInForce : group.holderFor(claim) === claim;
  }

  /** Whether the namespace is one of self-service, where the scope of duplicates is `User`. */
  setSelfService(namespace: string, isSelfService: boolean): readonly Change[] {
    if (this.#selfService.has(namespace) === isSelfService) return [];
    const before = this.#policyOf(namespace);
    if (isSelfService) this.#selfService.add(namespace);
    else this.#selfService.delete(namespace);
    const claims = this.#namespaces.get(namespace);
    if (claims === undefined || before.duplicateScope === this.#policyOf(namespace).duplicateScope) return [];
    const changes = new Changes();
    const shared = [...claims.byName.values()].filter(({ record }) => claims.groupOf(record) !== undefined);
    for (const claim of shared) {
      changes.note(claim);
      claims.leave(claim, claim.record, changes);
    }
    for (const claim of shared) this.#join(claim, changes);
    return changes.all();
  }

  #policyOf(namespace: string): Policy {
    return this.#selfService.has(namespace) ? this.#userScopePolicy : this.#policy;
  }

  standing(claim: Claim): Standing {
    const group = this.#groupOf(claim.record);
    return standingOf(claim, group?.holderFor(claim) ?? claim, this.#policyOf(claim.record.namespace), {
      isShared: group?.isShared === true,
      isProvenByAnother: group?.isProvenByAnother(claim) === true,
    });
  }

  #insert(record: SSHKeyRecord, now: number): Put {
    const claim: MutableClaim = {
      record,
      findings: [],
      advice: NO_ADVICE,
      isProven: false,
      since: record.attestedSince ?? this.#sinceEdit(record, now),
      isExpired: false,
      isInForce: false,
      isHolder: false,
      unusedDay: undefined,
    };
    let claims = this.#namespaces.get(record.namespace);
    if (claims === undefined) {
      claims = new NamespaceClaims(this.#regrouped);
      this.#namespaces.set(record.namespace, claims);
    }
    claims.byName.set(record.name, claim);
    this.#count(claim, 1);
    const changes = new Changes();
    this.#judge(claim, now);
    this.#join(claim, changes);
    return { claim, before: undefined, changes: [{ claim, kind: "new" }, ...changes.allBut(claim)] };
  }

  /** Removes these claims from their groups, judges them again and adds them back. */
  #reinsert(
    claims: readonly MutableClaim[],
    now: number,
    whileOut: (claim: MutableClaim) => void = () => {},
    before?: SSHKeyRecord,
  ): readonly Change[] {
    const changes = new Changes();
    for (const claim of claims) {
      changes.note(claim);
      this.#namespaces.get(claim.record.namespace)?.leave(claim, before ?? claim.record, changes);
      whileOut(claim);
      this.#judge(claim, now);
      this.#join(claim, changes);
    }
    return changes.all();
  }

  #judge(claim: MutableClaim, now: number): void {
    const { record } = claim;
    claim.findings = judge(record, this.#policy, this.#knowledge);
    this.#setAdvice(claim, toldAdvice(record, claim.findings));
    claim.isProven = record.proof?.result === "Proven";
    claim.isExpired = record.expiresAt !== undefined && record.expiresAt <= now;
    claim.isInForce =
      claim.findings.length === 0 &&
      !record.isTerminating &&
      !record.disabled &&
      !claim.isExpired &&
      mayBeInForce(record);
    if (record.expiresAt === undefined || claim.isExpired) this.#expiries.delete(claim);
    else this.#expiries.set(claim, record.expiresAt);
  }

  #join(claim: MutableClaim, changes: Changes): void {
    const { namespace } = claim.record;
    this.#namespaces.get(namespace)?.join(claim, this.#policyOf(namespace).duplicateScope, changes);
  }

  /**
   * An edit into a key that others hold displaces nobody, whatever the clocks of operator and API server say. Whole
   * seconds, as creation times are; rounded up, so that no edit counts as old as an SSHKey that was made before it. Never
   * before the SSHKey itself was made, which no status could attest.
   */
  #sinceEdit(record: SSHKeyRecord, now: number): number {
    const latest = this.#namespaces.get(record.namespace)?.latestSince(record) ?? 0;
    return Math.max(Math.ceil(now / 1000) * 1000, record.createdAt, latest + 1000);
  }

  /** Undefined for a key that nobody else claims. */
  #groupOf(record: SSHKeyRecord): KeyGroup<MutableClaim> | undefined {
    return this.#namespaces.get(record.namespace)?.groupOf(record);
  }

  #setAdvice(claim: MutableClaim, advice: readonly AdviceCode[]): void {
    for (const code of claim.advice) this.#adviceCounts.add(code, -1);
    claim.advice = advice;
    for (const code of advice) this.#adviceCounts.add(code, 1);
  }

  #setRecord(claim: MutableClaim, record: SSHKeyRecord): void {
    this.#count(claim, -1);
    claim.record = record;
    this.#count(claim, 1);
  }

  #find(namespace: string, name: string): MutableClaim | undefined {
    return this.#namespaces.get(namespace)?.byName.get(name);
  }

  #count(claim: MutableClaim, by: 1 | -1): void {
    const { observed, key, proof, hasProof } = claim.record;
    if (by === 1) claim.unusedDay = unusedDay(claim.record, this.#now);
    this.#unused.add(claim.unusedDay, by);
    this.#counts.add(`${observed.state} ${key?.type ?? ""}`, by);
    this.#proofCounts.add(proof?.result ?? (hasProof ? "NotChecked" : "None"), by);
  }
}

/** How often those who claim one key are told of another holder when they are so many, in ms. */
const NOTIFY_LARGE_GROUP_EVERY_MS = 10_000;
const MANY_CLAIMS = 1000;
