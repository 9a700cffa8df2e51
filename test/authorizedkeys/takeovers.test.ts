import { describe, expect, it } from "vitest";
import { proof } from "../claims/keypairs.ts";
import type { SSHKeyFacts } from "../claims/sshkeys.ts";
import { CREATED } from "../claims/sshkeys.ts";
import { AuthorizedKeysScene, keysOf, omissionsOf } from "./scene.ts";

const ADMIN = "admin@example.com";
const PEOPLE = { namespace: "people", users: [ADMIN, "alice", "team-*"] };
const CONTRACTORS = { namespace: "contractors" };
const BASTION = {
  from: [PEOPLE, CONTRACTORS],
  logins: { map: [{ namespace: "people", user: ADMIN, login: "root" }] },
};

const admin: SSHKeyFacts = { name: "admin", user: ADMIN, key: 1 };
const alice: SSHKeyFacts = { name: "alice", user: "alice", key: 2 };

/** Of mallory, who may write SSHKeys in contractors and waits. */
function waiting(user: string): SSHKeyFacts {
  return { name: "wait", namespace: "contractors", user, key: 3 };
}

describe("whoever waits in a later source gets nobody's login", () => {
  it.each<[string, readonly SSHKeyFacts[], boolean]>([
    ["while the other is there", [admin, alice], true],
    ["when the other's SSHKey is deleted, or made again", [], true],
    ["when it is disabled", [admin, alice].map((each) => ({ ...each, disabled: true })), true],
    ["when it expires", [admin, alice].map((each) => ({ ...each, expiresAt: CREATED * 1000 + 1 })), true],
    ["when the other namespace takes its consent away", [admin, alice], false],
  ])("%s", (_, people, isShared) => {
    const shares = isShared ? "bastion" : "";
    const namespaces = { people: { shares }, contractors: { shares: "*" } };
    const others = [ADMIN, "alice", "team-a", "root"].map((user, i) => ({
      ...waiting(user),
      name: `w${i}`,
      key: 3 + i,
    }));
    const selection = new AuthorizedKeysScene([...people, ...others], namespaces).select(BASTION);
    expect(keysOf(selection)).not.toContainEqual(
      expect.arrayContaining([expect.stringMatching(/^contractors/)]),
    );
    expect(omissionsOf(selection).filter((each) => each.includes("contractors"))).toEqual([
      "NoLogin contractors/root",
      `UserElsewhere contractors/${ADMIN}`,
      "UserElsewhere contractors/alice",
      "UserElsewhere contractors/team-a",
    ]);
  });

  it("not by a local part that only the earlier source's pattern could have", () => {
    const from = [{ namespace: "people", users: ["*@example.com"] }, CONTRACTORS];
    const scene = new AuthorizedKeysScene([waiting("alice@elsewhere")]);
    const selection = scene.select({ from, logins: { rule: "LocalPart" } });
    expect(keysOf(selection)).toEqual({});
    expect(omissionsOf(selection)).toEqual(["LoginTaken contractors/alice@elsewhere"]);
  });

  it("not by a login that map gives to somebody who is not there", () => {
    const map = [{ namespace: "people", user: "bob@example.com", login: "robert" }];
    const selection = new AuthorizedKeysScene([waiting("robert")]).select({ ...BASTION, logins: { map } });
    expect(keysOf(selection)).toEqual({ alice: [] });
  });

  it("not by a mapped user's name in another namespace", () => {
    const from = [{ namespace: "people", users: ["alice"] }, CONTRACTORS];
    const selection = new AuthorizedKeysScene([waiting(ADMIN)]).select({ ...BASTION, from });
    expect(keysOf(selection)).toEqual({ alice: [] });
  });

  it("but has the login of a name that no earlier entry could match", () => {
    expect(keysOf(new AuthorizedKeysScene([waiting("mallory")]).select(BASTION))).toEqual({
      alice: [],
      mallory: ["contractors/wait"],
      root: [],
    });
  });
});

describe("whoever acts in a line's options", () => {
  const GIT = { from: [PEOPLE, CONTRACTORS], layout: "SingleFile", options: ['command="git-serve %u"'] };

  it("is not another namespace's user of that name", () => {
    const selection = new AuthorizedKeysScene([waiting("alice")]).select(GIT);
    expect(keysOf(selection)).toEqual({ authorized_keys: [] });
    expect(omissionsOf(selection)).toEqual(["UserElsewhere contractors/alice"]);
  });

  it("has a name that cannot leave a folder or look like an option", () => {
    const users = ["..", "-x", "--help", ".", "a b", "a;b", "$(id)", "mallory"];
    const keys = users.map((user, i) => ({ ...waiting(user), name: `w${i}`, key: i + 1 }));
    const selection = new AuthorizedKeysScene(keys).select(GIT);
    expect(keysOf(selection)).toEqual({ authorized_keys: ["contractors/w7"] });
    expect(new Set(selection.omitted.map(({ reason }) => reason))).toEqual(new Set(["NotTemplatable"]));
  });
});

