import type { SharedFactors } from "./sharedfactors.ts";

/** An RSA key of an SSHKey. */
export interface RSAKey {
  readonly namespace: string;
  readonly name: string;
  /** The canonical blob. */
  readonly base64: string;
  readonly modulus: bigint;
  readonly bits: number;
}

/** What is looked at together, and what is too much of it. */
export interface Chosen {
  /** By modulus, each once, with all SSHKeys that have it. */
  readonly moduli: ReadonlyMap<bigint, readonly RSAKey[]>;
  readonly leftOut: readonly RSAKey[];
}

/** Bits of different moduli that are looked at in one go: 16,000 of 2048 bits, half a minute and 400 MB. */
const MOST_BITS = 32 * 1024 * 1024;

/**
 * As many different moduli as that is, namespace by namespace in turn, so that a namespace full of long ones keeps none of
 * another namespace out.
 */
export function choose(keys: readonly RSAKey[], mostBits = MOST_BITS): Chosen {
  const moduli = new Map<bigint, RSAKey[]>();
  const leftOut: RSAKey[] = [];
  let bits = 0;
  const queues = [...Map.groupBy(keys, ({ namespace }) => namespace).values()];
  for (let turn = 0; queues.some((queue) => turn < queue.length); turn += 1) {
    for (const queue of queues) {
      const key = queue[turn];
      if (key === undefined) continue;
      const same = moduli.get(key.modulus);
      if (same !== undefined) same.push(key);
      else if (bits + key.bits > mostBits) leftOut.push(key);
      else {
        bits += key.bits;
        moduli.set(key.modulus, [key]);
      }
    }
  }
  return { moduli, leftOut };
}

/** A key that is to be listed, and the SSHKey that it shares a prime with. */
export interface Condemned {
  readonly key: RSAKey;
  /** Undefined where it was not looked for. */
  readonly with: RSAKey | undefined;
}

/** The SSHKeys of the moduli that were found, in the order of these. */
export function condemned({ moduli }: Chosen, { found }: SharedFactors): readonly Condemned[] {
  const keys = [...moduli.values()];
  return found.flatMap(({ at, with: other }) =>
    (keys[at] ?? []).map((key) => ({ key, with: other === undefined ? undefined : keys[other]?.[0] })),
  );
}

const HEADER = `# reason: SharedFactor
# RSA keys that share a prime with another one. Found by sshkey-operator audit, which adds to this list and takes nothing away.
`;

/**
 * The list with these keys in it, as text: one public key a line, so that each is found with any exponent. Undefined where
 * `before`, which stays as it is, has all of them. No more than fit into so many bytes.
 */
export function addedToList(
  before: string,
  found: readonly Condemned[],
  mostBytes = Number.POSITIVE_INFINITY,
): string | undefined {
  const start = before === "" ? HEADER : before.endsWith("\n") ? before : `${before}\n`;
  let bytes = Buffer.byteLength(start);
  const known = new Set(before.split("\n").map((line) => line.split(" ")[1]));
  const lines = found.flatMap(({ key }) => {
    if (known.has(key.base64)) return [];
    const line = `ssh-rsa ${key.base64} ${key.namespace}/${key.name}\n`;
    if (bytes + line.length > mostBytes) return [];
    bytes += line.length;
    known.add(key.base64);
    return [line];
  });
  if (lines.length === 0) return undefined;
  return start + lines.join("");
}
