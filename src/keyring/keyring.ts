import { type Affected, type AffectedSoFar, merge } from "./affected.ts";
import { areRivals } from "./duplicategroup.ts";
import { DuplicateGroups } from "./duplicategroups.ts";
import { type Delay, type Plan, planUnit } from "./plan.ts";
import type { Policy } from "./policy.ts";
import type { KeyRecord } from "./record.ts";
import { isNewer } from "./resourceversion.ts";
import { keysOf, type SecretRecord } from "./secret.ts";
import { secretName } from "./secretname.ts";
import type { SeenStatus } from "./seenstatus.ts";
import { SortedSet } from "./sortedset.ts";
import { Unit, unitId } from "./unit.ts";
import { isEligible, isExpired } from "./verdict.ts";

/**
 * All SSHKeys and all managed Secrets, and what follows from them. Holds no I/O and no clock: every method that
 * depends on the time is given it in ms since the epoch, and time never runs backwards for it.
 */
export class Keyring {
  readonly #policy: Policy;
  readonly #secretPrefix: string;
  readonly #units = new Map<string, Unit>();
  /** namespace → SSHKey name → record. */
  readonly #keys = new Map<string, Map<string, KeyRecord>>();
  readonly #groups: DuplicateGroups;
  readonly #expiring = new SortedSet<KeyRecord>(expiresBefore);

  constructor(policy: Policy, secretPrefix: string) {
    this.#policy = policy;
    this.#secretPrefix = secretPrefix;
    this.#groups = new DuplicateGroups(policy.duplicateScope);
  }

  /**
   * What the unit's Secret and the statuses of its SSHKeys should be. `conflict`: why its Secret cannot be written.
   * A unit with a key that has to wait will be affected when the wait is over.
   */
  plan(id: string, now: number, conflict?: string): Plan | undefined {
    const unit = this.#units.get(id);
    if (unit === undefined) return undefined;
    const context = {
      policy: this.#policy,
      owner: unit.owner(this.#secretPrefix),
      conflict,
      now,
      holderFor: (record: KeyRecord) => this.#groups.of(record)?.holderFor(record) ?? record,
      delayOf: (record: KeyRecord) => this.#delayOf(record, id),
    };
    return planUnit(unit, context);
  }

  /**
   * Takes in an SSHKey that is new or changed. `isRewound`: history went back, so neither version nor generation tell
   * how it compares with what was known.
   */
  putKey(record: KeyRecord, now: number, isRewound = false): Affected {
    const before = this.#keys.get(record.namespace)?.get(record.name);
    const affected: AffectedSoFar = new Map();
    if (before?.uid === record.uid && !isRewound) {
      if (isNewer(before.seen, record.seen)) record.seen = before.seen;
      // The generation counts the changes of the spec: this is at most a new status, most often the own one.
      if (before.generation === record.generation) {
        if (before.seen.digest !== record.seen.digest) affected.set(before.unitId, "soon");
        before.seen = record.seen;
        return affected;
      }
    }
    if (before !== undefined) this.#drop(before, affected);
    this.#insert(record, now, affected);
    return affected;
  }

  removeKey(namespace: string, name: string): Affected {
    const affected: AffectedSoFar = new Map();
    const record = this.#keys.get(namespace)?.get(name);
    if (record !== undefined) this.#drop(record, affected);
    return affected;
  }

  *keys(namespace?: string): Iterable<KeyRecord> {
    const namespaces = namespace === undefined ? this.#keys.keys() : [namespace];
    for (const each of namespaces) yield* this.#keys.get(each)?.values() ?? [];
  }

  key(namespace: string, name: string): KeyRecord | undefined {
    return this.#keys.get(namespace)?.get(name);
  }

  /** Remembers a status that the API server has acknowledged. */
  statusWritten(record: KeyRecord, seen: SeenStatus): void {
    const current = this.#keys.get(record.namespace)?.get(record.name);
    if (current?.uid === record.uid && isNewer(seen, current.seen)) current.seen = seen;
  }

  /** Takes in a managed Secret as the API server showed or acknowledged it. An older view of it changes nothing. */
  putSecret(secret: SecretRecord): Affected {
    const unit = this.#unit(secret.namespace, secret.name);
    const affected: AffectedSoFar = new Map();
    if (unit.secret !== undefined && !isNewer(secret, unit.secret)) return affected;
    affected.set(unit.id, "soon");
    this.#setSecret(unit, secret, affected);
    return affected;
  }

  /** The Secret is gone, or no longer managed, as of `resourceVersion`. */
  removeSecret(namespace: string, name: string, resourceVersion: string): Affected {
    const affected: AffectedSoFar = new Map();
    const unit = this.#units.get(unitId(namespace, name));
    if (unit?.secret === undefined || isNewer(unit.secret, { resourceVersion })) return affected;
    affected.set(unit.id, "soon");
    this.#setSecret(unit, undefined, affected);
    this.#forgetIfEmpty(unit);
    return affected;
  }

  /**
   * Takes in a complete list of managed Secrets, true as of `resourceVersion`. `isRewound`: history went back, so it is
   * true whatever the versions say that were known.
   */
  replaceSecrets(
    secrets: readonly SecretRecord[],
    namespace: string | undefined,
    resourceVersion: string,
    isRewound = false,
  ): Affected {
    const affected: AffectedSoFar = new Map();
    const listed = new Set(secrets.map((secret) => unitId(secret.namespace, secret.name)));
    for (const unit of [...this.#units.values()]) {
      const isInScope = namespace === undefined || unit.namespace === namespace;
      if (!isInScope || unit.secret === undefined || (listed.has(unit.id) && !isRewound)) continue;
      const asOf = isRewound ? unit.secret.resourceVersion : resourceVersion;
      merge(affected, this.removeSecret(unit.namespace, unit.secretName, asOf));
    }
    for (const secret of secrets) merge(affected, this.putSecret(secret));
    return affected;
  }

  /**
   * A write of this file to the unit's Secret begins. Until `writeEnds` the Secret counts as holding its keys as well
   * as those it held: nobody knows when, or whether, the write takes effect.
   */
  writeBegins(id: string, file: string): void {
    const unit = this.#units.get(id);
    if (unit === undefined) return;
    this.#changeLive(unit, new Map(), () => {
      unit.underway = keysOf(file);
    });
  }

