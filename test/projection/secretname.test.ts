import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { secretName } from "../../src/projection/usertarget.ts";

const LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const prefix = fc.stringMatching(/^[a-z][a-z0-9-]{2,27}-$/);
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,45}[a-z0-9])?$/);
const any = fc.oneof(label, fc.string({ unit: "binary", minLength: 1, maxLength: 253 }));

describe("the name of a user's Secret", () => {
  it("is prefix and user when the user is a short DNS label", () => {
    expect(secretName("sshkeys-", "alice")).toBe("sshkeys-alice");
  });

  it("is a slug and 20 hex digits of the user's SHA-256 otherwise", () => {
    const digits = hash("sha256", "alice@example.com").slice(0, 20);
    expect(secretName("sshkeys-", "alice@example.com")).toBe(`sshkeys-alice-example-com-${digits}`);
  });

  it("has the second form for a user that is too long for the first", () => {
    expect(secretName("sshkeys-", "a".repeat(44))).toMatch(/^sshkeys-a+-[0-9a-f]{20}$/);
  });

  it("is a DNS label of at most 51 characters, whatever the user and the prefix", () => {
    fc.assert(
      fc.property(prefix, any, (front, user) => {
        const name = secretName(front, user);
        expect(name).toMatch(LABEL);
        expect(name.length).toBeLessThanOrEqual(51);
      }),
      { numRuns: 1000 },
    );
  });

  it("begins with the prefix", () => {
    fc.assert(fc.property(prefix, any, (front, user) => secretName(front, user).startsWith(front)));
  });

  it.each([["alice@example.com"], ["日本"], ["-"], ["a".repeat(60)], ["Alice"]])(
    "of %s is never that of a user made up of its name",
    (user) => {
      fc.assert(
        fc.property(prefix, (front) => {
          const forged = secretName(front, user).slice(front.length);
          expect(secretName(front, forged)).not.toBe(secretName(front, user));
        }),
      );
    },
  );

  it("is another one for every other user", () => {
    fc.assert(
      fc.property(prefix, any, any, (front, one, other) => {
        fc.pre(one !== other);
        expect(secretName(front, one)).not.toBe(secretName(front, other));
      }),
      { numRuns: 1000 },
    );
  });
});
