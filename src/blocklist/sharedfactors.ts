import { gcd } from "../ssh/weakness/rsanumbers.ts";
import { withoutSmallFactors } from "../ssh/weakness/smallfactor.ts";
import { Turns } from "../turns.ts";

/** A modulus whose primes anybody can compute who has the others. */
export interface SharedFactor {
  /** Its place among the moduli. */
  readonly at: number;
  /** That of one that shares a prime with it; undefined where it was not looked for to the end. */
  readonly with: number | undefined;
}

/** What was found, and what was not. */
export interface SharedFactors {
  /** By place. */
  readonly found: readonly SharedFactor[];
  /** Places of moduli that others are multiples of, and that share a prime with none. */
  readonly inMultiples: readonly number[];
  /** Places of moduli that others are multiples of, and whose primes would have taken too long to look for. */
  readonly unfinished: readonly number[];
}

/**
 * Which of different moduli share a prime with another one: by batch gcd, as in Bernstein, "How to find smooth parts of
 * integers", 2004, and Heninger et al., "Mining Your Ps and Qs", USENIX Security 2012. A few ms a modulus, growing with the
 * logarithm of their number; the memory of about 15 times their bits. Rejects within about a second after the signal aborts.
 *
 * A modulus is found only where a proper divisor of it is in another one, and no small one: whoever declares somebody's
 * modulus times a number has proven nothing against it, and what is no modulus at all shares small primes with many. Nor does
 * such a multiple hide what the modulus shares with a third one: `mostWork` is for looking behind it, and moduli that come
 * first are looked at first.
 */
export async function sharedFactors(
  moduli: readonly bigint[],
  signal?: AbortSignal,
  mostWork = MOST_WORK,
): Promise<SharedFactors> {
  const turns = new Turns({ longestMs: LONGEST_MS, roundsALook: 1, signal });
  const parts = await commonParts(moduli, turns);
  const suspects = parts.flatMap((part, at) => {
    const modulus = moduli[at] ?? 1n;
    return part === 1n ? [] : [{ at, modulus, part, isFound: splits(part, modulus) }];
  });
  const search = await PartnerSearch.among(suspects, turns);
  const found: SharedFactor[] = [];
  const [inMultiples, unfinished]: [number[], number[]] = [[], []];
  let left = mostWork;
  // Of those that are found already nothing is open but with whom they share a prime.
  for (const suspect of [...suspects].sort((a, b) => Number(a.isFound) - Number(b.isFound))) {
    const { other, work } = await search.partnerOf(suspect, Math.min(left, mostWork / MOST_OF_ONE));
    left -= work;
    if (suspect.isFound || typeof other === "number")
      found.push({ at: suspect.at, with: typeof other === "number" ? other : undefined });
    else (other === "None" ? inMultiples : unfinished).push(suspect.at);
  }
  return { found: found.sort((a, b) => a.at - b.at), inMultiples, unfinished };
}

/** Other work has its turn so often, in ms. */
const LONGEST_MS = 20;

/** In steps of PartnerSearch: about 20 s. */
const MOST_WORK = 2e13;

/** One modulus takes no more than this part of it. */
const MOST_OF_ONE = 32;

/** A modulus that has something in common with others. */
interface Suspect {
  readonly at: number;
  readonly modulus: bigint;
  /** What others have of it, without small primes. */
  readonly part: bigint;
}

/** A number that is the product of the two below it. */
interface Node {
  readonly value: bigint;
  readonly bits: number;
  readonly below: readonly Node[];
  /** The place of the modulus that it is, where none is below. */
  readonly at: number;
}

/** Looks for the modulus with which another one shares a prime. */
class PartnerSearch {
  readonly #root: Node | undefined;
  readonly #turns: Turns;

  private constructor(root: Node | undefined, turns: Turns) {
    this.#root = root;
    this.#turns = turns;
  }

  static async among(suspects: readonly Suspect[], turns: Turns): Promise<PartnerSearch> {
    // From short to long: multiples of a modulus come after it, and after those that are as long as it is.
    const sorted = [...suspects].sort((a, b) => (a.modulus < b.modulus ? -1 : 1));
    let nodes: readonly Node[] = sorted.map(({ at, modulus: value }) => {
      return { value, bits: bitsOf(value), below: [], at };
    });
    while (nodes.length > 1) {
      const above: Node[] = [];
      for (const below of pairs(nodes)) {
        const [a, b] = below;
        if (a === undefined) continue;
        if (b === undefined) above.push(a);
        else above.push({ value: a.value * b.value, bits: a.bits + b.bits, below, at: -1 });
        if (turns.areOver) await turns.next();
      }
      nodes = above;
    }
    return new PartnerSearch(nodes[0], turns);
  }

  /** The place of the first that shares a prime; `Unknown` where finding out takes more steps, of about a picosecond each. */
  async partnerOf(
    { at, modulus, part }: Suspect,
    mostWork: number,
  ): Promise<{ readonly other: number | "None" | "Unknown"; readonly work: number }> {
    const bits = bitsOf(part);
    const stack = this.#root === undefined ? [] : [...this.#root.below].reverse();
    let work = 0;
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      // A division, and the greatest common divisor, at most.
      work += node.bits * bits + 50 * bits * bits;
      if (work > mostWork) return { other: "Unknown", work };
      if (this.#turns.areOver) await this.#turns.next();
      const common = gcd(part, node.value % part);
      if (common === 1n || node.at === at) continue;
      if (node.below.length > 0) stack.push(...[...node.below].reverse());
      else if (splits(common, modulus)) return { other: node.at, work };
    }
    return { other: "None", work };
  }
}

/** Does this divisor split the modulus, apart from small primes? */
function splits(divisor: bigint, modulus: bigint): boolean {
  const long = withoutSmallFactors(divisor);
  return long !== 1n && withoutSmallFactors(modulus / long) !== 1n;
}

/** Of each modulus what it has in common with the product of all others, without small primes. */
async function commonParts(moduli: readonly bigint[], turns: Turns): Promise<readonly bigint[]> {
  if (moduli.length < 2) return moduli.map(() => 1n);
  // Products of 1, 2, 4, … of them.
  const levels: (readonly bigint[])[] = [moduli];
  for (let level = moduli; level.length > 1; ) {
    level = await each(pairs(level), turns, ([a = 1n, b = 1n]) => a * b);
    levels.push(level);
  }
  let remainders = levels.pop() ?? [];
  for (let level = levels.pop(); level !== undefined; level = levels.pop()) {
    const above = remainders;
    remainders = await each(level, turns, (value, i) => (above[i >> 1] ?? 0n) % (value * value));
  }
  return await each(moduli, turns, (modulus, i) => {
    const part = gcd(modulus, (remainders[i] ?? 0n) / modulus);
    return part === 1n ? part : withoutSmallFactors(part);
  });
}

function pairs<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / 2) }, (_, i) => items.slice(2 * i, 2 * i + 2));
}

function bitsOf(value: bigint): number {
  return value.toString(16).length * 4;
}

async function each<T, R>(
  items: readonly T[],
  turns: Turns,
  make: (item: T, index: number) => R,
): Promise<readonly R[]> {
  const made: R[] = [];
  for (const [index, item] of items.entries()) {
    made.push(make(item, index));
    if (turns.areOver) await turns.next();
  }
  return made;
}