describe("whoever registers another's public key", () => {
  const mallory = { ...waiting("mallory"), key: 2, createdAt: CREATED - 1 };
  const single = { layout: "SingleFile", from: [PEOPLE, CONTRACTORS] };

  it("takes nothing from that person's file", () => {
    const { alice: file } = keysOf(new AuthorizedKeysScene([alice, mallory]).select(BASTION));
    expect(file).toEqual(["people/alice"]);
  });

  it("takes no line of a SingleFile from an earlier entry, however old the claim, with a proof either", () => {
    const proven = { ...mallory, proof: proof({ key: 2, user: "mallory" }) };
    const selection = new AuthorizedKeysScene([alice, proven]).select(single);
    expect(keysOf(selection)).toEqual({ authorized_keys: ["people/alice"] });
    expect(omissionsOf(selection)).toEqual(["KeyTaken contractors/mallory/wait"]);
  });

  it("is told of no proof where an earlier entry has the key", () => {
    const [omission] = new AuthorizedKeysScene([alice, mallory]).select(single).omitted;
    expect(omission?.message).toMatch(
      /^SSHKey people\/alice .* comes earlier\. Use another key, .*: ssh-keygen -t ed25519$/,
    );
  });

  it("holds the key against nobody while left out itself", () => {
    const from = [CONTRACTORS, { namespace: "people", users: ["alice"] }];
    const greedy = { ...mallory, options: ['environment="A=1"'] };
    const selection = new AuthorizedKeysScene([alice, greedy]).select({ layout: "SingleFile", from });
    expect(keysOf(selection)).toEqual({ authorized_keys: ["people/alice"] });
    expect(omissionsOf(selection)).toEqual(["OptionsConflict contractors/mallory/wait"]);
  });

  /** Two namespaces of one selector, where nobody comes first by the place of an entry. */
  const labelled = { labels: { team: "a" }, shares: "*" };
  const equals = { people: labelled, contractors: labelled };
  const bySelector = { layout: "SingleFile", from: [{ namespaceSelector: { matchLabels: { team: "a" } } }] };

  it("is told how to prove it where a proof would help", () => {
    const young = { ...mallory, createdAt: CREATED + 1 };
    const [omission] = new AuthorizedKeysScene([alice, young], equals).select(bySelector).omitted;
    expect(omission?.message).toMatch(/printf %s mallory \| ssh-keygen -Y sign/);
  });

  it("is told of no proof where the other has proven it before", () => {
    const proven = { ...alice, proof: proof({ key: 2, user: "alice" }) };
    const young = { ...mallory, createdAt: CREATED + 1 };
    const [omission] = new AuthorizedKeysScene([proven, young], equals).select(bySelector).omitted;
    expect(omission?.message).not.toContain("ssh-keygen -Y");
  });

  it("loses it to whoever proves to have it", () => {
    const proven = { ...alice, proof: proof({ key: 2, user: "alice" }) };
    const selection = new AuthorizedKeysScene([proven, mallory], equals).select(bySelector);
    expect(keysOf(selection)).toEqual({ authorized_keys: ["people/alice"] });
  });
});

describe("a namespace that a selector finds", () => {
  it("is not mentioned while it does not share its keys", () => {
    const labels = { team: "a" };
    const namespaces = { people: { labels, shares: "*" }, secret: { labels, shares: "others" } };
    const scene = new AuthorizedKeysScene([alice, { ...alice, namespace: "secret", key: 9 }], namespaces);
    const selection = scene.select({
      layout: "SingleFile",
      from: [{ namespaceSelector: { matchLabels: labels } }],
    });
    expect(keysOf(selection)).toEqual({ authorized_keys: ["people/alice"] });
    expect(selection.omitted).toEqual([]);
  });

  it("adds its keys to a name of another namespace only where a name is one person everywhere", () => {
    const from = [{ namespaceSelector: { matchLabels: { team: "a" } } }];
    const labelled = { labels: { team: "a" }, shares: "*" };
    const scene = new AuthorizedKeysScene([alice, waiting("alice")], {
      people: labelled,
      contractors: labelled,
    });
    expect(keysOf(scene.select({ from }))).toEqual({});
    expect(keysOf(scene.select({ from, identity: "ByName" }))).toEqual({
      alice: ["contractors/wait", "people/alice"],
    });
  });
});
