import { describe, expect, it } from "vitest";
import type { Sharing, Standing } from "../../src/claims/standing.ts";
import type { Blocked } from "../../src/projection/delivery.ts";
import { type Situation, sameVerdict, verdictOf } from "../../src/projection/verdict.ts";

const inForce: Standing = { state: "InForce", isShared: false, isProvenByAnother: false };
const base: Situation = {
  standing: inForce,
  fullMessage: undefined,
  held: "none",
  blocked: undefined,
  pendingReason: "",
  secretName: "sshkeys-alice",
  isKept: true,
};

function out(state: Exclude<Standing["state"], "InForce">): Standing {
  return { state, message: `It is ${state}.` };
}

function blocked(reason: Blocked["reason"]): Blocked {
  return { at: "blocked", reason, message: "Mend it." };
}

const REFUSALS = ["rejected", "altered", "not-managed"] as const;
const OUT = [
  "Terminating",
  "Disabled",
  "Expired",
  "Invalid",
  "Compromised",
  "Revoked",
  "Weak",
  "Unproven",
  "Duplicate",
] as const;

describe("the STATE of a key that is wanted", () => {
  it("is Projected once it is held", () => {
    expect(verdictOf({ ...base, held: "line" }).state).toBe("Projected");
  });

  it("is Projected though another write is refused", () => {
    expect(verdictOf({ ...base, held: "line", blocked: blocked("rejected") }).state).toBe("Projected");
  });

  it("is Pending while it is not held", () => {
    expect(verdictOf(base).state).toBe("Pending");
  });

  it("is Pending while the server fails", () => {
    expect(verdictOf({ ...base, blocked: blocked("server-error") }).state).toBe("Pending");
  });

  it.each(REFUSALS)("is SecretConflict while the write is %s", (reason) => {
    expect(verdictOf({ ...base, blocked: blocked(reason) }).state).toBe("SecretConflict");
  });

  it("stays Projected while its line is written in another format", () => {
    expect(verdictOf({ ...base, held: "otherFormat", pendingReason: "It waits." }).state).toBe("Projected");
  });

  it.each(REFUSALS)(
    "is SecretConflict while its line stays in another format and the write is %s",
    (reason) => {
      const verdict = verdictOf({ ...base, held: "otherFormat", blocked: blocked(reason) });
      expect([verdict.state, verdict.message]).toEqual([
        "SecretConflict",
        "The key's line in Secret sshkeys-alice still has the expiry-time of an earlier secrets.expiryTimeFormat. Mend it.",
      ]);
    },
  );

  it("is told with what it waits for", () => {
    expect(verdictOf({ ...base, pendingReason: "It waits." }).message).toContain("It waits.");
  });
});

describe("the STATE of a key that is not wanted", () => {
  it.each(OUT)("is its own once it is out: %s", (state) => {
    expect(verdictOf({ ...base, standing: out(state) }).state).toBe(state);
  });

  it.each(OUT)("is Pending while it is still held: %s", (state) => {
    expect(verdictOf({ ...base, standing: out(state), held: "line" }).state).toBe("Pending");
  });

  it.each(REFUSALS)("is SecretConflict while it is held and the write is %s", (reason) => {
    const standing = out("Disabled");
    expect(verdictOf({ ...base, standing, held: "line", blocked: blocked(reason) }).state).toBe(
      "SecretConflict",
    );
  });

  it("is SecretConflict while a Secret that is not the operator's own may hold it", () => {
    const standing = out("Revoked");
    expect(verdictOf({ ...base, standing, held: "unknown", blocked: blocked("not-managed") }).state).toBe(
      "SecretConflict",
    );
  });

  it("says that it may still be in such a Secret, and not that it is", () => {
    const situation: Situation = { ...base, held: "unknown", blocked: blocked("not-managed") };
    expect(verdictOf({ ...situation, standing: out("Revoked") }).message).toContain("may still be in it");
    expect(verdictOf(situation).message).toContain("is unknown");
  });

  it("says why it should be out while it is still in", () => {
    expect(verdictOf({ ...base, standing: out("Revoked"), held: "line" }).message).toContain(
      "It is Revoked.",
    );
  });

  it("is SecretFull for one too many", () => {
    expect(verdictOf({ ...base, fullMessage: "Too many." })).toMatchObject({
      state: "SecretFull",
      message: "Too many.",
    });
  });

  it("says that it is one too many while it is still in", () => {
    expect(verdictOf({ ...base, fullMessage: "Too many.", held: "line" }).message).toContain("Too many.");
  });
});

describe("Projected", () => {
  it.each([
    ["True", "line", "True"],
    ["True while it holds it in another format", "otherFormat", "True"],
    ["False", "none", "False"],
    ["False while it holds an earlier one", "outdatedLine", "False"],
    ["Unknown of one that is not managed", "unknown", "Unknown"],
  ] as const)("is %s", (_, held, expected) => {
    expect(verdictOf({ ...base, held }).projected).toBe(expected);
  });
});

describe("two verdicts", () => {
  const verdict = verdictOf(base);

  it.each<[string, Partial<Sharing>]>([
    ["the key is shared", { isShared: true }],
    ["it is proven by another user", { isProvenByAnother: true }],
  ])("are not the same when one says that %s", (_, sharing) => {
    expect(sameVerdict(verdict, { ...verdict, ...sharing })).toBe(false);
  });
});
