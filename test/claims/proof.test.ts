import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Proof, readProof, verified, whenVerified } from "../../src/claims/proof.ts";
import type { KeyFacts } from "../../src/claims/record.ts";
import { signedBytes } from "../../src/ssh/sshsig.ts";
import { encodeStrings, stringsOf } from "../../src/ssh/wire.ts";
import { refusalOf } from "../ssh/checknovalidate.ts";
import { signings } from "../ssh/madesignatures.ts";
import { Random } from "../ssh/random.ts";
import { type Made, SIGNATURE_MUTATIONS } from "../ssh/signaturemutations.ts";
import {
  armor,
  makeKey,
  makeProof,
  makeSSHSIG,
  NAMESPACE,
  publicKeyLine,
  type SigningKey,
} from "../ssh/signer.ts";
import { smallOrderEncodings } from "../ssh/weakness/ed25519.ts";
import { forgeEd25519, forgeRSA } from "../sshd/forgingagent.ts";
import { keyFacts } from "./keyfacts.ts";

const USER = "alice";
const ed25519 = makeKey("ssh-ed25519");
const rsa = makeKey("ssh-rsa");
const hybrid = makeKey("ssh-mldsa44-ed25519@openssh.com");
const ALL = [...signings(), { name: "hybrid", key: hybrid, fields: {} }];

interface Question {
  readonly user?: string;
  readonly key?: KeyFacts;
  readonly namespace?: string;
  readonly known?: Proof;
}

/** What the text is worth as a proof of alice and her Ed25519 key, unless the test asks for something else. */
function read(text: string, o: Question = {}): Proof {
  const { user = USER, key = factsOf(ed25519), namespace = NAMESPACE, known } = o;
  return readProof(text, user, key, namespace, known);
}

function proofOf(text: string, question: Question = {}): Proof {
  return verified(read(text, question));
}

function factsOf(key: SigningKey): KeyFacts {
  return keyFacts(publicKeyLine(key));
}

describe.each(ALL)("a proof by $name", ({ key, fields }) => {
  const text = makeProof(key, USER, fields);

  test("is believed", () => {
    expect(proofOf(text, { key: factsOf(key) })).toMatchObject({ result: "Proven" });
  });

  test("counts for nothing until it is verified", () => {
    expect(read(text, { key: factsOf(key) })).toMatchObject({ result: "Unverified" });
  });

  test("is none for another user", () => {
    expect(proofOf(text, { user: "bob", key: factsOf(key) })).toMatchObject({
      result: "ProofInvalid",
      message: "The signature in spec.proof is not over the name in spec.user, or it is damaged.",
    });
  });

  test("is none for another key of the type", () => {
    expect(proofOf(text, { key: factsOf(makeKey(key.type)) })).toMatchObject({ result: "ProofOfAnotherKey" });
  });

  test("is worth in other threads what it is worth in this one", async () => {
    for (const user of [USER, "bob"]) {
      const proof = read(text, { user, key: factsOf(key) });
      expect(await whenVerified(proof)).toEqual(verified(proof));
    }
  });
});

test.each([
  [0, { touched: false, userVerified: false }],
  [1, { touched: true, userVerified: false }],
  [5, { touched: true, userVerified: true }],
])(
  "a proof by a security key with the flags %i says whether it was touched and its user verified",
  (flags, authenticator) => {
    const key = makeKey("sk-ssh-ed25519@openssh.com");
    expect(proofOf(makeProof(key, USER, { flags }), { key: factsOf(key) })).toEqual({
      digest: expect.any(String),
      result: "Proven",
      authenticator,
    });
  },
);

test("a proof in another namespace is none, and the one that is asked for is said", () => {
  expect(proofOf(makeProof(ed25519, USER, { namespace: "git" }))).toMatchObject({
    result: "ProofInvalid",
    message: `The signature in spec.proof is not for the namespace ${NAMESPACE} (-n ${NAMESPACE}).`,
  });
});

test("a proof in the namespace that is configured is believed", () => {
  const text = makeProof(ed25519, USER, { namespace: "keys@example.com" });
  expect(proofOf(text, { namespace: "keys@example.com" })).toMatchObject({ result: "Proven" });
});

test("a proof whose envelope alone names the right namespace is none", () => {
  const blob = makeSSHSIG(ed25519, Buffer.from(USER), { namespace: "git" });
  const strings = stringsOf(blob.subarray(10)).with(1, Buffer.from(NAMESPACE));
  expect(refusalOf(armorOf(blob, strings), USER, NAMESPACE)).toBe("is not confirmed");
  expect(proofOf(armorOf(blob, strings))).toMatchObject({ result: "ProofInvalid" });
});

