import { inTurn } from "./inturn.ts";
import type { SharedFactors } from "./sharedfactors.ts";

/** An RSA key of an SSHKey. */
export interface RSAKey {
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
  /** The canonical blob. */
  readonly base64: string;
  readonly modulus: bigint;
  readonly bits: number;
}

/** An SSHKey of a namespace that has a modulus, and how many more of that namespace have it. */
export interface Holder extends RSAKey {
  readonly more: number;
}

/** What is looked at together. */
export interface Chosen {
  /** By modulus, each once, with those that have it: one of each namespace. In the order in which they came to their share. */
  readonly moduli: ReadonlyMap<bigint, readonly Holder[]>;
  /** How many SSHKeys have RSA keys. */
  readonly seen: number;
  /** How many of these are left out, as too much of it. */
  readonly leftOut: number;
}

/** Bits of different moduli that are looked at in one go: 16,000 of 2048 bits, half a minute and 400 MB. */
const MOST_BITS = 32 * 1024 * 1024;

/**
 * Chooses, of any number of keys that come one after the other, as many different moduli as that is: each namespace gets an
 * equal share of it, and in its namespace each user, so that nobody's many or long ones keep another's out. Holds twice as
 * much at most.
 */
export class RSAKeyChoice {
  readonly #mostBits: number;
  #kept: readonly Holder[] = [];
  #fresh: Holder[] = [];
  #freshBits = 0;
  #seen = 0;
  #leftOut = 0;

  constructor(mostBits = MOST_BITS) {
    this.#mostBits = mostBits;
  }

  add(key: RSAKey): void {
    this.#seen += 1;
    this.#fresh.push({ ...key, more: 0 });
    this.#freshBits += key.bits;
    // What is left out now would be left out at the end, too: shares get smaller by what comes.
    if (this.#freshBits > this.#mostBits) this.#choose();
  }

  /** Of all keys so far. */
  chosen(): Chosen {
    return { moduli: this.#choose(), seen: this.#seen, leftOut: this.#leftOut };
  }

  #choose(): ReadonlyMap<bigint, readonly Holder[]> {
    const moduli = new Map<bigint, Holder[]>();
    let bits = 0;
    for (const key of fairly([...this.#kept, ...this.#fresh])) {
      const holders = moduli.get(key.modulus);
      const at = holders?.findIndex(({ namespace }) => namespace === key.namespace) ?? -1;
      const known = holders?.[at];
      if (holders !== undefined && known !== undefined)
        holders[at] = { ...known, more: known.more + 1 + key.more };
      else if (holders !== undefined) holders.push(key);
      else if (bits + key.bits > this.#mostBits) this.#leftOut += 1 + key.more;
      else {
        bits += key.bits;
        moduli.set(key.modulus, [key]);
      }
    }
    this.#kept = [...moduli.values()].flat();
    this.#fresh = [];
    this.#freshBits = 0;
    return moduli;
  }
}

/** The share of a namespace is that of its users: where people declare their own keys, one is not another. */
function fairly(keys: readonly Holder[]): readonly Holder[] {
  const byUser = inTurn(keys, ({ namespace, user }) => `${namespace}/${user}`, bitsOf);
  return inTurn(byUser, ({ namespace }) => namespace, bitsOf);
}

function bitsOf({ bits }: RSAKey): number {
  return bits;
}

/** A key that is to be listed, and an SSHKey that it shares a prime with. */
export interface Condemned {
  readonly key: Holder;
  /** Undefined where it was not looked for. */
  readonly with: RSAKey | undefined;
}

/** The SSHKeys of the moduli that were found. */
export function condemned({ moduli }: Chosen, { found }: Pick<SharedFactors, "found">): readonly Condemned[] {
  const keys = [...moduli.values()];
  return found.flatMap(({ at, with: other }) =>
    (keys[at] ?? []).map((key) => ({ key, with: other === undefined ? undefined : keys[other]?.[0] })),
  );
}
