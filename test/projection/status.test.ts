import { describe, expect, it } from "vitest";
import type { SSHKeyCondition, SSHKeyStatus } from "../../src/api/sshkey.generated.ts";
import { STATES, type State } from "../../src/api/states.ts";
import { statusDigest } from "../../src/claims/observedstatus.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/claims/policy.ts";
import type { Proof } from "../../src/claims/proof.ts";
import { toSSHKeyRecord } from "../../src/claims/record.ts";
import { statusWrite } from "../../src/projection/status.ts";
import type { Verdict } from "../../src/projection/verdict.ts";
import { CREATED, sshKey } from "../claims/sshkeys.ts";
import { claimOf, NOW } from "./secrets.ts";

const FACTS = { name: "laptop", generation: 3 };
const projected = verdict("Projected", { projected: "True" });
const duplicate = verdict("Duplicate", { duplicateOf: claimOf({ name: "other" }).record });

function verdict(state: State, facts: Partial<Verdict> = {}): Verdict {
  const rest = {
    secretName: "sshkeys-alice",
    duplicateOf: undefined,
    isShared: false,
    isProvenByAnother: false,
  };
  return { state, message: "It is so.", projected: "False", ...rest, ...facts };
}

function statusFor(v: Verdict, status: SSHKeyStatus | undefined = undefined, now = NOW): SSHKeyStatus {
  return written(v, status, now)?.status ?? {};
}

/** The write that the verdict calls for while the API server holds this status. */
function written(v: Verdict, status: SSHKeyStatus | undefined, now = NOW) {
  const record = toSSHKeyRecord(sshKey({ ...FACTS, ...(status === undefined ? {} : { status }) }));
  return statusWrite({ ...claimOf(FACTS), record }, v, DEFAULT_POLICY, now);
}

function condition(status: SSHKeyStatus, type: string): SSHKeyCondition | undefined {
  return status.conditions?.find((each) => each.type === type);
}

describe("the status write that is due", () => {
  it("is none when the API server holds it already", () => {
    expect(written(projected, statusFor(projected), NOW + 60_000)).toBeUndefined();
  });

  it("is due for a spec of another generation", () => {
    expect(written(projected, { ...statusFor(projected), observedGeneration: 2 })).toBeDefined();
  });

  it.each<[string, object]>([
    ["a field", { lastUsed: "2026-01-01T00:00:00Z" }],
    [
      "a condition",
      {
        conditions: [
          ...(statusFor(projected).conditions ?? []),
          {
            type: "Audited",
            status: "True",
            reason: "A",
            message: "",
            lastTransitionTime: "2026-01-01T00:00:00Z",
          },
        ],
      },
    ],
  ])("is none for %s that others put beside it", (_, foreign) => {
    expect(written(projected, { ...statusFor(projected), ...foreign })).toBeUndefined();
  });

  it("knows what will be read back", () => {
    const write = written(duplicate, undefined);
    expect(toSSHKeyRecord(sshKey({ ...FACTS, status: write?.status ?? {} })).observed).toEqual(
      write?.observed,
    );
  });

  it("tells the STATE before", () => {
    expect(written(duplicate, statusFor(projected))?.previousState).toBe("Projected");
  });
});

describe("what a status says", () => {
  it("is what the key is", () => {
    expect(statusFor(projected)).toMatchObject({
      type: "ssh-ed25519",
      length: 256,
      comment: "key-1",
      observedGeneration: 3,
    });
  });

  it("is since when the SSHKey has it", () => {
    expect(statusFor(projected)).toMatchObject({
      claimedSince: new Date(CREATED * 1000).toISOString().replace(".000", ""),
    });
  });

  it("is the Secret while the key is in it, and only then", () => {
    expect([projected, duplicate].map((v) => statusFor(v).secretName)).toEqual(["sshkeys-alice", undefined]);
  });

  it("is the holder of a Duplicate", () => {
    expect(statusFor(duplicate).duplicateOf).toEqual({ namespace: "team-a", name: "other" });
  });

  it("is that a key is shared, and not refused for it", () => {
    const status = statusFor(verdict("Projected", { projected: "True", isShared: true }));
    expect([condition(status, "Unique")?.reason, condition(status, "Ready")?.status]).toEqual([
      "SharedKey",
      "True",
    ]);
  });

  it("is that nobody knows of a Secret that is not the operator's own", () => {
    expect(
      condition(statusFor(verdict("SecretConflict", { projected: "Unknown" })), "Projected")?.status,
    ).toBe("Unknown");
  });

  it.each(Object.entries(STATES))(
    "of %s has Ready and Stalled as the table says",
    (state, { ready, stalled }) => {
      const status = statusFor(verdict(state as State));
      expect([condition(status, "Ready")?.status, condition(status, "Stalled")?.status]).toEqual([
        ready,
        stalled ? "True" : undefined,
      ]);
    },
  );
});

