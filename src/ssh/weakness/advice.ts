import type { KeyBlob } from "../blob.ts";
import { stringsOf } from "../wire.ts";

/** What is unusual about a key: a reason for its owner to look at it, and none to refuse it. */
export interface AdviceClass {
  /** One sentence without its full stop. */
  readonly meaning: string;
  /** What to do, without a full stop; `…` stands for the command that makes a key. */
  readonly whatToDo: string;
  /** Where it was found or is specified. */
  readonly source: string;
  /** How often a key that nothing is unusual about is taken for one. */
  readonly falsePositives: string;
}

/** Every class, the worst first. docs/key-checks.md is compared with this table. */
export const ADVICE_CLASSES = {
  RepeatedBytes: {
    meaning:
      "The modulus of this RSA key has sixteen equal bytes in a row, and not by chance: it was damaged when it was copied, or somebody chose it so",
    whatToDo: "compare it with its .pub file and, unless that was meant, make a new key with: …",
    source: "badkeys, `pattern`",
    falsePositives: "2⁻¹¹² for 2048 bits",
  },
  UnevenBits: {
    meaning:
      "The modulus of this RSA key has far more ones than zeros, or far fewer, and not by chance: its generator was bad, or somebody chose it so",
    whatToDo: "unless that was meant, make a new key with: …",
    source: "badkeys, `rsabias`: more than 60 % or less than 40 %, below 2001 bits 62 % and 38 %",
    falsePositives: "2⁻⁶² for 2048 bits",
  },
  UnusualSize: {
    meaning:
      "This RSA key has none of the sizes that are usual today (2048, 3072, 4096, 8192 and 16384 bits), so not every program takes it",
    whatToDo:
      "if you can log in with it, leave it; if not, copy it again from its .pub file, or make a new key with: …",
    source: "badkeys, `rsawarnings`",
    falsePositives: "none: the size is seen",
  },
  UnusualExponent: {
    meaning:
      "The public exponent of this RSA key is not 65537, so an old program made it (OpenSSH before 5.4 took 35, old releases of PuTTY 37), or an unusual one",
    whatToDo: "it is not known to be weak; replace it when it suits you, with: …",
    source: "FIPS 186-5 appendix A.1.1, which wants 65537 or more; badkeys, `rsawarnings`",
    falsePositives: "none: the exponent is seen",
  },
  NISTP521: {
    meaning:
      "Nothing is wrong with this key itself, but PuTTY before 0.81, and FileZilla, WinSCP and others with its code, gave away the private key when they signed with a nistp521 key (CVE-2024-31497)",
    whatToDo:
      "if it was never used in one of these, leave it; if it was, remove it everywhere and make a new key with: …",
    source: "CVE-2024-31497",
    falsePositives: "told of every `ecdsa-sha2-nistp521`: the public key does not show where it was used",
  },
} as const satisfies Readonly<Record<string, AdviceClass>>;

export type AdviceCode = keyof typeof ADVICE_CLASSES;

/**
 * What is unusual about a key that was parsed, the worst first; empty for nearly all. Takes the canonical blob. Of an RSA key
 * of 2048 bits it takes 2 µs, of others nothing. Equal answers are one array, so that they can be kept with each key.
 */
export function adviceOf({ type, blob, bits }: KeyBlob): readonly AdviceCode[] {
  if (type === "ecdsa-sha2-nistp521") return ON_NIST_P521;
  if (type !== "ssh-rsa") return NO_ADVICE;
  const [, exponent = EMPTY, modulus = EMPTY] = stringsOf(blob);
  const found: AdviceCode[] = [];
  if (hasRepeatedBytes(modulus)) found.push("RepeatedBytes");
  if (hasUnevenBits(modulus, bits)) found.push("UnevenBits");
  if (!USUAL_BITS.has(bits)) found.push("UnusualSize");
  if (!exponent.equals(USUAL_EXPONENT)) found.push("UnusualExponent");
  return found.length === 0 ? NO_ADVICE : shared(found);
}

/** The same for people: that the key is not refused, what each means, and what to do. `newKey`: the command that makes a key. */
export function adviceText(codes: readonly AdviceCode[], newKey: string): string {
  const sentences = codes.map((code) => {
    const { meaning, whatToDo } = ADVICE_CLASSES[code];
    return `${meaning}; ${whatToDo.replace("…", newKey)}.`;
  });
  return ["This is advice, and no key is refused for it.", ...sentences].join(" ");
}

export const NO_ADVICE: readonly AdviceCode[] = [];

const ON_NIST_P521: readonly AdviceCode[] = ["NISTP521"];
const USUAL_BITS: ReadonlySet<number> = new Set([2048, 3072, 4096, 8192, 16_384]);
/** 65537. */
const USUAL_EXPONENT = Buffer.of(1, 0, 1);

function hasRepeatedBytes(modulus: Buffer): boolean {
  let run = 0;
  let last = -1;
  for (const byte of modulus) {
    run = byte === last ? run + 1 : 1;
    if (run === 16) return true;
    last = byte;
  }
  return false;
}

function hasUnevenBits(modulus: Buffer, bits: number): boolean {
  let ones = 0;
  for (const byte of modulus) ones += ONES[byte] ?? 0;
  const percent = bits > 2000 ? 10 : 12;
  return Math.abs(2 * ones - bits) * 50 > bits * percent;
}

/** How many bits of a byte are one. */
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

/** Of the few combinations that there are, one array each. */
function shared(codes: readonly AdviceCode[]): readonly AdviceCode[] {
  const name = codes.join();
  const known = SHARED.get(name);
  if (known === undefined) SHARED.set(name, codes);
  return known ?? codes;
}

const SHARED = new Map<string, readonly AdviceCode[]>();
const EMPTY = Buffer.alloc(0);
