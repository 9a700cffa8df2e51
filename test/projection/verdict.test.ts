import { describe, expect, it } from "vitest";
import type { Standing } from "../../src/claims/claims.ts";
import type { Blocked } from "../../src/projection/delivery.ts";
import { type Situation, verdictOf } from "../../src/projection/verdict.ts";
import { claimOf } from "./secrets.ts";

const claim = claimOf({ name: "laptop" });
const inForce: Standing = { state: "InForce", isShared: false };
const base: Situation = {
  claim,
  standing: inForce,
  full: undefined,
  isHeld: false,
  maybeHeld: false,
  holdsFormerLine: false,
  blocked: undefined,
  waitsFor: "",
  secretName: "sshkeys-alice",
};

function out(state: Exclude<Standing["state"], "InForce">): Standing {
  return { state, message: `It is ${state}.` };
}

function blocked(why: Blocked["why"]): Blocked {
  return { at: "blocked", why, message: "Mend it.", since: 0 };
}

const REFUSALS = ["rejected", "altered", "not-ours"] as const;
const OUT = [
  "Terminating",
  "Disabled",
  "Expired",
  "Invalid",
  "Compromised",
  "Revoked",
  "Weak",
  "Duplicate",
] as const;

describe("the STATE of a key that is wanted", () => {
  it("is Projected once it is held", () => {
    expect(verdictOf({ ...base, isHeld: true }).state).toBe("Projected");
  });

  it("is Projected though another write is refused", () => {
    expect(verdictOf({ ...base, isHeld: true, blocked: blocked("rejected") }).state).toBe("Projected");
  });

  it("is Pending while it is not held", () => {
    expect(verdictOf(base).state).toBe("Pending");
  });

  it("is Pending while the server fails", () => {
    expect(verdictOf({ ...base, blocked: blocked("server-error") }).state).toBe("Pending");
  });

  it.each(REFUSALS)("is SecretConflict while the write is %s", (why) => {
    expect(verdictOf({ ...base, blocked: blocked(why) }).state).toBe("SecretConflict");
  });

  it("is told with what it waits for", () => {
    expect(verdictOf({ ...base, waitsFor: "It waits." }).message).toContain("It waits.");
  });
});

describe("the STATE of a key that is not wanted", () => {
  it.each(OUT)("is its own once it is out: %s", (state) => {
    expect(verdictOf({ ...base, standing: out(state) }).state).toBe(state);
  });

  it.each(OUT)("is Pending while it is still held: %s", (state) => {
    expect(verdictOf({ ...base, standing: out(state), isHeld: true }).state).toBe("Pending");
  });

  it.each(REFUSALS)("is SecretConflict while it is held and the write is %s", (why) => {
    const standing = out("Disabled");
    expect(verdictOf({ ...base, standing, isHeld: true, blocked: blocked(why) }).state).toBe(
      "SecretConflict",
    );
  });

  it("is SecretConflict while a Secret that is not the operator's own may hold it", () => {
    const standing = out("Revoked");
    expect(verdictOf({ ...base, standing, maybeHeld: true, blocked: blocked("not-ours") }).state).toBe(
      "SecretConflict",
    );
  });

  it("says that it may still be in such a Secret, and not that it is", () => {
    const situation = { ...base, maybeHeld: true, blocked: blocked("not-ours") };
    expect(verdictOf({ ...situation, standing: out("Revoked") }).message).toContain("may still be in it");
    expect(verdictOf(situation).message).toContain("is not known");
  });

  it("says why it should be out while it is still in", () => {
    expect(verdictOf({ ...base, standing: out("Revoked"), isHeld: true }).message).toContain(
      "It is Revoked.",
    );
  });

  it("is SecretFull for one too many", () => {
    expect(verdictOf({ ...base, full: "Too many." })).toMatchObject({
      state: "SecretFull",
      message: "Too many.",
    });
  });

  it("says that it is one too many while it is still in", () => {
    expect(verdictOf({ ...base, full: "Too many.", isHeld: true }).message).toContain("Too many.");
  });
});

describe("whether the Secret holds the line", () => {
  it.each([
    ["so", { isHeld: true }, true],
    ["not so", {}, false],
    ["unknown of one that is not the operator's own", { maybeHeld: true }, "unknown"],
  ])("is %s", (_, facts, expected) => {
    expect(verdictOf({ ...base, ...facts }).isProjected).toBe(expected);
  });
});
