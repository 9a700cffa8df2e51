import { describe, expect, it } from "vitest";
import type { State } from "../../src/api/states.ts";
import { judge, NO_KNOWLEDGE, toldAdvice } from "../../src/claims/judgement.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/claims/policy.ts";
import type { KeyFacts } from "../../src/claims/record.ts";
import { fingerprintSHA256 } from "../../src/ssh/fingerprint.ts";
import type { WeaknessCode } from "../../src/ssh/weakness/classes.ts";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { Random } from "../ssh/random.ts";
import { honest, rsaBlob, shortSleeve } from "../ssh/weakness/weakrsa.ts";
import { proof } from "./keypairs.ts";
import { blobOf, CREATED, type SSHKeyFacts, sshKeyRecord } from "./sshkeys.ts";

const DAY = 86_400_000;
const LIFETIME = { ...DEFAULT_POLICY, maximumLifetime: 30 * DAY };

function codes(policy: Policy, facts: Partial<SSHKeyFacts>, key: Partial<KeyFacts> = {}): string[] {
  const record = sshKeyRecord({ name: "k", ...facts });
  const judged = record.key === undefined ? record : { ...record, key: { ...record.key, ...key } };
  return judge(judged, policy, NO_KNOWLEDGE).map(({ code }) => code);
}

/** An RSA key of so many bits that nothing but its size can be said against. */
function rsa(bits: number): Partial<KeyFacts> {
  const modulus = Buffer.alloc(Math.ceil(bits / 8), 0xff);
  modulus[0] = 0xff >> ((8 - (bits % 8)) % 8);
  const fields = [Buffer.from("ssh-rsa"), Buffer.from([1, 0, 1]), Buffer.concat([Buffer.of(0), modulus])];
  return { type: "ssh-rsa", bits, base64: encodeStrings(fields).toString("base64") };
}

/** p, q, g and y of no degenerate value. */
const DSS: Partial<KeyFacts> = {
  type: "ssh-dss",
  bits: 1024,
  base64: encodeStrings([
    Buffer.from("ssh-dss"),
    Buffer.concat([Buffer.of(0), Buffer.alloc(128, 0xff)]),
    ...[5, 7, 9].map((value) => Buffer.of(value)),
  ]).toString("base64"),
};

describe("which valid keys are acceptable", () => {
  it("is none of ssh-dss by default", () => {
    expect(codes(DEFAULT_POLICY, {}, DSS)).toEqual(["TypeNotAllowed"]);
  });

  it("is ssh-dss where the policy allows it", () => {
    expect(codes({ ...DEFAULT_POLICY, allowedTypes: ["ssh-dss"] }, {}, DSS)).toEqual([]);
  });

  it.each([
    [2047, ["RSAKeyTooSmall"]],
    [2048, []],
    [16_384, []],
    [16_385, ["RSAKeyTooLarge"]],
  ])("goes by the size of an RSA key: %i bits", (bits, expected) => {
    expect(codes(DEFAULT_POLICY, {}, rsa(bits))).toEqual(expected);
  });

  it.each([
    ["never", undefined, ["LifetimeTooLong"]],
    ["a second too late", CREATED * 1000 + 30 * DAY + 1000, ["LifetimeTooLong"]],
    ["just in time", CREATED * 1000 + 30 * DAY, []],
  ])("goes by the longest lifetime: it expires %s", (_, expiresAt, expected) => {
    expect(codes(LIFETIME, expiresAt === undefined ? {} : { expiresAt })).toEqual(expected);
  });

  it("tells the latest date that would do", () => {
    const [finding] = judge(sshKeyRecord({ name: "k" }), LIFETIME, NO_KNOWLEDGE);
    expect(finding?.message).toContain("2023-12-14T22:13:20Z");
  });

  it("tells all findings, the worst first", () => {
    const policy = { ...LIFETIME, allowedTypes: ["ssh-rsa"] as const };
    const knowledge = { revoked: new Set([fingerprintSHA256(Buffer.from(blobOf(1), "base64"))]) };
    const findings = judge(sshKeyRecord({ name: "k" }), policy, knowledge);
    expect(findings.map(({ state }) => state)).toEqual(["Invalid", "Revoked", "Weak"]);
  });

  describe("where proofs are required", () => {
    const REQUIRED: Policy = { ...DEFAULT_POLICY, proofs: "Required" };

    it.each<[string, Policy, Partial<KeyFacts>, readonly string[]]>([
      ["alone", REQUIRED, {}, ["ProofMissing"]],
      [
        "beside what an edit mends",
        { ...REQUIRED, ...LIFETIME, proofs: "Required" },
        {},
        ["LifetimeTooLong", "ProofMissing"],
      ],
      ["of no key that has to be replaced", REQUIRED, rsa(1024), ["RSAKeyTooSmall"]],
    ])("asks for one %s", (_, policy, key, expected) => {
      expect(codes(policy, {}, key)).toEqual(expected);
    });

    it("asks for none of a key that is revoked", () => {
      const knowledge = { revoked: new Set([fingerprintSHA256(Buffer.from(blobOf(1), "base64"))]) };
      const findings = judge(sshKeyRecord({ name: "k" }), REQUIRED, knowledge);
      expect(findings.map(({ state }) => state)).toEqual(["Revoked"]);
    });

    it("says why one that is there is none", () => {
      expect(codes(REQUIRED, { proof: proof({ key: 2, user: "alice" }) })).toEqual(["ProofOfAnotherKey"]);
    });

    it("has nothing against a key with one", () => {
      expect(codes(REQUIRED, { proof: proof({ key: 1, user: "alice" }) })).toEqual([]);
    });
  });

  it("asks for no proof by default", () => {
    expect(codes(DEFAULT_POLICY, { proof: proof({ key: 2, user: "alice" }) })).toEqual([]);
  });
});

