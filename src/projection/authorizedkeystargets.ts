import { isNewer, namespacedName, OLDEST } from "../api/object.ts";
import type { ObservedAuthorizedKeysStatus } from "../authorizedkeys/observedstatus.ts";
import type { AuthorizedKeysRecord } from "../authorizedkeys/record.ts";
import type { Claims } from "../claims/claims.ts";
import type { Policy } from "../claims/policy.ts";
import { Tally } from "../tally.ts";
import { AuthorizedKeysObjects } from "./authorizedkeysobjects.ts";
import { type AuthorizedKeysPlan, planAuthorizedKeys } from "./authorizedkeysplan.ts";
import type { AuthorizedKeysTarget } from "./authorizedkeystarget.ts";
import {
  type AuthorizedKeysVerdict,
  authorizedKeysVerdict,
  leavingVerdict,
  sameAuthorizedKeysVerdict,
  withoutSecret,
} from "./authorizedkeysverdict.ts";
import type { Namespaces } from "./namespaces.ts";
import type { SecretSettings } from "./secret.ts";
import type { Urgency } from "./target.ts";

export interface AuthorizedKeysTargetsOptions {
  readonly claims: Claims;
  readonly namespaces: Namespaces;
  readonly policy: Policy;
  readonly settings: SecretSettings;
  /** Are the SSHKeys of the namespace known, and known to be up to date? */
  readonly isKnown: (namespace: string) => boolean;
  readonly isAboutToBeKnown: (namespace: string | undefined) => boolean;
  /** The target of a Secret of this name, which is no user's. */
  readonly targetOf: (namespace: string, secretName: string) => AuthorizedKeysTarget;
  /** The target has to be reconciled. */
  readonly onDue: (target: AuthorizedKeysTarget, urgency: Urgency) => void;
  /** The target is asked for, or is not any more. */
  readonly onNamed: (target: AuthorizedKeysTarget) => void;
}

/** All AuthorizedKeys: which Secret each has, from which namespaces that takes keys, and what each status should say. */
export class AuthorizedKeysTargets {
  readonly #o: AuthorizedKeysTargetsOptions;
  readonly #objects: AuthorizedKeysObjects;
  /** Those that are or were asked for. */
  readonly #targets = new Set<AuthorizedKeysTarget>();
  /** Namespaces whose AuthorizedKeys are known completely; undefined: all. */
  readonly #synced = new Set<string | undefined>();
  /** Of each namespace, those that may take its SSHKeys. */
  readonly #takers = new Map<string, Set<AuthorizedKeysTarget>>();
  readonly #verdicts = new Map<string, AuthorizedKeysVerdict | undefined>();
  /** Kept as things change: a scrape must not go over all that is left out. */
  readonly #stateCounts = new Tally<string>();
  readonly #omittedCounts = new Tally<string>();
  #dirty = new Set<string>();

  constructor(options: AuthorizedKeysTargetsOptions) {
    this.#o = options;
    this.#objects = new AuthorizedKeysObjects(options.settings.namePrefix);
  }

  get(namespace: string, name: string): AuthorizedKeysRecord | undefined {
    return this.#objects.get(namespace, name);
  }

  all(namespace?: string): Iterable<AuthorizedKeysRecord> {
    return this.#objects.all(namespace);
  }

  /** The AuthorizedKeys of the namespace (undefined: of all) are known completely now. */
  setSynced(namespace: string | undefined): void {
    this.#synced.add(namespace);
  }

  isSynced(namespace: string): boolean {
    return this.#synced.has(undefined) || this.#synced.has(namespace);
  }

  /** Drains the AuthorizedKeys whose status may have to be written, as `namespace/name`. */
  takeDirty(): ReadonlySet<string> {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    return dirty;
  }

