/**
 * Since when each SSHKey has its key, told from what happened to it: made, edited, looked at, restarted over. Times are
 * ms since the epoch. An edit is dated by the operator's clock, whatever that says; so of its date only what the design
 * promises is held: not before the edit, and behind everybody who had the key by then.
 */
export class ClaimHistory {
  readonly #claims = new Map<string, Remembered>();

  get(uid: string): number {
    const claim = this.#claims.get(uid);
    if (claim === undefined) throw new Error(`nothing is known of ${uid}`);
    return claim.since;
  }

  /** The operator sees an SSHKey for the first time, as it was made. */
  made(uid: string, group: string, createdAt: number): void {
    this.#claims.set(uid, { group, since: createdAt });
  }

  /** A status that is on the API server attests the claim. */
  attested(uid: string, group: string, since: number): void {
    this.#claims.set(uid, { group, since });
  }

  /** The operator sees that another key came into the SSHKey, and dates that so. */
  edited(uid: string, group: string, clock: number, since: number): void {
    if (since < clock) throw new Error(`the edit of ${uid} counts as older than it is`);
    for (const [other, claim] of this.#claims) {
      if (other !== uid && claim.group === group && claim.since >= since)
        throw new Error(`the edit of ${uid} counts as older than the claim of ${other}`);
    }
    this.#claims.set(uid, { group, since });
  }

  /** A change that brings no other key in. */
  isEdit(uid: string, group: string): boolean {
    return this.#claims.get(uid)?.group !== group;
  }

  knows(uid: string): boolean {
    return this.#claims.has(uid);
  }

  gone(uid: string): void {
    this.#claims.delete(uid);
  }

  restarted(): void {
    this.#claims.clear();
  }
}

interface Remembered {
  /** Namespace and key. */
  readonly group: string;
  readonly since: number;
}