describe("what a status says of a proof", () => {
  const authenticator = { touched: true, userVerified: false };

  /** Of a key whose proof was verified to be this; without one, of a key without a proof. */
  function statusOf(proof?: Partial<Proof>, policy: Partial<Policy> = {}, v = projected): SSHKeyStatus {
    const { record, ...claim } = claimOf(FACTS);
    const given = { digest: "d", authenticator: undefined, ...proof } as Proof;
    const facts = proof === undefined ? {} : { hasProof: true, proof: given };
    const write = statusWrite(
      { ...claim, record: { ...record, ...facts } },
      v,
      { ...DEFAULT_POLICY, ...policy },
      NOW,
    );
    return write?.status ?? {};
  }

  it("is nothing where there is none and none is required", () => {
    const status = statusOf();
    expect([condition(status, "Proven"), status.proof]).toEqual([undefined, undefined]);
  });

  it("is the condition Proven where there is one", () => {
    expect(condition(statusOf({ result: "Proven" }), "Proven")).toMatchObject({
      status: "True",
      reason: "Proven",
      observedGeneration: 3,
    });
  });

  it("is the condition Proven where one is required", () => {
    expect(condition(statusOf(undefined, { proofs: "Required" }), "Proven")).toMatchObject({
      status: "False",
      reason: "ProofMissing",
    });
  });

  it("is how the authenticator was used", () => {
    expect(statusOf({ result: "Proven", authenticator }).proof).toEqual(authenticator);
  });

  it("is nothing of an authenticator of a key in a file", () => {
    expect(statusOf({ result: "Proven" }).proof).toBeUndefined();
  });

  it("is nothing of an authenticator whose signature was not confirmed", () => {
    expect(statusOf({ result: "Unverified", authenticator }).proof).toBeUndefined();
  });

  it.each([
    [{ isProvenByAnother: true }, "True", "ProvenByAnother"],
    [{ isProvenByAnother: true, isShared: true }, "False", "SharedKey"],
  ])("of another user is told: %j", (sharing, status, reason) => {
    const unique = condition(statusFor(verdict("Projected", { projected: "True", ...sharing })), "Unique");
    expect(unique).toMatchObject({ status, reason });
    expect(unique?.message).toContain("has proven to have the private key too");
  });

  it("is read back the same, whatever the order of its members", () => {
    const status = statusOf({ result: "Proven", authenticator });
    const reordered = { ...status, proof: { userVerified: false, touched: true } };
    expect(statusDigest(reordered)).toBe(statusDigest(status));
  });

  it.each<[string, Partial<SSHKeyStatus>]>([
    ["another touch", { proof: { touched: false, userVerified: false } }],
    ["another verification", { proof: { touched: true, userVerified: true } }],
  ])("is read as another status with %s", (_, change) => {
    const status = statusOf({ result: "Proven", authenticator });
    expect(statusDigest({ ...status, ...change })).not.toBe(statusDigest(status));
  });

  it("that is gone is read as another status while it is still there", () => {
    const status = statusOf({ result: "Proven", authenticator });
    const { proof: _, ...without } = status;
    expect(statusDigest(without)).not.toBe(statusDigest(status));
  });
});

describe("what a status says of advice", () => {
  const unusual = claimOf(FACTS, { advice: ["UnusualSize", "UnusualExponent"] });
  const statusOf = (claim = unusual, v = projected, policy = DEFAULT_POLICY) =>
    statusWrite(claim, v, policy, NOW)?.status ?? {};

  it("is nothing where there is none", () => {
    expect(condition(statusOf(claimOf(FACTS)), "Advice")).toBeUndefined();
  });

  it("is a condition with the worst as its reason", () => {
    expect(condition(statusOf(), "Advice")).toMatchObject({
      status: "True",
      reason: "UnusualSize",
      observedGeneration: 3,
    });
  });

  it("is all of it, with a command that the policy accepts", () => {
    const policy = { ...DEFAULT_POLICY, allowedTypes: ["ecdsa-sha2-nistp256"] as const };
    const message = condition(statusOf(unusual, projected, policy), "Advice")?.message;
    expect(message).toMatch(/none of the sizes that are usual.*public exponent.*: ssh-keygen -t ecdsa\.$/);
  });

  it.each(Object.entries(STATES))("leaves Ready and Stalled of %s as they are", (state) => {
    const [without, advised] = [claimOf(FACTS), unusual].map((claim) => {
      const status = statusOf(claim, verdict(state as State));
      return [condition(status, "Ready"), condition(status, "Stalled")];
    });
    expect(advised).toEqual(without);
  });

  it("that is gone is read as another status while it is still there", () => {
    const record = toSSHKeyRecord(sshKey({ ...FACTS, status: statusOf() }));
    const write = statusWrite({ ...claimOf(FACTS), record }, projected, DEFAULT_POLICY, NOW);
    expect(condition(write?.status ?? {}, "Advice")).toBeUndefined();
    expect(write).toBeDefined();
  });

  it("is no write when the API server holds it already", () => {
    const record = toSSHKeyRecord(sshKey({ ...FACTS, status: statusOf() }));
    expect(statusWrite({ ...unusual, record }, projected, DEFAULT_POLICY, NOW + 60_000)).toBeUndefined();
  });
});

describe("when a condition last changed", () => {
  it("stays while its status does", () => {
    const later = statusFor(duplicate, statusFor(projected), NOW + 60_000);
    expect(condition(later, "Valid")?.lastTransitionTime).toBe("2026-01-02T03:04:05Z");
  });

  it("is now when its status changes", () => {
    const later = statusFor(duplicate, statusFor(projected), NOW + 60_000);
    expect(condition(later, "Ready")?.lastTransitionTime).toBe("2026-01-02T03:05:05Z");
  });
});

describe("the digest of a status", () => {
  it("is none of a status that nobody wrote", () => {
    expect(statusDigest({ observedGeneration: -1 })).toBe("");
  });

  it("does not depend on times", () => {
    const [now, later] = [statusFor(projected), statusFor(projected, undefined, NOW + 60_000)];
    expect(statusDigest(now)).toBe(statusDigest(later));
  });
});