describe("the message that is signed", () => {
  test.each([USER, `${USER}\n`, `${USER}\r\n`])("may be %j", (message) => {
    expect(proofOf(makeProof(ed25519, message))).toMatchObject({ result: "Proven" });
  });

  test.each(["", `${USER}\n\n`, `${USER}\r`, `${USER}\0`, `${USER} `, ` ${USER}`, "Alice", `\ufeff${USER}`])(
    "is not %j",
    (message) => {
      expect(proofOf(makeProof(ed25519, message))).toMatchObject({ result: "ProofInvalid" });
    },
  );

  test.each(["zoë", "Алиса", "\u{1f511}", "O'Brien %s"])("is %s in UTF-8", (user) => {
    expect(proofOf(makeProof(ed25519, user), { user })).toMatchObject({ result: "Proven" });
  });
});

test("what PowerShell pipes and pastes is understood", () => {
  const text = `\ufeff${makeProof(ed25519, `${USER}\r\n`).replaceAll("\n", "\r\n")}`;
  expect(proofOf(text)).toMatchObject({ result: "Proven" });
});

test("a text that is no signature says what it is not", () => {
  expect(proofOf("ssh-ed25519 AAAA")).toMatchObject({
    result: "ProofInvalid",
    message: "The signature in spec.proof does not begin with -----BEGIN SSH SIGNATURE-----.",
  });
});

test("of a key that signs with SHA-1 only, no proof is supported", () => {
  const key = makeKey("ssh-dss");
  expect(proofOf(makeProof(key, USER), { key: factsOf(key) })).toMatchObject({ result: "ProofUnsupported" });
});

test("a proof with SHA-1 by a key that can do better is invalid", () => {
  expect(proofOf(makeProof(rsa, USER, { algorithm: "ssh-rsa" }), { key: factsOf(rsa) })).toMatchObject({
    result: "ProofInvalid",
    message: "The signature in spec.proof uses SHA-1.",
  });
});

describe("the key that a proof names", () => {
  const [name = Buffer.alloc(0), e = Buffer.alloc(0), n = Buffer.alloc(0)] = stringsOf(rsa.blob);
  const named = (publicKey: Buffer) => proofOf(makeProof(rsa, USER, { publicKey }), { key: factsOf(rsa) });

  test.each([
    ["with zeros before its modulus", [name, e, Buffer.concat([Buffer.alloc(3), n])]],
    ["with zeros before its exponent", [name, Buffer.concat([Buffer.alloc(1), e]), n]],
    ["by its short name", [Buffer.from("rsa"), e, n]],
  ])("may be the same one, spelled %s", (_what, strings) => {
    expect(named(encodeStrings(strings))).toMatchObject({ result: "Proven" });
  });

  test.each([
    ["a key that is none", Buffer.from("ssh-rsa")],
    ["nothing", Buffer.alloc(0)],
    ["the key with something behind it", Buffer.concat([rsa.blob, Buffer.of(0)])],
    ["a key of another type", ed25519.blob],
    ["the same modulus with another exponent", encodeStrings([name, Buffer.of(3), n])],
    [
      "a certificate of it",
      encodeStrings([Buffer.from("ssh-rsa-cert-v01@openssh.com"), randomBytes(32), e, n]),
    ],
  ])("is not %s", (_what, publicKey) => {
    expect(named(publicKey)).toMatchObject({ result: "ProofOfAnotherKey" });
  });
});

