import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY, type Policy } from "../../src/claims/policy.ts";
import {
  isProofRequired,
  possessionOf,
  requiredOptions,
  toldPossession,
} from "../../src/claims/possession.ts";
import type { Proof } from "../../src/claims/proof.ts";
import type { SSHKeyRecord } from "../../src/claims/record.ts";
import type { AuthenticatorFlags } from "../../src/ssh/signature.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { Random } from "../ssh/random.ts";
import { blobOf, dssSample, securityKeySample } from "../ssh/samples.ts";
import { proof } from "./keypairs.ts";
import { Scene } from "./scene.ts";
import { type SSHKeyFacts, sshKeyRecord } from "./sshkeys.ts";

const ED25519_SK = "sk-ssh-ed25519@openssh.com";
const ECDSA_SK = "sk-ecdsa-sha2-nistp256@openssh.com";
const REQUIRED: Policy = { ...DEFAULT_POLICY, proofs: "Required" };
const WITH_PIN: Policy = { ...DEFAULT_POLICY, requireUserVerification: true };
const TOUCHED = { touched: true, userVerified: false };
const VERIFIED = { touched: true, userVerified: true };

const ed25519SK = lineOf(
  ED25519_SK,
  encodeStrings([Buffer.from(ED25519_SK), Buffer.alloc(32, 7), Buffer.from("ssh:")]),
);
const ecdsaSK = lineOf(ECDSA_SK, blobOf(securityKeySample(new Random(1))));
const dss = lineOf("ssh-dss", blobOf(dssSample(new Random(1), 1024)));

function rsaWithExponent(exponent: Buffer): string {
  const modulus = Buffer.concat([Buffer.of(0), Buffer.alloc(256, 0xff)]);
  return lineOf("ssh-rsa", encodeStrings([Buffer.from("ssh-rsa"), exponent, modulus]));
}

function lineOf(type: string, blob: Buffer): string {
  return `${type} ${blob.toString("base64")}`;
}

function record(facts: Partial<SSHKeyFacts> = {}): SSHKeyRecord {
  return sshKeyRecord({ name: "laptop", ...facts });
}

/** With a proof that was verified to be this. */
function withProof(of: SSHKeyRecord, result: Partial<Proof>): SSHKeyRecord {
  return { ...of, hasProof: true, proof: { digest: "d", authenticator: undefined, ...result } as Proof };
}

function provenBy(key: string, authenticator: AuthenticatorFlags): SSHKeyRecord {
  return withProof(record({ key }), { result: "Proven", authenticator });
}

function told(of: SSHKeyRecord, policy = DEFAULT_POLICY): string {
  const { status, reason } = possessionOf(of, policy) ?? {};
  return `${status} ${reason}`;
}

describe("the condition Proven", () => {
  it("is not there without a proof where none is required", () => {
    expect(possessionOf(record(), DEFAULT_POLICY)).toBeUndefined();
  });

  it.each<[string, SSHKeyFacts, string, Policy]>([
    ["a right proof", { name: "k", proof: proof({ key: 1, user: "alice" }) }, "True Proven", DEFAULT_POLICY],
    ["no proof, where one is required", { name: "k" }, "False ProofMissing", REQUIRED],
    [
      "a proof of another user",
      { name: "k", proof: proof({ key: 1, user: "bob" }) },
      "False ProofInvalid",
      DEFAULT_POLICY,
    ],
    [
      "a proof by another key",
      { name: "k", proof: proof({ key: 2, user: "alice" }) },
      "False ProofOfAnotherKey",
      DEFAULT_POLICY,
    ],
    ["an empty proof", { name: "k", proof: "" }, "False ProofInvalid", DEFAULT_POLICY],
    ["a proof of no key", { name: "k", key: "nonsense", proof: "" }, "Unknown NotChecked", DEFAULT_POLICY],
    ["no key, where a proof is required", { name: "k", key: "nonsense" }, "Unknown NotChecked", REQUIRED],
    [
      "a proof beside options that are none",
      { name: "k", options: ["x y"], proof: proof({ key: 1, user: "alice" }) },
      "Unknown NotChecked",
      DEFAULT_POLICY,
    ],
  ])("of %s", (_, facts, expected, policy) => {
    expect(told(sshKeyRecord(facts), policy)).toBe(expected);
  });

  it("of a proof that is not verified yet is Unknown", () => {
    const unverified = withProof(record(), { result: "Unverified", attempts: () => [] });
    expect(told(unverified)).toBe("Unknown NotChecked");
  });

  it.each<[string, string, AuthenticatorFlags, string]>([
    ["with a touch alone", ed25519SK, TOUCHED, "False UserVerificationMissing"],
    ["with PIN or biometric", ed25519SK, VERIFIED, "True Proven"],
    ["with a touch alone by ECDSA", ecdsaSK, TOUCHED, "False UserVerificationMissing"],
  ])("where user verification is required, of a proof %s", (_, key, flags, expected) => {
    expect(told(provenBy(key, flags), WITH_PIN)).toBe(expected);
  });

  it("where user verification is required, of a proof by a key in a file is True", () => {
    expect(told(record({ proof: proof({ key: 1, user: "alice" }) }), WITH_PIN)).toBe("True Proven");
  });
});

