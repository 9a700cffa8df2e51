import { describe, expect, it } from "vitest";
import { MAXIMUM_TARGETS } from "../../src/projection/authorizedkeysobjects.ts";
import type { Blocked } from "../../src/projection/delivery.ts";
import { line, NOW } from "./secrets.ts";
import { SharedKeys } from "./sharedkeys.ts";

const LATE = NOW + 5000;
const FROM_TEAM_A = { from: [{ namespace: "team-a" }] };
const REJECTED: Blocked = { at: "blocked", reason: "rejected", message: "It is rejected." };
const FAILED: Blocked = { at: "blocked", reason: "server-error", message: "It fails." };
const DELETED = { deletionTimestamp: "2026-01-01T00:00:00Z" };

/** An AuthorizedKeys whose Secret holds the key of alice, as it should. */
function projected(): SharedKeys {
  const shared = new SharedKeys();
  shared.put({ name: "k" });
  shared.ask(FROM_TEAM_A);
  shared.hold({ alice: line("k") });
  shared.plan();
  return shared;
}

describe("an AuthorizedKeys says", () => {
  it("Projected, with what the Secret holds", () => {
    const wanted = {
      state: "Projected",
      secretName: "bastion",
      userCount: 1,
      keyCount: 1,
      blockedRemovals: 0,
    };
    expect(projected().verdict()).toMatchObject(wanted);
  });

  it("nothing new of an edited spec before it was looked at again", () => {
    const shared = projected();
    shared.ask({ ...FROM_TEAM_A, options: ["restrict"] });
    expect(shared.verdict()).toBeUndefined();
  });

  it("nothing while a write may be under way", () => {
    const shared = projected();
    shared.put({ name: "other", user: "bob", key: 2 });
    shared.plan();
    expect(shared.verdict()).toBeUndefined();
  });

  it("Pending once that takes too long", () => {
    const shared = projected();
    shared.put({ name: "other", user: "bob", key: 2 });
    shared.plan();
    shared.plan(LATE);
    expect(shared.verdict()?.state).toBe("Pending");
  });

  it("Pending once the creation of its Secret takes too long, though no key is in it", () => {
    const shared = new SharedKeys();
    shared.ask(FROM_TEAM_A);
    shared.plan();
    shared.plan(LATE);
    expect(shared.verdict()?.state).toBe("Pending");
  });

  it("SecretConflict of a write that the API server rejects, and how many keys should be out", () => {
    const shared = projected();
    shared.consent("team-a", "");
    shared.target.delivery = REJECTED;
    shared.plan();
    const wanted = { state: "SecretConflict", message: "It is rejected.", keyCount: 1, blockedRemovals: 1 };
    expect(shared.verdict()).toMatchObject(wanted);
  });

  it("Pending of a write that fails", () => {
    const shared = projected();
    shared.consent("team-a", "");
    shared.target.delivery = FAILED;
    shared.plan();
    expect(shared.verdict()).toMatchObject({ state: "Pending", message: "It fails.", blockedRemovals: 1 });
  });

  it("SecretConflict of a Secret that is not managed, and no name of one", () => {
    const shared = projected();
    shared.hold({ alice: line("k") }, { ownership: "unlabelled" });
    shared.plan();
    expect(shared.verdict()).toMatchObject({ state: "SecretConflict", secretName: undefined, keyCount: 0 });
  });

  it("InvalidOptions, though the Secret is as it was", () => {
    const shared = projected();
    shared.ask({ ...FROM_TEAM_A, options: ["no-such-option"] });
    shared.plan();
    expect(shared.verdict()).toMatchObject({ state: "InvalidOptions", userCount: 1, keyCount: 1 });
  });

  it("that another one is older, of the same Secret", () => {
    const shared = projected();
    shared.ask({ secretName: "bastion" }, { name: "later", uid: "v" });
    shared.plan();
    expect(shared.verdict("later")).toMatchObject({
      state: "SecretConflict",
      secretName: undefined,
      keyCount: 0,
    });
  });

  it("SecretConflict of the name of a user's Secret", () => {
    const shared = new SharedKeys();
    shared.ask({ secretName: "sshkeys-alice" });
    expect(shared.verdict()?.state).toBe("SecretConflict");
  });

  it("TooMany where the namespace has as many older ones as get a Secret", () => {
    const shared = new SharedKeys();
    for (let count = 0; count < MAXIMUM_TARGETS; count += 1)
      shared.ask(
        {},
        { name: `older-${count}`, uid: `a-${count}`, creationTimestamp: "2023-01-01T00:00:00Z" },
      );
    shared.ask({});
    expect(shared.verdict()?.state).toBe("TooMany");
  });
});

describe("in doubt it says", () => {
  it("Unknown, while the Namespace of a source was not read", () => {
    const shared = new SharedKeys({ unread: true });
    shared.ask(FROM_TEAM_A);
    shared.hold({});
    shared.plan();
    expect(shared.verdict()).toMatchObject({
      state: "Unknown",
      message: expect.stringContaining("Namespace team-a"),
    });
  });
});

describe("an AuthorizedKeys that is being deleted says", () => {
  it("nothing while its Secret is being emptied", () => {
    const shared = projected();
    shared.ask(FROM_TEAM_A, DELETED);
    shared.plan();
    expect(shared.verdict()).toBeUndefined();
  });

  it("SecretConflict while its Secret cannot be emptied, and how many keys are left in it", () => {
    const shared = projected();
    shared.ask(FROM_TEAM_A, DELETED);
    shared.target.delivery = REJECTED;
    shared.plan();
    expect(shared.verdict()).toMatchObject({ state: "SecretConflict", keyCount: 1, blockedRemovals: 1 });
  });

  it("Terminating once its Secret is empty", () => {
    const shared = projected();
    shared.ask(FROM_TEAM_A, DELETED);
    shared.hold({ alice: "" });
    shared.plan();
    expect(shared.verdict()).toMatchObject({ state: "Terminating", keyCount: 0 });
  });

  it("Terminating once its Secret is that of another one", () => {
    const shared = projected();
    shared.ask({ ...FROM_TEAM_A, secretName: "bastion" }, { name: "later", uid: "v" });
    shared.ask(FROM_TEAM_A, DELETED);
    shared.plan();
    expect(shared.verdict()?.state).toBe("Terminating");
  });
});
