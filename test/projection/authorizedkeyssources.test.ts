import { describe, expect, it } from "vitest";
import { line } from "./secrets.ts";
import { SharedKeys } from "./sharedkeys.ts";

const FROM_TEAM_A = { from: [{ namespace: "team-a" }], layout: "SingleFile" };

describe("the Secret of an AuthorizedKeys is looked at again", () => {
  it("when the SSHKeys of a source become known", () => {
    const shared = new SharedKeys({ unlisted: ["team-a"] });
    shared.ask(FROM_TEAM_A);
    expect(shared.due).toBeDefined();
    shared.projection.setSynced("team-a");
    expect(shared.due).toBe("removal");
  });

  it("when a key leaves a source that was one before its options became none", () => {
    const shared = new SharedKeys();
    shared.put({ name: "k" });
    shared.ask(FROM_TEAM_A);
    shared.hold({ authorized_keys: line("k") });
    shared.ask({ options: ["no-such-option"] });
    shared.plan();
    expect(shared.due).toBeDefined();
    shared.projection.removeSSHKey("team-a", "k");
    expect(shared.due).toBe("removal");
  });

  it("when consent is withdrawn in a source that was one before its options became none", () => {
    const shared = new SharedKeys();
    shared.put({ name: "k" });
    shared.ask(FROM_TEAM_A);
    shared.hold({ authorized_keys: line("k") });
    shared.ask({ options: ["no-such-option"] });
    shared.plan();
    expect(shared.due).toBeDefined();
    shared.consent("team-a", "");
    expect(shared.due).toBe("removal");
  });

  it("when a key leaves a namespace that a selector may find, while nobody knows its labels", () => {
    const shared = new SharedKeys({ unread: true });
    shared.put({ name: "k" });
    shared.ask({
      from: [{ namespaceSelector: { matchLabels: { team: "a" } } }],
      layout: "SingleFile",
      identity: "ByName",
    });
    shared.hold({ authorized_keys: line("k") });
    shared.plan();
    expect(shared.due).toBeDefined();
    shared.projection.removeSSHKey("team-a", "k");
    expect(shared.due).toBe("removal");
  });
});