it("of a key that has to be replaced no proof is asked for", () => {
  const claim = new Scene({ proofs: "Required" }).put({ name: "k", key: dss }).claim("k");
  expect(toldPossession(claim, REQUIRED)).toMatchObject({ status: "Unknown", reason: "NotChecked" });
});

describe("the message of the condition Proven", () => {
  const messageOf = (of: SSHKeyRecord, policy = DEFAULT_POLICY) => possessionOf(of, policy)?.message ?? "";

  it("is the command with the user, the namespace of the configuration and the file of the key's type", () => {
    const policy = { ...REQUIRED, proofNamespace: "keys@example.com" };
    expect(messageOf(record({ user: "carol@example.com", key: ed25519SK }), policy)).toContain(
      "printf %s carol@example.com | ssh-keygen -Y sign -n keys@example.com -f ~/.ssh/id_ed25519_sk -",
    );
  });

  it("quotes a user whom a shell would read", () => {
    expect(messageOf(record({ user: "o'neill; id" }), REQUIRED)).toContain(`printf %s 'o'"'"'neill; id' |`);
  });

  it.each([
    ["whose signatures use SHA-1", dss],
    ["with a public exponent of 33 bits", rsaWithExponent(Buffer.of(1, 0, 0, 0, 1))],
    ["that anybody can sign for", rsaWithExponent(Buffer.of(1))],
  ])("names no command that cannot help: of a key %s", (_, key) => {
    const message = messageOf(record({ key }), REQUIRED);
    expect(message).toContain("This key cannot be proven; make a new one with: ssh-keygen -t ed25519");
    expect(message).not.toContain("-Y sign");
  });

  it("asks for a new key of a type that is accepted, and of a security key for one that asks for its PIN", () => {
    const policy: Policy = { ...WITH_PIN, allowedTypes: [ED25519_SK], proofs: "Required" };
    expect(messageOf(record({ key: dss }), policy)).toMatch(/: ssh-keygen -t ed25519-sk -O verify-required$/);
  });

  it("names no command that cannot help: of a key that no proof is taken of", () => {
    const unsupported = withProof(record(), { result: "ProofUnsupported", message: "It cannot." });
    expect(messageOf(unsupported)).toBe("It cannot. Make a new key with: ssh-keygen -t ed25519");
  });

  it.each([
    [ed25519SK, "ssh-keygen -t ed25519-sk -O verify-required"],
    [ecdsaSK, "ssh-keygen -t ecdsa-sk -O verify-required"],
  ])("without user verification tells how a key is made that asks for it", (key, command) => {
    expect(messageOf(provenBy(key, TOUCHED), WITH_PIN)).toContain(command);
  });

  it("tells before the first proof by a security key how a key is made that asks for a PIN, where that is required", () => {
    expect(messageOf(record({ key: ed25519SK }), WITH_PIN)).toContain(
      "ssh-keygen -t ed25519-sk -O verify-required",
    );
  });

  it("tells nothing of PIN and biometric where a key in a file has to be proven", () => {
    expect(messageOf(record(), { ...WITH_PIN, proofs: "Required" })).not.toContain("verify-required");
  });

  it.each<[AuthenticatorFlags, string]>([
    [VERIFIED, "with a touch and with PIN or biometric"],
    [TOUCHED, "with a touch and without PIN or biometric"],
    [{ touched: false, userVerified: false }, "without a touch and without PIN or biometric"],
  ])("tells how the authenticator was used: %j", (flags, words) => {
    expect(messageOf(provenBy(ed25519SK, flags))).toContain(`It was made ${words}.`);
  });

  it("tells nothing of an authenticator of a key in a file", () => {
    expect(messageOf(record({ proof: proof({ key: 1, user: "alice" }) }))).not.toContain("touch");
  });
});

describe("a proof is required", () => {
  it.each<[string, string | number, Policy, boolean]>([
    ["by default of no key", 1, DEFAULT_POLICY, false],
    ["by default of no security key", ed25519SK, DEFAULT_POLICY, false],
    ["with proofs: Required of each", 1, REQUIRED, true],
    ["with requireUserVerification of security keys", ed25519SK, WITH_PIN, true],
    ["with requireUserVerification of no other key", 1, WITH_PIN, false],
  ])("%s", (_, key, policy, expected) => {
    expect(isProofRequired(record({ key }), policy)).toBe(expected);
  });
});

describe("the options that the policy adds", () => {
  const BOTH = ["touch-required", "verify-required"] as const;
  const policy: Policy = { ...DEFAULT_POLICY, requiredOptions: { [ED25519_SK]: BOTH } };

  it.each<[AuthenticatorFlags, readonly string[]]>([
    [VERIFIED, BOTH],
    [TOUCHED, ["touch-required"]],
    [{ touched: false, userVerified: false }, []],
  ])("are those that the proof shows to be possible: %j", (flags, expected) => {
    expect(requiredOptions(provenBy(ed25519SK, flags), policy)).toEqual(expected);
  });

  it("are none without a proof, since they might lock the user out", () => {
    expect(requiredOptions(record({ key: ed25519SK }), policy)).toEqual([]);
  });

  it("are none of another type of security key", () => {
    expect(requiredOptions(provenBy(ecdsaSK, VERIFIED), policy)).toEqual([]);
  });

  it("are none of a key in a file", () => {
    expect(requiredOptions(record({ proof: proof({ key: 1, user: "alice" }) }), policy)).toEqual([]);
  });
});
