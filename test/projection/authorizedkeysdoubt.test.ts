import { describe, expect, it } from "vitest";
import { blobOf } from "../claims/sshkeys.ts";
import { line } from "./secrets.ts";
import { SharedKeys } from "./sharedkeys.ts";

const FROM_BOTH = { from: [{ namespace: "team-a" }, { namespace: "team-b" }], layout: "SingleFile" };
const BY_LOCAL_PART = {
  from: [{ namespace: "team-a" }, { namespace: "team-b" }],
  identity: "ByName",
  logins: { rule: "LocalPart" },
};
const BY_SELECTOR = {
  from: [{ namespaceSelector: { matchLabels: { team: "a" } } }],
  identity: "ByName",
  layout: "SingleFile",
};
const ALICE = { name: "k", user: "alice" };

/** The line of the SSHKey of this name in team-b. */
function lineOfB(name: string, key = 1): string {
  return `ssh-ed25519 ${blobOf(key)} team-b/${name}\n`;
}

describe("while nobody has read the Namespace of a source", () => {
  it("a key that is in stays", () => {
    const shared = new SharedKeys({ unread: true });
    shared.put(ALICE);
    shared.ask({ from: [{ namespace: "team-a" }] });
    shared.hold({ alice: line("k") });
    expect(shared.plan()).toEqual({ alice: line("k") });
  });

  it("a key that is not in does not come in", () => {
    const shared = new SharedKeys({ unread: true });
    shared.put(ALICE);
    shared.ask({ from: [{ namespace: "team-a" }] });
    expect(shared.plan()).toEqual({});
  });

  it("a key that is out of force leaves", () => {
    const shared = new SharedKeys({ unread: true });
    shared.put({ ...ALICE, disabled: true });
    shared.ask({ from: [{ namespace: "team-a" }] });
    shared.hold({ alice: line("k") });
    expect(shared.plan()).toEqual({ alice: "" });
  });

  it("a key of a user who is not asked for any more leaves", () => {
    const shared = new SharedKeys({ unread: true });
    shared.put(ALICE);
    shared.ask({ from: [{ namespace: "team-a", users: ["bob"] }] });
    shared.hold({ alice: line("k") });
    expect(shared.plan()).toEqual({ alice: "" });
  });

  it("new options stand before the lines that stay", () => {
    const shared = new SharedKeys({ unread: true });
    shared.put(ALICE);
    shared.ask({ from: [{ namespace: "team-a" }], options: ["restrict"] });
    shared.hold({ alice: line("k") });
    expect(shared.plan()).toEqual({ alice: line("k", 1, "restrict ") });
  });

  it("the file of a user who is named stays, for however long that is", () => {
    const shared = new SharedKeys({ unread: true });
    shared.ask({ from: [{ namespace: "team-a", users: ["alice"] }] });
    shared.hold({ alice: "" });
    shared.plan();
    expect(shared.plan(Number.MAX_SAFE_INTEGER)).toEqual({ alice: "" });
  });

  it("keys of the own namespace that a selector has found stay", () => {
    const shared = new SharedKeys({ unread: true });
    shared.put({ ...ALICE, namespace: "bastion" });
    shared.ask(BY_SELECTOR);
    const own = `ssh-ed25519 ${blobOf(1)} bastion/k\n`;
    shared.hold({ authorized_keys: own });
    expect(shared.plan()).toEqual({ authorized_keys: own });
  });

  it("a user whose key stays is counted", () => {
    const shared = new SharedKeys({ unread: true });
    shared.put(ALICE);
    shared.ask({ from: [{ namespace: "team-a" }] });
    shared.hold({ alice: line("k") });
    shared.plan();
    expect(shared.verdict()).toMatchObject({ state: "Unknown", userCount: 1, keyCount: 1 });
  });
});

describe("what is known comes in meanwhile", () => {
  it("unless the key is in the file already, of a source in doubt", () => {
    const shared = new SharedKeys({ unread: true });
    shared.consent("team-b", "*");
    shared.put(ALICE);
    shared.put({ name: "k", namespace: "team-b", user: "mallory" });
    shared.ask(FROM_BOTH);
    shared.hold({ authorized_keys: line("k") });
    expect(shared.plan()).toEqual({ authorized_keys: line("k") });
  });

  it("though a source in doubt has the same key, if that is not in the file", () => {
    const shared = new SharedKeys({ unread: true });
    shared.consent("team-b", "*");
    shared.put(ALICE);
    shared.put({ name: "k", namespace: "team-b", user: "bob" });
    shared.ask(FROM_BOTH);
    expect(shared.plan()).toEqual({ authorized_keys: lineOfB("k") });
  });

  it("and gets no login that would be taken if the source in doubt shares its keys", () => {
    const shared = new SharedKeys({ unread: true });
    shared.consent("team-b", "*");
    shared.put({ ...ALICE, user: "alice@a.example" });
    shared.put({ name: "k", namespace: "team-b", user: "alice@b.example", key: 2 });
    shared.ask(BY_LOCAL_PART);
    expect(shared.plan()).toEqual({ alice: "" });
  });

  it("and gets no login whose file holds a key of a source whose SSHKeys are not known", () => {
    const shared = new SharedKeys({ unlisted: ["team-a"] });
    shared.put({ name: "k", namespace: "team-b", user: "alice@b.example", key: 2 });
    shared.ask(BY_LOCAL_PART);
    shared.hold({ alice: line("k") });
    expect(shared.plan()).toEqual({ alice: line("k") });
  });
});

describe("while it is not known whether somebody deletes an AuthorizedKeys, or only its CRD", () => {
  const PERHAPS = { mayBeTerminating: true };

  it("its keys do not come back into a Secret that was emptied", () => {
    const shared = new SharedKeys();
    shared.put(ALICE);
    shared.ask({ from: [{ namespace: "team-a" }] }, {}, PERHAPS);
    shared.hold({ alice: "" });
    expect(shared.plan()).toEqual({ alice: "" });
  });

  it("its keys stay where they are", () => {
    const shared = new SharedKeys();
    shared.put(ALICE);
    shared.ask({ from: [{ namespace: "team-a" }] }, {}, PERHAPS);
    shared.hold({ alice: line("k") });
    expect(shared.plan()).toEqual({ alice: line("k") });
  });

  it("a key that is revoked leaves all the same", () => {
    const shared = new SharedKeys();
    shared.put({ ...ALICE, disabled: true });
    shared.ask({ from: [{ namespace: "team-a" }] }, {}, PERHAPS);
    shared.hold({ alice: line("k") });
    expect(shared.plan()).toEqual({ alice: "" });
  });

  it("its status stays as it is", () => {
    const shared = new SharedKeys();
    shared.ask({}, {}, PERHAPS);
    shared.hold({});
    shared.plan();
    expect(shared.verdict()).toBeUndefined();
  });

  it("it is looked at again once that is known", () => {
    const shared = new SharedKeys();
    shared.ask({}, {}, PERHAPS);
    expect(shared.due).toBeDefined();
    shared.projection.authorizedKeys.terminate("bastion", "bastion", "uid-of-bastion");
    expect(shared.due).toBe("removal");
  });
});
