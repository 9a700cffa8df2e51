import type { Fact } from "../oracle/oracle.ts";
import { factOf, type PlainSSHKey } from "./facts.ts";
import type { Stored, Version } from "./history.ts";

/** An SSHKey as it stood from one moment to another, ms since the epoch. */
export interface Reign {
  readonly fact: Fact;
  until: number;
  /** Since when it has had this key, as far as a status of the operator attests it: exact. */
  attested: number | undefined;
  /** When an SSHKey of this UID first had this key: no claim is older. */
  readonly earliest: number;
}

/**
 * How long a write may be on its way when the machine is busy, in ms: it was decided on so long before it took effect.
 * That the operator knew by then of what it says is judged exactly.
 */
export const ON_ITS_WAY_MS = 30_000;

/** What every SSHKey was at what time, and so which keys the operator could believe to be in force. */
export class Reigns {
  readonly #blindMs: number;
  /** By id of the SSHKey. */
  readonly #reigns = new Map<string, Reign[]>();
  /** Ids of the SSHKeys that ever had a key, by namespace and key. */
  readonly #claimants = new Map<string, Set<string>>();

  /** `blindMs`: how long a change may be unknown to the operator. */
  constructor(blindMs: number) {
    this.#blindMs = blindMs;
  }

  /** `isOwn`: did the operator make this version? */
  take({ object, isGone, at }: Version, isOwn: boolean): void {
    const id = idOf(object);
    const reigns = this.#reigns.get(id) ?? [];
    this.#reigns.set(id, reigns);
    const last = reigns.at(-1);
    if (last !== undefined) last.until = Math.min(last.until, at);
    if (isGone) return;
    const key = object as unknown as PlainSSHKey;
    const since = Date.parse(key.metadata.creationTimestamp ?? "");
    const fact = factOf(key, since);
    const hadIt = (each: Reign) => each.fact.uid === fact.uid && each.fact.base64 === fact.base64;
    const first = reigns.find(hadIt);
    const isFirst = !reigns.some((each) => each.fact.uid === fact.uid);
    const earliest = first?.earliest ?? (isFirst ? since : editedAt(object));
    const before = last !== undefined && hadIt(last) ? last.attested : undefined;
    const isCurrent = key.status?.observedGeneration === key.metadata.generation;
    const attested = isOwn && isCurrent ? Date.parse(key.status?.claimedSince ?? "") : before;
    reigns.push({ fact, until: Number.POSITIVE_INFINITY, attested, earliest });
    const claimants = this.#claimants.get(claimOf(fact)) ?? new Set();
    this.#claimants.set(claimOf(fact), claimants.add(id));
  }

  last(id: string): Reign | undefined {
    return this.#reigns.get(id)?.at(-1);
  }

  /**
   * The states of an SSHKey that the operator could believe in at that moment, in which the key is in force and in nobody
   * else's hands; or why there is none. `fits`: is it about this one?
   */
  inForce(id: string, fits: (fact: Fact) => boolean, at: number): readonly Reign[] | string {
    const believable = this.#believable(id, at);
    if (believable.length === 0) return "there was no such SSHKey any more";
    const fitting = believable.filter(({ fact }) => fits(fact));
    if (fitting.length === 0) return "no SSHKey of that name had this key and user";
    const inForce = fitting.filter(({ fact }) => isInForce(fact, at - ON_ITS_WAY_MS));
    if (inForce.length === 0) return "it was refused, disabled or expired";
    const rivals = inForce.map((reign) => this.#rivalOf(reign, at));
    const unrivalled = inForce.filter((_, index) => rivals[index] === undefined);
    return unrivalled.length === 0 ? `${rivals[0]} had the better claim` : unrivalled;
  }

  /** An SSHKey that is sure to have had the better claim for so long that the operator knew. */
  #rivalOf({ fact, attested, earliest }: Reign, at: number): string | undefined {
    const own = { since: attested ?? earliest, uid: fact.uid };
    const isOlder = ({ attested, fact: { uid } }: Reign) =>
      attested !== undefined && (attested < own.since || (attested === own.since && uid < own.uid));
    for (const id of this.#claimants.get(claimOf(fact)) ?? []) {
      const believable = this.#believable(id, at);
      const isBetter = (each: Reign) =>
        each.fact.uid !== fact.uid &&
        claimOf(each.fact) === claimOf(fact) &&
        (each.fact.proven === fact.proven ? isOlder(each) : each.fact.proven) &&
        isInForce(each.fact, at - ON_ITS_WAY_MS) &&
        isInForce(each.fact, at);
      const isThere = believable.at(-1)?.until === Number.POSITIVE_INFINITY;
      const wasThere = this.#reigns.get(id)?.some(({ until }) => until < at - this.#blindMs) ?? false;
      if (isThere && wasThere && believable.every(isBetter)) return id;
    }
    return undefined;
  }

  #believable(id: string, at: number): readonly Reign[] {
    return (this.#reigns.get(id) ?? []).filter(({ until }) => until >= at - this.#blindMs);
  }
}

export function idOf({ metadata }: Stored): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function isInForce(fact: Fact, at: number): boolean {
  const isExpired = fact.expiresAt !== undefined && fact.expiresAt <= at;
  return fact.findings.length === 0 && !fact.disabled && !fact.terminating && !isExpired;
}

/** By the scope that is the default: one SSHKey a key in a namespace. */
function claimOf({ namespace, base64 }: Fact): string {
  return `${namespace} ${base64}`;
}

/** When anybody but the operator last changed the object, as the API server notes it: ms since the epoch. */
function editedAt({ metadata }: Stored): number {
  const times = (metadata.managedFields ?? []).filter(({ subresource }) => subresource !== "status");
  return Math.max(...times.map(({ time }) => Date.parse(time)));
}
