import { hash } from "node:crypto";
import { decodeKeyBlob } from "../ssh/blob.ts";
import type { KeyType } from "../ssh/keytype.ts";
import {
  type AuthenticatorFlags,
  isConfirmed,
  type KeySignature,
  readSignature,
  type SignatureCheck,
  unsupportedBecause,
  whenConfirmed,
} from "../ssh/signature.ts";
import { parseSSHSig, type SSHSig, signedBytes } from "../ssh/sshsig.ts";
import { weaknesses } from "../ssh/weakness/weaknesses.ts";
import type { KeyFacts } from "./record.ts";

/**
 * What spec.proof is worth. A proof that is none says why, as a sentence without a next step; of `ProofUnsupported` no other
 * proof by the same key would be one.
 */
export type Proof = { readonly digest: string } & (
  | { readonly result: "Proven"; readonly authenticator: AuthenticatorFlags | undefined }
  | { readonly result: "ProofInvalid" | "ProofOfAnotherKey" | "ProofUnsupported"; readonly message: string }
  | UnverifiedProof
);

/** Of any SSHKey: `None` without a proof, `NotChecked` while the rest of the spec is invalid. */
export type ProofResult = Proof["result"] | "NotChecked" | "None";

/** Everything but the arithmetic is done. Counts as no proof until it is. */
interface UnverifiedProof {
  readonly result: "Unverified";
  readonly authenticator: AuthenticatorFlags | undefined;
  /** One of these has to be confirmed; each is made when it is asked for. */
  readonly attempts: () => Iterable<readonly SignatureCheck[] | undefined>;
}

/** What of a key its proofs depend on. */
type SigningKey = Pick<KeyFacts, "type" | "bits" | "base64">;

/**
 * Reads the proof that this user has the private key: an SSHSIG of the user's name in UTF-8, in this namespace, by this
 * very key; a final LF or CRLF, which shells add, is forgiven. A proof that is known already keeps its result. Never
 * believes a key that anybody can sign for.
 */
export function readProof(
  text: string,
  user: string,
  key: SigningKey,
  namespace: string,
  known: Proof | undefined,
): Proof {
  const digest = hash("sha256", JSON.stringify([namespace, user, key.base64, text]), "base64");
  if (known?.digest === digest) return known;
  const none = (
    result: "ProofInvalid" | "ProofOfAnotherKey" | "ProofUnsupported",
    message: string,
  ): Proof => ({
    digest,
    result,
    message,
  });
  const blob = Buffer.from(key.base64, "base64");
  if (canAnyoneSign(key.type, blob)) {
    return none("ProofUnsupported", "Anyone can sign with this key, so no signature by it proves anything.");
  }
  const sig = parseSSHSig(text);
  if (!sig.ok) return none("ProofInvalid", `The signature in spec.proof ${sig.refusal.message}.`);
  if (!isBy(sig.value, key)) {
    return none(
      "ProofOfAnotherKey",
      "The signature in spec.proof is by another key than the one in spec.key.",
    );
  }
  if (sig.value.namespace !== namespace) {
    return none(
      "ProofInvalid",
      `The signature in spec.proof is not for the namespace ${namespace} (-n ${namespace}).`,
    );
  }
  const signature = readSignature({ type: key.type, blob, bits: key.bits }, sig.value.signature);
  if (!signature.ok) {
    const { code, message } = signature.refusal;
    const result = code === "Unsupported" ? "ProofUnsupported" : "ProofInvalid";
    return none(result, `The signature in spec.proof ${message}.`);
  }
  const { authenticator } = signature.value;
  return {
    digest,
    result: "Unverified",
    authenticator,
    attempts: () => attempts(signature.value, sig.value, user),
  };
}

/** Is there a proof by this key that would be believed? */
export function isProvable(key: SigningKey): boolean {
  const blob = Buffer.from(key.base64, "base64");
  return !canAnyoneSign(key.type, blob) && unsupportedBecause({ type: key.type, blob }) === undefined;
}

/** Does the arithmetic, if it is not done: at most a few ms. */
export function verified(proof: Proof): Proof {
  if (proof.result !== "Unverified") return proof;
  for (const checks of proof.attempts()) if (isConfirmed(checks)) return proven(proof);
  return refuted(proof);
}

/** The same in libuv's thread pool. */
export async function whenVerified(proof: Proof): Promise<Proof> {
  if (proof.result !== "Unverified") return proof;
  for (const checks of proof.attempts()) if (await whenConfirmed(checks)) return proven(proof);
  return refuted(proof);
}

/** What the owner of the key runs to make the proof; the names of files are those that ssh-keygen gives by default. */
export function proofCommand(user: string, type: KeyType, namespace: string): string {
  return `printf %s ${quoted(user)} | ssh-keygen -Y sign -n ${namespace} -f ~/.ssh/${FILES[type]} -`;
}

function canAnyoneSign(type: KeyType, blob: Buffer): boolean {
  return weaknesses({ type, blob }).some(({ state }) => state === "Compromised");
}

function* attempts(
  signature: KeySignature,
  sig: SSHSig,
  user: string,
): Generator<readonly SignatureCheck[] | undefined, void, undefined> {
  for (const ending of ENDINGS)
    yield signature.checksOf(signedBytes(sig, Buffer.from(user + ending, "utf8")));
}

function isBy({ publicKey }: SSHSig, key: SigningKey): boolean {
  const decoded = decodeKeyBlob(publicKey, key.type);
  return decoded.ok && decoded.value.blob.toString("base64") === key.base64;
}

function proven({ digest, authenticator }: Proof & UnverifiedProof): Proof {
  return { digest, result: "Proven", authenticator };
}

function refuted({ digest }: Proof): Proof {
  return {
    digest,
    result: "ProofInvalid",
    message: "The signature in spec.proof is not over the name in spec.user, or it is damaged.",
  };
}

/**
 * As one word of a POSIX shell, whoever chose the name. Other shells that it may be pasted into run nothing of it: in
 * single quotes fish reads backslashes and PowerShell takes typographic quotes for an end, so these stand in double ones.
 */
function quoted(user: string): string {
  if (/^[A-Za-z0-9@._+-]+$/.test(user)) return user;
  return `'${user.replaceAll(/['\\\u2018-\u201b]+/g, (run) => `'"${run.replaceAll("\\", "\\\\")}"'`)}'`;
}

const ENDINGS = ["", "\n", "\r\n"];
const FILES: Readonly<Record<KeyType, string>> = {
  "ssh-ed25519": "id_ed25519",
  "sk-ssh-ed25519@openssh.com": "id_ed25519_sk",
  "ecdsa-sha2-nistp256": "id_ecdsa",
  "ecdsa-sha2-nistp384": "id_ecdsa",
  "ecdsa-sha2-nistp521": "id_ecdsa",
  "sk-ecdsa-sha2-nistp256@openssh.com": "id_ecdsa_sk",
  "ssh-rsa": "id_rsa",
  "ssh-dss": "id_dsa",
  "ssh-mldsa44-ed25519@openssh.com": "id_mldsa44_ed25519",
};
