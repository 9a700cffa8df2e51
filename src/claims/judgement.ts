import type { State } from "../api/states.ts";
import { formatRFC3339 } from "../api/time.ts";
import { fingerprintSHA256 } from "../ssh/fingerprint.ts";
import { weaknesses } from "../ssh/weakness/weaknesses.ts";
import type { Policy } from "./policy.ts";
import { isProofRequired, possessionOf } from "./possession.ts";
import type { Fault, KeyFacts, SSHKeyRecord } from "./record.ts";

/** A reason why a key is not acceptable: the STATE it leads to, a stable code, a sentence with the next step. */
export interface Finding extends Fault {
  readonly state: Extract<State, "Invalid" | "Compromised" | "Revoked" | "Weak" | "Unproven">;
}

/** What is known of keys beside what they say themselves. */
export interface Knowledge {
  /** `SHA256:…` fingerprints that an administrator revoked. */
  readonly revoked: ReadonlySet<string>;
}

export const NO_KNOWLEDGE: Knowledge = { revoked: new Set() };

const NONE: readonly Finding[] = [];

/** The worst first. */
const PRECEDENCE = ["Invalid", "Compromised", "Revoked", "Weak", "Unproven"] as const;

/**
 * Everything that makes the key unacceptable, the worst first; nothing for an acceptable one. Depends on facts, policy
 * and knowledge only, so it can be asked again whenever one of them changes, without parsing anything.
 */
export function judge(record: SSHKeyRecord, policy: Policy, knowledge: Knowledge): readonly Finding[] {
  const findings: Finding[] = record.faults.map((fault) => ({ state: "Invalid", ...fault }));
  if (record.key !== undefined) {
    const blob = Buffer.from(record.key.base64, "base64");
    findings.push(
      ...lifetimeFindings(record, policy),
      ...weaknesses({ type: record.key.type, blob }),
      ...revocationFindings(blob, knowledge),
      ...policyFindings(record.key, policy),
    );
    // Of a key that has to be replaced no proof is asked for.
    if (findings.every(({ state }) => state === "Invalid")) findings.push(...proofFindings(record, policy));
  }
  if (findings.length === 0) return NONE;
  return findings.sort((a, b) => PRECEDENCE.indexOf(a.state) - PRECEDENCE.indexOf(b.state));
}

/** Do two judgements find the same? */
export function sameFindings(a: readonly Finding[], b: readonly Finding[]): boolean {
  return a.length === b.length && a.every(({ code }, i) => code === b[i]?.code);
}

/** The latest `spec.expiresAt` that the policy allows, in ms since the epoch; undefined without a limit. */
export function latestExpiry({ createdAt }: SSHKeyRecord, policy: Policy): number | undefined {
  return policy.maximumLifetime === undefined ? undefined : createdAt + policy.maximumLifetime;
}

function lifetimeFindings(record: SSHKeyRecord, policy: Policy): readonly Finding[] {
  const latest = latestExpiry(record, policy);
  if (latest === undefined || (record.expiresAt !== undefined && record.expiresAt <= latest)) return NONE;
  return [
    {
      state: "Invalid",
      code: "LifetimeTooLong",
      message: `Keys must expire (maximumLifetime): set spec.expiresAt to ${formatRFC3339(latest)} or earlier, or, once that has passed, delete this SSHKey and create a new one.`,
    },
  ];
}

function revocationFindings(blob: Buffer, { revoked }: Knowledge): readonly Finding[] {
  if (revoked.size === 0 || !revoked.has(fingerprintSHA256(blob))) return NONE;
  return [
    {
      state: "Revoked",
      code: "RevokedFingerprint",
      message:
        "An administrator has revoked this key (revokedKeys); make a new one, for example: ssh-keygen -t ed25519.",
    },
  ];
}

function proofFindings(record: SSHKeyRecord, policy: Policy): readonly Finding[] {
  const possession = isProofRequired(record, policy) ? possessionOf(record, policy) : undefined;
  if (possession?.status !== "False") return NONE;
  return [{ state: "Unproven", code: possession.reason, message: possession.message }];
}

function policyFindings(key: KeyFacts, policy: Policy): readonly Finding[] {
  if (!policy.allowedTypes.includes(key.type)) {
    return [
      {
        state: "Weak",
        code: "TypeNotAllowed",
        message: `Keys of type ${key.type} are not accepted here (allowedTypes); make one of an accepted type, for example: ssh-keygen -t ${example(policy)}.`,
      },
    ];
  }
  if (key.type !== "ssh-rsa") return NONE;
  if (key.bits < policy.minimumRSABits) {
    return [
      {
        state: "Weak",
        code: "RSAKeyTooSmall",
        message: `The RSA key has ${key.bits} bits and at least ${policy.minimumRSABits} are required (minimumRSABits); make a new one, for example: ssh-keygen -t ${example(policy)}.`,
      },
    ];
  }
  if (key.bits > policy.maximumRSABits) {
    return [
      {
        state: "Weak",
        code: "RSAKeyTooLarge",
        message: `The RSA key has ${key.bits} bits and at most ${policy.maximumRSABits} are accepted (maximumRSABits); make a new one, for example: ssh-keygen -t ${example(policy)}.`,
      },
    ];
  }
  return NONE;
}

/** What to give `ssh-keygen -t` so that the new key is accepted. */
function example({ allowedTypes, minimumRSABits, maximumRSABits }: Policy): string {
  if (allowedTypes.includes("ssh-ed25519")) return "ed25519";
  if (allowedTypes.includes("ecdsa-sha2-nistp256")) return "ecdsa";
  if (allowedTypes.includes("sk-ssh-ed25519@openssh.com")) return "ed25519-sk";
  if (allowedTypes.includes("sk-ecdsa-sha2-nistp256@openssh.com")) return "ecdsa-sk";
  if (allowedTypes.includes("ecdsa-sha2-nistp384")) return "ecdsa -b 384";
  if (allowedTypes.includes("ecdsa-sha2-nistp521")) return "ecdsa -b 521";
  if (allowedTypes.includes("ssh-rsa"))
    return `rsa -b ${Math.min(Math.max(3072, minimumRSABits), maximumRSABits)}`;
  return allowedTypes.includes("ssh-mldsa44-ed25519@openssh.com") ? "mldsa44-ed25519" : "dsa";
}