  /** The write was refused, or what it left behind is known by `putSecret` or `removeSecret`. */
  writeEnds(id: string): Affected {
    const affected: AffectedSoFar = new Map();
    const unit = this.#units.get(id);
    if (unit === undefined) return affected;
    this.#changeLive(unit, affected, () => {
      unit.underway = [];
    });
    this.#forgetIfEmpty(unit);
    return affected;
  }

  /** The API server has refused this file. Affected are those who wait for a key that stays, and did not know. */
  writeRefused(id: string, file: string): Affected {
    return this.#wake(this.#units.get(id)?.refuse(file));
  }

  /** The API server has failed to write this file. When that lasts, it affects the same as a refusal. */
  writeFailed(id: string, file: string, now: number): Affected {
    return this.#wake(this.#units.get(id)?.fail(file, now));
  }

  /** The unit's Secret if a write of it is under way or its answer was lost. */
  underway(id: string): { readonly namespace: string; readonly name: string } | undefined {
    const unit = this.#units.get(id);
    if (unit === undefined || unit.underway.length === 0) return undefined;
    return { namespace: unit.namespace, name: unit.secretName };
  }

  /** When the next key expires, in ms since the epoch; undefined if none does. */
  nextExpiry(): number | undefined {
    return this.#expiring.first?.expiresAt;
  }

  /** Takes note that it is `now`: keys that have expired since leave their place to the next in line. */
  advance(now: number): Affected {
    const affected: AffectedSoFar = new Map();
    for (let first = this.#expiring.first; first && isExpired(first, now); first = this.#expiring.first) {
      this.#withdraw(first, affected);
      affected.set(first.unitId, "soon");
    }
    return affected;
  }

  /** The unit's Secret as the API server last showed it. */
  secretOf(id: string): SecretRecord | undefined {
    return this.#units.get(id)?.secret;
  }

  /** Does the unit's Secret, made before the given time (ms since the epoch), hold a key that no SSHKey of its carries? */
  isUnaccounted(id: string, before: number): boolean {
    const unit = this.#units.get(id);
    if (unit?.secret === undefined || unit.secret.createdAt > before) return false;
    const carried = new Set(unit.keys.map(({ key }) => key?.base64));
    return unit.secret.keys.some((base64) => !carried.has(base64));
  }

  units(): Iterable<Unit> {
    return this.#units.values();
  }

  #insert(record: KeyRecord, now: number, affected: AffectedSoFar): void {
    let names = this.#keys.get(record.namespace);
    if (names === undefined) {
      names = new Map();
      this.#keys.set(record.namespace, names);
    }
    names.set(record.name, record);
    const unit = this.#unit(record.namespace, secretName(this.#secretPrefix, record.user));
    unit.add(record);
    record.unitId = unit.id;
    affected.set(unit.id, "soon");
    if (record.key === undefined || !isEligible(record, now)) return;
    if (record.expiresAt !== undefined) this.#expiring.add(record);
    this.#groups.enter(record, record.key.base64, affected);
  }

  #drop(record: KeyRecord, affected: AffectedSoFar): void {
    this.#withdraw(record, affected);
    const names = this.#keys.get(record.namespace);
    names?.delete(record.name);
    if (names?.size === 0) this.#keys.delete(record.namespace);
    const id = record.unitId;
    affected.set(id, "soon");
    const unit = this.#units.get(id);
    unit?.remove(record);
    if (unit !== undefined) this.#forgetIfEmpty(unit);
  }

  /** Takes the key out of the competition; a no-op for one that is not in it. */
  #withdraw(record: KeyRecord, affected: AffectedSoFar): void {
    this.#expiring.remove(record);
    this.#groups.leave(record, affected);
  }

  #setSecret(unit: Unit, secret: SecretRecord | undefined, affected: AffectedSoFar): void {
    const keys = secret?.keys.map((base64) => this.#groups.copyOf(base64)) ?? [];
    this.#changeLive(unit, affected, () => {
      unit.setSecret(secret && { ...secret, keys });
    });
  }

  /** Carries out a change of what the unit's Secret holds, or may hold. */
  #changeLive(unit: Unit, affected: AffectedSoFar, change: () => void): void {
    const before = unit.liveKeys();
    change();
    this.#groups.moveLive(unit.id, before, unit.liveKeys(), affected);
  }

  #wake(keys: readonly string[] = []): Affected {
    const affected: AffectedSoFar = new Map();
    for (const base64 of keys) this.#groups.wake(base64, affected);
    return affected;
  }

  #delayOf(record: KeyRecord, id: string): Delay | undefined {
    const group = this.#groups.of(record);
    if (group === undefined || group.liveIn.has(id)) return undefined;
    const rivals: Unit[] = [];
    for (const other of group.liveIn) {
      const unit = this.#units.get(other);
      if (unit === undefined) continue;
      const user = unit.owner(this.#secretPrefix) ?? "";
      if (areRivals(record, { namespace: unit.namespace, user }, this.#policy.duplicateScope))
        rivals.push(unit);
    }
    if (rivals.length > 0) this.#groups.wait(group.base64, id);
    if (rivals.some((unit) => !unit.isStuck(group.base64))) return "moving";
    // Of several always the same one, so that the message is too.
    const [first] = rivals.sort((a, b) => (a.id < b.id ? -1 : 1));
    const local = rivals.find(({ namespace }) => namespace === record.namespace);
    return first && { stuckIn: local ?? first };
  }

  #unit(namespace: string, name: string): Unit {
    const id = unitId(namespace, name);
    let unit = this.#units.get(id);
    if (unit === undefined) {
      unit = new Unit(namespace, name);
      this.#units.set(id, unit);
    }
    return unit;
  }

  #forgetIfEmpty(unit: Unit): void {
    if (unit.isEmpty) this.#units.delete(unit.id);
  }
}

function expiresBefore(a: KeyRecord, b: KeyRecord): boolean {
  const [x, y] = [a.expiresAt ?? 0, b.expiresAt ?? 0];
  return x !== y ? x < y : a.uid < b.uid;
}
