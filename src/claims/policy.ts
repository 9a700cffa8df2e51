import { KEY_TYPES, type KeyType, type SecurityKeyType } from "../ssh/keytype.ts";

/** Which valid keys are acceptable, and what counts as the same key used twice. */
export interface Policy {
  readonly duplicateScope: DuplicateScope;
  readonly allowedTypes: readonly KeyType[];
  /** Smallest and largest modulus of an ssh-rsa key, in bits. */
  readonly minimumRSABits: number;
  readonly maximumRSABits: number;
  /** Longest time from an SSHKey's creation to its expiresAt, in ms; undefined for no limit. */
  readonly maximumLifetime: number | undefined;
  /** Lines in the Secret of one user of one namespace. */
  readonly maximumKeysPerUser: number;
  /** Whether a key without a proof of possession is accepted. */
  readonly proofs: ProofPolicy;
  /** The namespace (SSHSIG) that proofs are signed for: the same name in another cluster may be another person. */
  readonly proofNamespace: string;
  /** Are keys of security keys accepted only with a proof that was made with PIN or biometric? */
  readonly requireUserVerification: boolean;
  /** What the line of a security key also asks of each login, if its proof shows that the authenticator can do it. */
  readonly requiredOptions: Readonly<Partial<Record<SecurityKeyType, readonly RequiredOption[]>>>;
}

export type ProofPolicy = (typeof PROOF_POLICIES)[number];

export const PROOF_POLICIES = ["Optional", "Required"] as const;

export type RequiredOption = (typeof REQUIRED_OPTIONS)[number];

/** By their names in authorized_keys. */
export const REQUIRED_OPTIONS = ["touch-required", "verify-required"] as const;

/**
 * Where two SSHKeys of one key exclude each other; never across namespaces.
 * - `Namespace`: one SSHKey per key in a namespace.
 * - `User`: one SSHKey per key and user in a namespace; that two users share a key is told, not refused.
 */
export type DuplicateScope = (typeof DUPLICATE_SCOPES)[number];

export const DUPLICATE_SCOPES = ["Namespace", "User"] as const;

export const DEFAULT_POLICY: Policy = {
  duplicateScope: "Namespace",
  allowedTypes: KEY_TYPES.filter((type) => type !== "ssh-dss"),
  minimumRSABits: 2048,
  maximumRSABits: 16_384,
  maximumLifetime: undefined,
  maximumKeysPerUser: 1000,
  proofs: "Optional",
  proofNamespace: "sshkey-operator.dev",
  requireUserVerification: false,
  requiredOptions: {},
};

/** The most that `maximumKeysPerUser` can be set to. */
export const MAXIMUM_KEYS_PER_USER = 10_000;

/** Makes a key of a type that the policy accepts. */
export function newKeyCommand(policy: Policy): string {
  return `ssh-keygen -t ${exampleType(policy)}`;
}

/** The file in ~/.ssh into which that command puts the private key, unless it is told another. */
export function newKeyFile(policy: Policy): string {
  const [type = ""] = exampleType(policy).split(" ");
  return `id_${type.replace("-", "_")}`;
}

function exampleType(policy: Policy): string {
  const { allowedTypes, minimumRSABits, maximumRSABits, requireUserVerification } = policy;
  const withPIN = requireUserVerification ? " -O verify-required" : "";
  if (allowedTypes.includes("ssh-ed25519")) return "ed25519";
  if (allowedTypes.includes("ecdsa-sha2-nistp256")) return "ecdsa";
  if (allowedTypes.includes("sk-ssh-ed25519@openssh.com")) return `ed25519-sk${withPIN}`;
  if (allowedTypes.includes("sk-ecdsa-sha2-nistp256@openssh.com")) return `ecdsa-sk${withPIN}`;
  if (allowedTypes.includes("ecdsa-sha2-nistp384")) return "ecdsa -b 384";
  if (allowedTypes.includes("ecdsa-sha2-nistp521")) return "ecdsa -b 521";
  if (allowedTypes.includes("ssh-rsa"))
    return `rsa -b ${Math.min(Math.max(3072, minimumRSABits), maximumRSABits)}`;
  return allowedTypes.includes("ssh-mldsa44-ed25519@openssh.com") ? "mldsa44-ed25519" : "dsa";
}
