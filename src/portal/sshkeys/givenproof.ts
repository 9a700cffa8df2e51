import { newKeyCommand, type Policy } from "../../claims/policy.ts";
import { proofCommand, readProof, whenVerified } from "../../claims/proof.ts";
import type { KeyType } from "../../ssh/keytype.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import { type NewKey, type Problem, privateKeyProblem } from "./newkey.ts";

/** What is to be proven: that this user has the private half of this key. */
export interface Provable {
  readonly user: string;
  /** The line of the key. */
  readonly line: string;
}

/** The proof as it is stored, or why it is none. */
export type GivenProof = { readonly proof: string } | { readonly problem: Problem };

/** The longest that an SSHKey can hold, in characters. */
export const MOST_PROOF_CHARACTERS = 16_384;

/** For which keys the policy wants a proof. */
export type ProofRequirement = "allKeys" | "securityKeys" | undefined;

export function proofRequirement({ proofs, requireUserVerification }: Policy): ProofRequirement {
  if (proofs === "Required") return "allKeys";
  return requireUserVerification ? "securityKeys" : undefined;
}

/** What prints the proof; while the key is not known, by a key of the type that the policy names first. */
export function commandFor({ user, line }: Provable, { allowedTypes, proofNamespace }: Policy): string {
  const key = parsePublicKey(line);
  const type: KeyType = key.ok ? key.value.type : (allowedTypes[0] ?? "ssh-ed25519");
  return proofCommand(user, type, proofNamespace);
}

/**
 * Looks whether what somebody gave is the proof that the operator will believe, before it is stored; undefined where the key
 * itself cannot be read. Text around the signature, as terminals show it, is left out.
 */
export async function givenProof(
  text: string,
  { user, line }: Provable,
  policy: Policy,
): Promise<GivenProof | undefined> {
  const secret = privateKeyProblem(text, policy);
  if (secret !== undefined) return { problem: { ...secret, field: "proof" } };
  const key = parsePublicKey(line);
  if (!key.ok) return undefined;
  const signature = signatureIn(text);
  if (signature.length > MOST_PROOF_CHARACTERS) return refused("ProofInvalid", TOO_LONG);
  const facts = { ...key.value, base64: key.value.blob.toString("base64"), options: "" };
  const proof = await whenVerified(readProof(signature, user, facts, policy.proofNamespace, undefined));
  switch (proof.result) {
    case "Proven":
      return policy.requireUserVerification && proof.authenticator?.userVerified === false
        ? refused("UserVerificationMissing", `${NOT_VERIFIED} ${newKeyCommand(policy)}`)
        : { proof: signature };
    case "ProofOfAnotherKey":
      return refused(proof.result, ANOTHER_KEY);
    case "ProofUnsupported":
      return refused(proof.result, `${here(proof.message, user)} ${NO_OTHER} ${newKeyCommand(policy)}`);
    case "ProofInvalid":
      return refused(proof.result, `${here(proof.message, user)} ${AGAIN}`);
    case "Unverified":
      throw new Error("a proof was not verified");
  }
}

/** The new key with the proof that was given with it, or with what is wrong with that. */
export async function withProof(made: NewKey, text: string, user: string, policy: Policy): Promise<NewKey> {
  if (text.trim() === "") return made;
  const isSpec = "spec" in made;
  const given = await givenProof(text, { user, line: isSpec ? made.spec.key : made.offer.key }, policy);
  if (given === undefined) return made;
  if ("proof" in given) return isSpec ? { ...made, spec: { ...made.spec, proof: given.proof } } : made;
  if (!isSpec) return { ...made, problems: [...made.problems, given.problem] };
  const { key, options = [] } = made.spec;
  return { problems: [given.problem], offer: { key, options }, others: [], isPrivate: false };
}

/** The one signature in a text; the text itself where there is none, or more than one. */
function signatureIn(text: string): string {
  const [, ...begun] = text.split(BEGIN);
  const found = begun.flatMap((part) => {
    const [content = "", ...ended] = part.split(END);
    return ended.length === 0 || content.includes("-") ? [] : [`${BEGIN}${content}${END}`];
  });
  const [only = text.trim()] = found.length === 1 ? found : [];
  return `${only.replaceAll(/\r\n?/g, "\n")}\n`;
}

/** As it is said to who has no manifest before the eyes. */
function here(message: string, user: string): string {
  return message
    .replace("The signature in spec.proof", "This signature")
    .replace("the name in spec.user", () => `the name ${user}`);
}

function refused(code: string, message: string): GivenProof {
  return { problem: { field: "proof", code, message } };
}

const BEGIN = "-----BEGIN SSH SIGNATURE-----";
const END = "-----END SSH SIGNATURE-----";
const AGAIN = "Run the command, and paste all that it prints.";
const NO_OTHER = "Leave the proof out, or make a key that can be proven:";
const TOO_LONG = `This is far longer than a signature. ${AGAIN}`;
const ANOTHER_KEY =
  "This signature is by another key: run the command with the file of this key behind -f, and paste all that it prints.";
const NOT_VERIFIED =
  "This signature was made without PIN or biometric, which is required here. Sign again with it, or make a key that asks for it:";
