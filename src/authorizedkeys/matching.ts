import type { FromEntry } from "./record.ts";

/**
 * The places of the entries that could match a user, the first one first. Remembered for as long as the entries are: a
 * pattern may cost microseconds, and whoever changes one SSHKey causes this to be asked for all users of a namespace.
 */
export function matchingEntries(from: readonly FromEntry[], user: string): readonly number[] {
  let memory = memories.get(from);
  if (memory === undefined || memory.byUser.size >= MOST_USERS) {
    memory = { byUser: new Map(), lists: new Map() };
    memories.set(from, memory);
  }
  const known = memory.byUser.get(user);
  if (known !== undefined) return known;
  const matching = from.flatMap(({ users }, place) => (users?.matches(user) === false ? [] : [place]));
  // Few of the lists differ.
  const same = memory.lists.get(matching.join()) ?? matching;
  memory.lists.set(same.join(), same);
  memory.byUser.set(user, same);
  return same;
}

interface Memory {
  readonly byUser: Map<string, readonly number[]>;
  readonly lists: Map<string, readonly number[]>;
}

/** Beyond that all are forgotten: more than there are at a time, and fewer than may come and go. */
const MOST_USERS = 100_000;

const memories = new WeakMap<readonly FromEntry[], Memory>();