  /** Every status is compared again. */
  beginWriting(): void {
    for (const record of this.#objects.all()) this.#dirty.add(namespacedName(record));
  }

  /** There is nothing left to know of the target. */
  forget(target: AuthorizedKeysTarget): void {
    this.#targets.delete(target);
  }

  /** Stores an AuthorizedKeys that is new or changed. An older view of a known one changes nothing. */
  put(record: AuthorizedKeysRecord): void {
    const known = this.#objects.get(record.namespace, record.name);
    if (known?.uid === record.uid && isNewer(known, record)) return;
    this.#objects.put(record);
    const isSameSpec =
      known?.uid === record.uid &&
      known.generation === record.generation &&
      known.isTerminating === record.isTerminating &&
      known.mayBeTerminating === record.mayBeTerminating;
    if (isSameSpec) this.#replaceRecord(record);
    else this.#assign(record.namespace);
    this.#dirty.add(namespacedName(record));
  }

  /** Somebody deletes the AuthorizedKeys, and a finalizer keeps the object. */
  terminate(namespace: string, name: string, uid: string): void {
    const record = this.#objects.get(namespace, name);
    if (record?.uid === uid) this.put({ ...record, isTerminating: true, mayBeTerminating: false });
  }

  /** As resetSSHKeyVersions. */
  resetVersions(namespace: string | undefined): void {
    for (const record of [...this.#objects.all(namespace)]) {
      const older = { ...record, resourceVersion: OLDEST, generation: -1 };
      this.#objects.put(older);
      this.#replaceRecord(older);
    }
  }

  remove(namespace: string, name: string): void {
    this.#objects.delete(namespace, name);
    this.#countVerdict(this.#verdicts.get(`${namespace}/${name}`), -1);
    this.#verdicts.delete(`${namespace}/${name}`);
    this.#dirty.add(`${namespace}/${name}`);
    this.#assign(namespace);
  }

  /** Remembers a status that the API server has acknowledged, unless a newer version is known by now. */
  statusWritten(
    { namespace, name, uid }: AuthorizedKeysRecord,
    observed: ObservedAuthorizedKeysStatus,
    resourceVersion: string,
  ): void {
    const current = this.#objects.get(namespace, name);
    if (current?.uid !== uid || !isNewer({ resourceVersion }, current)) return;
    const record = { ...current, observed, resourceVersion };
    this.#objects.put(record);
    this.#replaceRecord(record);
  }

  /** The last verdict on an AuthorizedKeys; undefined if its target has to be planned again. */
  lastVerdict(namespace: string, name: string): AuthorizedKeysVerdict | undefined {
    return this.#verdicts.get(`${namespace}/${name}`);
  }

  /**
   * How many AuthorizedKeys there are by STATE, how much is left out of them by reason, and how many keys should be out
   * and are in, as their statuses say.
   */
  get counts(): {
    readonly states: ReadonlyMap<string, number>;
    readonly omitted: ReadonlyMap<string, number>;
    readonly blockedRemovals: number;
  } {
    const { blockedRemovals } = this.#objects;
    return { states: this.#stateCounts, omitted: this.#omittedCounts, blockedRemovals };
  }

  /** Something has changed in the namespace: what that makes others write is on its account. */
  sourceChanged(namespace: string, urgency: Urgency): void {
    for (const target of this.#takers.get(namespace) ?? []) {
      target.addCause(namespace);
      this.#o.onDue(target, urgency);
    }
  }

  /** Gives each Secret of the namespace the AuthorizedKeys that ask for it. */
  #assign(namespace: string): void {
    const asking = new Map<string, AuthorizedKeysRecord[]>();
    const leaving = new Map<string, AuthorizedKeysRecord[]>();
    for (const [record, assignment] of this.#objects.assignments(namespace)) {
      if ("refused" in assignment) this.#noteVerdict(record, assignment.refused);
      else {
        const isLeaving = "leaves" in assignment;
        const target = this.#o.targetOf(namespace, isLeaving ? assignment.leaves : assignment.secretName);
        this.#targets.add(target);
        const those = isLeaving ? leaving : asking;
        those.set(target.id, [...(those.get(target.id) ?? []), record]);
      }
    }
    for (const target of this.#targets) {
      if (target.namespace !== namespace) continue;
      const before = target.record;
      const wasNamed = target.isNamed;
      target.records.clear();
      for (const record of asking.get(target.id) ?? []) target.records.set(record.name, record);
      if (wasNamed !== target.isNamed) this.#o.onNamed(target);
      target.leaving = leaving.get(target.id) ?? [];
      if (before === target.record && target.records.size < 2 && target.leaving.length === 0) continue;
      // The last verdict may be wrong by now: no status is written until the target is planned again.
      for (const record of [...target.records.values(), ...target.leaving])
        this.#noteVerdict(record, undefined);
      target.addCause(namespace);
      this.#findSources(target);
      this.#o.onDue(target, "removal");
    }
  }

  /** The same specs, with another status or version. */
  #replaceRecord(record: AuthorizedKeysRecord): void {
    for (const { records } of this.#targets)
      if (records.get(record.name)?.uid === record.uid) records.set(record.name, record);
  }

  /** Whatever happens to keys that stay without being selected has to reach the target too. */
  #noteKept(target: AuthorizedKeysTarget, keptFrom: ReadonlySet<string>): void {
    target.keptFrom = keptFrom;
    if ([...keptFrom].some((namespace) => !target.sources.has(namespace))) this.#findSources(target);
  }

  #findSources(target: AuthorizedKeysTarget): void {
    for (const namespace of target.sources) {
      const takers = this.#takers.get(namespace);
      takers?.delete(target);
      if (takers?.size === 0) this.#takers.delete(namespace);
    }
    const selected = target.record?.from.flatMap(({ namespace, matchLabels = {} }) =>
      namespace === undefined ? this.#o.namespaces.withLabels(matchLabels) : [namespace],
    );
    target.sources = new Set([...(selected ?? []), ...target.keptFrom]);
    for (const namespace of target.sources) {
      const takers = this.#takers.get(namespace);
      if (takers === undefined) this.#takers.set(namespace, new Set([target]));
      else takers.add(target);
    }
  }

