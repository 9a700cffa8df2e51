import type { KeyErrorCode } from "../api/errors.ts";
import { isSecurityKeyType, type KeyType } from "../ssh/keytype.ts";
import type { Claim, Finding } from "./claim.ts";
import { newKeyCommand, type Policy, type RequiredOption } from "./policy.ts";
import { isProvable, proofCommand } from "./proof.ts";
import type { SSHKeyRecord } from "./record.ts";

/** Whether it is proven that the user of an SSHKey has the private key, as the condition `Proven` says it. */
export type Possession =
  | { readonly status: "True"; readonly reason: "Proven"; readonly message: string }
  | { readonly status: "Unknown"; readonly reason: "NotChecked"; readonly message: string }
  | {
      readonly status: "False";
      readonly reason: Extract<KeyErrorCode, `Proof${string}` | "UserVerificationMissing">;
      readonly message: string;
    };

/** What is said of a key whose proof takes long to be verified. */
export const BEING_VERIFIED = "The signature in spec.proof is being verified; wait.";

/** Does the policy accept this key with a proof only? */
export function isProofRequired({ key }: SSHKeyRecord, policy: Policy): boolean {
  const isSecurityKey = key !== undefined && isSecurityKeyType(key.type);
  return policy.proofs === "Required" || (policy.requireUserVerification && isSecurityKey);
}

/** Undefined where there is no proof and none is required. */
export function possessionOf(record: SSHKeyRecord, policy: Policy): Possession | undefined {
  const { key, proof, hasProof } = record;
  if (!hasProof && !isProofRequired(record, policy)) return undefined;
  if (key === undefined || (hasProof && proof === undefined)) {
    const message = "Not checked: possession is checked when the rest of the spec is valid.";
    return { status: "Unknown", reason: "NotChecked", message };
  }
  const unproven = (reason: (Possession & { status: "False" })["reason"], what: string, next: string) => {
    return { status: "False", reason, message: `${what} ${next}` } as const;
  };
  if (proof === undefined) {
    const what = "There is no proof that the user has the private key (spec.proof).";
    return unproven("ProofMissing", what, howToProve(record, policy));
  }
  switch (proof.result) {
    case "Proven":
      break;
    case "Unverified":
      return { status: "Unknown", reason: "NotChecked", message: BEING_VERIFIED };
    case "ProofUnsupported":
      return unproven(proof.result, proof.message, `Make a new key with: ${newKeyCommand(policy)}`);
    default:
      return unproven(proof.result, proof.message, howToProve(record, policy));
  }
  const { authenticator } = proof;
  if (policy.requireUserVerification && authenticator?.userVerified === false) {
    const what = "The proof was made without PIN or biometric, which is required (requireUserVerification).";
    const next = `Make a key that asks for it with: ${verifyingKeyCommand(key.type)}`;
    return unproven("UserVerificationMissing", what, next);
  }
  const how =
    authenticator === undefined
      ? ""
      : ` It was made ${authenticator.touched ? "with" : "without"} a touch and ${authenticator.userVerified ? "with" : "without"} PIN or biometric.`;
  const message = `The signature in spec.proof proves that the user has the private key.${how}`;
  return { status: "True", reason: "Proven", message };
}

/** The same as the status says it: of a key that has to be replaced anyway no proof is asked for. */
export function toldPossession({ record, findings }: Claim, policy: Policy): Possession | undefined {
  const possession = possessionOf(record, policy);
  if (possession?.status !== "False" || !findings.some(isOfTheKeyItself)) return possession;
  // These ask for another key themselves.
  if (possession.reason === "ProofUnsupported" || possession.reason === "UserVerificationMissing")
    return possession;
  const message = "Not checked: a proof of this key would not help, since it has to be replaced.";
  return { status: "Unknown", reason: "NotChecked", message };
}

/** Is another key the only way out? */
export function asksForNewKey(finding: Finding): boolean {
  return (
    isOfTheKeyItself(finding) ||
    finding.code === "ProofUnsupported" ||
    finding.code === "UserVerificationMissing"
  );
}

function isOfTheKeyItself({ state }: Finding): boolean {
  return state !== "Invalid" && state !== "Unproven";
}

/** What the owner of the key does to prove it. */
export function howToProve({ user, key }: SSHKeyRecord, policy: Policy): string {
  if (key === undefined || !isProvable(key))
    return `This key cannot be proven; make a new one with: ${newKeyCommand(policy)}`;
  const pin =
    policy.requireUserVerification && isSecurityKeyType(key.type)
      ? `The security key has to ask for its PIN or a biometric (requireUserVerification); if it does not, make a key for which it does with: ${verifyingKeyCommand(key.type)}. `
      : "";
  return `${pin}Put into spec.proof what this prints, with the file of this key behind -f: ${proofCommand(user, key.type, policy.proofNamespace)}`;
}

function verifyingKeyCommand(type: KeyType): string {
  return `ssh-keygen -t ${type === "sk-ssh-ed25519@openssh.com" ? "ed25519-sk" : "ecdsa-sk"} -O verify-required`;
}

/** All options of its line in the file of its user, as one word; "" for none. Of a record with a key. */
export function ownOptions(record: SSHKeyRecord, policy: Policy): string {
  const { options = "" } = record.key ?? {};
  const required = requiredOptions(record, policy);
  return required.length === 0 ? options : [...(options === "" ? [] : [options]), ...required].join(",");
}

/**
 * The options that the policy puts behind those of the SSHKey: where sshd meets a flag and its opposite, the last one counts
 * (sshauthopt_parse in auth-options.c). None that the proof does not show to be possible, since it would lock the user out.
 */
export function requiredOptions({ key, proof }: SSHKeyRecord, policy: Policy): readonly RequiredOption[] {
  if (key === undefined || !isSecurityKeyType(key.type) || proof?.result !== "Proven") return [];
  const { touched = false, userVerified = false } = proof.authenticator ?? {};
  const isPossible = { "touch-required": touched, "verify-required": userVerified };
  return (policy.requiredOptions[key.type] ?? []).filter((option) => isPossible[option]);
}
