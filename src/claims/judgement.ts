import { formatRFC3339 } from "../api/time.ts";
import type { KeyBlob } from "../ssh/blob.ts";
import { fingerprintSHA256 } from "../ssh/fingerprint.ts";
import { type AdviceCode, NO_ADVICE } from "../ssh/weakness/advice.ts";
import { messageOf, type Weakness, type WeaknessCode, weakness } from "../ssh/weakness/classes.ts";
import { weaknesses } from "../ssh/weakness/weaknesses.ts";
import type { Finding } from "./claim.ts";
import { newKeyCommand, type Policy } from "./policy.ts";
import { asksForNewKey, isProofRequired, possessionOf } from "./possession.ts";
import type { KeyFacts, SSHKeyRecord } from "./record.ts";

/** What is known of keys beside what they say themselves. */
export interface Knowledge {
  /** `SHA256:…` fingerprints that an administrator revoked. */
  readonly revoked: ReadonlySet<string>;
  /** Why lists of compromised keys have this one; empty where none does. Undefined without lists. */
  readonly listed?: (key: Pick<KeyBlob, "type" | "blob">) => readonly WeaknessCode[];
  /** As Blocklist has them, for what takes arithmetic (see examination.ts). Undefined without lists of them. */
  readonly primeProducts?: readonly bigint[];
  /** Is there a list that could not be read since the process started? What it says of keys is not known then. */
  readonly hasUnreadList?: boolean;
  /** May another replica, whose statuses these are, have had newer lists? */
  readonly mayBeOutdated?: boolean;
}

export const NO_KNOWLEDGE: Knowledge = { revoked: new Set() };

const NONE: readonly Finding[] = [];
const NONE_FOUND: readonly Weakness[] = [];
const NONE_LISTED: readonly WeaknessCode[] = [];

/** The worst first. */
const PRECEDENCE = ["Invalid", "Compromised", "Revoked", "Weak", "Unproven"] as const;

/**
 * Everything that makes the key unacceptable, the worst first; nothing for an acceptable one. Depends on facts, policy
 * and knowledge only, so it can be asked again whenever one of them changes, without parsing anything. Of an RSA key that
 * is not examined yet (isExamined), what arithmetic finds is missing.
 */
export function judge(record: SSHKeyRecord, policy: Policy, knowledge: Knowledge): readonly Finding[] {
  const findings: Finding[] = record.faults.map((fault) => ({ state: "Invalid", ...fault }));
  if (record.key !== undefined) {
    const { type, base64, arithmetic = NONE_FOUND } = record.key;
    const blob = Buffer.from(base64, "base64");
    findings.push(
      ...lifetimeFindings(record, policy),
      ...[
        ...weaknesses({ type, blob }),
        ...(knowledge.listed?.({ type, blob }) ?? NONE_LISTED).map((code) => weakness(code)),
        ...arithmetic,
      ].map((found) => weaknessFinding(found, policy)),
      ...revocationFindings(blob, policy, knowledge),
      ...policyFindings(record.key, policy),
    );
    const doubt = doubtOf(record, findings, knowledge, policy);
    if (doubt !== undefined) findings.push(doubt);
    // Of a key that has to be replaced no proof is asked for.
    if (findings.every(({ state }) => state === "Invalid")) findings.push(...proofFindings(record, policy));
  }
  if (findings.length === 0) return NONE;
  return findings.sort((a, b) => PRECEDENCE.indexOf(a.state) - PRECEDENCE.indexOf(b.state));
}

/** What is unusual about a key with these findings; nothing where another key is the only way out anyway. */
export function toldAdvice({ key }: SSHKeyRecord, findings: readonly Finding[]): readonly AdviceCode[] {
  return key === undefined || findings.some(asksForNewKey) ? NO_ADVICE : key.advice;
}

/** Do two judgements find the same? */
export function sameFindings(a: readonly Finding[], b: readonly Finding[]): boolean {
  return a.length === b.length && a.every(({ code }, i) => code === b[i]?.code);
}

/** The latest `spec.expiresAt` that the policy allows, in ms since the epoch; undefined without a limit. */
export function latestExpiry({ createdAt }: SSHKeyRecord, policy: Policy): number | undefined {
  return policy.maximumLifetime === undefined ? undefined : createdAt + policy.maximumLifetime;
}

function weaknessFinding(found: Weakness, policy: Policy): Finding {
  const { state, code } = found;
  return { state, code, message: messageOf(found, newKeyCommand(policy)) };
}

/** Does its status say that this very spec is refused for what is known of the key, where the findings do not? */
export function isRefusedElsewhere(
  { observed, generation }: SSHKeyRecord,
  findings: readonly Finding[],
): boolean {
  const { state } = observed;
  return (
    observed.generation === generation &&
    (state === "Compromised" || state === "Revoked") &&
    findings.every((found) => found.state !== state)
  );
}

/** A doubt changes nothing: neither a list that is broken at a restart nor an older one of the next leader lets anybody in. */
function doubtOf(
  record: SSHKeyRecord,
  findings: readonly Finding[],
  { hasUnreadList = false, mayBeOutdated = false }: Knowledge,
  policy: Policy,
): Finding | undefined {
  if (!isRefusedElsewhere(record, findings)) return undefined;
  const state = record.observed.state === "Compromised" ? "Compromised" : "Revoked";
  if (hasUnreadList && state === "Compromised") return listUnread(policy);
  return mayBeOutdated ? listOutdated(state, policy) : undefined;
}

function listUnread(policy: Policy): Finding {
  return {
    state: "Compromised",
    code: "ListUnread",
    message: `This key was Compromised, and a list of compromised keys cannot be read since the operator was started (blocklists), so it stays refused; wait until an administrator has mended the list, or make a new key with: ${newKeyCommand(policy)}.`,
  };
}

function listOutdated(state: "Compromised" | "Revoked", policy: Policy): Finding {
  return {
    state,
    code: "ListOutdated",
    message: `The replica of the operator that led before has found this key ${state}, and the lists of this one may be older; wait two minutes, or make a new key with: ${newKeyCommand(policy)}.`,
  };
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

function revocationFindings(blob: Buffer, policy: Policy, { revoked }: Knowledge): readonly Finding[] {
  if (revoked.size === 0 || !revoked.has(fingerprintSHA256(blob))) return NONE;
  return [
    {
      state: "Revoked",
      code: "RevokedFingerprint",
      message: `An administrator has revoked this key (revokedKeys); make a new one, for example: ${newKeyCommand(policy)}.`,
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
        message: `Keys of type ${key.type} are not accepted here (allowedTypes); make one of an accepted type, for example: ${newKeyCommand(policy)}.`,
      },
    ];
  }
  if (key.type !== "ssh-rsa") return NONE;
  if (key.bits < policy.minimumRSABits) {
    return [
      {
        state: "Weak",
        code: "RSAKeyTooSmall",
        message: `The RSA key has ${key.bits} bits and at least ${policy.minimumRSABits} are required (minimumRSABits); make a new one, for example: ${newKeyCommand(policy)}.`,
      },
    ];
  }
  if (key.bits > policy.maximumRSABits) {
    return [
      {
        state: "Weak",
        code: "RSAKeyTooLarge",
        message: `The RSA key has ${key.bits} bits and at most ${policy.maximumRSABits} are accepted (maximumRSABits); make a new one, for example: ${newKeyCommand(policy)}.`,
      },
    ];
  }
  return NONE;
}
