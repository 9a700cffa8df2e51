import { describe, expect, it } from "vitest";
import { blobOf } from "../claims/sshkeys.ts";
import { AuthorizedKeysScene, keysOf, OWN, omissionsOf } from "./scene.ts";

const FROM_PEOPLE = { from: [{ namespace: "people" }] };

describe("a file for each login", () => {
  it("holds the keys of its user", () => {
    const scene = new AuthorizedKeysScene([
      { name: "b", user: "alice", key: 1 },
      { name: "a", user: "alice", key: 2 },
      { name: "c", user: "bob", key: 3 },
    ]);
    expect(keysOf(scene.select(FROM_PEOPLE))).toEqual({
      alice: ["people/a", "people/b"],
      bob: ["people/c"],
    });
  });

  it("is there and empty while no key of its user is in force", () => {
    const scene = new AuthorizedKeysScene([{ name: "a", user: "alice", disabled: true }]);
    expect(keysOf(scene.select(FROM_PEOPLE))).toEqual({ alice: [] });
  });

  it("is there and empty for a user who is named and has no SSHKey", () => {
    const from = [{ namespace: "people", users: ["alice", "team-*"] }];
    expect(keysOf(new AuthorizedKeysScene([]).select({ from }))).toEqual({ alice: [] });
  });

  it("has a key of two users twice", () => {
    const scene = new AuthorizedKeysScene(
      [
        { name: "a", user: "alice", key: 1 },
        { name: "b", user: "bob", key: 1 },
      ],
      undefined,
      { duplicateScope: "User" },
    );
    expect(keysOf(scene.select(FROM_PEOPLE))).toEqual({ alice: ["people/a"], bob: ["people/b"] });
  });
});

describe("a SingleFile", () => {
  const SINGLE = { layout: "SingleFile", from: [{ namespace: "people" }, { namespace: "contractors" }] };

  it("is there without any key", () => {
    expect(keysOf(new AuthorizedKeysScene([]).select(SINGLE))).toEqual({ authorized_keys: [] });
  });

  it("takes one user name of two namespaces", () => {
    const scene = new AuthorizedKeysScene([
      { name: "a", key: 1 },
      { name: "a", namespace: "contractors", key: 2 },
    ]);
    expect(keysOf(scene.select(SINGLE))).toEqual({ authorized_keys: ["contractors/a", "people/a"] });
  });

  it("holds a key of two namespaces once, that of the earlier entry", () => {
    const scene = new AuthorizedKeysScene([
      { name: "a", user: "alice", key: 1, createdAt: 1_700_000_001 },
      { name: "b", user: "mallory", namespace: "contractors", key: 1 },
    ]);
    const selection = scene.select(SINGLE);
    expect(keysOf(selection)).toEqual({ authorized_keys: ["people/a"] });
    expect(omissionsOf(selection)).toEqual(["KeyTaken contractors/mallory/b"]);
  });
});

describe("a line", () => {
  it("begins with the options of the target and ends with the SSHKey's name", () => {
    const scene = new AuthorizedKeysScene([{ name: "a", key: 1, options: ["no-pty"] }]);
    const { files } = scene.select({ ...FROM_PEOPLE, options: ['command="serve %u"'] });
    expect(files.get("alice")).toBe(`command="serve alice",no-pty ssh-ed25519 ${blobOf(1)} people/a\n`);
  });
});

describe("without from", () => {
  it("everybody of the own namespace is taken, whether it shares or not", () => {
    const scene = new AuthorizedKeysScene([{ name: "a", namespace: OWN }]);
    expect(keysOf(scene.select({}))).toEqual({ alice: ["bastion/a"] });
  });
});

describe("a namespace that does not share its keys", () => {
  it("reads the same whether it exists or not", () => {
    const [one, other] = [{ people: { shares: "others" } }, {}].map((namespaces) =>
      new AuthorizedKeysScene([{ name: "a" }], namespaces).select(FROM_PEOPLE),
    );
    expect(one).toEqual(other);
  });
});
