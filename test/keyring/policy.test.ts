import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY, policyRefusal } from "../../src/keyring/policy.ts";

const CREATED = Date.UTC(2026, 0, 1);
const DAY = 24 * 60 * 60 * 1000;

describe("which valid keys are acceptable", () => {
  it("refuses ssh-dss by default as Weak", () => {
    const refusal = policyRefusal(DEFAULT_POLICY, { type: "ssh-dss", bits: 1024 }, CREATED, undefined);
    expect(refusal).toMatchObject({ state: "Weak", code: "TypeNotAllowed" });
  });

  it("accepts ssh-dss where the policy allows it", () => {
    const policy = { ...DEFAULT_POLICY, allowedTypes: ["ssh-dss"] as const };
    expect(policyRefusal(policy, { type: "ssh-dss", bits: 1024 }, CREATED, undefined)).toBeUndefined();
  });

  it.each([
    [2047, "RSAKeyTooSmall"],
    [2048, undefined],
  ])("judges an RSA key of %i bits", (bits, code) => {
    expect(policyRefusal(DEFAULT_POLICY, { type: "ssh-rsa", bits }, CREATED, undefined)?.code).toBe(code);
  });

  it("does not measure other types by the size of RSA keys", () => {
    expect(
      policyRefusal(DEFAULT_POLICY, { type: "ssh-ed25519", bits: 256 }, CREATED, undefined),
    ).toBeUndefined();
  });

  it.each([
    ["never expires", undefined, "LifetimeTooLong"],
    ["expires a second too late", CREATED + 30 * DAY + 1000, "LifetimeTooLong"],
    ["expires just in time", CREATED + 30 * DAY, undefined],
  ])("with a longest lifetime, judges a key that %s", (_, expiresAt, code) => {
    const policy = { ...DEFAULT_POLICY, maximumLifetime: 30 * DAY };
    expect(policyRefusal(policy, { type: "ssh-ed25519", bits: 256 }, CREATED, expiresAt)?.code).toBe(code);
  });

  it("names the latest date that it would accept", () => {
    const policy = { ...DEFAULT_POLICY, maximumLifetime: 30 * DAY };
    const refusal = policyRefusal(policy, { type: "ssh-ed25519", bits: 256 }, CREATED, undefined);
    expect(refusal?.message).toContain("2026-01-31T00:00:00Z");
  });
});
