import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY, type Policy } from "../../../../src/claims/policy.ts";
import {
  commandFor,
  givenProof,
  proofRequirement,
  withProof,
} from "../../../../src/portal/sshkeys/givenproof.ts";
import { newKey } from "../../../../src/portal/sshkeys/newkey.ts";
import { makeKey, makeProof, publicKeyLine, USER_PRESENT, USER_VERIFIED } from "../../../ssh/signer.ts";

const USER = "alice";
const key = makeKey("ssh-ed25519");
const line = publicKeyLine(key);
const good = makeProof(key, USER);
const securityKey = makeKey("sk-ssh-ed25519@openssh.com");
const dss = makeKey("ssh-dss");

/** The proof as it would be stored, or the code of what is wrong. */
async function given(text: string, o: { line?: string; user?: string; policy?: Policy } = {}) {
  const answer = await givenProof(text, { user: USER, line, ...o }, o.policy ?? DEFAULT_POLICY);
  return answer && ("proof" in answer ? answer.proof : answer.problem.code);
}

async function message(text: string, user = USER): Promise<string> {
  const answer = await givenProof(text, { user, line }, DEFAULT_POLICY);
  return answer !== undefined && "problem" in answer ? answer.problem.message : "";
}

describe("a proof", () => {
  test("is stored as ssh-keygen prints it", async () => {
    expect(await given(good)).toBe(good);
  });

  test("comes out of what a form and a terminal make of it", async () => {
    const pasted = `$ printf %s alice | ssh-keygen -Y sign …\nSigning data on standard input\n${good}\n$ `;
    expect(await given(pasted.replaceAll("\n", "\r\n"))).toBe(good);
  });

  test.each([
    ["no SSH signature", "hello", "ProofInvalid"],
    ["two of them", good + good, "ProofInvalid"],
    ["far longer than one", good.replace("\n", `\n${"A".repeat(20_000)}`), "ProofInvalid"],
    ["by another key", makeProof(makeKey("ssh-ed25519"), USER), "ProofOfAnotherKey"],
    ["for another namespace", makeProof(key, USER, { namespace: "git" }), "ProofInvalid"],
    ["over another name", makeProof(key, "bob"), "ProofInvalid"],
    ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n", "PrivateKey"],
  ])("that is %s is refused", async (_, text, code) => {
    expect(await given(text)).toBe(code);
  });

  test("by a type whose signatures count for nothing is refused", async () => {
    expect(await given(makeProof(dss, USER), { line: publicKeyLine(dss) })).toBe("ProofUnsupported");
  });

  test.each([
    ["without PIN or biometric", USER_PRESENT, "UserVerificationMissing"],
    ["with it", USER_PRESENT | USER_VERIFIED, undefined],
  ])("of a security key %s, where the policy wants that", async (_, flags, code) => {
    const proof = makeProof(securityKey, USER, { flags });
    const policy = { ...DEFAULT_POLICY, requireUserVerification: true };
    expect(await given(proof, { line: publicKeyLine(securityKey), policy })).toBe(code ?? proof);
  });

  test("is not judged while the key is none", async () => {
    expect(await given(good, { line: "no key" })).toBeUndefined();
  });
});

describe("what is wrong is told", () => {
  test("without a word of manifests, and with what to do", async () => {
    for (const text of ["hello", makeProof(key, "bob"), makeProof(key, USER, { namespace: "git" })])
      expect(await message(text)).toMatch(
        /^This signature .* Run the command, and paste all that it prints\.$/,
      );
    expect(await message("hello")).not.toContain("spec.");
  });

  test("with the name as it is, whatever is in it", async () => {
    expect(await message(good, "$& $1")).toContain("the name $& $1,");
  });
});

describe("a proof in the form of a new key", () => {
  const typed = { title: "", expiresAt: undefined, options: [] };
  const made = (text: string) => newKey({ ...typed, key: text }, USER, DEFAULT_POLICY, Date.now());

  test("comes into the SSHKey", async () => {
    const { spec } = { spec: undefined, ...(await withProof(made(line), good, USER, DEFAULT_POLICY)) };
    expect(spec).toEqual({ user: USER, key: line, proof: good });
  });

  test("stays away where none is given", async () => {
    const { spec } = { spec: undefined, ...(await withProof(made(line), " \n", USER, DEFAULT_POLICY)) };
    expect(spec).toEqual({ user: USER, key: line });
  });

  test("that is none stands beside what is wrong with the key", async () => {
    const { problems } = await withProof(made(publicKeyLine(dss)), "hello", USER, DEFAULT_POLICY);
    expect(problems.map(({ field }) => field)).toEqual(["key", "proof"]);
  });
});

describe("the command", () => {
  test("names the file of the key's type, and the user", () => {
    const command = commandFor({ user: "o'brien", line: publicKeyLine(securityKey) }, DEFAULT_POLICY);
    expect(command).toContain("-n sshkey-operator.dev -f ~/.ssh/id_ed25519_sk -");
    expect(command).toContain("brien");
  });

  test("names a type that the policy accepts while there is no key", () => {
    const policy = { ...DEFAULT_POLICY, allowedTypes: ["ssh-rsa"] as const };
    expect(commandFor({ user: USER, line: "" }, policy)).toContain("~/.ssh/id_rsa");
  });
});

test.each([
  [{}, undefined],
  [{ proofs: "Required" }, "allKeys"],
  [{ requireUserVerification: true }, "securityKeys"],
] as const)("the policy %o wants proofs of %s", (policy, expected) => {
  expect(proofRequirement({ ...DEFAULT_POLICY, ...policy })).toBe(expected);
});
