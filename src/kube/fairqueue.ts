/** Within a namespace all removals come before everything else. */
export type Priority = "removal" | "normal";

/** A key that is waiting, or was taken. */
export interface QueuedKey<K> {
  readonly key: K;
  readonly priority: Priority;
  /** When it was first added. */
  readonly since: number;
}

/**
 * Keys that wait for a worker, fair between namespaces: round robin, one key at a time, however many keys a namespace
 * has. Within a namespace removals first, then in the order they were added.
 *
 * Workers are shared by a dynamic threshold: a namespace with k keys in work gets another worker only while k is less
 * than the number of free ones. One busy namespace gets half of the workers, two get a third each, and a newcomer
 * finds a free one.
 *
 * Adding and removing cost O(1), taking at most one step for each key in work.
 */
export class FairQueue<K> {
  readonly #namespaceOf: (key: K) => string;
  /** Namespaces with keys that wait or are in work. */
  readonly #lanes = new Map<string, Lane<K>>();
  /** Those with waiting keys, in a linked list: the first is served next. */
  #first: Lane<K> | undefined;
  #last: Lane<K> | undefined;
  #size = 0;

  constructor(namespaceOf: (key: K) => string) {
    this.#namespaceOf = namespaceOf;
  }

  /** How many keys wait. */
  get size(): number {
    return this.#size;
  }

  /** Adds a key; lifts one that waits as normal when it is added as removal. False when it waited already. */
  add(key: K, priority: Priority, now: number): boolean {
    const lane = this.#laneOf(key);
    const { removal, normal } = lane.waiting;
    if (removal.has(key)) return false;
    if (priority === "normal") {
      if (normal.has(key)) return false;
      normal.add(key, now);
    } else {
      const since = normal.remove(key);
      removal.add(key, since ?? now);
      if (since !== undefined) return false;
    }
    this.#size += 1;
    if (!lane.isListed) this.#append(lane);
    return true;
  }

  /** The priority with which `key` waits. */
  priorityOf(key: K): Priority | undefined {
    const waiting = this.#lanes.get(this.#namespaceOf(key))?.waiting;
    return waiting?.removal.has(key) ? "removal" : waiting?.normal.has(key) ? "normal" : undefined;
  }

  /** Removes a key that waits. */
  remove(key: K): void {
    const lane = this.#laneOf(key);
    const since = lane.waiting.removal.remove(key) ?? lane.waiting.normal.remove(key);
    if (since !== undefined) this.#size -= 1;
    if (isEmpty(lane)) this.#unlist(lane);
    this.#forgetIfIdle(lane);
  }

  /**
   * Takes the next key for one of `free` workers, of which there is at least one. Undefined when none waits or every
   * waiting namespace has its share. `release` must be called when the work on the key is done.
   */
  take(free: number): QueuedKey<K> | undefined {
    // A namespace that is passed over has keys in work, so there are no more of them than workers.
    let lane = this.#first;
    while (lane !== undefined && lane.working > 0 && lane.working >= free) lane = lane.next;
    const taken = lane && takeFrom(lane);
    if (lane === undefined || taken === undefined) return undefined;
    lane.working += 1;
    this.#size -= 1;
    this.#unlist(lane);
    if (!isEmpty(lane)) this.#append(lane);
    return taken;
  }

  /** Frees the worker of a key that was taken. */
  release(key: K): void {
    const lane = this.#laneOf(key);
    lane.working -= 1;
    this.#forgetIfIdle(lane);
  }

  #laneOf(key: K): Lane<K> {
    const namespace = this.#namespaceOf(key);
    let lane = this.#lanes.get(namespace);
    if (lane === undefined) {
      const waiting = { removal: new Fifo<K>(), normal: new Fifo<K>() };
      lane = { namespace, waiting, working: 0, isListed: false, previous: undefined, next: undefined };
      this.#lanes.set(namespace, lane);
    }
    return lane;
  }

  #forgetIfIdle(lane: Lane<K>): void {
    if (lane.working === 0 && isEmpty(lane)) this.#lanes.delete(lane.namespace);
  }

  #append(lane: Lane<K>): void {
    lane.isListed = true;
    lane.previous = this.#last;
    if (this.#last === undefined) this.#first = lane;
    else this.#last.next = lane;
    this.#last = lane;
  }

  #unlist(lane: Lane<K>): void {
    if (!lane.isListed) return;
    const { previous, next } = lane;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    lane.isListed = false;
    lane.previous = undefined;
    lane.next = undefined;
  }
}

/** The keys of one namespace. */
interface Lane<K> {
  readonly namespace: string;
  readonly waiting: Readonly<Record<Priority, Fifo<K>>>;
  /** How many of its keys are in work. */
  working: number;
  isListed: boolean;
  previous: Lane<K> | undefined;
  next: Lane<K> | undefined;
}

function isEmpty<K>({ waiting }: Lane<K>): boolean {
  return waiting.removal.size + waiting.normal.size === 0;
}

function takeFrom<K>({ waiting }: Lane<K>): QueuedKey<K> | undefined {
  const priority = waiting.removal.size > 0 ? "removal" : "normal";
  const taken = waiting[priority].take();
  return taken && { ...taken, priority };
}

/** Keys in the order they were added, each once, with the time of that. */
class Fifo<K> {
  readonly #since = new Map<K, number>();
  #keys = this.#since.entries();

  get size(): number {
    return this.#since.size;
  }

  has(key: K): boolean {
    return this.#since.has(key);
  }

  add(key: K, since: number): void {
    this.#since.set(key, since);
  }

  /** Removes `key` and returns the time it was added; undefined if it is not there. */
  remove(key: K): number | undefined {
    const since = this.#since.get(key);
    this.#since.delete(key);
    return since;
  }

  /** Removes and returns the oldest key. */
  take(): { readonly key: K; readonly since: number } | undefined {
    // The iterator is kept: a new one would walk again over the holes that taken keys leave at the front of the map.
    let entry = this.#keys.next();
    if (entry.done) {
      this.#keys = this.#since.entries();
      entry = this.#keys.next();
    }
    if (entry.done) return undefined;
    const [key, since] = entry.value;
    this.#since.delete(key);
    return { key, since };
  }
}