describe("a key that anybody can sign for", () => {
  const ANYBODY = {
    result: "ProofUnsupported",
    message: "Anyone can sign with this key, so no signature by it proves anything.",
  };

  test("has no proof, though libcrypto confirms the signature: RSA with an exponent of 1", () => {
    const modulus = Buffer.concat([Buffer.of(0, 0xc0), randomBytes(254), Buffer.of(1)]);
    const blob = encodeStrings([Buffer.from("ssh-rsa"), Buffer.of(1), modulus]);
    const signed = signedBytes({ namespace: NAMESPACE, hashAlgorithm: "sha512" }, Buffer.from(USER));
    const text = makeProof({ ...rsa, blob }, USER, { alter: () => forgeRSA(256)(signed, 0) });
    expect(refusalOf(text, USER, NAMESPACE)).toBe(undefined);
    expect(proofOf(text, { key: keyFacts(`ssh-rsa ${blob.toString("base64")}`) })).toMatchObject(ANYBODY);
  });

  test.each(["ssh-ed25519", "sk-ssh-ed25519@openssh.com"])("has no proof: each %s of small order", (type) => {
    const proofs = smallOrderEncodings().map((point) => {
      const application = type === "ssh-ed25519" ? [] : [Buffer.from("ssh:")];
      const blob = encodeStrings([Buffer.from(type), point, ...application]);
      const text = makeProof({ ...ed25519, blob }, USER, { alter: () => forgeEd25519(Buffer.alloc(0), 0) });
      return proofOf(text, { key: keyFacts(`${type} ${blob.toString("base64")}`) });
    });
    expect(proofs.filter(({ result }) => result !== "ProofUnsupported")).toEqual([]);
  });

  test("has no proof: a hybrid key with one half that anybody can sign for", () => {
    const [name = Buffer.alloc(0), halves = Buffer.alloc(0)] = stringsOf(hybrid.blob);
    const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
    const blob = encodeStrings([name, Buffer.concat([halves.subarray(0, -32), identity])]);
    const text = makeProof({ ...hybrid, blob }, USER);
    expect(proofOf(text, { key: keyFacts(`${name} ${blob.toString("base64")}`) })).toMatchObject(ANYBODY);
  });
});

describe("a proof that is known", () => {
  const text = makeProof(ed25519, USER);

  /** The same, counting how often a signature is looked at. */
  function counted(proof: Proof): { readonly proof: Proof; readonly count: () => number } {
    if (proof.result !== "Unverified") throw new Error("it is verified already");
    let count = 0;
    const attempts = function* () {
      for (const checks of proof.attempts()) {
        count += 1;
        yield checks;
      }
    };
    return { proof: { ...proof, attempts }, count: () => count };
  }

  test("keeps its result", () => {
    const known = proofOf(text);
    expect(read(text, { known })).toBe(known);
  });

  test("keeps that it was refused", () => {
    const known = proofOf(text, { user: "bob" });
    expect(read(text, { user: "bob", known })).toBe(known);
  });

  test("is looked at once, however often it is asked for", () => {
    const { proof, count } = counted(read(text));
    const known = verified(proof);
    verified(read(text, { known: verified(known) }));
    expect(count()).toBe(1);
  });

  test("is looked at three times at most, once for each end of a line", () => {
    const { proof, count } = counted(read(makeProof(ed25519, "bob")));
    verified(proof);
    expect(count()).toBe(3);
  });

  test.each<[string, string, Question]>([
    ["the user", text, { user: "bob" }],
    ["the key", text, { key: factsOf(makeKey("ssh-ed25519")) }],
    ["the namespace", text, { namespace: "keys@example.com" }],
    ["the text", makeProof(makeKey("ssh-ed25519"), USER), {}],
    ["a line end of the text", `${text}\n`, {}],
  ])("is read anew when it is another: %s", (_what, changed, question) => {
    const known: Proof = { digest: proofOf(text).digest, result: "Proven", authenticator: undefined };
    expect(read(changed, { ...question, known })).not.toBe(known);
  });

  test("is not taken for one with a letter of the namespace at the user", () => {
    const digests = [
      { namespace: "ab", user: "c" },
      { namespace: "a", user: "bc" },
      { namespace: 'a","b', user: "c" },
    ].map((question) => read(text, question).digest);
    expect(new Set(digests).size).toBe(digests.length);
  });
});

test("of 1,000 bent signatures those are proofs that are sound, of this key and in this namespace", () => {
  const random = new Random(20_250_117);
  const message = Buffer.from(USER);
  const made: Made[] = ALL.map((signing) => ({
    signing,
    message,
    blob: makeSSHSIG(signing.key, message, signing.fields),
  }));
  const wrong: string[] = [];
  let proven = 0;
  for (let count = 0; count < 1_000; count += 1) {
    const one = random.pick(made);
    const { apply } = random.pick(SIGNATURE_MUTATIONS.filter(({ of }) => of?.(one.signing) ?? true));
    const text = apply(random, one, made);
    const { result } = proofOf(text, { key: factsOf(one.signing.key) });
    if (result === "Proven") proven += 1;
    const isSound = refusalOf(text, USER, NAMESPACE) === undefined;
    if (isSound ? !["Proven", "ProofOfAnotherKey"].includes(result) : result === "Proven") wrong.push(text);
  }
  expect(wrong).toEqual([]);
  expect(proven).toBeGreaterThan(50);
});

function armorOf(blob: Buffer, strings: readonly Buffer[]): string {
  return armor(Buffer.concat([blob.subarray(0, 10), encodeStrings(strings)]));
}
