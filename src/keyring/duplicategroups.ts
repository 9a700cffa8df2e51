import type { AffectedSoFar } from "./affected.ts";
import { DuplicateGroup } from "./duplicategroup.ts";
import { flat } from "./flat.ts";
import type { DuplicateScope } from "./policy.ts";
import type { KeyRecord } from "./record.ts";

/** The groups of all keys that an SSHKey competes for or a Secret holds, by canonical blob in base64. */
export class DuplicateGroups {
  readonly #scope: DuplicateScope;
  readonly #groups = new Map<string, DuplicateGroup>();
  /** Units whose plan lacks a key because the Secret of another one still holds it, by key. */
  readonly #waiting = new Map<string, Set<string>>();

  constructor(scope: DuplicateScope) {
    this.#scope = scope;
  }

  of(record: KeyRecord): DuplicateGroup | undefined {
    return record.key && this.#groups.get(record.key.base64);
  }

  /** An eligible record begins to compete for its key. */
  enter(record: KeyRecord, base64: string, affected: AffectedSoFar): void {
    const group = this.#group(base64);
    group.add(record);
    if (group.competitors.length > 1 && group.isHolder(record)) touch(group, affected);
  }

  /** A record competes no more; a no-op for one that did not. */
  leave(record: KeyRecord, affected: AffectedSoFar): void {
    const group = this.of(record);
    if (group === undefined || record.key === undefined) return;
    const wasHolder = group.isHolder(record);
    group.remove(record);
    if (wasHolder) touch(group, affected);
    this.#forgetIfEmpty(record.key.base64);
  }

  /** The keys that the unit's Secret holds or may hold are others than before. */
  moveLive(
    unitId: string,
    before: ReadonlySet<string>,
    after: ReadonlySet<string>,
    affected: AffectedSoFar,
  ): void {
    for (const base64 of after) this.#group(base64).liveIn.add(unitId);
    for (const base64 of before) {
      const group = this.#groups.get(base64);
      if (group === undefined || after.has(base64)) continue;
      group.liveIn.delete(unitId);
      this.wake(base64, affected);
      this.#forgetIfEmpty(base64);
    }
  }

  /** The unit has been planned without the key, and has to be planned anew when something changes about that. */
  wait(base64: string, unitId: string): void {
    const units = this.#waiting.get(base64);
    if (units === undefined) this.#waiting.set(base64, new Set([unitId]));
    else units.add(unitId);
  }

  /**
   * Something is new for those who wait for the key. Holders who do not are not affected: two of them whose writes fail
   * would set off one another for ever.
   */
  wake(base64: string, affected: AffectedSoFar): void {
    for (const id of this.#waiting.get(base64) ?? []) affected.set(id, "soon");
    this.#waiting.delete(base64);
  }

  /** The one copy of the blob that is kept, so that no text it was cut from is kept for it. */
  copyOf(base64: string): string {
    return (this.#groups.get(base64) ?? this.#group(flat(base64))).base64;
  }

  #group(base64: string): DuplicateGroup {
    let group = this.#groups.get(base64);
    if (group === undefined) {
      group = new DuplicateGroup(base64, this.#scope);
      this.#groups.set(base64, group);
    }
    return group;
  }

  #forgetIfEmpty(base64: string): void {
    if (this.#groups.get(base64)?.isEmpty) this.#groups.delete(base64);
  }
}

/** The holders of the group may be others than before. */
function touch(group: DuplicateGroup, affected: AffectedSoFar): void {
  for (const id of group.liveIn) affected.set(id, "soon");
  for (const holder of group.holders()) affected.set(holder.unitId, "soon");
  for (const { unitId } of group.competitors) if (!affected.has(unitId)) affected.set(unitId, "later");
}
