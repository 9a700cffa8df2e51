/** A way in which a well-formed key is worth nothing, whatever the policy says. */
export interface WeaknessClass {
  /** Compromised: somebody else can log in with it. Weak: nobody can, not even its owner. */
  readonly state: "Compromised" | "Weak";
  /** One sentence without its full stop; `…` stands for what is told of the very key. */
  readonly meaning: string;
  /** Where it was found or is specified. */
  readonly source: string;
  /** How often a key that nothing is wrong with is taken for one. */
  readonly falsePositives: string;
  /** Is the private key in the hands of others, so that it opens other doors as well? */
  readonly isPublished?: true;
}

const NONE_BY_PROOF = "none: it factors the modulus";
const BY_LIST = "number of keys on the list ÷ 2⁶⁴";

/** Every class, the worst first. docs/key-checks.md is compared with this table. */
export const WEAKNESS_CLASSES = {
  AnyoneCanSign: {
    state: "Compromised",
    meaning: "Anyone can log in with this key without its private key, because …",
    source:
      "RFC 8032 section 5.1.7 for Ed25519, RFC 8017 section 5.2.2 for RSA, FIPS 186-4 section 4.7 for DSA",
    falsePositives: "none: a signature can be made",
  },
  HybridHalfOpen: {
    state: "Compromised",
    meaning: "Anyone can sign for the … half of this hybrid key, so only its other half protects it",
    source: "FIPS 204 section 7.2, RFC 8032 section 5.1.7",
    falsePositives: "none: a signature can be made",
  },
  TrivialPrivateKey: {
    state: "Compromised",
    meaning: "The private key of this key is a number that anybody tries first",
    source: "computed when the product is built: see below",
    falsePositives: BY_LIST,
  },
  PublishedKey: {
    state: "Compromised",
    meaning: "The private key of this key has been published, so anybody may have it",
    source: "badkeys' lists, or facts that the product ships: see below",
    falsePositives: BY_LIST,
    isPublished: true,
  },
  DebianWeakKey: {
    state: "Compromised",
    meaning:
      "This key was made by Debian's OpenSSL of 2006 to 2008, which knew 32,768 keys of each kind (CVE-2008-0166)",
    source: "CVE-2008-0166",
    falsePositives: BY_LIST,
  },
  KeypairWeakKey: {
    state: "Compromised",
    meaning:
      "This key was made by the keypair library of GitKraken, which made the same ones again and again (CVE-2021-41117)",
    source: "CVE-2021-41117",
    falsePositives: BY_LIST,
  },
  AttackerKey: {
    state: "Compromised",
    meaning: "Attackers put this key into accounts that they have broken into",
    source: "a list of the administrator's",
    falsePositives: BY_LIST,
    isPublished: true,
  },
  BlockedKey: {
    state: "Compromised",
    meaning: "This key is on the administrator's list of compromised keys (blocklists)",
    source: "a list of the administrator's",
    falsePositives: BY_LIST,
  },
  ROCA: {
    state: "Compromised",
    meaning:
      "This key was made by a chip of Infineon whose keys can be computed from their public half (ROCA, CVE-2017-15361)",
    source: "Nemec et al., The Return of Coppersmith's Attack, CCS 2017; CVE-2017-15361",
    falsePositives: "2⁻¹⁵⁴",
  },
  ClosePrimes: {
    state: "Compromised",
    meaning:
      "The two primes of this RSA key are so close to each other that anybody can compute them (CVE-2022-26320)",
    source: "Fermat's method, 100 steps; CVE-2022-26320",
    falsePositives: NONE_BY_PROOF,
  },
  PowerModulus: {
    state: "Compromised",
    meaning: "The modulus of this RSA key is a power of one number, so anybody can compute its private key",
    source: "Newton's method",
    falsePositives: NONE_BY_PROOF,
  },
  SmallFactor: {
    state: "Compromised",
    meaning:
      "A small number divides the modulus of this RSA key, so it was damaged when it was copied, or anybody can compute its private key",
    source: "division by all primes below 2¹⁶",
    falsePositives: NONE_BY_PROOF,
  },
  SmallPrivateExponent: {
    state: "Compromised",
    meaning: "The private exponent of this RSA key is so small that anybody can compute it",
    source:
      "Wiener, Cryptanalysis of Short RSA Secret Exponents, IEEE Transactions on Information Theory 36, 1990",
    falsePositives: NONE_BY_PROOF,
  },
  ShortSleeve: {
    state: "Compromised",
    meaning:
      "The modulus of this RSA key has zeros where a random one has none, so anybody can compute its primes",
    source: "Ryan, Factoring short-sleeve RSA keys with polynomials, Trail of Bits, 2026",
    falsePositives: "2⁻⁶² for 2048 bits",
  },
  KnownPrime: {
    state: "Compromised",
    meaning: "This RSA key has a prime that is public, so anybody can compute its private key",
    source: "a list of primes of the administrator's, as badkeys has them",
    falsePositives: NONE_BY_PROOF,
  },
  SharedFactor: {
    state: "Compromised",
    meaning:
      "This RSA key has a prime that another key has too, so anybody who has both can compute its private key",
    source: "`sshkey-operator audit`; Heninger et al., Mining Your Ps and Qs, USENIX Security 2012",
    falsePositives: NONE_BY_PROOF,
  },
  UnusableKey: {
    state: "Weak",
    meaning: "No SSH program can use this RSA key, because …",
    source: "RFC 8017 section 3.1; OpenSSL's rsa_ossl.c",
    falsePositives: "none: it is seen",
  },
} as const satisfies Readonly<Record<string, WeaknessClass>>;

export type WeaknessCode = keyof typeof WEAKNESS_CLASSES;

/** A weakness that a key has. */
export interface Weakness {
  readonly state: WeaknessClass["state"];
  /** A stable word for programs. */
  readonly code: WeaknessCode;
  /** What is wrong with this very key: one sentence without its full stop. Never quotes the key. */
  readonly meaning: string;
}

/** `detail` takes the place of `…`. */
export function weakness(code: WeaknessCode, detail = ""): Weakness {
  const { state, meaning }: WeaknessClass = WEAKNESS_CLASSES[code];
  return { state, code, meaning: meaning.replace("…", detail) };
}

/** One sentence: what is wrong, then what to do. `newKeyCommand` makes a key that is accepted. */
export function messageOf({ code, meaning }: Weakness, newKeyCommand: string): string {
  const { isPublished }: WeaknessClass = WEAKNESS_CLASSES[code];
  const elsewhere = isPublished === true ? ", and remove this one everywhere else" : "";
  return `${meaning}; make a new key with: ${newKeyCommand}${elsewhere}`;
}
