import { KEY_TYPES, type KeyType, type PublicKey } from "../ssh/publickey.ts";

/** Which valid keys are acceptable, and what counts as the same key used twice. */
export interface Policy {
  readonly duplicateScope: DuplicateScope;
  readonly allowedTypes: readonly KeyType[];
  /** Smallest modulus of an ssh-rsa key, in bits. */
  readonly minimumRSABits: number;
  /** Longest time from an SSHKey's creation to its expiresAt, in ms; undefined for no limit. */
  readonly maximumLifetime: number | undefined;
  readonly maximumKeysPerUser: number;
}

/**
 * Where one key may stand once only.
 * - `Cluster`: one user per key in the whole cluster, and one SSHKey per key in a namespace.
 * - `Namespace`: one SSHKey per key in a namespace.
 * - `User`: one SSHKey per key and user in a namespace.
 */
export type DuplicateScope = (typeof DUPLICATE_SCOPES)[number];

export const DUPLICATE_SCOPES = ["Cluster", "Namespace", "User"] as const;

export const DEFAULT_POLICY: Policy = {
  duplicateScope: "Cluster",
  allowedTypes: KEY_TYPES.filter((type) => type !== "ssh-dss"),
  minimumRSABits: 2048,
  maximumLifetime: undefined,
  maximumKeysPerUser: 1000,
};

/** Why a key is not acceptable: the state to print, a stable code, and a sentence with the next step. */
export interface PolicyRefusal {
  readonly state: "Invalid" | "Weak";
  readonly code: "TypeNotAllowed" | "RSAKeyTooSmall" | "LifetimeTooLong";
  readonly message: string;
}

/**
 * The first rule of the policy that refuses the key, or undefined when it is acceptable.
 * `createdAt` and `expiresAt` are in ms since the epoch.
 */
export function policyRefusal(
  policy: Policy,
  key: Pick<PublicKey, "type" | "bits">,
  createdAt: number,
  expiresAt: number | undefined,
): PolicyRefusal | undefined {
  if (!policy.allowedTypes.includes(key.type)) {
    return {
      state: "Weak",
      code: "TypeNotAllowed",
      message: `Keys of type ${key.type} are not accepted here (allowedTypes); generate one of an accepted type, for example: ssh-keygen -t ed25519.`,
    };
  }
  if (key.type === "ssh-rsa" && key.bits < policy.minimumRSABits) {
    return {
      state: "Weak",
      code: "RSAKeyTooSmall",
      message: `The RSA key has ${key.bits} bits and at least ${policy.minimumRSABits} are required (minimumRSABits); generate a new one, for example: ssh-keygen -t ed25519.`,
    };
  }
  if (policy.maximumLifetime !== undefined) {
    const latest = createdAt + policy.maximumLifetime;
    if (expiresAt === undefined || expiresAt > latest) {
      return {
        state: "Invalid",
        code: "LifetimeTooLong",
        message: `Keys must expire (maximumLifetime); set spec.expiresAt to ${new Date(latest).toISOString().slice(0, 19)}Z or earlier.`,
      };
    }
  }
  return undefined;
}