  /** Anything that matters of the Namespace has changed. */
  namespaceChanged(name: string): void {
    for (const target of this.#targets) {
      if (target.record === undefined) continue;
      const hasSelector = target.record.from.some(({ matchLabels }) => matchLabels !== undefined);
      if (hasSelector) this.#findSources(target);
      if (!hasSelector && !target.sources.has(name)) continue;
      target.addCause(name);
      this.#o.onDue(target, "removal");
    }
  }

  /** All Namespaces are known now. */
  namespacesRead(): void {
    for (const target of this.#targets) {
      this.#findSources(target);
      this.#o.onDue(target, "removal");
    }
  }

  plan(target: AuthorizedKeysTarget, now: number): AuthorizedKeysPlan {
    const { settings, ...rest } = this.#o;
    return planAuthorizedKeys(target, { ...rest, ...settings }, now);
  }

  /** Takes note of what follows from the plan. `isLate`: the Secret has been out of sync for some time. */
  notePlanned(target: AuthorizedKeysTarget, plan: AuthorizedKeysPlan, isLate: boolean, now: number): void {
    target.omitted = plan.selection?.omitted ?? [];
    this.#noteKept(target, plan.keptFrom);
    const { record } = target;
    for (const each of target.records.values()) {
      const verdict =
        each === record
          ? authorizedKeysVerdict(target, plan, isLate, now)
          : withoutSecret(
              "SecretConflict",
              `Secret ${target.secretName} is that of the older AuthorizedKeys ${record?.name}; create this one with another spec.secretName.`,
            );
      this.#noteVerdict(each, verdict);
    }
    for (const each of target.leaving) this.#noteVerdict(each, leavingVerdict(target, isLate));
  }

  #noteVerdict(record: AuthorizedKeysRecord, verdict: AuthorizedKeysVerdict | undefined): void {
    const id = namespacedName(record);
    if (this.#verdicts.has(id) && sameAuthorizedKeysVerdict(this.#verdicts.get(id), verdict)) return;
    this.#countVerdict(this.#verdicts.get(id), -1);
    this.#countVerdict(verdict, 1);
    this.#verdicts.set(id, verdict);
    this.#dirty.add(id);
  }

  #countVerdict(verdict: AuthorizedKeysVerdict | undefined, by: number): void {
    if (verdict === undefined) return;
    this.#stateCounts.add(verdict.state, by);
    for (const { reason } of verdict.omitted) this.#omittedCounts.add(reason, by);
  }
}
