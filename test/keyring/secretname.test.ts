import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { secretName } from "../../src/keyring/secretname.ts";

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

describe("the name of a user's Secret", () => {
  it("is prefix and user when the user is a DNS-1123 label", () => {
    expect(secretName("sshkeys-", "alice")).toBe("sshkeys-alice");
  });

  it("is a slug and ten hex digits of the user's SHA-256 otherwise", () => {
    expect(secretName("sshkeys-", "alice@example.com")).toMatch(/^sshkeys-alice-example-com\.[0-9a-f]{10}$/);
  });

  it("tells users apart that have the same slug", () => {
    const names = ["a@b", "a.b", "A-B", "a_b"].map((user) => secretName("sshkeys-", user));
    expect(new Set(names).size).toBe(4);
  });

  it("is a name that Kubernetes takes, whatever the user", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 253 }), (user) => {
        const name = secretName("sshkeys-", user);
        expect(name).toMatch(SUBDOMAIN);
        expect(name.length).toBeLessThanOrEqual(253);
      }),
      { numRuns: 2000 },
    );
  });

  it("never is that of a user who is a label, for any user who is none", () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
    fc.assert(
      fc.property(label, fc.string({ minLength: 1, maxLength: 60 }), (one, other) => {
        fc.pre(one !== other);
        expect(secretName("sshkeys-", one)).not.toBe(secretName("sshkeys-", other));
      }),
      { numRuns: 2000 },
    );
  });
});