describe("advice", () => {
  const advised = (policy: Policy, facts: Partial<SSHKeyFacts>) => {
    const record = sshKeyRecord({ name: "k", ...facts });
    return toldAdvice(record, judge(record, policy, NO_KNOWLEDGE));
  };
  const unusual = `ssh-rsa ${rsaBlob({ ...honest(2048), exponent: 35n }).toString("base64")}`;

  it("is told of a key that is acceptable", () => {
    expect(advised(DEFAULT_POLICY, { key: unusual })).toEqual(["UnusualExponent"]);
  });

  it.each<[string, Policy, Partial<SSHKeyFacts>]>([
    ["of the SSHKey", LIFETIME, {}],
    ["of the options", DEFAULT_POLICY, { options: ["nonsense"] }],
    ["of the proof that is missing", { ...DEFAULT_POLICY, proofs: "Required" }, {}],
  ])("is told where the key itself stays when the rest is corrected: %s", (_, policy, facts) => {
    expect(advised(policy, { key: unusual, ...facts })).toEqual(["UnusualExponent"]);
  });

  it("is not told of a key that the policy refuses", () => {
    expect(advised({ ...DEFAULT_POLICY, minimumRSABits: 3072 }, { key: unusual })).toEqual([]);
  });

  it("is not told of a key that is refused for what it is about", () => {
    const key = `ssh-rsa ${rsaBlob(shortSleeve(new Random(17), 2048, 32, 8)).toString("base64")}`;
    expect(sshKeyRecord({ name: "k", key }).key?.advice).toEqual(["UnevenBits"]);
    expect(advised(DEFAULT_POLICY, { key })).toEqual([]);
  });
});

describe("what to do about a compromised key", () => {
  const listed = (code: WeaknessCode) => ({ ...NO_KNOWLEDGE, listed: () => [code] });
  const messageOf = (code: WeaknessCode, policy: Partial<Policy>) =>
    judge(sshKeyRecord({ name: "k" }), { ...DEFAULT_POLICY, ...policy }, listed(code))[0]?.message;

  it.each<[string, Partial<Policy>, string]>([
    ["by default", {}, "ssh-keygen -t ed25519"],
    ["where only RSA is accepted", { allowedTypes: ["ssh-rsa"] }, "ssh-keygen -t rsa -b 3072"],
  ])("is a new key of a type that is accepted: %s", (_, policy, command) => {
    expect(messageOf("DebianWeakKey", policy)).toMatch(new RegExp(`; make a new key with: ${command}$`));
  });

  it("is to remove one that was published everywhere else, too", () => {
    expect(messageOf("PublishedKey", {})).toMatch(
      /ssh-keygen -t ed25519, and remove this one everywhere else$/,
    );
  });
});

describe("while a list of compromised keys cannot be read", () => {
  const known = sshKeyRecord({ name: "k" });
  const asItWas = (state: State, generation = known.generation) => {
    const record = { ...known, observed: { ...known.observed, state, generation } };
    return (hasUnreadList: boolean) =>
      judge(record, DEFAULT_POLICY, { ...NO_KNOWLEDGE, hasUnreadList }).map(({ code }) => code);
  };

  it("stays Compromised what was, until all lists are read", () => {
    expect([true, false].map(asItWas("Compromised"))).toEqual([["ListUnread"], []]);
  });

  it.each<State>(["Projected", "Weak", "Revoked", "Duplicate"])("changes nothing that was %s", (state) => {
    expect(asItWas(state)(true)).toEqual([]);
  });

  it("says nothing of a spec that was changed since", () => {
    expect(asItWas("Compromised", known.generation - 1)(true)).toEqual([]);
  });

  it("says nothing beside what is known of the key", () => {
    const record = {
      ...known,
      observed: { ...known.observed, state: "Compromised" as const, generation: 1 },
    };
    const listed = { ...NO_KNOWLEDGE, hasUnreadList: true, listed: () => ["PublishedKey"] as const };
    expect(judge(record, DEFAULT_POLICY, listed).map(({ code }) => code)).toEqual(["PublishedKey"]);
  });
});

describe("while the lists of another replica may have been newer", () => {
  const known = sshKeyRecord({ name: "k" });
  const found = (state: State, mayBeOutdated: boolean) => {
    const record = { ...known, observed: { ...known.observed, state, generation: known.generation } };
    return judge(record, DEFAULT_POLICY, { ...NO_KNOWLEDGE, mayBeOutdated }).map((each) => [
      each.state,
      each.code,
    ]);
  };

  it.each<State>(["Compromised", "Revoked"])("stays %s what was, until they cannot be", (state) => {
    expect([found(state, true), found(state, false)]).toEqual([[[state, "ListOutdated"]], []]);
  });

  it.each<State>(["Projected", "Weak", "Duplicate"])("changes nothing that was %s", (state) => {
    expect(found(state, true)).toEqual([]);
  });
});
